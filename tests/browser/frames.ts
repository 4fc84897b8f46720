// What a page does with its frames, as the browser itself has it.

import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";

/** Of a page that is asked for a frame at each beat of the screen. */
export interface Frames {
  drawn: number;
  /** Frames that came later than twice the screen's interval. */
  dropped: number;
  /** Of the screen, in milliseconds, as the page has found it. */
  interval: number;
  longest: number;
}

/** Asks for each frame for so long, and gives what came. */
export async function frames(page: Page, ms: number): Promise<Frames> {
  return await page.evaluate(async (ms) => {
    const gaps: number[] = [];
    await new Promise<void>((done) => {
      let first = 0;
      let last = 0;
      const frame = (now: number) => {
        first ||= now;
        if (last > 0) gaps.push(now - last);
        last = now;
        if (now - first < ms) requestAnimationFrame(frame);
        else done();
      };
      requestAnimationFrame(frame);
    });
    gaps.sort((a, b) => a - b);
    // A quarter of the way up: what the screen gives when nothing is late.
    const interval = gaps[Math.floor(gaps.length / 4)] ?? 0;
    return {
      drawn: gaps.length,
      dropped: gaps.filter((g) => g > 2 * interval).length,
      interval,
      longest: gaps.at(-1) ?? 0,
    };
  }, ms);
}

/** From a key to the frame that shows it, in milliseconds: `count` times, a moment apart. */
export async function keys(page: Page, key: string, count: number): Promise<number[]> {
  await page.evaluate(() => {
    const taken: number[] = [];
    Object.assign(window, { taken });
    addEventListener(
      "keydown",
      (e) =>
        requestAnimationFrame(() => {
          // A frame's own work comes before what is posted in it.
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => taken.push(performance.now() - e.timeStamp);
          port2.postMessage(undefined);
        }),
      { capture: true },
    );
  });
  for (let k = 1; k <= count; k++) {
    await page.keyboard.press(key);
    await page.waitForFunction((k) => (window as unknown as { taken: number[] }).taken.length === k, k);
  }
  return await page.evaluate(() => (window as unknown as { taken: number[] }).taken);
}

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  ts: number;
  dur?: number;
  /** Of which on a processor. */
  tdur?: number;
  args?: { name?: string };
}

export const traced = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"];

export interface Main {
  /** The longest task, and how much of its time it was computing: the rest it waited for a processor. */
  longest: number;
  computing: number;
  /** Tasks that took longer than that by themselves. */
  over50: number;
  /** Share of the time. */
  busy: number;
}

/** What a trace says of the busiest main thread of a page. */
export function mainThread(path: string): Main {
  const { traceEvents } = JSON.parse(readFileSync(path, "utf8")) as { traceEvents: TraceEvent[] };
  const mains = new Set(
    traceEvents
      .filter((e) => e.name === "thread_name" && e.args?.name === "CrRendererMain")
      .map((e) => `${e.pid}/${e.tid}`),
  );
  const tasks = new Map<string, { took: number; computing: number }[]>();
  for (const e of traceEvents) {
    const thread = `${e.pid}/${e.tid}`;
    if (e.name !== "RunTask" || e.ph !== "X" || !mains.has(thread)) continue;
    const list = tasks.get(thread) ?? [];
    list.push({ took: (e.dur ?? 0) / 1000, computing: (e.tdur ?? e.dur ?? 0) / 1000 });
    tasks.set(thread, list);
  }
  const sum = (list: { took: number }[]) => list.reduce((all, { took }) => all + took, 0);
  const busiest = [...tasks.values()].sort((a, b) => sum(b) - sum(a))[0] ?? [];
  const longest = busiest.reduce((a, b) => (b.took > a.took ? b : a), { took: 0, computing: 0 });
  const stamps = traceEvents.filter((e) => e.ts > 0).map((e) => e.ts);
  const span = stamps.reduce((a, b) => Math.max(a, b)) - stamps.reduce((a, b) => Math.min(a, b));
  return {
    longest: longest.took,
    computing: longest.computing,
    over50: busiest.filter((t) => t.computing > 50).length,
    busy: (sum(busiest) * 1000) / span,
  };
}
