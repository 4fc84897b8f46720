// Missions that ended under the guard: not by their own act, and so worth the whole screen. A guard who walks towards a mission
// that is somebody else's by now must see it.

import type { TeamView } from "../board/team";
import type { Decided, Outcome } from "../gen/proto/vigie/watch/v1/frames_pb";
import type { Act } from "./acts";

/** Why a mission is not the team's any more, or why an act came too late. */
export type Why = "recalled" | "expired" | "over" | "stand_down" | "continue" | "signed_off";

export interface Ending {
  mission: string;
  /** Undefined until it is known; it is shown then. */
  why?: Why;
  /** The code or the words of who recalled it. */
  reason: string;
  /** What the radio calls the team that has the incident. */
  takenBy: string;
  /** Where it was, as the guard knew it. */
  where: string;
  at: number;
}

/** The active mission of a view. */
const active = (view: TeamView | undefined) => view?.missions[0];

/**
 * What the next view makes of the endings. `whole`: the view is a snapshot, and no event will say why. A mission that the guard
 * has ended themselves, or that goes on under another id, is no ending.
 */
export function viewed(
  endings: readonly Ending[],
  before: TeamView | undefined,
  after: TeamView,
  /** The missions that the guard has ended. */
  own: ReadonlySet<string>,
  whole: boolean,
  at: number,
): Ending[] {
  const goesOn = (id: string) => active(after)?.id === id || active(after)?.previous === id;
  const known = endings
    .filter((e) => !goesOn(e.mission))
    .map((e) => (whole && !e.why ? { ...e, why: "over" as const } : e));
  const gone = active(before);
  if (!gone || goesOn(gone.id) || known.some((e) => e.mission === gone.id)) return known;
  if (own.has(gone.id) || own.has(gone.previous)) return known;
  const ending: Ending = {
    mission: gone.id,
    reason: "",
    takenBy: "",
    where: before?.premises ? `${before.premises.site_name} · ${before.premises.zone_label}` : "",
    at,
  };
  return [...known, whole ? { ...ending, why: "over" } : ending];
}

/** The mission that an act ends. */
export function endsMission({ asked }: Act): string | undefined {
  return asked.type === "mission.clear" || asked.type === "mission.decline" ? asked.mission : undefined;
}

/** What a decision says about why. */
export function decided(endings: readonly Ending[], d: Decided): Ending[] {
  let next = [...endings];
  const say = (mission: string, said: Partial<Ending>) => {
    next = next.map((e) => (e.mission === mission ? { ...e, ...said } : e));
  };
  for (const { body } of d.events) {
    switch (body.case) {
      case "missionCancelled": {
        const { mission, takenBy } = body.value;
        const reason = body.value.reasonText?.clear || body.value.reason;
        say(mission, {
          why: takenBy ? "stand_down" : "recalled",
          reason,
          takenBy: d.callSigns[takenBy] ?? takenBy,
        });
        break;
      }
      case "missionExpired":
        say(body.value.mission, { why: "expired" });
        break;
      case "missionDeclined":
        // Said by another handheld of the team it is no surprise; by the end of the shift it is.
        if (body.value.deviceAtMs !== 0n) next = next.filter((e) => e.mission !== body.value.mission);
        else say(body.value.mission, { why: "signed_off" });
        break;
      case "missionCleared":
        next = next.filter((e) => e.mission !== body.value.mission);
        break;
      case "lateAnswerHonoured":
        next = next.filter((e) => e.mission !== body.value.previous);
        break;
    }
  }
  return next;
}

const overtaking: Record<string, Why> = {
  continue: "continue",
  stand_down: "stand_down",
  mission_ended: "stand_down",
  mission_expired: "stand_down",
};

/** What a refusal says, when it is that somebody else was quicker; undefined when it is about something else. */
export function overtaken(endings: readonly Ending[], act: Act, outcome: Outcome): Ending[] | undefined {
  const why = outcome.outcome === "refused" ? overtaking[outcome.code] : undefined;
  if (!why || !("mission" in act.asked)) return undefined;
  const { mission } = act.asked;
  const known = endings.find((e) => e.mission === mission);
  const ending: Ending = {
    where: "",
    reason: "",
    at: act.at,
    ...known,
    mission,
    why,
    takenBy: outcome.takenByCallSign || outcome.takenBy || known?.takenBy || "",
  };
  return [...endings.filter((e) => e.mission !== mission), ending];
}

/** The endings to show: those whose cause is known, and on which no act of the guard is still under way. */
export function settled(endings: readonly Ending[], waiting: readonly Act[]): Ending[] {
  return endings.filter(
    (e) => e.why && !waiting.some((a) => "mission" in a.asked && a.asked.mission === e.mission),
  );
}
