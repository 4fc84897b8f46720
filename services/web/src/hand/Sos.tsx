import { useEffect, useRef, useState } from "react";
import type { Companion } from "../board/team";
import { useWords } from "../ui/words";
import type { Act } from "./acts";
import type { HandState, Refusal } from "./hand";
import { Companions } from "./Mission";
import { Sheet } from "./Sheet";
import { timeOf } from "./Shift";
import type { Raise } from "./SosBar";
import { words } from "./words";

type Kind = "loud" | "silent";

/** The acts of an SOS that have no outcome yet, the latest last. */
function unanswered(state: HandState): Act | undefined {
  return state.waiting.filter((a) => a.asked.type === "sos").at(-1);
}

/** Whether an SOS is under way. */
export function underWay(state: HandState): boolean {
  return unanswered(state) !== undefined || state.view?.sos !== undefined;
}

/** What has become of the SOS, step by step: it never fails silently. */
function Steps({ state }: { state: HandState }) {
  const w = useWords(words);
  const act = unanswered(state);
  const help = state.view?.sos;
  const live = state.link.state === "live";
  const sent = act ? (act.provisional ? w.sosKept : live ? w.sosSending : w.sosWaits) : w.sosSent;
  return (
    <ol className="steps">
      <Step
        done={!act || act.provisional === true}
        bad={Boolean(act) && !live && !act?.provisional}
        text={sent}
        testId="sos-sent"
      />
      <Step
        done={help !== undefined}
        text={
          help ? w.sosReceived(timeOf(help.received_at)) : act?.provisional ? w.sosHeard : w.sosNotReceived
        }
        testId="sos-received"
      />
      <Step done={help?.claimed === true} text={help?.claimed ? w.sosLed : w.sosNotLed} testId="sos-led" />
    </ol>
  );
}

function Step({
  done,
  bad = false,
  text,
  testId,
}: {
  done: boolean;
  bad?: boolean;
  text: string;
  testId: string;
}) {
  return (
    <li className={bad ? "bad" : done ? "good" : ""} data-testid={testId} data-done={done}>
      <i aria-hidden="true">{bad ? "✕" : done ? "✓" : "…"}</i> {text}
    </li>
  );
}

interface Props {
  state: HandState;
  onRaise: Raise;
  onClose: () => void;
}

export function SosSheet({ state, onRaise, onClose }: Props) {
  const w = useWords(words);
  const teams = state.view?.sos?.teams ?? [];
  return (
    <Sheet
      title={state.silent ? w.sosQuiet : w.sosTitle}
      className={state.silent ? "" : "sos-sheet"}
      testId="sos-sheet"
      close={w.back}
      onClose={onClose}
      onRaise={onRaise}
    >
      <div aria-live="assertive">
        <Steps state={state} />
        <h2>{w.sosComing}</h2>
        {teams.length === 0 ? <p>{w.sosNobody}</p> : <Companions teams={teams} />}
      </div>
    </Sheet>
  );
}

const names = (teams: Companion[]) => teams.map((t) => t.call_sign).join(", ");

/** How far it has come, in a few words. */
function useSummary(): (state: HandState) => string {
  const w = useWords(words);
  return (state) => {
    const act = unanswered(state);
    const help = state.view?.sos;
    if (act) return act.provisional ? w.sosHeard : state.link.state === "live" ? w.sosSending : w.sosWaits;
    if (!help) return w.sosSent;
    if (help.teams.length === 0) return w.sosReceived(timeOf(help.received_at));
    return w.sosTeams(names(help.teams));
  };
}

/** An SOS that is under way while something else has the screen. A silent one must not give the guard away. */
export function SosStrip({ state, onShow }: { state: HandState; onShow: () => void }) {
  const w = useWords(words);
  const summary = useSummary()(state);
  if (!state.silent)
    return (
      <button type="button" className="strip bad" data-testid="sos-strip" onClick={onShow}>
        <span>
          <strong>{w.sosTitle}</strong> · {summary}
        </span>
      </button>
    );
  const act = unanswered(state);
  const help = state.view?.sos;
  const quiet = help
    ? names(help.teams) || timeOf(help.received_at)
    : act && !act.provisional && state.link.state !== "live"
      ? w.sosQuietWaits
      : "…";
  return (
    <button type="button" className="strip discreet" data-testid="sos-strip" data-silent onClick={onShow}>
      {w.sosQuiet} · {quiet}
    </button>
  );
}

/** Says once that the SOS is over; of a silent one, in no word that gives the guard away. */
export function SosOver({ state }: { state: HandState }) {
  const w = useWords(words);
  const now: Kind | undefined = underWay(state) ? (state.silent ? "silent" : "loud") : undefined;
  const before = useRef(now);
  const [over, setOver] = useState<Kind>();
  useEffect(() => {
    if (before.current && !now && state.refused?.act.asked.type !== "sos") setOver(before.current);
    if (now) setOver(undefined);
    before.current = now;
  }, [now, state.refused]);
  return over ? (
    <button
      type="button"
      className={`strip dismiss ${over === "silent" ? "discreet" : ""}`}
      onClick={() => setOver(undefined)}
    >
      {over === "silent" ? `${w.sosQuiet} · ${w.sosQuietOver}` : w.sosOver}
    </button>
  ) : null;
}

/** The SOS that the room did not take, if it was one. */
export function refusedSos({ refused }: HandState): Kind | undefined {
  if (refused?.act.asked.type !== "sos") return undefined;
  return refused.act.asked.silent ? "silent" : "loud";
}

interface RefusedProps {
  refused: Refusal;
  onRaise: Raise;
  onClose: () => void;
}

/** An SOS that the room did not take has the whole screen. */
export function SosRefused({ refused, onRaise, onClose }: RefusedProps) {
  const w = useWords(words);
  return (
    <Sheet
      title={w.sosRefused}
      className="ending bad"
      testId="sos-refused"
      close={w.understood}
      onClose={onClose}
      onRaise={onRaise}
      unasked={refused.act.id}
    >
      <p className="ending-text">
        <strong>{w.sosRefusedDo}</strong>
      </p>
      <p>{w.no_other(refused.code)}</p>
    </Sheet>
  );
}

/** The same of a silent one, for the guard alone. */
export function SosQuietRefused({ onClose }: { onClose: () => void }) {
  const w = useWords(words);
  return (
    <button type="button" className="strip discreet dismiss" data-testid="sos-refused" onClick={onClose}>
      {w.sosQuiet} · {w.sosQuietRefused}
    </button>
  );
}
