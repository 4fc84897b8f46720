// What the tests of the handheld make up: a team, its mission, the acts of its guard.

import type { Mission } from "../board/room";
import type { TeamView } from "../board/team";
import type { Act, Asked } from "./acts";

export function mission(state: string, id = "M1", previous = ""): Mission {
  return {
    id,
    previous,
    state,
    incident: "I1",
    team: "north-1",
    guards: 1,
    by: "automatic",
    undelivered: false,
    offered_at: "2026-11-29T03:00:00Z",
    answer_by: "2026-11-29T03:00:30Z",
    delivered_at: "",
    seen_at: "",
    accepted_at: "",
    en_route_at: "",
    on_scene_at: "",
    ended_at: "",
    end_reason: "",
    reason: "",
    arrival_ms: 90_000,
    arrival_early_ms: 60_000,
    arrival_late_ms: 120_000,
    by_radio: [],
  };
}

export function view(on?: Mission): TeamView {
  return {
    team: {
      id: "north-1",
      call_sign: "NORTH 1",
      home_site: "north",
      status: "available",
      on_duty: true,
      guards: 1,
      until: "",
      mission: on?.id ?? "",
      reachable: true,
      devices: [],
      guard_ids: [],
      capabilities: [],
      transport: "foot",
      since: "",
      contact_at: "",
      contact_by: "",
    },
    missions: on ? [on] : [],
    incidents: [],
    with: [],
  };
}

let seq = 0;

export function act(asked: Asked): Act {
  seq++;
  return { id: `act-${seq}`, seq, team: "north-1", at: seq * 1000, asked };
}
