import "fake-indexeddb/auto";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Outcome, OutcomeSchema } from "../gen/proto/vigie/watch/v1/frames_pb";
import type { Act, Asked } from "./acts";
import { Outbox, type Send } from "./outbox";
import { openStore, type Store } from "./store";

const accept: Asked = { type: "mission.accept", mission: "M1" };
const enRoute: Asked = { type: "mission.en_route", mission: "M1" };
const sos: Asked = { type: "sos", team: "north-1", silent: true };

let name = 0;
let store: Store;
let answers: string[];

/** A link whose other end answers when the test says so. */
class Link {
  sent: Act[] = [];
  #answer = new Map<string, (o: Outcome) => void>();
  #fail = new Map<string, (why: Error) => void>();

  readonly send: Send = (act) => {
    this.sent.push(act);
    return new Promise((resolve, reject) => {
      this.#answer.set(act.id, resolve);
      this.#fail.set(act.id, reject);
    });
  };

  async answers(act: Act | undefined, outcome: MessageInitShape<typeof OutcomeSchema>): Promise<void> {
    this.#answer.get(act?.id ?? "")?.(create(OutcomeSchema, outcome));
    await settle();
  }

  async ends(act: Act | undefined): Promise<void> {
    this.#fail.get(act?.id ?? "")?.(new Error("the link has ended"));
    await settle();
  }
}

const settle = () => new Promise((resolve) => setImmediate(resolve));
const types = (acts: readonly Act[]) => acts.map((a) => a.asked.type);

function open(team = "north-1"): Promise<Outbox> {
  return Outbox.open(store, team, (act, outcome) => answers.push(`${act.asked.type} ${outcome.outcome}`));
}

beforeEach(async () => {
  name++;
  answers = [];
  store = await openStore(`outbox-${name}`);
});

afterEach(() => {
  store.close();
  vi.useRealTimers();
});

test("what is done without a link is kept, with its time, and goes in order when there is one", async () => {
  const box = await open();
  await box.add(accept, 1000);
  await box.add(enRoute, 2000);
  const link = new Link();
  box.connect(link.send);
  expect(link.sent.map((a) => [a.asked.type, a.at])).toEqual([
    ["mission.accept", 1000],
    ["mission.en_route", 2000],
  ]);
});

test("killing the app loses nothing, and the ids stay the same", async () => {
  const before = await open();
  await before.add(accept, 1000);
  await before.add(enRoute, 2000);
  const after = await open();
  expect(after.waiting).toEqual(before.waiting);
  await after.add({ type: "mission.on_scene", mission: "M1" }, 1500); // its clock was set back: the order stays
  expect(types((await open()).waiting)).toEqual(["mission.accept", "mission.en_route", "mission.on_scene"]);
});

test("an act goes at once when there is a link, and is forgotten when it is answered", async () => {
  const box = await open();
  const link = new Link();
  box.connect(link.send);
  const act = await box.add(accept);
  expect(link.sent).toEqual([act]);
  await link.answers(act, { outcome: "done" });
  expect(box.waiting).toEqual([]);
  expect(answers).toEqual(["mission.accept done"]);
  expect((await open()).waiting).toEqual([]);
});

test("a refusal is an answer too", async () => {
  const box = await open();
  const link = new Link();
  box.connect(link.send);
  await link.answers(await box.add(accept), { outcome: "refused", code: "stand_down" });
  expect(box.waiting).toEqual([]);
  expect(answers).toEqual(["mission.accept refused"]);
});

test("an act whose link ends waits for the next one", async () => {
  const box = await open();
  const first = new Link();
  box.connect(first.send);
  const act = await box.add(accept);
  await first.ends(act);
  expect(box.waiting).toEqual([act]);
  const second = new Link();
  box.connect(second.send);
  expect(second.sent).toEqual([act]);
});

test("an SOS that the server keeps stays, survives, and is asked about until the room has decided", async () => {
  const box = await open();
  const link = new Link();
  box.connect(link.send);
  const act = await box.add(sos);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  await link.answers(act, { outcome: "provisional" });
  expect(box.waiting).toMatchObject([{ id: act.id, provisional: true }]);
  expect((await store.acts())[0]).toMatchObject({ id: act.id, provisional: true });
  await vi.advanceTimersByTimeAsync(3_000);
  expect(link.sent.map((a) => a.id)).toEqual([act.id, act.id]);
  await link.answers(act, { outcome: "done" });
  expect(box.waiting).toEqual([]);
  expect(answers).toEqual(["sos provisional", "sos done"]);
});

test("an SOS waits for no disk", async () => {
  const never: Store = { ...store, put: () => new Promise(() => undefined), acts: async () => [] };
  const box = await Outbox.open(never, "north-1", () => undefined);
  const link = new Link();
  box.connect(link.send);
  void box.add(sos);
  expect(types(link.sent)).toEqual(["sos"]);
  expect(types(box.waiting)).toEqual(["sos"]);
});

test("an act that cannot be kept is still sent", async () => {
  const full: Store = { ...store, put: () => Promise.reject(new Error("full")), acts: async () => [] };
  const box = await Outbox.open(full, "north-1", () => undefined);
  const link = new Link();
  box.connect(link.send);
  await box.add(sos);
  expect(types(link.sent)).toEqual(["sos"]);
});

test("a team sends its own acts only", async () => {
  await (await open("north-1")).add(accept);
  const other = await open("south-1");
  expect(other.waiting).toEqual([]);
  await other.add({ type: "team.on_duty", team: "south-1", guards: ["g"] });
  expect(types((await open("north-1")).waiting)).toEqual(["mission.accept"]);
  expect(types((await open("south-1")).waiting)).toEqual(["team.on_duty"]);
});

test("the last view is kept beside the acts, and forgotten without them", async () => {
  const kept = { team: "north-1", device: "d", guard: "g", heard: 5, endings: [], silent: false };
  await store.keep({ ...kept, place: { logId: "l", offset: 7n, hash: "h" } });
  await (await open()).add(accept);
  expect(await store.kept()).toMatchObject({ ...kept, place: { offset: 7n } });
  await store.forget();
  expect(await store.kept()).toBeUndefined();
  expect((await open()).waiting).toHaveLength(1);
});
