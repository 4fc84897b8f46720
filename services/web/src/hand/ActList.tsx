import { clock } from "../ui/time";
import { useWords } from "../ui/words";
import type { Act } from "./acts";
import { zone } from "./Shift";
import { words } from "./words";

/** Acts that wait, each with its time. A silent SOS does not give the guard away here either. */
export function ActList({ acts }: { acts: readonly Act[] }) {
  const w = useWords(words);
  return (
    <ol className="acts">
      {acts.map(({ id, at, asked }) => (
        <li key={id}>
          <time>{clock(at, zone)}</time> {asked.type === "sos" && asked.silent ? w.sosQuiet : w[asked.type]}
        </li>
      ))}
    </ol>
  );
}
