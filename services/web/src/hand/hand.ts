// One handheld at work: the board of its team, the acts on their way, and what is kept of both. The views ask and subscribe here.

import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { TeamBoard, type TeamState } from "../board/team";
import type { Outcome } from "../gen/proto/vigie/watch/v1/frames_pb";
import type { Asked as Sent } from "../socket/watch";
import { type Act, type Asked, isReceipt, type Shown, shown } from "./acts";
import { decided, type Ending, endsMission, overtaken, settled, viewed } from "./endings";
import { Outbox } from "./outbox";
import type { Kept, Store } from "./store";

/** Whose handheld it is. */
export interface Identity {
  team: string;
  device: string;
  guard: string;
}

export interface Refusal {
  act: Act;
  code: string;
}

export interface HandState extends TeamState {
  shown: Shown | undefined;
  /** When the server was last heard of, in this run or an earlier one. */
  heard: number;
  /** Acts without an outcome, receipts among them. */
  waiting: readonly Act[];
  endings: readonly Ending[];
  /** The latest act that the room has refused, for a reason that takes no screen of its own. */
  refused: Refusal | undefined;
  silent: boolean;
}

export class Hand {
  readonly identity: Identity;
  readonly lasting: boolean;
  readonly board: TeamBoard;
  #store: Store;
  #outbox: Outbox;
  #endings: Ending[];
  #silent: boolean;
  #refused: Refusal | undefined;
  #heard: number;
  /** Missions that the guard has ended in this run. */
  #ended = new Set<string>();
  /** Receipts that were given in this run, as type and mission. */
  #receipts = new Set<string>();
  #saving = false;
  #unsaved = false;
  #closed = false;
  #state: HandState;
  #listeners = new Set<() => void>();

  static async open(store: Store, identity: Identity, token: () => Promise<string>): Promise<Hand> {
    const last = await store.kept();
    const mine = last?.team === identity.team && last.device === identity.device ? last : undefined;
    const outbox = await Outbox.open(store, identity.team, (act, outcome) => hand.#answered(act, outcome));
    const hand: Hand = new Hand(store, identity, token, outbox, mine);
    return hand;
  }

  private constructor(
    store: Store,
    identity: Identity,
    token: () => Promise<string>,
    outbox: Outbox,
    kept: Kept | undefined,
  ) {
    this.#store = store;
    this.identity = identity;
    this.lasting = store.lasting;
    this.#outbox = outbox;
    this.#endings = kept?.endings ?? [];
    this.#silent =
      kept?.silent === true && (kept.view?.sos !== undefined || outbox.waiting.some(isSilentSos));
    this.#heard = kept?.heard ?? 0;
    for (const act of outbox.waiting) this.#remember(act);
    this.board = new TeamBoard(identity.team, {
      token,
      ...(kept?.view ? { kept: { view: kept.view, place: kept.place } } : {}),
      viewed: (before, after, whole) => {
        this.#endings = viewed(this.#endings, before, after, this.#ended, whole, Date.now());
      },
      decided: (d) => {
        this.#endings = decided(this.#endings, d);
        this.#changed();
      },
    });
    this.#state = this.#look();
    this.board.subscribe(() => this.#changed());
    outbox.subscribe(() => this.#changed());
    outbox.connect((act) => this.board.watch.command(command(act), act.id));
  }

  get state(): HandState {
    return this.#state;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** The guard acts. What they were told of an earlier refusal is over. */
  act(asked: Asked): void {
    this.#forgetRefusal();
    if (asked.type === "sos") this.#silent = asked.silent;
    void this.#outbox.add(asked).then((act) => this.#remember(act));
    if (asked.type === "mission.clear" || asked.type === "mission.decline") this.#ended.add(asked.mission);
    this.#changed();
  }

  /** The mission is on a screen that somebody can look at. */
  seen(mission: string): void {
    this.#receipt("mission.seen", mission);
  }

  /** The guard has read it. */
  dismiss(mission: string): void {
    this.#endings = this.#endings.filter((e) => e.mission !== mission);
    this.#changed();
  }

  dismissRefusal(): void {
    this.#forgetRefusal();
    this.#changed();
  }

  /** A silent SOS that was not taken keeps the phone quiet until the guard has read so, and not longer. */
  #forgetRefusal(): void {
    if (this.#refused?.act.asked.type === "sos" && !this.board.state.view?.sos)
      this.#silent = this.#outbox.waiting.some(isSilentSos);
    this.#refused = undefined;
  }

  close(): void {
    this.#closed = true;
    this.#outbox.disconnect();
    this.board.close();
  }

  #remember(act: Act): void {
    const mission = endsMission(act);
    if (mission) this.#ended.add(mission);
    if (isReceipt(act) && "mission" in act.asked)
      this.#receipts.add(`${act.asked.type} ${act.asked.mission}`);
  }

  #receipt(type: "mission.delivered" | "mission.seen", mission: string): void {
    const key = `${type} ${mission}`;
    if (this.#receipts.has(key)) return;
    this.#receipts.add(key);
    void this.#outbox.add({ type, mission });
  }

  #answered(act: Act, outcome: Outcome): void {
    const endings = overtaken(this.#endings, act, outcome);
    if (endings) this.#endings = endings;
    else if (outcome.outcome === "refused" && !isReceipt(act)) {
      const mission = endsMission(act);
      if (mission) this.#ended.delete(mission);
      this.#refused = { act, code: outcome.code };
    }
    this.#changed();
  }

  #look(): HandState {
    const board = this.board.state;
    const { waiting } = this.#outbox;
    this.#heard = Math.max(this.#heard, board.link.heard);
    return {
      ...board,
      shown: board.view && shown(board.view, waiting),
      heard: this.#heard,
      waiting,
      endings: settled(this.#endings, waiting),
      refused: this.#refused,
      silent: this.#silent,
    };
  }

  #changed(): void {
    const { view } = this.board.state;
    if (this.#state.view?.sos && !view?.sos) this.#silent = this.#outbox.waiting.some(isSilentSos);
    const mission = view?.missions[0];
    if (mission?.state === "offered") this.#receipt("mission.delivered", mission.id);
    this.#state = this.#look();
    for (const listener of this.#listeners) listener();
    void this.#save();
  }

  /** Keeps the latest, one write at a time. */
  async #save(): Promise<void> {
    this.#unsaved = true;
    if (this.#saving) return;
    this.#saving = true;
    while (this.#unsaved && !this.#closed) {
      this.#unsaved = false;
      const { view } = this.board.state;
      const { place } = this.board;
      await this.#store
        .keep({
          ...this.identity,
          ...(view ? { view } : {}),
          ...(place ? { place } : {}),
          heard: this.#heard,
          endings: this.#endings,
          silent: this.#silent,
        })
        .catch(() => undefined);
    }
    this.#saving = false;
  }
}

function isSilentSos({ asked }: Act): boolean {
  return asked.type === "sos" && asked.silent;
}

/** The command of the wire that an act is. */
function command({ asked, at }: Act): Sent {
  return { ...asked, at: timestampFromMs(at) };
}
