// When the clock of an incident turns amber and red: by the plan's bounds for what it waits for.

import type { Incident } from "../../board/room";
import { millis } from "../../ui/time";
import type { RoomInfo } from "../desk";

export type Tone = "calm" | "amber" | "red";

/** Half of a bound is amber, the bound itself red. */
const amberAt = 0.5;

/** What an incident waits for, and how long that may take, in milliseconds. Undefined once somebody is there. */
export function waitsFor(i: Incident, room: RoomInfo): { since: number; bound: number } | undefined {
  const at = Math.max(0, i.priority - 1);
  const since = millis(i.received_at);
  switch (i.state) {
    case "open":
      return { since, bound: (room.bounds?.accept_s?.[at] ?? 90) * 1000 };
    case "assigned":
      return { since, bound: (room.bounds?.on_scene_s?.[at] ?? 900) * 1000 };
    default:
      return undefined;
  }
}

export function tone(i: Incident, room: RoomInfo, now: number): Tone {
  const wait = waitsFor(i, room);
  if (!wait) return "calm";
  const share = (now - wait.since) / wait.bound;
  return share >= 1 ? "red" : share >= amberAt ? "amber" : "calm";
}
