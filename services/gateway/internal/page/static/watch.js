// @ts-check
// One room watched over the public socket: hello, snapshot or welcome, events; reconnected with its cursor and a growing,
// random pause. Every room has its own: a socket watches one target.

import { Board, Notices } from "./fold.js";

const helloBound = 10_000;
const firstPause = 500;
const longestPause = 15_000;
/** A doubtful board asks for a new snapshot at most this often. */
const resyncEvery = 60_000;
const longestFeed = 200;

export class Watch {
  board = new Board();
  /** Newest first: {key, at, times, type, body} or {key, at, refusal}, with actor; `resync` marks a gap. */
  feed = [];
  /** connecting, live, waiting or ended. */
  state = "connecting";
  /** Since when it is live, or since when it is not; real milliseconds. */
  since = Date.now();
  /** Why it ended: the close code and the server's words. */
  code = 0;
  reason = "";
  halted = "";
  notices = new Notices();
  #socket = /** @type {WebSocket | null} */ (null);
  #timer = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);
  #pause = firstPause;
  #synced = 0;
  #key = 0;

  /**
   * @param {string} room
   * @param {{token: () => string, changed: () => void, clock: (now: string) => void, configured: () => void}} host
   */
  constructor(room, host) {
    this.room = room;
    this.host = host;
    this.#open();
  }

  /** The board shows what the room is now. */
  get live() { return this.state === "live"; }

  /** Tries again now, after a pause or a silence of the network; an ended watch begins anew. */
  retry() {
    this.#pause = firstPause;
    this.#drop();
    this.#open();
  }

  /** Nothing has been heard of the server since then: a socket that looks open proves nothing. */
  doubt(since) {
    this.retry();
    this.since = since;
  }

  close() {
    this.#drop();
    this.#become("ended");
  }

  /** A longer session under the same socket. */
  renew(token) {
    if (this.live) this.#socket?.send(JSON.stringify({ renew: { token } }));
  }

  #become(state) {
    if (this.live !== (state === "live")) this.since = Date.now();
    this.state = state;
    this.host.changed();
  }

  #drop() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null; // its late events are nobody's
    socket?.close();
  }

  #open() {
    this.#become("connecting");
    this.code = 0;
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/v1/watch`, ["vigie.v1.json"]);
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#lost(socket, 0, ""), helloBound);
    const mine = (handle) => (event) => { if (socket === this.#socket) handle(event); };
    socket.onopen = mine(() => {
      const hello = { token: this.host.token(), now: new Date().toISOString(), watch: `room/${this.room}` };
      socket.send(JSON.stringify({ hello: this.board.cursor ? { ...hello, cursor: this.board.cursor } : hello }));
    });
    socket.onmessage = mine(({ data }) => this.#read(JSON.parse(data)));
    socket.onclose = mine(({ code, reason }) => this.#lost(socket, code, reason));
  }

  #lost(socket, code, reason) {
    if (socket !== this.#socket) return;
    this.#drop();
    this.code = code;
    this.reason = reason;
    if (code >= 4500 && code < 5000) return this.#become("ended");
    if (code === 4003) this.board.cursor = null; // the server cannot go on from there: a snapshot
    const pause = this.#pause * (0.5 + Math.random());
    this.#pause = Math.min(this.#pause * 2, longestPause);
    this.#timer = setTimeout(() => this.#open(), pause);
    this.#become("waiting");
  }

  #read(frame) {
    const [kind] = Object.keys(frame);
    const body = frame[kind];
    switch (kind) {
      case "welcome":
        this.#begun(body.now);
        break;
      case "snapshot":
        if (this.#synced) this.#line({ at: Date.parse(body.now), resync: true });
        this.board.replace(body.cursor, body.state);
        this.#synced = Date.now();
        this.host.configured();
        this.#begun(body.now);
        break;
      case "event":
        this.#decided(body);
        break;
      case "notice":
        if (body.kind === "halted") this.halted = body.message;
        else this.notices.take(body);
        break;
    }
    this.host.changed();
  }

  #begun(now) {
    clearTimeout(this.#timer);
    this.#pause = firstPause;
    this.notices.clear();
    this.halted = ""; // if it still is, a notice says so again
    this.host.clock(now);
    this.#become("live");
  }

  #decided(decided) {
    if (!this.board.apply(decided)) return;
    const about = { at: this.board.at, actor: decided.actor ?? "" };
    for (const event of decided.events ?? []) {
      const [type] = Object.keys(event);
      this.#line({ ...about, type, body: event[type] ?? {} });
      if (type === "region_configured") this.host.configured();
    }
    if (decided.refusal) this.#line({ ...about, refusal: decided.refusal });
    if (this.board.doubtful && Date.now() - this.#synced > resyncEvery) {
      this.board.cursor = null;
      this.retry();
    }
  }

  #line(line) {
    // A choice that fails again every 30 s would drown everything else: it is one line, at its place, that counts.
    const nobody = line.type === "no_team_found" || line.type === "still_no_team";
    const before = nobody && this.feed.find((l) => l.type === "no_team_found" && l.body.incident === line.body.incident);
    if (before) {
      before.times++;
      return;
    }
    this.feed.unshift({ key: ++this.#key, times: 1, ...line });
    this.feed.length = Math.min(this.feed.length, longestFeed);
  }
}
