// A night at the desk, told in a real browser: what a dispatcher sees and does, by keyboard alone where it matters.

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { accessible } from "./accessible";
import { launch, person, shot, signIn } from "./browser";
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

async function desk(role = "dispatcher", looks = {}): Promise<Page> {
  const { page } = await person(browser, looks);
  await signIn(page, program.url, program.account(role));
  await page
    .getByText(looks && "language" in looks && looks.language === "fr" ? "En direct" : "Live", {
      exact: false,
    })
    .first()
    .waitFor();
  return page;
}

const incident = (page: Page) => page.getByRole("region", { name: "Incident", exact: true });

test("an incident by telephone, a team by radio, to the end, by keyboard alone", async () => {
  const page = await desk();
  await accessible(page, "empty console");
  await shot(page, "console-empty");

  // A team comes on duty by radio: R, who, what.
  await page.keyboard.press("r");
  await page.getByRole("dialog", { name: "Heard by radio" }).waitFor();
  await accessible(page, "radio");
  await shot(page, "console-radio");
  await page.keyboard.press("1");
  await page.keyboard.press("o");
  await page.getByRole("region", { name: "Teams" }).getByText("NORTH 1").waitFor();

  // The telephone: N, a place, a category, Enter.
  await page.keyboard.press("n");
  await page.getByRole("dialog", { name: "New incident" }).waitFor();
  await page.keyboard.type("north hall");
  await page.keyboard.press("Enter");
  await page.keyboard.type("assist");
  await shot(page, "console-new");
  await accessible(page, "new incident");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await page.getByRole("list", { name: "Incidents" }).getByText("Assistance").waitFor();
  await incident(page).getByText("Main hall").waitFor();

  // The plan would send NORTH 1 by itself, if a channel reached it. It has the radio only: it is sent by hand, with a reason.
  await page.keyboard.press("c");
  await incident(page).getByText("you lead").waitFor();
  await page.keyboard.press("p");
  await page.getByRole("region", { name: "Proposal" }).waitFor();
  await shot(page, "console-proposal");
  await accessible(page, "proposal");
  await page.keyboard.press("o");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.type("north 1");
  await page.keyboard.press("Enter");
  await page.keyboard.type("radio only tonight");
  await shot(page, "console-assign");
  await page.keyboard.press("Enter");
  const mission = incident(page).getByRole("listitem").filter({ hasText: "NORTH 1" }).first();
  await mission.getByText("Offered").first().waitFor();

  // What it says is entered with two keys each.
  for (const [key, state] of [
    ["a", "Accepted"],
    ["r", "On the way"],
    ["s", "On scene"],
  ] as const) {
    await page.keyboard.press("r");
    await page.getByRole("dialog", { name: "Heard by radio" }).waitFor();
    await page.keyboard.press("1");
    await page.keyboard.press(key);
    await mission.locator(".chip", { hasText: state }).waitFor();
  }
  await page.keyboard.press("m");
  await page.keyboard.type("A wheelchair is needed.");
  await page.keyboard.press("Enter");
  await incident(page).getByText("A wheelchair is needed.").waitFor();
  await incident(page).getByText("by radio").first().waitFor();
  await incident(page).getByText("Timeline").click();
  await incident(page).getByText("mission arrived", { exact: false }).waitFor();
  await shot(page, "console-mission");
  await accessible(page, "incident with a mission");

  await page.keyboard.press("r");
  await page.keyboard.press("1");
  await page.keyboard.press("t");
  await mission.getByText("Cleared").first().waitFor();
  await page.keyboard.press("x");
  await page.getByRole("dialog", { name: /Close/ }).waitFor();
  await page.keyboard.press("Space");
  await shot(page, "console-close");
  await accessible(page, "close");
  await page.keyboard.press("Enter");
  await page.getByText("No open incident.").waitFor();
  await page.context().close();
});

test("an alarm rings on every console, and only one leads it", async () => {
  const [dispatcher, chief] = [await desk(), await desk("chief")];
  await program.alarm("alpha", {
    code: "PANIC",
    site: "north",
    zone: "PSY",
    text: "Two patients are fighting",
  });
  for (const page of [dispatcher, chief]) {
    await incident(page).getByText("Two patients are fighting").waitFor();
    await incident(page).getByText("No keys or radios within reach of patients").waitFor();
  }
  await dispatcher.keyboard.press("c");
  await incident(dispatcher).getByText("you lead").waitFor();
  await incident(chief).getByText("led by dispatcher").waitFor();
  await shot(dispatcher, "console-alarm");
  await chief.getByRole("button", { name: "Take over (C)" }).click();
  await incident(chief).getByText("you lead").waitFor();
  await incident(dispatcher).getByText("led by chief").waitFor();
  await dispatcher.context().close();
  await chief.context().close();
});

test("a console that is cut off says so in red, and is whole again by itself", async () => {
  const page = await desk();
  await page.context().setOffline(true);
  await page.getByRole("alert").filter({ hasText: "CUT OFF" }).waitFor();
  await page.locator(".console[data-stale]").waitFor();
  await shot(page, "console-cut-off");
  await accessible(page, "cut off");
  await program.alarm("alpha", { code: "INTRUSION", site: "south", zone: "PARKING" });
  await page.context().setOffline(false);
  await page.getByRole("list", { name: "Incidents" }).getByText("Intrusion").waitFor();
  await page.getByRole("alert").filter({ hasText: "CUT OFF" }).waitFor({ state: "detached" });
  await page.context().close();
});

test("the program is killed and comes back, and the console with it", async () => {
  const page = await desk();
  await program.kill();
  await page.getByRole("alert").filter({ hasText: "CUT OFF" }).waitFor();
  await program.start();
  await page.getByText("● Live").waitFor();
  await program.alarm("alpha", { code: "THEFT", site: "south", zone: "HALL" });
  await page.getByRole("list", { name: "Incidents" }).getByText("Theft or damage").waitFor();
  await page.context().close();
});

test("who only watches is offered nothing to do, and is refused it all the same", async () => {
  const page = await desk("supervisor");
  await incident(page).getByText("P1").first().waitFor();
  await shot(page, "console-supervisor");
  expect(
    await page.getByRole("button", { name: /New incident|Lead|Send a team|By radio|Close \(X\)/ }).count(),
  ).toBe(0);
  await page.keyboard.press("n");
  expect(await page.getByRole("dialog").count()).toBe(0);
  const refused = await program.command("alpha", "supervisor", {
    type: "incident.open",
    site: "north",
    category: "assistance",
  });
  expect(refused).toMatchObject({ code: "forbidden" });
  await page.context().close();

  const { page: auditor } = await person(browser);
  await signIn(auditor, program.url, program.account("auditor"));
  await auditor.getByRole("alert").filter({ hasText: "no room to watch" }).waitFor();
  await accessible(auditor, "no room");
  await auditor.context().close();
});

test("in French, in light, and switched without a reload", async () => {
  const page = await desk("dispatcher", { language: "fr", dark: false });
  await page.getByRole("region", { name: "Équipes" }).waitFor();
  await accessible(page, "French, light");
  await shot(page, "console-fr-light");
  await page.evaluate(() => document.body.setAttribute("data-here", "yes"));
  await page.getByRole("button", { name: "Language: English" }).click();
  await page.getByRole("region", { name: "Teams" }).waitFor();
  expect(await page.locator("body[data-here=yes]").count()).toBe(1);
  await page.context().close();
});

test("on a small screen and at 200 %, everything is there without scrolling sideways", async () => {
  const page = await desk("dispatcher", { width: 960, height: 540 });
  await shot(page, "console-200");
  await accessible(page, "200 %");
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
  await page.setViewportSize({ width: 390, height: 844 });
  await shot(page, "console-phone");
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
  await page.context().close();
});

test("who does not know the password is told, and nothing is kept where scripts can read it", async () => {
  const { page } = await person(browser);
  await signIn(page, program.url, { ...program.account("dispatcher"), password: "wrong" });
  await page.getByRole("alert").filter({ hasText: "do not go together" }).waitFor();
  await accessible(page, "sign in");
  await shot(page, "sign-in");
  await signIn(page, program.url, program.account("dispatcher"));
  await page.getByText("● Live").waitFor();
  expect(await page.evaluate(() => document.cookie)).toBe("");
  const [cookie] = await page.context().cookies();
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict" });
  await page.reload();
  await page.getByText("● Live").waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.locator('input[name="password"]').waitFor();
  await page.context().close();
});
