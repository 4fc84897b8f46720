import { create, fromJsonString, type MessageInitShape, toJsonString } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  type ClientFrame,
  ClientFrameSchema,
  type Decided,
  ServerFrameSchema,
} from "../gen/proto/vigie/watch/v1/frames_pb";
import { type Link, LinkEnded, silenceBound, Watch } from "./watch";

/** The other end of one socket. */
class Server {
  static all: Server[] = [];
  static last(): Server {
    const last = Server.all.at(-1);
    if (!last) throw new Error("nobody has connected");
    return last;
  }

  onopen: (() => void) | null = null;
  onmessage: ((e: { data: string }) => void) | null = null;
  onclose: ((e: { code: number; reason: string }) => void) | null = null;
  readonly url: string;
  readonly heard: ClientFrame["body"][] = [];
  closed = false;

  constructor(url: string) {
    this.url = url;
    Server.all.push(this);
  }

  send(text: string): void {
    this.heard.push(fromJsonString(ClientFrameSchema, text).body);
  }

  close(): void {
    this.closed = true;
  }

  says(body: NonNullable<MessageInitShape<typeof ServerFrameSchema>["body"]>): void {
    this.onmessage?.({
      data: toJsonString(ServerFrameSchema, create(ServerFrameSchema, { body }), { useProtoFieldName: true }),
    });
  }

  snapshot(offset: number, state = {}): void {
    this.says({ case: "snapshot", value: { cursor: at(offset), state, now: timestampFromMs(0) } });
  }

  event(offset: number): void {
    this.says({ case: "event", value: { offset: BigInt(offset), hash: `h${offset}` } });
  }

  commands(): string[] {
    return this.heard.flatMap((b) => (b.case === "command" ? [`${b.value.type} ${b.value.id}`] : []));
  }

  hello() {
    const first = this.heard[0];
    if (first?.case !== "hello") throw new Error("the first frame is no hello");
    return first.value;
  }

  /** Opens the socket; the client says hello. */
  async accept(): Promise<Server> {
    this.onopen?.();
    await vi.advanceTimersByTimeAsync(0);
    return this;
  }
}

const at = (offset: number) => ({ logId: "log-1", offset: BigInt(offset), hash: `h${offset}` });

let seen: string[];
let links: Link["state"][];
let watch: Watch;

function begin(options: Partial<ConstructorParameters<typeof Watch>[0]> = {}): void {
  watch = new Watch({
    origin: "https://vigie.test",
    target: "room/north",
    token: () => "token",
    WebSocket: Server as unknown as new (url: string) => WebSocket,
    handlers: {
      snapshot: (_, { cursor }) => seen.push(`snapshot ${cursor.offset}`),
      resumed: () => seen.push("resumed"),
      board: (b) => seen.push(`board ${b.offset} ${JSON.stringify(b.changes)}`),
      event: (d: Decided) => seen.push(`event ${d.offset}`),
      link: (l) => links.push(l.state),
      clock: (_, logHeard) => seen.push(`log heard ${logHeard?.getTime()}`),
    },
    ...options,
  });
}

beforeEach(() => {
  vi.useFakeTimers();
  Server.all = [];
  seen = [];
  links = [];
});

afterEach(() => {
  watch.close();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

/** The socket fails and the client comes back. */
async function again(code: number): Promise<Server> {
  Server.last().onclose?.({ code, reason: "" });
  await vi.advanceTimersByTimeAsync(30_000);
  return Server.last().accept();
}

test("a first watch says hello without a place and begins with a snapshot", async () => {
  begin();
  const server = await Server.last().accept();
  expect(server.url).toBe("wss://vigie.test/v1/watch");
  expect(server.hello()).toMatchObject({ token: "token", watch: "room/north" });
  expect(server.hello().cursor).toBeUndefined();
  server.snapshot(4);
  server.event(5);
  expect(seen).toEqual(["snapshot 4", "event 5"]);
  expect(watch.link.state).toBe("live");
});

test("a board comes before its events, and again when the link was lost in between", async () => {
  begin();
  const server = await Server.last().accept();
  server.snapshot(4);
  const changes = { incidents: [{ id: "I1" }] };
  server.says({ case: "board", value: { offset: 5n, changes } });
  const next = await again(1006);
  expect(next.hello().cursor).toMatchObject(at(4));
  next.says({ case: "welcome", value: { cursor: at(4) } });
  next.says({ case: "board", value: { offset: 5n, changes } });
  next.event(5);
  const board = 'board 5 {"incidents":[{"id":"I1"}]}';
  expect(seen).toEqual(["snapshot 4", board, "resumed", board, "event 5"]);
});

test("after a loss it goes on from what was applied, and an event that comes twice counts once", async () => {
  begin();
  (await Server.last().accept()).snapshot(4);
  Server.last().event(5);
  const server = await again(1006);
  expect(server.hello().cursor).toMatchObject(at(5));
  server.says({ case: "welcome", value: { cursor: at(5), recovered: true } });
  server.event(5);
  server.event(6);
  expect(seen).toEqual(["snapshot 4", "event 5", "resumed", "event 6"]);
});

test("when the server cannot go on from there, everything comes anew", async () => {
  begin();
  (await Server.last().accept()).snapshot(4);
  const server = await again(4003);
  expect(server.hello().cursor).toBeUndefined();
  server.snapshot(2);
  expect(seen).toEqual(["snapshot 4", "snapshot 2"]);
});

test("an event that cannot be applied leaves no hole", async () => {
  begin();
  (await Server.last().accept()).snapshot(4);
  Server.last().onmessage?.({ data: "{" });
  expect(watch.link.state).toBe("waiting");
  await vi.advanceTimersByTimeAsync(1_000);
  expect((await Server.last().accept()).hello().cursor).toBeUndefined();
});

test.each([4001, 4002, 4004, 1012, 1006])("close code %d is followed by another try", async (code) => {
  begin();
  (await Server.last().accept()).snapshot(4);
  Server.last().onclose?.({ code, reason: "" });
  expect(watch.link.state).toBe("waiting");
});

test.each([4501, 4502, 4503, 4504])("close code %d is final, and what was asked fails", async (code) => {
  begin();
  (await Server.last().accept()).snapshot(4);
  const asked = watch.command({ type: "incident.claim", incident: "i" });
  Server.last().onclose?.({ code, reason: "no" });
  await expect(asked).rejects.toThrow(LinkEnded);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(Server.all).toHaveLength(1);
  expect(watch.link).toMatchObject({ state: "ended", code });
  await expect(watch.command({ type: "sos" })).rejects.toThrow(LinkEnded);
});

test("commands wait for the link, and without an outcome the same ids are sent again in their order", async () => {
  begin();
  const first = watch.command({ type: "mission.accept", mission: "m" }, "1");
  const second = watch.command({ type: "mission.en_route", mission: "m" }, "2");
  const server = await Server.last().accept();
  expect(server.commands()).toEqual([]);
  server.snapshot(4);
  expect(server.commands()).toEqual(["mission.accept 1", "mission.en_route 2"]);
  const next = await again(1006);
  next.says({ case: "welcome", value: { cursor: at(4) } });
  expect(next.commands()).toEqual(["mission.accept 1", "mission.en_route 2"]);
  next.says({ case: "outcome", value: { id: "1", outcome: "done", offset: 5n } });
  next.says({ case: "outcome", value: { id: "2", outcome: "refused", code: "mission_over" } });
  expect(await first).toMatchObject({ outcome: "done", offset: 5n });
  expect(await second).toMatchObject({ outcome: "refused", code: "mission_over" });
  const last = await again(1006);
  last.says({ case: "welcome", value: { cursor: at(4) } });
  expect(last.commands()).toEqual([]);
});

test("an unknown outcome is asked for again under the same id", async () => {
  begin();
  const server = await Server.last().accept();
  server.snapshot(4);
  const asked = watch.command({ type: "sos" }, "1");
  server.says({ case: "outcome", value: { id: "1", outcome: "unknown", code: "outcome_unknown" } });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(server.commands()).toEqual(["sos 1", "sos 1"]);
  server.says({ case: "outcome", value: { id: "1", outcome: "done" } });
  expect(await asked).toMatchObject({ outcome: "done" });
});

test("a link that says nothing is doubted, and one that answers pings is not", async () => {
  begin();
  const server = await Server.last().accept();
  server.snapshot(4);
  for (let k = 0; k < 10; k++) {
    await vi.advanceTimersByTimeAsync(5_000);
    server.says({ case: "pong", value: { now: timestampFromMs(1), logHeard: timestampFromMs(7) } });
  }
  expect(watch.link.state).toBe("live");
  expect(seen.at(-1)).toBe("log heard 7");
  await vi.advanceTimersByTimeAsync(silenceBound + 5_000);
  expect(server.closed).toBe(true);
  expect(Server.all.length).toBeGreaterThan(1);
});

test("pauses between tries grow and end at 15 s or so", async () => {
  begin();
  const tries: number[] = [];
  for (let k = 0; k < 9; k++) {
    const before = Date.now();
    Server.last().onclose?.({ code: 1006, reason: "" });
    const n = Server.all.length;
    while (Server.all.length === n) await vi.advanceTimersByTimeAsync(50);
    tries.push(Date.now() - before);
  }
  expect(Math.max(...tries)).toBeLessThanOrEqual(22_600);
  expect(tries.at(-1)).toBeGreaterThan(7_400);
  expect(tries[0]).toBeLessThanOrEqual(800);
});

test("a server that does not answer the hello, and a token that cannot be had, are tried again", async () => {
  begin({ token: () => Promise.reject(new Error("no network")) });
  await Server.last().accept();
  expect(links.at(-1)).toBe("waiting");
  await vi.advanceTimersByTimeAsync(1_000);
  expect(Server.all).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(10_000); // it never opens
  await vi.advanceTimersByTimeAsync(2_000);
  expect(Server.all.length).toBeGreaterThan(2);
});

test("what has been applied is acknowledged soon, together", async () => {
  begin();
  const server = await Server.last().accept();
  server.snapshot(4);
  for (let offset = 5; offset < 50; offset++) server.event(offset);
  await vi.advanceTimersByTimeAsync(250);
  expect(server.heard.filter((b) => b.case === "ack").map((b) => b.value)).toMatchObject([{ offset: 49n }]);
});

test("a late word of a socket that was given up is nobody's", async () => {
  begin();
  const old = await Server.last().accept();
  old.snapshot(4);
  watch.retry();
  old.event(5);
  old.onclose?.({ code: 4501, reason: "" });
  expect(seen).toEqual(["snapshot 4"]);
  expect(watch.link.state).toBe("connecting");
});
