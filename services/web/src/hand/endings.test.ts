import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import type { EventSchema } from "../gen/proto/vigie/log/v1/event_pb";
import { DecidedSchema, OutcomeSchema } from "../gen/proto/vigie/watch/v1/frames_pb";
import { decided, type Ending, overtaken, settled, viewed } from "./endings";
import { act, mission, view } from "./testing";

type Body = NonNullable<MessageInitShape<typeof EventSchema>["body"]>;
const decision = (...bodies: Body[]) =>
  create(DecidedSchema, { events: bodies.map((body) => ({ body })), callSigns: { "north-2": "NORTH 2" } });
const nobody: ReadonlySet<string> = new Set();
const on = view(mission("accepted"));
/** The mission has gone from the view, and why is not known yet. */
const gone = () => viewed([], on, view(), nobody, false, 7);
const ending: Ending = { mission: "M1", why: "recalled", reason: "", takenBy: "", where: "", at: 7 };

test("a mission that goes from the view has ended, for a reason that comes with the event", () => {
  expect(gone()).toEqual([{ mission: "M1", reason: "", takenBy: "", where: "", at: 7 }]);
  expect(settled(gone(), [])).toEqual([]);
  const recalled = decided(
    gone(),
    decision({ case: "missionCancelled", value: { mission: "M1", reason: "controlled" } }),
  );
  expect(settled(recalled, [])).toMatchObject([{ why: "recalled", reason: "controlled" }]);
});

test("somebody else has it", () => {
  const taken = decided(
    gone(),
    decision({ case: "missionCancelled", value: { mission: "M1", takenBy: "north-2" } }),
  );
  expect(taken).toMatchObject([{ why: "stand_down", takenBy: "NORTH 2" }]);
});

test("an offer expires, and a shift ends under one", () => {
  expect(decided(gone(), decision({ case: "missionExpired", value: { mission: "M1" } }))).toMatchObject([
    { why: "expired" },
  ]);
  expect(
    decided(gone(), decision({ case: "missionDeclined", value: { mission: "M1", reason: "shift_ended" } })),
  ).toMatchObject([{ why: "signed_off" }]);
});

test("what another handheld of the team has done is no ending", () => {
  const by = (body: Body) => decided(gone(), decision(body));
  expect(by({ case: "missionCleared", value: { mission: "M1" } })).toEqual([]);
  expect(by({ case: "missionDeclined", value: { mission: "M1", deviceAtMs: 5n } })).toEqual([]);
});

test("nor is what the guard has done", () => {
  expect(viewed([], on, view(), new Set(["M1"]), false, 7)).toEqual([]);
});

test("a snapshot says that it is over, and never why", () => {
  expect(viewed([], on, view(), nobody, true, 7)).toMatchObject([{ mission: "M1", why: "over" }]);
  expect(viewed(gone(), view(), view(), nobody, true, 8)).toMatchObject([{ mission: "M1", why: "over" }]);
});

test("a mission that goes on under another id has not ended", () => {
  const after = view(mission("accepted", "M2", "M1"));
  expect(viewed([], on, after, nobody, false, 7)).toEqual([]);
  expect(viewed([ending], view(), after, nobody, false, 7)).toEqual([]);
  const honoured = decision({ case: "lateAnswerHonoured", value: { mission: "M2", previous: "M1" } });
  expect(decided([ending], honoured)).toEqual([]);
});

test.each([
  ["continue", "continue"],
  ["stand_down", "stand_down"],
  ["mission_ended", "stand_down"],
  ["mission_expired", "stand_down"],
])("an act refused with %s has the whole screen", (code, why) => {
  const outcome = create(OutcomeSchema, {
    outcome: "refused",
    code,
    takenBy: "north-2",
    takenByCallSign: "NORTH 2",
  });
  const accept = act({ type: "mission.accept", mission: "M1" });
  expect(overtaken([], accept, outcome)).toMatchObject([{ mission: "M1", why, takenBy: "NORTH 2" }]);
  expect(overtaken([{ ...ending, where: "North" }], accept, outcome)).toMatchObject([
    { why, where: "North" },
  ]);
});

test("other refusals have not, and what is done is no ending", () => {
  const accept = act({ type: "mission.accept", mission: "M1" });
  const outcome = (init: MessageInitShape<typeof OutcomeSchema>) => create(OutcomeSchema, init);
  expect(overtaken([], accept, outcome({ outcome: "refused", code: "forbidden" }))).toBeUndefined();
  expect(overtaken([], accept, outcome({ outcome: "done" }))).toBeUndefined();
});

test("nothing is said of a mission while an answer of the guard is under way", () => {
  expect(settled([ending], [act({ type: "mission.accept", mission: "M1" })])).toEqual([]);
  expect(settled([ending], [act({ type: "mission.accept", mission: "M2" })])).toEqual([ending]);
});
