import type { TeamView } from "../board/team";
import { useLabels } from "../ui/labels";
import { clock, millis, span, useNow } from "../ui/time";
import { useWords } from "../ui/words";
import type { Shown } from "./acts";
import type { Position } from "./device/position";
import { Hold } from "./Hold";
import { words } from "./words";

export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** HH:MM:SS of a time on the wire, as on the guard's own watch. */
export function timeOf(at: string): string {
  return clock(millis(at), zone);
}

/** The guard between missions. */
export function Shift({ view, shown, position }: { view: TeamView; shown: Shown; position: Position }) {
  const w = useWords(words);
  const labels = useLabels();
  const { team } = view;
  return (
    <section className="shift" aria-labelledby="duty">
      <h1
        id="duty"
        className={shown.onDuty ? "on" : ""}
        data-testid="duty"
        data-duty={shown.onDuty ? "on" : "off"}
      >
        {shown.onDuty ? w.onDuty : w.offDuty}
      </h1>
      {shown.dutyWaits && <p className="waits">{w.waits}</p>}
      <p>
        {team.call_sign}
        {shown.onDuty && team.on_duty && team.until ? ` · ${w.until(timeOf(team.until).slice(0, 5))}` : ""}
        {shown.onDuty && team.guards > 0 ? ` · ${w.guards(team.guards)}` : ""}
      </p>
      <p className="muted">{(team.capabilities ?? []).map((c) => labels("capability", c)).join(" · ")}</p>
      <p>{shown.onDuty ? w.ready : w.offNow}</p>
      <Where position={position} />
    </section>
  );
}

/** Says whether the room sees where the guard is. */
export function Where({ position }: { position: Position }) {
  const w = useWords(words);
  useNow();
  const said = {
    off: w.positionOff,
    waiting: w.positionWaiting,
    known: w.positionShared,
    refused: w.positionRefused,
    missing: w.positionMissing,
  }[position.state];
  return (
    <p className={`where ${position.state}`} data-testid="position" data-position={position.state}>
      {said}
      {position.state === "known" && (
        <small>{w.positionAge(Math.round(position.fix.accuracyM), span(Date.now() - position.fix.at))}</small>
      )}
    </p>
  );
}

/** Beginning a shift is a press; leaving it by accident would leave a site without its guard. */
export function DutyButton({ onDuty, onChange }: { onDuty: boolean; onChange: (on: boolean) => void }) {
  const w = useWords(words);
  return onDuty ? (
    <Hold className="quiet" testId="off-duty" onHeld={() => onChange(false)}>
      {w.goOffDuty}
    </Hold>
  ) : (
    <button type="button" className="big primary" data-testid="on-duty" onClick={() => onChange(true)}>
      {w.goOnDuty}
    </button>
  );
}
