// What goes wrong in the hand: the device is taken off, the room refuses, the log is away, the app is replaced.

import type { Browser } from "playwright-core";
import { expect } from "vitest";
import { accessible } from "../accessible";
import { shot } from "../browser";
import { Front } from "../front";
import type { Program } from "../program";
import { Between } from "./between";
import { Guard, room, telephone } from "./guard";

/** The room takes a phone off, while it is linked and while it is not. */
export async function revoked(program: Program, browser: Browser): Promise<void> {
  const guard = await Guard.on(browser, program, "north-1");
  const { page } = guard;
  async function enrolAgain(): Promise<string> {
    const token = await program.handheld("north-1", "guard-of-north-1");
    await page.locator('input[name="token"]').fill(token);
    await page.getByRole("button", { name: "Sign on" }).click();
    await guard.linked();
    return token;
  }
  await guard.duty();
  await telephone(program, "ED", "assistance", 2, "Somebody has fainted at the desk.");
  await guard.mission("seen");
  await guard.press("mission.accept");
  await guard.sent();
  await program.revoke(guard.token);
  await page.locator("[data-testid=signed-off][data-why=revoked]").waitFor();
  await page.getByText("SOS does not work here").waitFor();
  expect(await guard.part("left").count()).toBe(0);
  await accessible(page, "taken off");
  await shot(page, "hand-revoked");
  const second = await enrolAgain();
  await guard.mission("accepted");

  await guard.kept();
  await guard.lose();
  await guard.press("mission.en_route");
  await guard.press("mission.on_scene");
  await guard.waiting(2);
  await program.revoke(second);
  await guard.context.setOffline(false);
  await page.locator("[data-testid=signed-off][data-why=ended]").waitFor();
  await guard.part("left").getByRole("listitem").filter({ hasText: "On my way" }).waitFor();
  await guard.part("left").getByRole("listitem").filter({ hasText: "On scene" }).waitFor();
  await accessible(page, "taken off with acts that were not sent");
  await shot(page, "hand-revoked-unsent");
  await page.reload();
  await guard.part("left").getByRole("listitem").filter({ hasText: "On my way" }).waitFor();
  await enrolAgain();
  await guard.mission("on_scene");
  await guard.sent();
  expect((await room(program)).missions.at(-1)).toMatchObject({ state: "on_scene" });
}

/** One phone of a team says no without a network, while another of it says yes. */
export async function refused(program: Program, browser: Browser): Promise<void> {
  const guard = await Guard.on(browser, program, "north-1", { language: "fr" });
  const colleague = await Guard.on(browser, program, "north-1");
  await guard.duty();
  await telephone(program, "ED", "assistance", 2, "");
  await guard.mission("seen");
  await guard.lose();
  await guard.part("decline").click();
  await guard.part("reason-with_patient").click();
  await guard.part("duty").waitFor();
  await colleague.press("mission.accept");
  await colleague.sent();
  await guard.find();
  await guard.part("refused").filter({ hasText: "appelez-la" }).waitFor();
  await guard.mission("accepted");
  await accessible(guard.page, "refused");
  await shot(guard.page, "hand-refused");
  await guard.part("refused").getByRole("button").click();
  await guard.part("refused").waitFor({ state: "detached" });
  await guard.mission("accepted");
}

/** The room's rules fail on an SOS. */
export async function sosRefused(program: Program, browser: Browser): Promise<void> {
  const guard = await Guard.on(browser, program, "north-1");
  await guard.duty();
  const between = await Between.on(guard);
  between.answer = { outcome: "refused", code: "undecidable", message: "The rules failed on this command." };
  await guard.hold("sos-silent");
  await guard.part("sos-refused").filter({ hasText: "not taken" }).waitFor();
  expect(await guard.page.locator("dialog[open]").count()).toBe(0);
  await shot(guard.page, "hand-sos-silent-refused");
  // Quiet until the guard has read it, and not longer: a mission would make no sound.
  expect(await guard.page.locator(".quiet-now").count()).toBe(1);
  await guard.part("sos-refused").click();
  await guard.page.locator(".quiet-now").waitFor({ state: "detached" });

  await guard.hold("sos");
  await guard.part("sos-refused").getByText("Use the radio now").waitFor();
  await accessible(guard.page, "SOS refused");
  await shot(guard.page, "hand-sos-refused");
  // Held again, from where it is said.
  between.answer = undefined;
  await guard.hold("sos");
  await guard.page.locator("[data-testid=sos-received][data-done=true]").waitFor();
}

/** The gateway keeps an SOS while nobody can decide on it. */
export async function sosProvisional(program: Program, browser: Browser): Promise<void> {
  const guard = await Guard.on(browser, program, "north-1");
  await guard.duty();
  const between = await Between.on(guard);
  const { page } = guard;
  between.answer = { outcome: "provisional", code: "provisional", message: "The SOS is kept safely." };
  await guard.hold("sos");
  await page.locator("[data-testid=sos-sent][data-done=true]").waitFor();
  await page
    .locator("[data-testid=sos-received][data-done=false]")
    .filter({ hasText: "not yet decided" })
    .waitFor();
  await accessible(page, "SOS while the log is away");
  await shot(page, "hand-sos-provisional");
  await guard.part("sos-sheet").getByRole("button", { name: "Back" }).click();
  await guard.part("sos-strip").filter({ hasText: "not yet decided" }).waitFor();

  // Others' alarms are told, its own is not told to it as somebody else's.
  const alarm = { kind: "provisional", room: "alpha", site: "north", siteName: "North Hospital" };
  between.tell({ notice: { ...alarm, key: "own", team: "north-1", callSign: "NORTH 1" } });
  between.tell({ notice: { ...alarm, key: "other", zone: "PSY", zoneLabel: "Psychiatry", code: "PANIC" } });
  await guard.part("provisional").filter({ hasText: "North Hospital · Psychiatry · PANIC" }).waitFor();
  expect(await guard.part("provisional").count()).toBe(1);
  await accessible(page, "alarm not yet decided");
  await shot(page, "hand-provisional");

  await guard.restart();
  await guard.part("sos-strip").filter({ hasText: "not yet decided" }).waitFor();
  between.answer = undefined;
  await guard.part("sos-strip").filter({ hasText: "Received by the room" }).waitFor();
  await guard.sent();
  expect((await room(program)).incidents.filter((i) => !i.ended_at)).toMatchObject([
    { in_danger: "north-1" },
  ]);
}

/** The build that a phone would open without a network, once no other is kept; runs in the page. */
async function keptBuild(): Promise<string | undefined> {
  const { active, installing, waiting } = await navigator.serviceWorker.ready;
  const names = await caches.keys();
  if (installing || waiting || active?.state !== "activated" || names.length !== 1) return undefined;
  const page = await (await caches.match("/hand"))?.text();
  return page?.match(/data-build="(\d+)"/)?.[1];
}

/** A newer build of the app comes while a guard is on a mission. */
export async function updated(program: Program, browser: Browser): Promise<void> {
  const front = await Front.before(program);
  const guard = await Guard.on(browser, program, "north-1", {}, front.url);
  const build = () => guard.page.evaluate(() => document.documentElement.dataset.build);
  /** The link goes and comes, with a newer build behind it; the phone has it when this returns. */
  async function brings(act: () => Promise<void>): Promise<string> {
    const number = front.newer();
    await guard.lose();
    await act();
    await guard.find();
    await guard.sent();
    await expect.poll(() => guard.page.evaluate(keptBuild), { timeout: 60_000 }).toBe(number);
    return number;
  }
  await guard.duty();
  await telephone(program, "ED", "assistance", 2, "");
  await guard.mission("seen");
  await guard.press("mission.accept");
  await guard.sent();
  await guard.kept();
  const second = await brings(() => guard.press("mission.en_route"));
  await guard.mission("en_route");
  expect(await build()).toBeUndefined();

  // Who opens the app anew has the newer one, with the mission and what was not sent yet.
  await guard.lose();
  await guard.press("mission.on_scene");
  await guard.waiting(1);
  await guard.restart();
  await guard.mission("on_scene");
  await guard.waiting(1);
  expect(await build()).toBe(second);
  await guard.find();
  await guard.sent();

  // At the end of the shift it is taken by itself.
  const third = await brings(() => guard.press("mission.clear"));
  expect(await build()).toBe(second);
  await guard.hold("off-duty");
  await guard.page.locator(`html[data-build="${third}"]`).waitFor();
  await guard.page.locator("[data-testid=duty][data-duty=off]").waitFor();
  expect((await room(program)).missions.at(-1)).toMatchObject({ state: "cleared" });
  await guard.leave();
  front.close();
}
