// Sounds by priority. A browser makes none before somebody has touched the page: that is shown, not hidden.

import type { Decided, Notice } from "../gen/proto/vigie/watch/v1/frames_pb";

/** What to play: tones in hertz, each a sixth of a second, and how often. */
const patterns = {
  1: { tones: [988, 740, 988, 740, 988, 740], gain: 0.35 },
  2: { tones: [740, 0, 740], gain: 0.25 },
  3: { tones: [523], gain: 0.2 },
} as const;

const tone = 0.16;
const muteFor = 5 * 60_000;
/** A sound of one priority is not begun again within so many milliseconds: ten alarms at once are one sound. */
const apart = 1_500;

export class Sounds {
  #audio: AudioContext | undefined;
  #mutedUntil = 0;
  #last: Record<number, number> = {};
  #listeners = new Set<() => void>();
  readonly #touched = () => this.enable();

  constructor() {
    try {
      this.#audio = new AudioContext();
      this.#audio.onstatechange = () => this.#tell();
    } catch {
      // A machine without sound: what is shown has to do.
    }
    addEventListener("pointerdown", this.#touched);
    addEventListener("keydown", this.#touched);
  }

  /** Whether a sound would be heard. */
  get on(): boolean {
    return this.#audio?.state === "running";
  }

  /** Until when it is muted, in milliseconds of this device; 0: it is not. */
  get mutedUntil(): number {
    return this.#mutedUntil > Date.now() ? this.#mutedUntil : 0;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  enable(): void {
    if (this.#audio?.state === "suspended") void this.#audio.resume();
  }

  /** Muted for a time, never for good. */
  mute(): void {
    this.#mutedUntil = Date.now() + muteFor;
    this.#tell();
  }

  unmute(): void {
    this.#mutedUntil = 0;
    this.#tell();
  }

  decided(d: Decided): void {
    for (const { body } of d.events) {
      switch (body.case) {
        case "incidentOpened":
        case "incidentAggravated":
          this.play(body.value.priority);
          break;
        case "sosRaised":
        case "backupRequested":
        case "requestUndecidable":
          this.play(1);
          break;
        case "incidentNeglected":
        case "noTeamFound":
          this.play(2);
          break;
        case "teamsProposed":
        case "missionDeclined":
        case "missionExpired":
        case "missionUndelivered":
          this.play(3);
          break;
      }
    }
  }

  noticed(n: Notice): void {
    if (!n.over) this.play(1);
  }

  play(priority: number): void {
    const audio = this.#audio;
    const p = priority === 1 || priority === 2 ? priority : 3;
    if (audio?.state !== "running" || this.mutedUntil) return;
    if (Date.now() - (this.#last[p] ?? 0) < apart) return;
    this.#last[p] = Date.now();
    const { tones, gain } = patterns[p];
    tones.forEach((hz, k) => {
      if (hz === 0) return;
      const source = new OscillatorNode(audio, { type: "triangle", frequency: hz });
      const volume = new GainNode(audio, { gain });
      source.connect(volume).connect(audio.destination);
      source.start(audio.currentTime + k * tone);
      source.stop(audio.currentTime + (k + 0.85) * tone);
    });
  }

  close(): void {
    removeEventListener("pointerdown", this.#touched);
    removeEventListener("keydown", this.#touched);
    void this.#audio?.close();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
