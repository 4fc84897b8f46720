import { type FormEvent, useState } from "react";
import { Problem, Unreachable } from "../session/api";
import { Preferences } from "../session/SignIn";
import type { Sessions, Why } from "../session/session";
import { useWords } from "../ui/words";
import { ActList } from "./ActList";
import type { Act } from "./acts";
import { tokenIn } from "./enrolment";
import { words } from "./words";

interface Props {
  sessions: Sessions;
  /** Why a token that came with the address was not taken. */
  failed: unknown;
  /** Why a device that was signed on is not any more. */
  why: Why | undefined;
  /** Acts of an earlier sign-on that wait on this device. */
  left: readonly Act[];
}

/** Signs the device on, for a shift. */
export function Enrol({ sessions, failed, why, left }: Props) {
  const w = useWords(words);
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(failed);

  async function submit(e: FormEvent) {
    e.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await sessions.enrol(tokenIn(text) ?? text.trim());
    } catch (cause) {
      setError(cause);
      setBusy(false);
    }
  }

  function sentence(): string {
    if (!error) return "";
    if (error instanceof Unreachable) return w.noAnswer;
    return error instanceof Problem && (error.status === 401 || error.status === 422)
      ? w.enrolBad
      : w.enrolFailed;
  }

  return (
    <main className="enrol">
      {(why === "ended" || why === "revoked") && (
        <p className="strip bad loud" role="alert" data-testid="signed-off" data-why={why}>
          {why === "revoked" ? w.revoked : w.ended}
        </p>
      )}
      <p className="strip warn">{w.noSosYet}</p>
      {left.length > 0 && (
        <section className="left" data-testid="left">
          <h2>{w.leftTitle}</h2>
          <ActList acts={left} />
          <p>{w.left}</p>
        </section>
      )}
      <form onSubmit={submit} aria-labelledby="enrol-title">
        <h1 id="enrol-title">{w.enrolTitle}</h1>
        <p>{w.enrolHow}</p>
        <label>
          {w.token}
          <input
            name="token"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            required
            value={text}
            onChange={(e) => setText(e.target.value)}
          />
        </label>
        <p className="error" role="alert">
          {sentence()}
        </p>
        <button type="submit" className="big primary" disabled={busy}>
          {w.enrol}
        </button>
      </form>
      <Preferences />
    </main>
  );
}
