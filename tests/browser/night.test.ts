// The room and its guards together, in three windows.

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import { launch, person, shot, signIn } from "./browser";
import { Guard } from "./hand/guard";
import { Program } from "./program";

let program: Program;
let browser: Browser;

beforeAll(async () => {
  program = await new Program().start();
  browser = await launch();
});

afterAll(async () => {
  await browser?.close();
  await program?.stop();
});

test("an alarm, two guards on their phones, and a dispatcher who sees each receipt", async () => {
  const [one, two] = [
    await Guard.on(browser, program, "north-1"),
    await Guard.on(browser, program, "north-2"),
  ];
  await one.duty();
  await two.duty();
  const { page } = await person(browser);
  await signIn(page, program.url, program.account("dispatcher"));
  const pane = page.getByRole("region", { name: "Incident", exact: true });
  await page.getByRole("region", { name: "Teams" }).getByText("Available").nth(1).waitFor();
  await page.getByText("Positions: newest", { exact: false }).waitFor();

  await program.alarm("alpha", { code: "PANIC", site: "north", zone: "ED", text: "Shouting at the desk" });
  await pane.getByText("Shouting at the desk").waitFor();
  await page.keyboard.press("c");
  await pane.getByText("you lead").waitFor();
  const line = (call: string) => pane.locator(".missions > li").filter({ hasText: call });
  for (const [guard, call] of [
    [one, "NORTH 1"],
    [two, "NORTH 2"],
  ] as const) {
    await guard.mission("seen");
    await line(call).locator(".chip", { hasText: "Seen" }).waitFor();
    await guard.press("mission.accept");
    await line(call).locator(".chip", { hasText: "Accepted" }).waitFor();
    await guard.press("mission.en_route");
    await guard.press("mission.on_scene");
    await line(call).locator(".chip", { hasText: "On scene" }).waitFor();
  }
  await pane.getByText("2 of 2 guards").waitFor();
  await shot(page, "night-on-scene");
  await pane.getByRole("button", { name: "Under control" }).click();
  await pane.getByText("Under control").first().waitFor();

  // One of them is in danger: the room hears it at once, and the guard sees who comes.
  await one.press("mission.clear");
  await line("NORTH 1").locator(".chip", { hasText: "Cleared" }).waitFor();
  await one.hold("sos");
  await page.getByRole("list", { name: "Incidents" }).getByText("SOS").waitFor();
  await page.getByRole("list", { name: "Incidents" }).getByText("SOS").click();
  await page.keyboard.press("c");
  await shot(page, "night-sos");
  await shot(one.page, "night-sos-hand");
  await page.context().close();
  await one.leave();
  await two.leave();
});
