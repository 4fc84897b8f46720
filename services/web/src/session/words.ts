import type { Dictionary } from "../ui/words";

const en = {
  title: "Sign in",
  account: "Account",
  password: "Password",
  signIn: "Sign in",
  signOut: "Sign out",
  waiting: "Waiting for the server…",
  unreachable: "No answer from the server. It is tried again; nothing is lost.",
  bad_credentials: "That account and password do not go together.",
  too_many_tries: (seconds: string) => `Too many tries. Wait ${seconds} and try again.`,
  failed: "Signing in failed. Try again, and tell the operator if it stays.",
  language: "Langue : français",
  theme: (next: "light" | "dark") => (next === "dark" ? "Dark" : "Light"),
};

export const words: Dictionary<typeof en> = {
  en,
  fr: {
    title: "Connexion",
    account: "Compte",
    password: "Mot de passe",
    signIn: "Se connecter",
    signOut: "Se déconnecter",
    waiting: "En attente du serveur…",
    unreachable: "Le serveur ne répond pas. Nouvel essai en cours ; rien n’est perdu.",
    bad_credentials: "Ce compte et ce mot de passe ne vont pas ensemble.",
    too_many_tries: (seconds) => `Trop d’essais. Attendez ${seconds} puis réessayez.`,
    failed: "La connexion a échoué. Réessayez, et prévenez l’exploitant si cela dure.",
    language: "Language: English",
    theme: (next) => (next === "dark" ? "Sombre" : "Clair"),
  },
};
