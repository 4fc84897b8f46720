// The acts of the guard on their way to the room. Each is on this device before it counts as done, carries its true time and its
// own id, and goes in the order in which it was done; it is forgotten when the room has answered. The server carries an id out once.

import type { Outcome } from "../gen/proto/vigie/watch/v1/frames_pb";
import type { Act, Asked } from "./acts";
import type { Store } from "./store";

/** Sends an act and gives its outcome; it fails when there is nobody to send it to for now. */
export type Send = (act: Act) => Promise<Outcome>;

/** What came of an act. */
export type Answered = (act: Act, outcome: Outcome) => void;

/** An SOS that the server keeps is asked about again so often, until the room has decided. */
const askAgain = 3_000;

export class Outbox {
  #store: Store;
  #team: string;
  #acts: readonly Act[] = [];
  #seq = 0;
  #send: Send | undefined;
  #timers = new Set<ReturnType<typeof setTimeout>>();
  #listeners = new Set<() => void>();
  readonly #answered: Answered;

  private constructor(store: Store, team: string, answered: Answered) {
    this.#store = store;
    this.#team = team;
    this.#answered = answered;
  }

  /** The outbox of a team with what was left in it. */
  static async open(store: Store, team: string, answered: Answered): Promise<Outbox> {
    const box = new Outbox(store, team, answered);
    const all = await store.acts();
    box.#seq = all.at(-1)?.seq ?? 0;
    box.#acts = all.filter((a) => a.team === team);
    return box;
  }

  /** What has no outcome yet, in order. */
  get waiting(): readonly Act[] {
    return this.#acts;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /**
   * Takes an act. It is shown and sent at once, since an SOS waits for no disk; the promise is kept when it would outlive the app.
   */
  async add(asked: Asked, at = Date.now()): Promise<Act> {
    const act: Act = { id: crypto.randomUUID(), seq: ++this.#seq, team: this.#team, at, asked };
    this.#become([...this.#acts, act]);
    const kept = this.#store.put(act);
    this.#dispatch(act);
    await kept.catch(() => undefined); // what cannot be kept is still sent
    return act;
  }

  /** From now on acts go this way: first those that wait, in their order. */
  connect(send: Send): void {
    this.#stop();
    this.#send = send;
    for (const act of this.#acts) this.#dispatch(act);
  }

  /** Acts wait from now on. */
  disconnect(): void {
    this.#stop();
    this.#send = undefined;
  }

  #stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #dispatch(act: Act): void {
    const send = this.#send;
    send?.(act).then(
      (outcome) => this.#heard(act, outcome),
      () => undefined, // it waits for the next connection
    );
  }

  #heard(act: Act, outcome: Outcome): void {
    if (!this.#acts.some((a) => a.id === act.id)) return;
    if (outcome.outcome === "provisional") {
      const safe = { ...act, provisional: true };
      this.#become(this.#acts.map((a) => (a.id === act.id ? safe : a)));
      void this.#store.put(safe).catch(() => undefined);
      this.#later(() => this.#dispatch(safe));
    } else {
      this.#become(this.#acts.filter((a) => a.id !== act.id));
      void this.#store.delete(act.id).catch(() => undefined);
    }
    this.#answered(act, outcome);
  }

  #later(run: () => void): void {
    if (!this.#send) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, askAgain);
    this.#timers.add(timer);
  }

  #become(acts: readonly Act[]): void {
    this.#acts = acts;
    for (const listener of this.#listeners) listener();
  }
}
