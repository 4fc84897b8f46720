// What a dispatcher sees when parts of Vigie die or stand still: a gateway, the deciders, Kafka, the log of a room.

import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { accessible } from "./accessible";
import { Apart } from "./apart";
import { launch, person, shot, signIn } from "./browser";

let vigie: Apart;
let browser: Browser;

beforeAll(async () => {
  [vigie, browser] = await Promise.all([new Apart().start(), launch()]);
});

afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
});

afterAll(async () => {
  await browser?.close();
  await vigie?.stop();
});

/** What hung together may take so long to agree again, in milliseconds. */
const recovery = { timeout: 120_000 };

async function desk(): Promise<Page> {
  const { page } = await person(browser);
  await signIn(page, vigie.url, vigie.account("dispatcher"));
  await page.getByText("● Live").waitFor();
  return page;
}

const queue = (page: Page) => page.getByRole("list", { name: "Incidents" });
const pane = (page: Page) => page.getByRole("region", { name: "Incident", exact: true });
const notices = (page: Page) => page.getByRole("list", { name: "Alarms without a decision" });
const banner = (page: Page, text: string) => page.getByRole("alert").filter({ hasText: text });

test("gateways are killed under a console: it says so in red, comes back by itself, and nothing is lost", async () => {
  const page = await desk();
  await vigie.alarm("alpha", { code: "PANIC", site: "north", zone: "PSY", text: "Before it all" });
  await pane(page).getByText("Before it all").waitFor();
  await page.keyboard.press("c");
  await pane(page).getByText("you lead").waitFor();

  // One of two: whichever the console is at, it goes on at one that runs. How short it was cut off, it has said so.
  await page.evaluate(() => {
    const told: string[] = [];
    Object.assign(window, { told });
    new MutationObserver(() => {
      for (const alert of document.querySelectorAll(".banner")) told.push(alert.textContent ?? "");
    }).observe(document.body, { subtree: true, childList: true });
  });
  await vigie.does("kill gateway-1");
  await vigie.does("await gateway");
  await page.getByText("● Live").waitFor();
  await vigie.does("kill gateway-2");
  await page.waitForFunction(() =>
    (window as unknown as { told: string[] }).told.some((t) => t.includes("CUT OFF")),
  );
  await vigie.alarm("alpha", { code: "INTRUSION", site: "south", zone: "PARKING" });
  await queue(page).getByText("Intrusion").waitFor();
  await page.getByText("● Live").waitFor();
  await vigie.does("await gateway");

  // Both: it stays cut off until one is back. What was asked meanwhile is asked once, and alarms are taken all the while.
  await vigie.does("kill gateway");
  await banner(page, "CUT OFF").waitFor();
  await page.keyboard.press("m");
  await page.keyboard.type("Written while cut off");
  await page.keyboard.press("Enter");
  await vigie.alarm("alpha", { code: "THEFT", site: "south", zone: "HALL" });
  await page.getByText("waiting for the room", { exact: false }).first().waitFor();
  await shot(page, "stack-cut-off");
  await accessible(page, "cut off, with a command that waits");
  await page.getByText("● Live").waitFor(recovery);
  await queue(page).getByText("Theft or damage").waitFor();
  await pane(page).getByText("Written while cut off").waitFor();
  await banner(page, "CUT OFF").waitFor({ state: "detached" });
  await pane(page).getByText("you lead").waitFor();
  expect(await pane(page).getByText("Written while cut off").count()).toBe(1);
  expect(await queue(page).getByRole("listitem").count()).toBe(3);
  await shot(page, "stack-back");
});

test("an alarm on which nobody decides is shown and rings all the same", async () => {
  const page = await desk();
  await vigie.does("pause dispatch");
  try {
    await vigie.alarm("alpha", { code: "FIRE", site: "north", zone: "PHARMACY" });
    await notices(page).getByText("Not decided yet").waitFor();
    await notices(page).getByText("Fire detector").waitFor();
    await notices(page).getByText("Pharmacy", { exact: false }).waitFor();
    await shot(page, "stack-undecided");
    await accessible(page, "an undecided alarm");
  } finally {
    await vigie.does("resume dispatch");
  }
  await queue(page).getByText("Fire").waitFor(recovery);
  await notices(page).waitFor({ state: "detached" });
});

test("while Kafka is away an alarm is shown as provisional, and the console says how old the rest is", async () => {
  const page = await desk();
  await vigie.does("pause kafka");
  try {
    const taken = await vigie.alarm("alpha", { code: "BRAWL", site: "north", zone: "ED" });
    expect(taken.provisional).toBe(true);
    await notices(page).getByText("Provisional").waitFor();
    await notices(page).getByText("Emergency department", { exact: false }).waitFor();
    await banner(page, "BEHIND").waitFor();
    await page.locator(".console[data-stale=behind]").waitFor();
    await shot(page, "stack-provisional");
    await accessible(page, "a provisional alarm");
  } finally {
    await vigie.does("resume kafka");
  }
  await queue(page).getByText("Violence from outside").waitFor(recovery);
  await notices(page).waitFor({ state: "detached", ...recovery });
  await banner(page, "BEHIND").waitFor({ state: "detached", ...recovery });
});

test("a room whose log is damaged says that it has stopped and why, and the other goes on", async () => {
  const page = await desk();
  await queue(page).getByRole("listitem").first().waitFor();
  await vigie.does("spoil alpha");
  await banner(page, "THE ROOM HAS STOPPED").waitFor();
  await vigie.alarm("alpha", { code: "DURESS", site: "south", zone: "ED" });
  await notices(page).getByText("Duress code entered").waitFor();
  await shot(page, "stack-halted");
  await accessible(page, "a halted room");
  await page.getByLabel("Room").selectOption({ label: "Room Bravo" });
  await page.getByText("● Live").waitFor();
  await vigie.alarm("bravo", { code: "DOOR", site: "east", zone: "HALL" });
  await queue(page).getByText("Access").waitFor();
  expect(await banner(page, "THE ROOM HAS STOPPED").count()).toBe(0);
  await shot(page, "stack-other-room");
});
