// Sound and vibration. A browser lets neither happen before the page was touched once, and the screen says so until then.

import { useEffect, useSyncExternalStore } from "react";

export type Tone = "mission" | "urgent" | "provisional";

interface Note {
  hz: number;
  /** Seconds from the beginning, and how long. */
  at: number;
  for: number;
}

const notes: Record<Tone, Note[]> = {
  mission: [
    { hz: 660, at: 0, for: 0.25 },
    { hz: 880, at: 0.3, for: 0.35 },
  ],
  urgent: [
    { hz: 880, at: 0, for: 0.2 },
    { hz: 1320, at: 0.22, for: 0.2 },
    { hz: 880, at: 0.44, for: 0.2 },
    { hz: 1320, at: 0.66, for: 0.3 },
  ],
  provisional: [
    { hz: 520, at: 0, for: 0.4 },
    { hz: 520, at: 0.5, for: 0.4 },
  ],
};

const shakes: Record<Tone, number[]> = {
  mission: [500, 200, 500],
  urgent: [700, 150, 700, 150, 700],
  provisional: [400, 200, 400],
};

const every = 2_000;

let audio: AudioContext | undefined;
const listeners = new Set<() => void>();
const tell = () => {
  for (const listener of listeners) listener();
};

/** Lets the device sound from the first touch of the page on. Gives what undoes it. */
export function armAlerts(): () => void {
  const arm = () => {
    if (typeof AudioContext === "undefined") return;
    if (!audio) {
      audio = new AudioContext();
      audio.onstatechange = tell;
    }
    if (audio.state !== "running") void audio.resume().catch(() => undefined);
  };
  const touches = ["pointerup", "keydown"] as const;
  for (const touch of touches) addEventListener(touch, arm, { passive: true });
  return () => {
    for (const touch of touches) removeEventListener(touch, arm);
  };
}

function armed(): boolean {
  return audio?.state === "running";
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Whether this device would sound now. */
export function useArmed(): boolean {
  return useSyncExternalStore(subscribe, armed);
}

/** Sounds and shakes for as long as a tone is given. */
export function useAlert(tone: Tone | undefined): void {
  useEffect(() => {
    if (!tone) return;
    once(tone);
    const timer = setInterval(() => once(tone), every);
    return () => {
      clearInterval(timer);
      navigator.vibrate?.(0);
    };
  }, [tone]);
}

function once(tone: Tone): void {
  navigator.vibrate?.(shakes[tone]);
  if (audio?.state !== "running") return;
  for (const note of notes[tone]) play(audio, note);
}

function play(on: AudioContext, note: Note): void {
  const begin = on.currentTime + note.at;
  const end = begin + note.for;
  const source = on.createOscillator();
  const gain = on.createGain();
  source.type = "square"; // carries further through a pocket than a sine
  source.frequency.value = note.hz;
  gain.gain.setValueAtTime(0, begin);
  gain.gain.linearRampToValueAtTime(0.5, begin + 0.02);
  gain.gain.setValueAtTime(0.5, end - 0.03);
  gain.gain.linearRampToValueAtTime(0, end);
  source.connect(gain).connect(on.destination);
  source.start(begin);
  source.stop(end);
}
