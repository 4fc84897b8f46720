import type { Incident } from "../../board/room";

export interface Order {
  /** By priority, then the oldest first. */
  live: Incident[];
  /** The latest first. */
  ended: Incident[];
}

export const isLive = (i: Incident): boolean => i.ended_at === "";

export function inOrder(incidents: ReadonlyMap<string, Incident>): Order {
  const all = [...incidents.values()];
  return {
    live: all
      .filter(isLive)
      .sort(
        (a, b) =>
          a.priority - b.priority || a.received_at.localeCompare(b.received_at) || a.id.localeCompare(b.id),
      ),
    ended: all.filter((i) => !isLive(i)).sort((a, b) => b.ended_at.localeCompare(a.ended_at)),
  };
}
