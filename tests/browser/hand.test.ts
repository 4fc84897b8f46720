// The guard's side of the night.

import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, test } from "vitest";
import { launch } from "./browser";
import { quiet } from "./hand/guard";
import * as stories from "./hand/stories";
import * as trouble from "./hand/trouble";
import { Program } from "./program";

let program: Program;
let browser: Browser;

beforeAll(async () => {
  program = await new Program().start();
  browser = await launch();
});

afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  await quiet(program);
});

afterAll(async () => {
  await browser?.close();
  await program?.stop();
});

test("a mission from the offer to the end, one big button at a time", () =>
  stories.mission(program, browser));
test("a guard says no, and why", () => stories.declined(program, browser));
test("cut off in mid-mission: acts, kills the app, comes back, and it is all there in order", () =>
  stories.cutOff(program, browser));
test("an answer that was overtaken is told to stand down", () => stories.overtaken(program, browser));
test("a mission that is recalled says so on the whole screen", () => stories.recalled(program, browser));
test("an SOS is sent, received, and answered with who comes", () => stories.sos(program, browser));
test("large letters, gloves, and the page of what works here", () => stories.large(program, browser));
test("a phone is enrolled by a pasted token, and keeps no secret where scripts can read it", () =>
  stories.enrolled(program, browser));

test("a phone that was taken off says so, keeps what it has not sent, and goes on once it is enrolled again", () =>
  trouble.revoked(program, browser));
test("an act that the room does not take says why, and what to do", () => trouble.refused(program, browser));
test("an SOS that the room does not take has the screen, a silent one does not", () =>
  trouble.sosRefused(program, browser));
test("an SOS while the log is away is shown as heard and not decided", () =>
  trouble.sosProvisional(program, browser));
test("a newer app never comes in the middle of a mission, and loses nothing", () =>
  trouble.updated(program, browser));
