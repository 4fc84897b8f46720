// What a console shows of one room: views as the server gives them, and what is told beside the story. No rule of the room is
// known here: the server says what has changed (docs/adr/0006).

import type { Decided, Device, Notice } from "../gen/proto/vigie/watch/v1/frames_pb";
import type { Schemas } from "../session/api";
import { type Link, Watch } from "../socket/watch";
import { everySecond, setClock } from "../ui/time";

export type Incident = Schemas["IncidentView"];
export type Mission = Schemas["MissionView"];
export type Team = Schemas["TeamView"];

/** Where a team was, and when, in milliseconds. */
export interface Fix {
  team: string;
  lat: number;
  lon: number;
  at: number;
}

interface Views {
  incidents?: Incident[];
  missions?: Mission[];
  teams?: Team[];
}

/** A decision as told, newest first. */
export interface Told {
  decided: Decided;
  at: number;
}

/** An ended incident is let go of after a day, as in the room. */
const keptAfterEnd = 24 * 3600_000;
const longestStory = 500;
/** What changes is drawn at once, and what follows it within so many milliseconds together: a burst must not take every frame. */
const drawEvery = 100;

export interface RoomState {
  incidents: ReadonlyMap<string, Incident>;
  missions: ReadonlyMap<string, Mission>;
  teams: ReadonlyMap<string, Team>;
  positions: ReadonlyMap<string, Fix>;
  /** The latest of each handheld's battery. */
  devices: ReadonlyMap<string, Device>;
  /** Undecided and provisional alarms, by key. */
  notices: ReadonlyMap<string, Notice>;
  /** Why the room has stopped; empty when it has not. */
  halted: string;
  link: Link;
  /** When the server last heard from the log, by its own clock; undefined before it has said so. */
  logHeard: number | undefined;
  story: readonly Told[];
}

const nothing: RoomState = {
  incidents: new Map(),
  missions: new Map(),
  teams: new Map(),
  positions: new Map(),
  devices: new Map(),
  notices: new Map(),
  halted: "",
  link: { state: "connecting", heard: 0 },
  logHeard: undefined,
  story: [],
};

export class RoomBoard {
  readonly watch: Watch;
  #state = nothing;
  #listeners = new Set<() => void>();
  #queued = false;
  #drawn = Number.NEGATIVE_INFINITY;
  #later: ReturnType<typeof setTimeout> | undefined;
  /** Where teams have been since they were moved last. */
  #moves = new Map<string, Fix>();
  /** Ends the moves; there while teams move. */
  #moving: (() => void) | undefined;
  /** Told of each decision as it comes, for what is not shown: sounds. */
  readonly #decided: ((d: Decided) => void) | undefined;
  readonly #noticed: ((n: Notice) => void) | undefined;

  constructor(
    room: string,
    options: {
      token(): Promise<string>;
      decided?(d: Decided): void;
      noticed?(n: Notice): void;
      origin?: string;
    },
  ) {
    this.#decided = options.decided;
    this.#noticed = options.noticed;
    this.watch = new Watch({
      origin: options.origin ?? location.origin,
      target: `room/${room}`,
      token: options.token,
      handlers: {
        snapshot: (state, { now }) => {
          setClock(now.getTime());
          this.#change({
            ...nothing,
            positions: this.#state.positions,
            link: this.#state.link,
            ...replaced(state as Views),
          });
        },
        // What is still to be noticed is told anew after each hello.
        resumed: ({ now }) => {
          setClock(now.getTime());
          this.#change({ notices: new Map(), halted: "" });
        },
        board: (board) => this.#change(merged(this.#state, (board.changes ?? {}) as Views)),
        event: (decided) => {
          const story = [{ decided, at: timeOf(decided) }, ...this.#state.story].slice(0, longestStory);
          this.#change({ story });
          this.#decided?.(decided);
        },
        link: (link) => this.#change({ link: { ...link } }),
        position: ({ team, lat, lon, at }) =>
          this.place([{ team, lat, lon, at: at ? Number(at.seconds) * 1000 : 0 }]),
        device: (d) => this.#change({ devices: new Map(this.#state.devices).set(d.device, d) }),
        notice: (notice) => this.#notice(notice),
        clock: (now, logHeard) => {
          setClock(now.getTime());
          this.#change({ logHeard: logHeard?.getTime() });
        },
      },
    });
  }

  get state(): RoomState {
    return this.#state;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Puts teams where they were last, if nothing newer is known. */
  place(fixes: readonly Fix[]): void {
    for (const fix of fixes) {
      const known = this.#moves.get(fix.team) ?? this.#state.positions.get(fix.team);
      if (fix.at >= (known?.at ?? 0)) this.#moves.set(fix.team, fix);
    }
    if (this.#moving) return;
    this.#moving = everySecond(() => this.#move());
    this.#move();
  }

  close(): void {
    this.#moving?.();
    clearTimeout(this.#later);
    this.watch.close();
  }

  /** The first at once, and those that follow it with the clocks: teams tell where they are once a second, each at a time of its own. */
  #move(): void {
    if (this.#moves.size === 0) {
      this.#moving?.();
      this.#moving = undefined;
      return;
    }
    this.#change({ positions: new Map([...this.#state.positions, ...this.#moves]) });
    this.#moves.clear();
  }

  #notice(notice: Notice): void {
    this.#noticed?.(notice);
    if (notice.kind === "halted") {
      this.#change({ halted: notice.over ? "" : notice.message });
      return;
    }
    this.#change({ notices: told(this.#state.notices, notice) });
  }

  /** Changes gather until they are drawn. */
  #change(change: Partial<RoomState>): void {
    this.#state = { ...this.#state, ...change };
    if (this.#queued) return;
    this.#queued = true;
    const rest = this.#drawn + drawEvery - performance.now();
    if (rest <= 0) schedule(this.#draw);
    else this.#later = setTimeout(() => schedule(this.#draw), rest);
  }

  readonly #draw = (): void => {
    this.#queued = false;
    this.#drawn = performance.now();
    for (const listener of this.#listeners) listener();
  };
}

/** Hidden pages get no frames, and sounds and titles still count. */
function schedule(run: () => void): void {
  if (typeof document !== "undefined" && document.visibilityState === "visible") requestAnimationFrame(run);
  else setTimeout(run, 0);
}

const byId = <V extends { id: string }>(views: V[] | undefined): Map<string, V> =>
  new Map((views ?? []).map((v) => [v.id, v]));

function replaced(views: Views): Pick<RoomState, "incidents" | "missions" | "teams"> {
  return { incidents: byId(views.incidents), missions: byId(views.missions), teams: byId(views.teams) };
}

function merged(state: RoomState, views: Views): Partial<RoomState> {
  const over = <V extends { id: string }>(known: ReadonlyMap<string, V>, changed: V[] | undefined) =>
    changed?.length ? new Map([...known, ...byId(changed)]) : known;
  return {
    incidents: forgotten(over(state.incidents, views.incidents)),
    missions: over(state.missions, views.missions),
    teams: over(state.teams, views.teams),
  };
}

function forgotten(incidents: ReadonlyMap<string, Incident>): ReadonlyMap<string, Incident> {
  const latest = Math.max(0, ...[...incidents.values()].map((i) => Date.parse(i.opened_at)));
  const old = [...incidents.values()].filter(
    (i) => i.ended_at && Date.parse(i.ended_at) < latest - keptAfterEnd,
  );
  if (old.length === 0) return incidents;
  const kept = new Map(incidents);
  for (const { id } of old) kept.delete(id);
  return kept;
}

function told(notices: ReadonlyMap<string, Notice>, notice: Notice): ReadonlyMap<string, Notice> {
  const next = new Map(notices);
  if (notice.over) next.delete(`${notice.kind}/${notice.key}`);
  else next.set(`${notice.kind}/${notice.key}`, notice);
  return next;
}

function timeOf(d: Decided): number {
  return d.at ? Number(d.at.seconds) * 1000 + Math.floor(d.at.nanos / 1e6) : 0;
}
