// @ts-check
// Every word of the page in both languages, and times as people read them.

const words = {
  en: {
    tagline: "The security control room of a group of hospitals: alarms come in, teams are sent, everything is kept.",
    language: "Language", skip: "Skip to the content",
    signIn: "Sign in", signOut: "Sign out", account: "Account", password: "Password", signingIn: "Signing in…",
    firstAccounts: "After the first start the accounts and their passwords are in",
    firstAccountsWhere: "(DATA is the folder given to --data; make up uses ./data). Take dispatcher, for example.",
    memoryOnly: "The session is kept in this page only: closing or reloading it signs you out.",
    signedInAs: "Signed in as", sessionOver: "Your session is over: sign in again.",
    server: "Server", ready: "Ready", notReady: "Not ready", asking: "Asking the server…", ok: "ready",
    gone: "No answer from the server since", goneMore: "What this page shows is that old. It keeps trying.",
    rooms: "Rooms", noRooms: "There is no room yet. Start the server with --region FILE.",
    notConfigured: "The region is not configured yet.", sites: "sites", site: "site", teams: "Teams", onDuty: "on duty", inReach: "in reach",
    onMission: "on mission", openIncidents: "Open incidents", none: "none", oldest: "oldest", halted: "Room halted",
    haltedMore: "Nothing is decided here until it goes on.",
    provisional: "TAKEN WHILE THE LOG IS AWAY, act on it", undecided: "STORED, NOBODY HAS DECIDED YET, act on it",
    connecting: "Connecting since", live: "Live", waiting: "Not live since", retrying: "Reconnecting.", paused: "Not watched: choose it to see it live.",
    ended: "Not watched.", tryAgain: "Try again",
    mayNotWatch: "This account may not watch this room, or has too many pages open (8 sockets at most). Close one, or sign in as dispatcher, chief, supervisor, region or integrator.",
    badFrame: "The server does not understand this page. Reload it.",
    asOf: "Shown as of", roomClock: "Room time",
    noIncidents: "No open incident.", more: "more, not shown", guards: "guards", ledBy: "led by",
    neglected1: "NOBODY HAS ACCEPTED: the dispatcher was told", neglected2: "NOBODY HAS ACCEPTED: the chief was told", noTeam: "NO TEAM FOUND",
    undelivered: "no handheld has confirmed it", alarms: "alarms", floor: "floor", building: "building", noMission: "No team has been sent.",
    until: "until", lastAt: "last at", lastLeft: "left", offDutyTeams: "Off duty", noTeams: "No team on duty.", feed: "What happens", refused: "REFUSED",
    nothingYet: "Nothing has happened since this page began to watch.", resynced: "Brought up to date from a snapshot: what happened just before is not listed.",
    by: "by", automatic: "the room",
    next: "What to do next", nobody: "Nobody is on duty. Bring the rooms to life:", tryIt: "Try it: a simulation, a first alarm",
    simHere: "A simulated day against this server, from the folder of the sources:", simOwn: "Or one that starts its own server and prints its figures at the end:",
    firstAlarm: "A first alarm by hand. Put the key of the source in place of KEY (the sources are in DATA/first-accounts.json):",
    sourceName: "source", copy: "Copy", copied: "Copied", copyFailed: "Select it and copy by hand",
    links: "More", docs: "The API explained", openapi: "The API for programs", metrics: "Figures for monitoring", livez: "Is it alive?", readyz: "Is it ready?",
    problemNetwork: "The server cannot be reached. Check that it runs and that the address is right, then try again.",
    problemCredentials: "Unknown account or wrong password. Check both and try again.",
    problemTries: "Too many sign-ins. Wait a little and try again.", problemNotReady: "The server is not ready yet. Wait a moment and try again.",
    problemOther: "The server refused: ",
  },
  fr: {
    tagline: "Le PC sûreté d’un groupe d’hôpitaux : les alarmes arrivent, les équipes partent, tout est conservé.",
    language: "Langue", skip: "Aller au contenu",
    signIn: "Se connecter", signOut: "Se déconnecter", account: "Compte", password: "Mot de passe", signingIn: "Connexion…",
    firstAccounts: "Après le premier démarrage, les comptes et leurs mots de passe sont dans",
    firstAccountsWhere: "(DATA est le dossier donné à --data ; make up prend ./data). Par exemple dispatcher.",
    memoryOnly: "La session n’est gardée que dans cette page : la fermer ou la recharger vous déconnecte.",
    signedInAs: "Connecté :", sessionOver: "Votre session est terminée : reconnectez-vous.",
    server: "Serveur", ready: "Prêt", notReady: "Pas prêt", asking: "On interroge le serveur…", ok: "prêt",
    gone: "Plus de réponse du serveur depuis", goneMore: "Ce que montre cette page date de ce moment. Elle continue d’essayer.",
    rooms: "PC sûreté", noRooms: "Il n’y a pas encore de PC. Démarrez le serveur avec --region FICHIER.",
    notConfigured: "La région n’est pas encore configurée.", sites: "sites", site: "site", teams: "Équipes", onDuty: "en service", inReach: "en liaison",
    onMission: "en mission", openIncidents: "Incidents ouverts", none: "aucun", oldest: "le plus ancien", halted: "PC arrêté",
    haltedMore: "Rien n’y est décidé tant qu’il n’a pas repris.",
    provisional: "REÇU, JOURNAL INJOIGNABLE, à traiter", undecided: "ENREGISTRÉ, PAS ENCORE DÉCIDÉ, à traiter",
    connecting: "Connexion depuis", live: "En direct", waiting: "Plus en direct depuis", retrying: "Reconnexion en cours.", paused: "Non suivi : choisissez-le pour le voir en direct.",
    ended: "Non suivi.", tryAgain: "Réessayer",
    mayNotWatch: "Ce compte ne peut pas suivre ce PC, ou a trop de pages ouvertes (8 connexions au plus). Fermez-en une, ou connectez-vous comme dispatcher, chief, supervisor, region ou integrator.",
    badFrame: "Le serveur ne comprend pas cette page. Rechargez-la.",
    asOf: "État à", roomClock: "Heure du PC",
    noIncidents: "Aucun incident ouvert.", more: "de plus, non affichés", guards: "agents", ledBy: "suivi par",
    neglected1: "PERSONNE N’A ACCEPTÉ : l’opérateur est prévenu", neglected2: "PERSONNE N’A ACCEPTÉ : le chef de poste est prévenu", noTeam: "AUCUNE ÉQUIPE TROUVÉE",
    undelivered: "aucun terminal ne l’a confirmée", alarms: "alarmes", floor: "étage", building: "bâtiment", noMission: "Aucune équipe envoyée.",
    until: "jusqu’à", lastAt: "vu à", lastLeft: "a quitté", offDutyTeams: "Hors service", noTeams: "Aucune équipe en service.", feed: "Ce qui se passe", refused: "REFUSÉ",
    nothingYet: "Rien ne s’est passé depuis que cette page suit le PC.", resynced: "Remis à jour par un instantané : ce qui vient de se passer n’est pas listé.",
    by: "par", automatic: "le PC",
    next: "Que faire maintenant", nobody: "Personne n’est en service. Pour donner vie aux PC :", tryIt: "Essayer : une simulation, une première alarme",
    simHere: "Une journée simulée sur ce serveur, depuis le dossier des sources :", simOwn: "Ou une qui démarre son propre serveur et affiche ses chiffres à la fin :",
    firstAlarm: "Une première alarme à la main. Mettez la clé de la source à la place de KEY (les sources sont dans DATA/first-accounts.json) :",
    sourceName: "source", copy: "Copier", copied: "Copié", copyFailed: "Sélectionnez et copiez à la main",
    links: "Aussi", docs: "L’API expliquée", openapi: "L’API pour les programmes", metrics: "Chiffres pour la supervision", livez: "Est-il en vie ?", readyz: "Est-il prêt ?",
    problemNetwork: "Le serveur est injoignable. Vérifiez qu’il tourne et que l’adresse est la bonne, puis réessayez.",
    problemCredentials: "Compte inconnu ou mot de passe faux. Vérifiez les deux et réessayez.",
    problemTries: "Trop de connexions. Attendez un peu et réessayez.", problemNotReady: "Le serveur n’est pas encore prêt. Attendez un instant et réessayez.",
    problemOther: "Le serveur a refusé : ",
  },
};

/** Names of things the server spells in English codes: [English, French]. */
const names = {
  delinquency: ["Theft or damage", "Vol ou dégradation"], imported_violence: ["Violence from outside", "Violence importée"],
  internal_violence: ["Violence inside", "Violence interne"], terrorism: ["Terrorism", "Terrorisme"], intrusion: ["Intrusion", "Intrusion"],
  access: ["Access", "Accès"], lone_worker: ["Lone worker", "Travailleur isolé"], duress: ["Duress", "Contrainte"], fire: ["Fire", "Incendie"],
  technical: ["Technical", "Technique"], patient_missing: ["Missing patient", "Patient disparu"], assistance: ["Assistance", "Assistance"],
  unclassified: ["Unclassified alarm", "Alarme non classée"],
  open: ["open", "ouvert"], assigned: ["assigned", "équipe en charge"], controlled: ["controlled", "maîtrisé"], closed: ["closed", "clos"],
  cancelled: ["cancelled", "annulé"], offered: ["offered", "proposée"], delivered: ["delivered", "reçue"], seen: ["seen", "vue"],
  accepted: ["accepted", "acceptée"], acknowledged: ["accepted", "mission acceptée"], en_route: ["on the way", "en route"], on_scene: ["on scene", "sur place"],
  cleared: ["cleared", "terminée"], declined: ["declined", "refusée"], expired: ["expired", "expirée"],
  available: ["available", "disponible"], off_duty: ["off duty", "hors service"], unreachable: ["unreachable", "injoignable"],
  busy: ["busy", "occupée"], missing_capability: ["lacks a capability", "compétence manquante"], no_site_right: ["no right on the site", "pas de droit sur le site"],
  too_far: ["too far", "trop loin"], own_site_only: ["own site only", "réservé au site"], already_tried: ["asked before", "déjà sollicitée"],
  in_danger: ["in danger itself", "elle-même en danger"], stale_position: ["position too old", "position trop ancienne"],
  signed_off: ["signed off", "départ signalé"], shift_ended: ["shift over", "fin de vacation"],
  genuine: ["genuine", "réel"], false_alarm: ["false alarm", "fausse alarme"], duplicate: ["duplicate", "doublon"], test: ["test", "essai"],
  police: ["handed to the police", "remis à la police"], fire_brigade: ["handed to the fire brigade", "remis aux pompiers"], other: ["other", "autre"],
  with_patient: ["with a patient", "auprès d’un patient"], securing_scene: ["securing another scene", "sécurise un autre lieu"],
  short_of_guards: ["short of guards", "effectif insuffisant"], injured: ["injured", "blessé"], no_equipment: ["without the equipment", "matériel manquant"],
  nearest: ["nearest", "la plus proche"], on_the_spot: ["on the spot", "déjà sur place"], knows_the_place: ["knows the place", "connaît les lieux"],
  asked_for: ["asked for", "demandée"], recalled: ["recalled", "rappelée"], not_needed: ["not needed any more", "plus nécessaire"],
  wrong_team: ["wrong team", "mauvaise équipe"], settled: ["settled", "réglé"], opened_by_mistake: ["opened by mistake", "ouvert par erreur"],
};

/** Refusals the server explains in English, in French. */
const refusals = {
  invalid_request: "Demande incomplète ou incompréhensible.", too_late: "Trop tard : la demande n’était plus valable.",
  wrong_room: "Ce n’est pas ce PC.", unknown_incident: "Incident inconnu de ce PC.", unknown_mission: "Mission inconnue de ce PC.",
  unknown_team: "Équipe inconnue de ce PC.", unknown_site: "Site inconnu de ce PC.", incident_ended: "L’incident est déjà terminé.",
  claimed: "Un autre opérateur suit cet incident.", not_claimed: "Personne ne suit cet incident.",
  missions_active: "Des missions sont encore en cours.", disposition_needed: "La clôture demande une conclusion.",
  team_busy: "L’équipe a déjà une mission.", reason_needed: "Un motif est nécessaire.", mission_ended: "La mission est déjà terminée.",
  mission_expired: "La proposition avait expiré.", mission_accepted: "La mission est déjà acceptée.",
  stand_down: "Une autre équipe s’en charge : rester disponible.", continue: "L’équipe est déjà engagée ailleurs : continuer.",
  on_mission: "L’équipe est en mission.", off_duty: "L’équipe n’est pas en service.", id_reused: "Ce numéro a déjà servi à une autre demande.",
};

let language = "en";
const remembered = () => { try { return localStorage.getItem("vigie.language"); } catch { return null; } };

export function setLanguage(next, remember = true) {
  language = next in words ? next : "en";
  document.documentElement.lang = language;
  if (remember) try { localStorage.setItem("vigie.language", language); } catch { /* it is asked of the browser again next time */ }
}

export const firstLanguage = () => remembered() ?? (navigator.languages?.find((l) => /^(en|fr)\b/i.test(l)) ?? "en").slice(0, 2).toLowerCase();
export const currentLanguage = () => language;

/** A colon, as each language sets it. */
export const colon = () => (language === "fr" ? "\u00a0: " : ": ");
export const t = (key) => words[language][key] ?? key;
export const name = (code) => names[code]?.[language === "fr" ? 1 : 0] ?? String(code ?? "").replaceAll("_", " ");
export const refusal = ({ code, message }) => (language === "fr" && refusals[code]) || message || name(code);

const zoned = new Map();

/** HH:MM:SS in a time zone; the browser's own when none is given. */
export function clockTime(ms, zone) {
  if (!ms) return "–";
  if (!zoned.has(zone)) zoned.set(zone, format(zone));
  return zoned.get(zone).format(ms);
}

function format(zone) {
  /** @type {Intl.DateTimeFormatOptions} */
  const options = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  try {
    return new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone || undefined });
  } catch {
    return new Intl.DateTimeFormat("en-GB", options); // a zone this browser does not know
  }
}

/** How long, in the two largest units that matter. */
export function span(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${two(s % 60)} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${two(Math.floor(s / 60) % 60)} min`;
  return `${Math.floor(s / 86400)} ${language === "fr" ? "j" : "d"} ${two(Math.floor(s / 3600) % 24)} h`;
}
