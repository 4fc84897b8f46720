// The figures of the web apps, as a table: what a first visit takes, and how the console stands a large group's night.

import { mkdirSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import { launch, person, shot, signIn } from "./browser";
import { type Frames, frames, keys, mainThread, traced } from "./frames";
import { Guards, region, ring, type Size, signOn, Walk } from "./group";
import { Program } from "./program";

const visits = 7;
const seconds = 20;
const incidents = 100;
const size: Size = { sites: 30, teamsPerSite: 10 };
const dir = join(import.meta.dirname, "shots");

const rows: [figure: string, measured: string][] = [];
const ms = (n: number) => `${Math.round(n)} ms`;
const middle = (list: number[]) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;

interface Visit {
  painted: number;
  usable: number;
}

/** Opens a page in a browser that has never seen it, and gives when it first painted and when `what` was drawn. */
async function visit(url: string, what: string, before?: (page: Page) => Promise<unknown>): Promise<Visit> {
  const browser = await launch();
  const { page } = await person(browser, { phone: url.includes("/hand") });
  await before?.(page);
  await page.addInitScript((what) => {
    const look = () => {
      if (!document.querySelector(what)) return void requestAnimationFrame(look);
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => Object.assign(window, { usable: performance.now() });
      requestAnimationFrame(() => port2.postMessage(undefined));
    };
    requestAnimationFrame(look);
  }, what);
  await page.goto(url);
  const seen = await page.waitForFunction(() => {
    const painted = performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
    const { usable } = window as { usable?: number };
    return painted && usable && { painted, usable };
  });
  const visit = (await seen.jsonValue()) as Visit;
  await browser.close();
  return visit;
}

async function firstVisits(): Promise<void> {
  const program = await new Program().start();
  const { account, password } = program.account("dispatcher");
  const signedIn = (page: Page) =>
    page.context().request.post(`${program.url}/v1/sessions`, {
      data: { account, password },
      headers: { "X-Vigie-App": "console", Origin: program.url },
    });
  const token = await program.handheld("north-1", "guard-of-north-1");
  const pages: [name: string, path: string, what: string, before?: typeof signedIn][] = [
    ["a page of one line from the same server", "/livez", "body"],
    ["/console, to the sign-in", "/console", 'input[name="account"]'],
    ["/console with a session, to the queue and a live link", "/console", ".link.live", signedIn],
    ["/hand, to the page that asks for a token", "/hand", "main"],
    ["/hand with a token, to the big button", `/hand#token=${token}`, "[data-testid=on-duty]"],
  ];
  for (const [name, path, what, before] of pages) {
    const taken: Visit[] = [];
    for (let k = 0; k < visits; k++) taken.push(await visit(program.url + path, what, before));
    const usable = taken.map((v) => v.usable);
    rows.push([
      name,
      `first paint ${ms(middle(taken.map((v) => v.painted)))}, usable ${ms(middle(usable))}, longest ${ms(Math.max(...usable))}`,
    ]);
  }
  await program.stop();
}

const told = (f: Frames) =>
  `${f.drawn} frames of ${f.interval.toFixed(1)} ms, ${f.dropped} dropped, longest ${ms(f.longest)}`;

async function largeNight(): Promise<void> {
  const program = await new Program(region(size)).start();
  const tokens = await signOn(program, size);
  const guards = new Guards(program, tokens);
  await ring(program, incidents, size);
  const browser = await launch();
  const { page } = await person(browser);
  await signIn(page, program.url, program.account("dispatcher"));
  await page
    .locator(".queue .row")
    .nth(incidents - 1)
    .waitFor();
  await page.locator(".maplibregl-canvas").waitFor();
  const quiet = await frames(page, 3_000);
  const walk = new Walk(program, tokens, size);
  await page.getByText("Positions: newest 0:0", { exact: false }).waitFor();
  await frames(page, 3_000);

  for (const [name, hidden] of [
    ["with the map", false],
    ["without it", true],
  ] as const) {
    if (hidden) await hide(page);
    const path = join(dir, `figures-${hidden ? "no-map" : "map"}.json`);
    await browser.startTracing(page, { path, categories: traced });
    await frames(page, 5_000); // the start of a trace is work of the browser's own
    const [sent, since] = [walk.sent, performance.now()];
    const f = await frames(page, seconds * 1000);
    const rate = ((walk.sent - sent) / (performance.now() - since)) * 1000;
    await browser.stopTracing();
    const main = mainThread(path);
    const down = await keys(page, "ArrowDown", 30);
    rows.push([
      `console, ${tokens.length} teams, ${incidents} incidents, ${Math.round(rate)} positions/s, ${name}`,
      `${told(f)}; longest task ${ms(main.longest)} (${ms(main.computing)} of it computing), ${main.over50} that compute over 50 ms, main thread busy ${Math.round(main.busy * 100)} %; key to paint median ${ms(middle(down))}, longest ${ms(Math.max(...down))}`,
    ]);
    await shot(page, `figures-${hidden ? "no-map" : "map"}`);
  }
  await page.context().close();
  // What the machine itself lets through: a page with nothing on it, beside the same load.
  const { page: blank } = await person(browser);
  await blank.setContent("<p>Nothing</p>");
  const floor = await frames(blank, seconds * 1000);
  const pressed = await keys(blank, "ArrowDown", 30);
  rows.push([
    "a blank page in its place",
    `${told(floor)}; key to paint median ${ms(middle(pressed))}, longest ${ms(Math.max(...pressed))}`,
  ]);
  guards.close();
  await walk.stop();
  rows.push(["the same before the first position", told(quiet)]);
  const refused = [...walk.failed].map(([status, count]) => `${count} with ${status || "no answer"}`);
  rows.push(["positions not taken", refused.join(", ") || "0"]);
  await browser.close();
  await program.stop();
}

/** Takes the map away: without a graphics card it is drawn by a processor. */
const hide = (page: Page) =>
  page.evaluate(() => {
    const pane = document.querySelector<HTMLElement>(".map-pane");
    if (pane) pane.style.display = "none";
  });

test("first visits", firstVisits);
test("a large night", largeNight);

beforeAll(() => mkdirSync(dir, { recursive: true }));

afterAll(() => {
  const [cpu] = cpus();
  console.log(`\n${cpus().length} cores, ${cpu?.model}; Chromium without a graphics card (SwiftShader)\n`);
  for (const [figure, measured] of rows) console.log(`| ${figure} | ${measured} |`);
});
