import { expect, test } from "vitest";
import { type Asked, next, shown } from "./acts";
import { act, mission, view } from "./testing";

const acts = (...asked: Asked[]) => asked.map(act);
const of = (
  type: "mission.accept" | "mission.en_route" | "mission.on_scene" | "mission.clear",
  id = "M1",
): Asked => ({
  type,
  mission: id,
});

test("without acts the room's word is shown", () => {
  expect(shown(view(mission("seen")), [])).toEqual({
    onDuty: true,
    dutyWaits: false,
    mission: mission("seen"),
    missionWaits: false,
    backupWaits: false,
  });
});

test("own acts lie on top, and are marked as waiting", () => {
  const s = shown(view(mission("seen")), acts(of("mission.accept"), of("mission.en_route")));
  expect(s.mission?.state).toBe("en_route");
  expect(s.missionWaits).toBe(true);
});

test("a receipt that waits is no news to the guard", () => {
  const s = shown(view(mission("offered")), acts({ type: "mission.delivered", mission: "M1" }));
  expect(s).toMatchObject({ mission: { state: "delivered" }, missionWaits: false });
});

test("an act that the room has had already changes nothing", () => {
  const s = shown(view(mission("on_scene")), acts(of("mission.accept")));
  expect(s).toMatchObject({ mission: { state: "on_scene" }, missionWaits: false });
});

test.each([
  ["on_scene", of("mission.clear")],
  ["seen", { type: "mission.decline", mission: "M1", reason: "alone" } as Asked],
])("the guard is done with a mission that was %s", (state, asked) => {
  expect(shown(view(mission(state)), acts(asked)).mission).toBeUndefined();
});

test("what was accepted cannot be declined any more", () => {
  const s = shown(
    view(mission("accepted")),
    acts({ type: "mission.decline", mission: "M1", reason: "alone" }),
  );
  expect(s).toMatchObject({ mission: { state: "accepted" }, missionWaits: false });
});

test("acts on an offer count for the mission that a late answer has opened", () => {
  const s = shown(view(mission("accepted", "M2", "M1")), acts(of("mission.on_scene", "M1")));
  expect(s.mission).toMatchObject({ id: "M2", state: "on_scene" });
});

test("acts on another mission do not", () => {
  expect(shown(view(mission("seen")), acts(of("mission.accept", "M9"))).mission?.state).toBe("seen");
});

test("duty and backup are shown before the room has heard of them", () => {
  expect(shown(view(), acts({ type: "team.off_duty", team: "north-1" }))).toMatchObject({
    onDuty: false,
    dutyWaits: true,
  });
  const s = shown(view(mission("on_scene")), acts({ type: "mission.backup", mission: "M1" }));
  expect(s).toMatchObject({ backupWaits: true, missionWaits: false });
});

test("there is one thing to do at a time", () => {
  const steps = ["offered", "delivered", "seen", "accepted", "en_route", "on_scene", "cleared"].map((s) =>
    next(mission(s)),
  );
  expect(steps).toEqual([
    "mission.accept",
    "mission.accept",
    "mission.accept",
    "mission.en_route",
    "mission.on_scene",
    "mission.clear",
    undefined,
  ]);
});
