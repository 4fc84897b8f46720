// What the guard has done and the room has not answered yet, and what the screen shows of it. Nothing here decides: the room does,
// and what it says takes the place of this.

import type { Mission } from "../board/room";
import type { TeamView } from "../board/team";

/** One act, kept until it has an outcome. */
export interface Act {
  id: string;
  /** The order in which the acts were done. */
  seq: number;
  team: string;
  /** When, by the clock of this device. */
  at: number;
  asked: Asked;
  /** An SOS that the server keeps on disk while the log is away. */
  provisional?: boolean;
}

export type Asked =
  | { type: "mission.delivered" | "mission.seen" | Step | "mission.backup"; mission: string }
  | { type: "mission.decline"; mission: string; reason: string }
  | { type: "team.on_duty"; team: string; guards: string[] }
  | { type: "team.off_duty"; team: string }
  | { type: "sos"; team: string; silent: boolean; lat?: number; lon?: number };

export type Step = "mission.accept" | "mission.en_route" | "mission.on_scene" | "mission.clear";

/** Receipts send themselves: nobody waits for them. */
export function isReceipt(act: Act): boolean {
  return act.asked.type === "mission.delivered" || act.asked.type === "mission.seen";
}

const ended = ["cleared", "declined", "expired", "cancelled", "diverted"];
const legs = ["offered", "delivered", "seen", "accepted", "en_route", "on_scene", "cleared"];

/** The state to which an act takes its mission. */
const leads: Partial<Record<Asked["type"], string>> = {
  "mission.delivered": "delivered",
  "mission.seen": "seen",
  "mission.accept": "accepted",
  "mission.en_route": "en_route",
  "mission.on_scene": "on_scene",
  "mission.clear": "cleared",
  "mission.decline": "declined",
};

const answers: Record<string, Step> = {
  offered: "mission.accept",
  delivered: "mission.accept",
  seen: "mission.accept",
  accepted: "mission.en_route",
  en_route: "mission.on_scene",
  on_scene: "mission.clear",
};

/** The one thing to do next. */
export function next(mission: Mission): Step | undefined {
  return answers[mission.state];
}

/** Whether the team has said that it goes. */
export function accepted(state: string): boolean {
  return legs.indexOf(state) >= legs.indexOf("accepted");
}

export interface Shown {
  onDuty: boolean;
  /** Whether the duty shown is not the room's word yet. */
  dutyWaits: boolean;
  /** The active mission; undefined when there is none or the guard is done with it. */
  mission: Mission | undefined;
  /** Whether the state shown is not the room's word yet. */
  missionWaits: boolean;
  /** Backup was asked for and the room has not heard it yet. */
  backupWaits: boolean;
}

/** What is shown: the room's word, with the guard's own acts on top. */
export function shown(view: TeamView, waiting: readonly Act[]): Shown {
  let { on_duty: onDuty } = view.team;
  let dutyWaits = false;
  let state = view.missions[0]?.state ?? "";
  let missionWaits = false;
  let backupWaits = false;
  for (const act of waiting) {
    if (act.asked.type === "team.on_duty" || act.asked.type === "team.off_duty") {
      onDuty = act.asked.type === "team.on_duty";
      dutyWaits = true;
    } else if (view.missions[0] && concerns(act, view.missions[0])) {
      if (act.asked.type === "mission.backup") backupWaits = true;
      const to = leads[act.asked.type];
      if (!to || !follows(state, to)) continue;
      state = to;
      missionWaits ||= !isReceipt(act);
    }
  }
  const mission = view.missions[0] && { ...view.missions[0], state };
  return {
    onDuty,
    dutyWaits,
    mission: mission && !ended.includes(state) ? mission : undefined,
    missionWaits,
    backupWaits,
  };
}

function follows(state: string, to: string): boolean {
  if (ended.includes(state)) return false;
  return to === "declined" ? !accepted(state) : legs.indexOf(to) > legs.indexOf(state);
}

/** Whether an act is about a mission, or about the one that it goes on from. */
function concerns(act: Act, mission: Pick<Mission, "id" | "previous">): boolean {
  return (
    "mission" in act.asked && (act.asked.mission === mission.id || act.asked.mission === mission.previous)
  );
}
