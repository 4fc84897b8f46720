// What a handheld shows: the whole state of its team, as the server gives it with each change (docs/adr/0006).

import { create } from "@bufbuild/protobuf";
import { type Cursor, CursorSchema, type Decided, type Notice } from "../gen/proto/vigie/watch/v1/frames_pb";
import { type Link, Watch } from "../socket/watch";
import { setClock } from "../ui/time";
import type { Incident, Mission, Team } from "./room";

export interface Entrance {
  id: string;
  label: string;
  lat_e7: number;
  lon_e7: number;
}

/** The place of the active mission. */
export interface Premises {
  site_name: string;
  address: string;
  zone_label: string;
  building: string;
  floor: string;
  entrances: Entrance[];
  access: string[];
  hazards: string[];
}

/** Another team on the same incident. */
export interface Companion {
  team: string;
  call_sign: string;
  mission: string;
  state: string;
  guards: number;
  offered_at: string;
  accepted_at: string;
  en_route_at: string;
  on_scene_at: string;
  arrival_ms: number;
}

/** What has become of the team's own SOS, while it is not over. */
export interface Help {
  incident: string;
  state: string;
  received_at: string;
  claimed: boolean;
  teams: Companion[];
}

export interface TeamView {
  team: Team;
  missions: Mission[];
  incidents: Incident[];
  premises?: Premises;
  with: Companion[];
  sos?: Help;
  /** What the radio calls the teams that the incidents name. */
  call_signs?: Record<string, string>;
}

export interface TeamState {
  /** Undefined before the first snapshot. */
  view: TeamView | undefined;
  notices: ReadonlyMap<string, Notice>;
  /** Why the room has stopped; empty when it has not. */
  halted: string;
  link: Link;
  /** When the server last heard from the log, by its own clock; undefined before it has said so. */
  logHeard: number | undefined;
}

/** Where a handheld goes on from after its app was killed. */
export interface Place {
  logId: string;
  offset: bigint;
  hash: string;
}

export interface TeamOptions {
  token(): Promise<string>;
  /** Told of each decision about the team as it comes. */
  decided?(d: Decided): void;
  /** Told of each view before it is shown; `whole` when it is a snapshot, whose causes are not told. */
  viewed?(before: TeamView | undefined, after: TeamView, whole: boolean): void;
  /** What was kept of an earlier run. */
  kept?: { view: TeamView; place: Place | undefined };
  origin?: string;
}

export class TeamBoard {
  readonly watch: Watch;
  #options: TeamOptions;
  #state: TeamState;
  #listeners = new Set<() => void>();
  /** The notices that this socket was told of. */
  #toldHere = new Set<string>();

  constructor(team: string, options: TeamOptions) {
    this.#options = options;
    this.#state = {
      view: options.kept?.view,
      notices: new Map(),
      halted: "",
      link: { state: "connecting", heard: 0 },
      logHeard: undefined,
    };
    const place = options.kept?.place;
    this.watch = new Watch({
      origin: options.origin ?? location.origin,
      target: `team/${team}`,
      token: options.token,
      ...(place ? { cursor: create(CursorSchema, place) } : {}),
      handlers: {
        snapshot: (state, { now }) => {
          setClock(now.getTime());
          this.#viewed(state as TeamView, true);
        },
        resumed: ({ now }) => setClock(now.getTime()),
        board: (board) => board.state && this.#viewed(board.state as unknown as TeamView, false),
        event: (decided) => options.decided?.(decided),
        link: (link) => this.#linked(link),
        notice: (notice) => this.#notice(notice),
        clock: (now, logHeard) => {
          setClock(now.getTime());
          this.#change({ logHeard: logHeard?.getTime(), ...this.#current() });
        },
      },
    });
  }

  get state(): TeamState {
    return this.#state;
  }

  get place(): Place | undefined {
    const c: Cursor | undefined = this.watch.cursor;
    return c && { logId: c.logId, offset: c.offset, hash: c.hash };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  close(): void {
    this.watch.close();
  }

  #viewed(view: TeamView, whole: boolean): void {
    this.#options.viewed?.(this.#state.view, view, whole);
    this.#change({ view });
  }

  #linked(link: Link): void {
    if (link.state === "connecting") this.#toldHere = new Set();
    this.#change({ link: { ...link } });
  }

  #notice(notice: Notice): void {
    const key = `${notice.kind}/${notice.key}`;
    this.#toldHere.add(key);
    if (notice.kind === "halted") {
      this.#change({ halted: notice.message });
      return;
    }
    const notices = new Map(this.#state.notices);
    if (notice.over) notices.delete(key);
    else notices.set(key, notice);
    this.#change({ notices });
  }

  /** A new socket is told of all that is not over before its first pong: what only an earlier one was told of is over. */
  #current(): Pick<TeamState, "notices" | "halted"> {
    const { notices, halted } = this.#state;
    const gone = [...notices.keys()].some((key) => !this.#toldHere.has(key));
    return {
      notices: gone ? new Map([...notices].filter(([key]) => this.#toldHere.has(key))) : notices,
      halted: [...this.#toldHere].some((key) => key.startsWith("halted/")) ? halted : "",
    };
  }

  #change(change: Partial<TeamState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}
