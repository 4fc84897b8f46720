import { useWords } from "../ui/words";
import type { Refusal } from "./hand";
import { words } from "./words";

/** An act that the room did not take: why, and what to do about it, as a guard needs it, who sees no ids of missions. */
export function Refused({ refused, onDismiss }: { refused: Refusal; onDismiss: () => void }) {
  const w = useWords(words);
  const said: Record<string, string> = {
    mission_accepted: w.no_mission_accepted,
    on_mission: w.no_on_mission,
    incident_ended: w.no_incident_ended,
  };
  const { code } = refused;
  return (
    <div className="strip bad" role="alert" data-testid="refused" data-code={code}>
      <p>
        <strong>{w.refused(w[refused.act.asked.type])}</strong>{" "}
        {said[code] ?? `${w.no_other(code)} ${w.sayByRadio}`}
      </p>
      <button type="button" onClick={onDismiss}>
        {w.understood}
      </button>
    </div>
  );
}
