import { useEffect, useRef, useState } from "react";
import type { Companion } from "../board/team";
import { useRefusal } from "../ui/labels";
import { useWords } from "../ui/words";
import type { Act } from "./acts";
import { Hold } from "./Hold";
import type { HandState } from "./hand";
import { Companions } from "./Mission";
import { Sheet } from "./Sheet";
import { timeOf } from "./Shift";
import { words } from "./words";

export type Raise = (silent: boolean) => void;

/** Always on the screen. */
export function SosBar({ onRaise }: { onRaise: Raise }) {
  const w = useWords(words);
  return (
    <div className="sos-bar">
      <Hold className="sos" testId="sos" onHeld={() => onRaise(false)}>
        {w.sos}
      </Hold>
      <Hold className="sos-silent" testId="sos-silent" label={w.sosSilentLong} onHeld={() => onRaise(true)}>
        {w.sosSilent}
      </Hold>
    </div>
  );
}

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
        text={help ? w.sosReceived(timeOf(help.received_at)) : w.sosNotReceived}
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
      onClose={onClose}
      foot={
        <>
          <button type="button" className="big" onClick={onClose}>
            {w.back}
          </button>
          <SosBar onRaise={onRaise} />
        </>
      }
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
    if (act) return act.provisional ? w.sosSent : state.link.state === "live" ? w.sosSending : w.sosWaits;
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
          <strong>{w.sosTitle}</strong> {summary}
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

/** Says once that the SOS is over. */
export function SosOver({ state }: { state: HandState }) {
  const w = useWords(words);
  const now = underWay(state);
  const before = useRef(now);
  const [over, setOver] = useState(false);
  useEffect(() => {
    if (before.current && !now && state.refused?.act.asked.type !== "sos") setOver(true);
    if (now) setOver(false);
    before.current = now;
  }, [now, state.refused]);
  return over ? (
    <button type="button" className="strip dismiss" onClick={() => setOver(false)}>
      {w.sosOver}
    </button>
  ) : null;
}

/** An SOS that the room did not take has the whole screen. */
export function SosRefused({ state, onRaise, onClose }: Props) {
  const w = useWords(words);
  const refusal = useRefusal();
  return (
    <Sheet
      title={w.sosRefused}
      className="ending bad"
      testId="sos-refused"
      onClose={onClose}
      foot={
        <>
          <button type="button" className="big" onClick={onClose}>
            {w.understood}
          </button>
          <SosBar onRaise={onRaise} />
        </>
      }
    >
      {state.refused && <p>{refusal(state.refused)}</p>}
    </Sheet>
  );
}
