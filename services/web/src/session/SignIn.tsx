import { type FormEvent, useState } from "react";
import { prefer, usePreferences } from "../ui/preferences";
import { useWords } from "../ui/words";
import { Problem, Unreachable } from "./api";
import "./sign-in.css";
import type { Sessions } from "./session";
import { words } from "./words";

/** The built-in accounts' way in. */
export function SignIn({ sessions }: { sessions: Sessions }) {
  const w = useWords(words);
  const [account, setAccount] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");

  async function submit(e: FormEvent) {
    e.preventDefault();
    setBusy(true);
    setError("");
    try {
      await sessions.signIn(account.trim(), password);
    } catch (cause) {
      setError(sentence(cause));
      setPassword("");
    } finally {
      setBusy(false);
    }
  }

  function sentence(cause: unknown): string {
    if (cause instanceof Unreachable) return w.unreachable;
    if (!(cause instanceof Problem)) return w.failed;
    if (cause.code === "too_many_tries") return w.too_many_tries(/\d+ s/.exec(cause.message)?.[0] ?? "1 min");
    return cause.status === 401 ? w.bad_credentials : w.failed;
  }

  return (
    <main className="sign-in">
      <form onSubmit={submit} aria-labelledby="sign-in-title">
        <h1 id="sign-in-title">
          Vigie <span>{w.title}</span>
        </h1>
        <label>
          {w.account}
          <input
            name="account"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            required
            value={account}
            onChange={(e) => setAccount(e.target.value)}
          />
        </label>
        <label>
          {w.password}
          <input
            name="password"
            type="password"
            autoComplete="current-password"
            required
            value={password}
            onChange={(e) => setPassword(e.target.value)}
          />
        </label>
        <p className="error" role="alert">
          {error}
        </p>
        <button className="primary" type="submit" disabled={busy}>
          {w.signIn}
        </button>
      </form>
      <Preferences />
    </main>
  );
}

/** Language and theme, switched at once. */
export function Preferences() {
  const w = useWords(words);
  const { language, theme } = usePreferences();
  const otherTheme = theme === "dark" ? "light" : "dark";
  return (
    <div className="preferences">
      <button
        type="button"
        lang={language === "fr" ? "en" : "fr"}
        onClick={() => prefer({ language: language === "fr" ? "en" : "fr" })}
      >
        {w.language}
      </button>
      <button type="button" onClick={() => prefer({ theme: otherTheme })}>
        {w.theme(otherTheme)}
      </button>
    </div>
  );
}
