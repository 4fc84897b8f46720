import type { Notice } from "../../gen/proto/vigie/watch/v1/frames_pb";
import { useWords } from "../../ui/words";
import { placeOf, useBoard, useDesk } from "../desk";
import { words } from "../words";

/** Alarms on which nobody has decided: shown and sounded all the same, the most urgent first. */
export function Notices() {
  const w = useWords(words);
  const { room } = useDesk();
  const notices = useBoard((s) => s.notices);
  // What cannot be read, and an SOS, may be anything: they come first.
  const priority = (n: Notice) => room.codes?.find((c) => c.code === n.code)?.priority ?? 0;
  const inOrder = [...notices.values()].sort((a, b) => a.more - b.more || priority(a) - priority(b));
  return (
    <div role="alert">
      {inOrder.length > 0 && (
        <ul className="notices" aria-label={w.notices}>
          {inOrder.map((n) => (
            <li key={`${n.kind}/${n.key}`}>
              <Line notice={n} priority={priority(n)} />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Line({ notice: n, priority }: { notice: Notice; priority: number }) {
  const w = useWords(words);
  const { room, board } = useDesk();
  const provisional = n.kind === "provisional";
  if (n.more > 0) return <strong>{w.more_notices(n.more)}</strong>;
  const what = n.team
    ? `${w.sos} · ${board.state.teams.get(n.team)?.call_sign ?? n.team}`
    : (room.codes?.find((c) => c.code === n.code)?.label ?? (n.code || w.unreadable));
  return (
    <>
      <span>
        {priority > 0 && <span className={`priority p${priority}`}>P{priority}</span>} <strong>{what}</strong>
      </span>
      {n.site && <span>{placeOf(room, n.site, n.zone)}</span>}
      <span className="small">
        <b>{provisional ? w.provisional : w.undecided}</b> {provisional ? w.provisional_do : w.undecided_do}
      </span>
    </>
  );
}
