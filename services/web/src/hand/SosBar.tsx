import { useWords } from "../ui/words";
import { Hold } from "./Hold";
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
