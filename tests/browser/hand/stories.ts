// The night of a guard, told on a phone: each story brings its own people and leaves a quiet room behind.

import type { Browser } from "playwright-core";
import { expect } from "vitest";
import { accessible } from "../accessible";
import { person, shot } from "../browser";
import type { Program } from "../program";
import { Guard, quiet, room, telephone } from "./guard";

/** From the offer to the end, with one big button. */
export async function mission(program: Program, browser: Browser): Promise<void> {
  const guard = await Guard.on(browser, program, "north-1");
  expect(guard.page.url()).not.toContain("token");
  await accessible(guard.page, "off duty");
  await shot(guard.page, "hand-off-duty");
  await guard.part("position").filter({ hasText: "not shared" }).waitFor();
  await guard.duty();
  await guard.page.locator("[data-testid=position][data-position=known]").waitFor();
  await accessible(guard.page, "on duty");
  await shot(guard.page, "hand-on-duty");

  await telephone(program, "PSY", "internal_violence", 1, "A nurse is alone with an agitated patient.");
  await guard.mission("seen");
  for (const said of [
    "Psychiatry",
    "No keys or radios within reach",
    "Ring at the airlock",
    "A nurse is alone",
  ]) {
    await guard.page.getByText(said, { exact: false }).first().waitFor();
  }
  await accessible(guard.page, "offer");
  await shot(guard.page, "hand-offer");
  await guard.press("mission.accept");
  await guard.press("mission.en_route");
  await guard.press("mission.on_scene");
  await guard.hold("backup");
  await guard.part("backup-asked").waitFor();
  await accessible(guard.page, "on scene");
  await shot(guard.page, "hand-on-scene");
  await guard.press("mission.clear");
  await guard.part("duty").waitFor();
  await guard.sent();
  const [told] = (await room(program)).missions.filter((m) => m.team === "north-1").slice(-1);
  expect(told).toMatchObject({ state: "cleared" });
  for (const leg of ["delivered_at", "seen_at", "accepted_at", "en_route_at", "on_scene_at"])
    expect(told?.[leg]).not.toBe("");
  await guard.leave();
  await quiet(program);
}

/** A guard says no, and why. */
export async function declined(program: Program, browser: Browser): Promise<void> {
  const guard = await Guard.on(browser, program, "north-1");
  await guard.duty();
  await telephone(program, "HALL", "assistance", 3, "");
  await guard.mission("seen");
  await guard.part("decline").click();
  await guard.part("reason-short_of_guards").waitFor();
  await accessible(guard.page, "decline");
  await shot(guard.page, "hand-decline");
  await guard.part("reason-short_of_guards").click();
  await guard.part("duty").waitFor();
  await guard.sent();
  expect((await room(program)).missions.at(-1)).toMatchObject({
    state: "declined",
    end_reason: "short_of_guards",
  });
  expect(await guard.part("ending").count()).toBe(0);
  await guard.leave();
  await quiet(program);
}

/** The network is lost in mid-mission, the guard acts, the app is killed, and comes back. */
export async function cutOff(program: Program, browser: Browser): Promise<void> {
  const guard = await Guard.on(browser, program, "north-1");
  await guard.duty();
  await telephone(program, "ED", "assistance", 2, "Somebody has fainted at the desk.");
  await guard.mission("seen");
  await guard.press("mission.accept");
  await guard.sent();
  await guard.kept();
  await guard.lose();
  await guard.press("mission.en_route");
  await guard.press("mission.on_scene");
  await guard.waiting(2);
  await accessible(guard.page, "cut off");
  await shot(guard.page, "hand-cut-off");

  await guard.restart();
  await guard.mission("on_scene");
  await guard.part("stale").waitFor();
  await guard.waiting(2);
  await guard.page.getByText("Somebody has fainted").waitFor();
  await shot(guard.page, "hand-killed");
  await guard.part("waiting").click();
  await guard.part("device-sheet").getByRole("listitem").filter({ hasText: "On my way" }).waitFor();
  await guard.part("works-fall").waitFor();
  await accessible(guard.page, "this device");
  await shot(guard.page, "hand-device");
  await guard.part("device-sheet").getByRole("button", { name: "Close" }).click();

  await guard.find();
  await guard.part("waiting").waitFor({ state: "detached" });
  await guard.sent();
  expect((await room(program)).missions.at(-1)).toMatchObject({ state: "on_scene" });
  await guard.leave();
  await quiet(program);
}

/** An answer that was given without a network, while another team took the mission. */
export async function overtaken(program: Program, browser: Browser): Promise<void> {
  const late = await Guard.on(browser, program, "north-1");
  await late.duty();
  await telephone(program, "ED", "assistance", 1, "");
  await late.mission("seen");
  await late.lose();
  await late.press("mission.accept");
  const other = await Guard.on(browser, program, "north-2");
  await other.duty();
  await other.mission("seen");
  await other.press("mission.accept");
  await other.sent();
  await late.find();
  await late.part("ending-stand_down").filter({ hasText: "Team NORTH 2 has it" }).waitFor();
  await accessible(late.page, "stand down");
  await shot(late.page, "hand-stand-down");
  await late.part("close").click();
  await late.part("duty").waitFor();
  await late.leave();
  await other.leave();
  await quiet(program);
}

/** The room takes a mission back, with a word why. */
export async function recalled(program: Program, browser: Browser): Promise<void> {
  const guard = await Guard.on(browser, program, "north-1");
  await guard.duty();
  await telephone(program, "ED", "assistance", 2, "");
  await guard.mission("seen");
  await guard.press("mission.accept");
  await guard.sent();
  const last = (await room(program)).missions.at(-1);
  await program.command("alpha", "chief", {
    type: "mission.cancel",
    mission: last?.id,
    reason: "The police are there",
  });
  await guard.part("ending-recalled").waitFor();
  await guard.part("ending").getByText("The police are there").waitFor();
  await shot(guard.page, "hand-recalled");
  await guard.part("close").click();
  await guard.part("duty").waitFor();
  await guard.leave();
  await quiet(program);
}

/** A guard calls for help, silently too, and sees who comes. */
export async function sos(program: Program, browser: Browser): Promise<void> {
  const guard = await Guard.on(browser, program, "north-1");
  const helper = await Guard.on(browser, program, "north-2");
  await guard.duty();
  await helper.duty();
  await guard.hold("sos");
  await guard.page.locator("[data-testid=sos-received][data-done=true]").waitFor();
  await helper.mission("seen");
  await helper.page.getByText("SOS of team NORTH 1").waitFor();
  await helper.press("mission.accept");
  await guard.part("with-north-2").waitFor();
  await accessible(guard.page, "SOS");
  await shot(guard.page, "hand-sos");
  await shot(helper.page, "hand-sos-helper");
  await quiet(program);
  await guard.page.getByText("The room has ended the SOS").waitFor();

  // By keyboard, silent, without a network, and across the end of the app.
  await guard.kept();
  await guard.lose();
  await guard.part("sos-silent").focus();
  await guard.page.keyboard.down("Enter");
  await guard.page.locator("[data-testid=sos-strip][data-silent]").waitFor();
  await guard.page.keyboard.up("Enter");
  await shot(guard.page, "hand-sos-silent");
  await guard.restart();
  await guard.page.locator("[data-testid=sos-strip][data-silent]").waitFor();
  await guard.find();
  await guard.sent();
  expect((await room(program)).incidents.filter((i) => !i.ended_at)).toMatchObject([
    { in_danger: "north-1", priority: 1 },
  ]);
  await guard.leave();
  await helper.leave();
  await quiet(program);
}

/** French and light, with the text twice as large: nothing to press is small, nothing scrolls sideways. */
export async function large(program: Program, browser: Browser): Promise<void> {
  const guard = await Guard.on(browser, program, "north-1", { language: "fr", dark: false });
  await guard.duty();
  await telephone(program, "PSY", "internal_violence", 1, "Une infirmière est seule avec un patient agité.");
  await guard.mission("seen");
  await guard.page.getByRole("button", { name: "Accepter" }).waitFor();
  await accessible(guard.page, "French, light");
  await shot(guard.page, "hand-fr-light");
  await guard.page.setViewportSize({ width: 195, height: 422 });
  await shot(guard.page, "hand-200");
  await accessible(guard.page, "200 %");
  const fits = await guard.page.evaluate(() => ({
    sideways: document.documentElement.scrollWidth > innerWidth,
    small: [...document.querySelectorAll("button, a, input")].filter(
      (e) => e.getBoundingClientRect().height < 55.9,
    ).length,
  }));
  expect(fits).toEqual({ sideways: false, small: 0 });
  await guard.leave();
  await quiet(program);
}

/** A token that is good for nothing, one that is pasted, and a device that is taken off and keeps nothing. */
export async function enrolled(program: Program, browser: Browser): Promise<void> {
  const { context, page } = await person(browser, { phone: true });
  await page.goto(`${program.url}/hand`);
  const field = page.locator('input[name="token"]');
  await field.fill("nonsense");
  await page.getByRole("button", { name: "Sign on" }).click();
  await page.getByRole("alert").filter({ hasText: "not, or no longer, good" }).waitFor();
  await accessible(page, "sign on");
  await shot(page, "hand-sign-on");
  await field.fill(await program.handheld("north-1", "guard-of-north-1"));
  await page.getByRole("button", { name: "Sign on" }).click();
  await page.locator("[data-testid=link][data-link=live]").waitFor();
  expect(await page.evaluate(() => document.cookie)).toBe("");
  await page.getByRole("button", { name: "This device" }).click();
  await page.getByRole("button", { name: "Take this device off the team" }).click();
  await field.waitFor();
  await page.reload();
  await field.waitFor();
  expect(await page.getByTestId("duty").count()).toBe(0);
  await context.close();
}
