// What a handheld shows: the whole state of its team, as the server gives it with each change (docs/adr/0006).

import type { Decided, Notice } from "../gen/proto/vigie/watch/v1/frames_pb";
import { type Link, Watch } from "../socket/watch";
import { setClock } from "../ui/time";
import type { Incident, Mission, Team } from "./room";

export interface TeamView {
  team: Team;
  missions: Mission[];
  incidents: Incident[];
}

export interface TeamState {
  /** Undefined before the first snapshot. */
  view: TeamView | undefined;
  notices: ReadonlyMap<string, Notice>;
  link: Link;
}

export interface TeamOptions {
  token(): Promise<string>;
  /** Told of each decision about the team as it comes. */
  decided?(d: Decided): void;
  origin?: string;
}

export class TeamBoard {
  readonly watch: Watch;
  #state: TeamState = { view: undefined, notices: new Map(), link: { state: "connecting", heard: 0 } };
  #listeners = new Set<() => void>();

  constructor(team: string, options: TeamOptions) {
    this.watch = new Watch({
      origin: options.origin ?? location.origin,
      target: `team/${team}`,
      token: options.token,
      handlers: {
        snapshot: (state, { now }) => {
          setClock(now.getTime());
          this.#change({ view: state as TeamView, notices: new Map() });
        },
        resumed: ({ now }) => setClock(now.getTime()),
        board: (board) => board.state && this.#change({ view: board.state as unknown as TeamView }),
        event: (decided) => options.decided?.(decided),
        link: (link) => this.#change({ link: { ...link } }),
        notice: (notice) => this.#notice(notice),
        clock: (now) => setClock(now.getTime()),
      },
    });
  }

  get state(): TeamState {
    return this.#state;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  close(): void {
    this.watch.close();
  }

  #notice(notice: Notice): void {
    const notices = new Map(this.#state.notices);
    if (notice.over) notices.delete(`${notice.kind}/${notice.key}`);
    else notices.set(`${notice.kind}/${notice.key}`, notice);
    this.#change({ notices });
  }

  #change(change: Partial<TeamState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}
