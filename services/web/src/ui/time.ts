// Times as the room reads them: HH:MM:SS with the age beside it. The room has a clock of its own, which a simulation runs faster.

import { useSyncExternalStore } from "react";

let offset = 0;
let rate = 1;
let base = Date.now();

/** Sets the room's clock: what it showed when this device's showed `local`, and how fast it runs. */
export function setClock(room: number, speed = rate, local = Date.now()): void {
  offset = room;
  base = local;
  rate = speed;
}

/** The room's time now, in milliseconds. */
export function now(): number {
  return offset === 0 ? Date.now() : offset + (Date.now() - base) * rate;
}

const tickers = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let tick = 0;

/** Calls at each beat of the clocks, once a second, until what it gives is called: what changes with them is drawn in their frame. */
export function everySecond(listener: () => void): () => void {
  tickers.add(listener);
  timer ??= setInterval(() => {
    tick++;
    for (const t of tickers) t();
  }, 1000);
  return () => {
    tickers.delete(listener);
    if (tickers.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** The room's time, anew every second. */
export function useNow(): number {
  useSyncExternalStore(everySecond, () => tick);
  return now();
}

/** Milliseconds of a time on the wire; 0 when it has not come. */
export function millis(at: string | undefined): number {
  return at ? Date.parse(at) : 0;
}

/** One for each zone: making it takes far longer than what it does. */
const formats = new Map<string, Intl.DateTimeFormat>();

/** HH:MM:SS in the time zone of the room. */
export function clock(at: number, zone: string): string {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("fr-FR", {
      timeZone: zone,
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
    formats.set(zone, format);
  }
  return format.format(at);
}

/** An age or a rest: 0:07, 12:30, 3:04:05. */
export function span(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  const two = (n: number) => String(n).padStart(2, "0");
  const hours = Math.floor(s / 3600);
  const minutes = Math.floor(s / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(s % 60)}` : `${minutes}:${two(s % 60)}`;
}
