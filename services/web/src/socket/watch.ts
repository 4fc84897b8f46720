// One target of GET /v1/watch: list, then watch. See README.md for the rules and for how to write another client.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Timestamp, timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import type {
  Board,
  CommandSchema,
  Cursor,
  Decided,
  Device,
  FixSchema,
  Notice,
  Outcome,
  Position,
  ServerFrame,
  Snapshot,
  StatusSchema,
} from "../gen/proto/vigie/watch/v1/frames_pb";
import { decode, encode, subprotocol } from "./frames";

export type Target = `room/${string}` | `team/${string}`;

/** What a person asks; the id is given by [Watch.command]. */
export type Asked = Omit<MessageInitShape<typeof CommandSchema>, "id" | "$typeName"> & { type: string };

/** How the socket is. `heard` is when the server was last heard of, in milliseconds of this device. */
export type Link =
  | { state: "connecting" | "live" | "waiting"; heard: number }
  | { state: "ended"; heard: number; code: number; reason: string };

export interface Handlers {
  /** Replaces everything that was known. */
  snapshot(state: unknown, at: { cursor: Cursor; now: Date }): void;
  /** What was known goes on; everything missed follows as events. */
  resumed(at: { now: Date }): void;
  /** What the events that follow it change of what is shown: put it over what is known. It may come twice. */
  board(board: Board): void;
  event(decided: Decided): void;
  link(link: Link): void;
  position?(position: Position): void;
  /** What is open is told anew after snapshot or resumed: forget then what was told before. */
  notice?(notice: Notice): void;
  device?(device: Device): void;
  /** Each pong: the server's domain clock, and how old what it shows may be. */
  clock?(now: Date, logHeard: Date | undefined): void;
}

export interface Options {
  /** Of the gateway, http(s)://host. */
  origin: string;
  target: Target;
  /** Asked anew for every hello: a token lives for minutes. */
  token(): string | Promise<string>;
  handlers: Handlers;
  /** Where to go on from; absent: a snapshot comes first. */
  cursor?: Cursor;
  /** For the tests. */
  WebSocket?: new (
    url: string,
    protocols: string[],
  ) => WebSocket;
}

/** The link is over for good, see [Link.code]: signing in again may help, trying again does not. */
export class LinkEnded extends Error {
  readonly code: number;

  constructor(code: number, reason: string) {
    super(reason || `the server ended the link (${code})`);
    this.code = code;
  }
}

// Times in milliseconds.
const helloBound = 10_000;
const pingEvery = 5_000;
/** Without a frame for so long the link is doubted: a socket that looks open proves nothing. */
export const silenceBound = 12_000;
const firstPause = 500;
const longestPause = 15_000;
const unknownPause = 1_000;
const ackEvery = 250;

// Close codes of the server (docs: interface of the socket).
const stateLost = 4003;
const firstFinal = 4500;
const lastFinal = 4999;

interface Pending {
  frame: string;
  resolve(outcome: Outcome): void;
  reject(why: Error): void;
}

export class Watch {
  #options: Options;
  #socket: WebSocket | undefined;
  #cursor: Cursor | undefined;
  #link: Link = { state: "connecting", heard: 0 };
  #pause = firstPause;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #beat: ReturnType<typeof setInterval> | undefined;
  #ack: ReturnType<typeof setTimeout> | undefined;
  /** In the order in which they were asked, which is the order in which they are sent again. */
  #pending = new Map<string, Pending>();

  constructor(options: Options) {
    this.#options = options;
    this.#cursor = options.cursor;
    this.#open();
  }

  get link(): Link {
    return this.#link;
  }

  /** What has been applied; keep it to go on from there after a restart. */
  get cursor(): Cursor | undefined {
    return this.#cursor;
  }

  /**
   * Sends a command and gives its outcome. Nothing is asked twice: when the link is lost, or the outcome is unknown, the same id is
   * sent again until the server has answered. It fails with [LinkEnded] only.
   */
  command(asked: Asked, id: string = crypto.randomUUID()): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      if (this.#link.state === "ended") {
        reject(new LinkEnded(this.#link.code, this.#link.reason));
        return;
      }
      const frame = encode({ case: "command", value: { ...asked, id } });
      this.#pending.set(id, { frame, resolve, reject });
      if (this.#link.state === "live") this.#socket?.send(frame);
    });
  }

  /** Sends a position; one that cannot be sent now is worth nothing later. */
  fix(fix: Omit<MessageInitShape<typeof FixSchema>, "$typeName">): void {
    if (this.#link.state === "live") this.#socket?.send(encode({ case: "fix", value: fix }));
  }

  /** Says how this handheld is; like a position it is worth nothing later. */
  status(status: Omit<MessageInitShape<typeof StatusSchema>, "$typeName">): void {
    if (this.#link.state === "live") this.#socket?.send(encode({ case: "status", value: status }));
  }

  /** A longer session under the same socket. */
  renew(token: string): void {
    if (this.#link.state === "live") this.#socket?.send(encode({ case: "renew", value: { token } }));
  }

  /** Tries now, without waiting for the pause to end: the network came back, say. */
  retry(): void {
    this.#pause = firstPause;
    this.#open();
  }

  /** Ends the watch; what is pending fails. */
  close(): void {
    this.#end(1000, "closed");
  }

  #open(): void {
    this.#drop();
    const Socket = this.#options.WebSocket ?? WebSocket;
    const socket = new Socket(`${this.#options.origin.replace(/^http/, "ws")}/v1/watch`, [subprotocol]);
    this.#socket = socket;
    this.#become({ state: "connecting", heard: this.#link.heard });
    this.#retry = setTimeout(() => this.#lost(), helloBound);
    const mine =
      <E>(handle: (event: E) => void) =>
      (event: E) => {
        if (socket === this.#socket) handle(event);
      };
    socket.onopen = mine(() => void this.#hello(socket));
    socket.onmessage = mine((e: MessageEvent<string>) => this.#heard(e.data));
    socket.onclose = mine((e: CloseEvent) => this.#closed(e.code, e.reason));
  }

  async #hello(socket: WebSocket): Promise<void> {
    let token: string;
    try {
      token = await this.#options.token();
    } catch {
      this.#lost(socket);
      return;
    }
    if (socket !== this.#socket) return;
    const value = { token, now: timestampFromDate(new Date()), watch: this.#options.target };
    socket.send(encode({ case: "hello", value: this.#cursor ? { ...value, cursor: this.#cursor } : value }));
  }

  #heard(text: string): void {
    this.#link.heard = Date.now();
    try {
      this.#read(decode(text));
    } catch {
      // Neither a frame that cannot be read nor one that cannot be applied may leave a hole: everything anew.
      this.#cursor = undefined;
      this.#lost();
    }
  }

  #read(body: ServerFrame["body"]): void {
    const on = this.#options.handlers;
    switch (body.case) {
      case "snapshot":
        this.#snapshot(body.value);
        break;
      case "welcome":
        on.resumed({ now: date(body.value.now) });
        this.#live();
        break;
      case "event":
        this.#event(body.value);
        break;
      case "board":
        on.board(body.value);
        break;
      case "outcome":
        this.#outcome(body.value);
        break;
      case "position":
        on.position?.(body.value);
        break;
      case "notice":
        on.notice?.(body.value);
        break;
      case "device":
        on.device?.(body.value);
        break;
      case "pong":
        on.clock?.(date(body.value.now), body.value.logHeard && timestampDate(body.value.logHeard));
        break;
    }
  }

  #snapshot(snapshot: Snapshot): void {
    if (!snapshot.cursor) throw new Error("a snapshot without its place");
    const state = snapshot.state ?? {};
    this.#options.handlers.snapshot(state, { cursor: snapshot.cursor, now: date(snapshot.now) });
    this.#cursor = snapshot.cursor;
    this.#live();
  }

  #event(decided: Decided): void {
    const cursor = this.#cursor;
    if (!cursor) throw new Error("an event before any snapshot");
    if (decided.offset <= cursor.offset) return;
    this.#options.handlers.event(decided);
    this.#cursor = { ...cursor, offset: decided.offset, hash: decided.hash };
    this.#ack ??= setTimeout(() => {
      this.#ack = undefined;
      if (this.#link.state === "live" && this.#cursor) {
        this.#socket?.send(encode({ case: "ack", value: { offset: this.#cursor.offset } }));
      }
    }, ackEvery);
  }

  #outcome(outcome: Outcome): void {
    const pending = this.#pending.get(outcome.id);
    if (!pending) return;
    if (outcome.outcome === "unknown") {
      setTimeout(() => {
        if (this.#link.state === "live" && this.#pending.get(outcome.id) === pending)
          this.#socket?.send(pending.frame);
      }, unknownPause);
      return;
    }
    this.#pending.delete(outcome.id);
    pending.resolve(outcome);
  }

  #live(): void {
    clearTimeout(this.#retry);
    this.#pause = firstPause;
    this.#become({ state: "live", heard: this.#link.heard });
    for (const { frame } of this.#pending.values()) this.#socket?.send(frame);
    const ping = encode({ case: "ping", value: {} });
    this.#socket?.send(ping);
    this.#beat = setInterval(() => {
      if (Date.now() - this.#link.heard > silenceBound) this.#lost();
      else this.#socket?.send(ping);
    }, pingEvery);
  }

  #closed(code: number, reason: string): void {
    if (code >= firstFinal && code <= lastFinal) {
      this.#end(code, reason);
      return;
    }
    if (code === stateLost) this.#cursor = undefined;
    this.#lost();
  }

  /** Tries again after a pause that grows, differently for each client: a server that comes back is not stormed. */
  #lost(socket = this.#socket): void {
    if (socket !== this.#socket || this.#link.state === "ended") return;
    this.#drop();
    const pause = this.#pause * (0.5 + Math.random());
    this.#pause = Math.min(this.#pause * 2, longestPause);
    this.#retry = setTimeout(() => this.#open(), pause);
    this.#become({ state: "waiting", heard: this.#link.heard });
  }

  #end(code: number, reason: string): void {
    this.#drop();
    this.#become({ state: "ended", heard: this.#link.heard, code, reason });
    for (const { reject } of this.#pending.values()) reject(new LinkEnded(code, reason));
    this.#pending.clear();
  }

  #drop(): void {
    clearTimeout(this.#retry);
    clearInterval(this.#beat);
    clearTimeout(this.#ack);
    this.#ack = undefined;
    const socket = this.#socket;
    this.#socket = undefined; // its late events are nobody's
    socket?.close();
  }

  #become(link: Link): void {
    this.#link = link;
    this.#options.handlers.link(link);
  }
}

function date(t: Timestamp | undefined): Date {
  return t ? timestampDate(t) : new Date();
}
