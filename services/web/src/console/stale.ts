import { silenceBound } from "../socket/watch";
import { useNow } from "../ui/time";
import { useBoard, useDesk } from "./desk";

/** Why what a console shows may be old: it is not linked, or the room behind the link hears nothing, or has stopped. */
export type Stale = "connecting" | "cut_off" | "ended" | "halted" | "behind";

/** A log that was not heard of for so long is told of, in milliseconds. */
const behindBound = 15_000;

export function useStale(): Stale | undefined {
  const { board } = useDesk();
  const link = useBoard((s) => s.link);
  const halted = useBoard((s) => s.halted);
  const logHeard = useBoard((s) => s.logHeard);
  const now = useNow();
  // Of the link itself: the board is told of its changes, not of each frame.
  const { heard } = board.watch.link;
  if (link.state === "ended") return "ended";
  if (heard === 0) return "connecting";
  if (link.state !== "live" || Date.now() - heard > silenceBound) return "cut_off";
  if (halted) return "halted";
  if (logHeard !== undefined && now - logHeard > behindBound) return "behind";
  return undefined;
}
