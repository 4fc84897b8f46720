// A plan that proposes: the room chooses among teams, with their reasons, by one key.

import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { accessible } from "./accessible";
import { launch, person, shot, signIn } from "./browser";
import { Guard, quiet } from "./hand/guard";
import { Program, regionFile } from "./program";

/** A missing patient is searched for by whom the room chooses. A vehicle is as fast by day as by night: so are the stories. */
function proposing(): string {
  const changed = regionFile("two-sites")
    .replace(/(categories: \[patient_missing\]\n +guards:) 2(\n +mode:) automatic/, "$1 1$2 proposed")
    .replace(/^defaults:\n/m, "$&  parameters: {vehicle_day_kmh: 20, vehicle_night_kmh: 20}\n");
  if (!/proposed/.test(changed) || !/vehicle_day_kmh/.test(changed))
    throw new Error("two-sites.yaml is not what it was");
  return changed;
}

/** One alone at North, one of two of South's that is on its way back and not far, the other at South and on foot. */
const places = {
  "north-1": { latitude: 48.8501, longitude: 2.3501 },
  "south-1": { latitude: 48.842, longitude: 2.351 },
  "south-2": { latitude: 48.8366, longitude: 2.3521 },
} as const;

type Team = keyof typeof places;

let program: Program;
let browser: Browser;
let guards: Record<Team, Guard>;
let page: Page;
let pane: Locator;
let proposal: Locator;

beforeAll(async () => {
  program = await new Program(proposing()).start();
  browser = await launch();
});

beforeEach(async () => {
  const [north1, south1, south2] = [
    await onDuty("north-1"),
    await onDuty("south-1"),
    await onDuty("south-2"),
  ];
  guards = { "north-1": north1, "south-1": south1, "south-2": south2 };
  page = (await person(browser)).page;
  await signIn(page, program.url, program.account("dispatcher"));
  pane = page.getByRole("region", { name: "Incident", exact: true });
  proposal = pane.getByRole("region", { name: "Proposal" });
  await page.getByText("● Live").waitFor();
  const asked = { type: "incident.open", site: "north", zone: "HALL", category: "patient_missing" };
  await program.command("alpha", "chief", { ...asked, priority: 3, text: "Mrs B., in a blue gown" });
  await pane.getByText("Mrs B., in a blue gown").waitFor();
  await proposal.waitFor();
});

afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  await quiet(program);
});

afterAll(async () => {
  await browser?.close();
  await program?.stop();
});

/** A guard on duty whose place the room knows. */
async function onDuty(team: Team): Promise<Guard> {
  const guard = await Guard.on(browser, program, team);
  await guard.duty();
  const { latitude, longitude } = places[team];
  let step = 0;
  const there = async () => {
    // An emulated place is told once, when it is set; a guard who walks tells it again.
    await guard.context.setGeolocation({ latitude, longitude: longitude + ++step * 1e-6, accuracy: 10 });
    return (await program.positions("alpha")).find((p) => p.team === team)?.lat;
  };
  await expect.poll(there, { timeout: 60_000, interval: 250 }).toBeCloseTo(latitude, 4);
  return guard;
}

const line = (call: string) => pane.locator(".missions > li").filter({ hasText: call });

test("three teams with their reasons, why not the nearest, and Enter sends the first", async () => {
  const rows = proposal.locator("tbody tr");
  await expect.poll(() => rows.count()).toBe(3);
  await rows.nth(0).getByText("SOUTH 1").waitFor();
  await rows.nth(1).getByText("NORTH 1").waitFor();
  await rows.nth(2).getByText("SOUTH 2").waitFor();
  await proposal.getByText("NORTH 1 is nearer, but", { exact: false }).waitFor();
  await proposal.getByText("goes by itself", { exact: false }).waitFor();
  await proposal.getByRole("button", { name: "Send SOUTH 1 (Enter)" }).waitFor();
  await shot(page, "proposal");
  await accessible(page, "a proposal");

  await page.keyboard.press("Enter");
  await guards["south-1"].mission("seen");
  await line("SOUTH 1").locator(".chip", { hasText: "Seen" }).waitFor();
  await proposal.waitFor({ state: "detached" });
  await guards["south-1"].press("mission.accept");
  await line("SOUTH 1").locator(".chip", { hasText: "Accepted" }).waitFor();
  await shot(page, "proposal-confirmed");
});

test("a figure sends the one in that line", async () => {
  await proposal.getByText("Not by themselves (1)").click();
  await proposal.getByRole("listitem").filter({ hasText: "NORTH 2" }).getByText("off duty").waitFor();
  await shot(page, "proposal-excluded");
  await page.keyboard.press("2");
  await guards["north-1"].mission("seen");
  await line("NORTH 1").locator(".chip", { hasText: "Seen" }).waitFor();
  await proposal.waitFor({ state: "detached" });
  await shot(page, "proposal-chosen");
});

test("O sends one that was not proposed, and it wants a reason, which stays", async () => {
  await page.keyboard.press("o");
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  await page.keyboard.type("north 2");
  await shot(page, "proposal-overrule-team");
  await page.keyboard.press("Enter");
  // Without a reason nothing happens.
  expect(await dialog.getByRole("button", { name: "Send" }).isDisabled()).toBe(true);
  await page.keyboard.type("knows the patient");
  await shot(page, "proposal-overrule");
  await accessible(page, "overruling a proposal");
  await page.keyboard.press("Enter");
  await line("NORTH 2").getByText("knows the patient").waitFor();
  await shot(page, "proposal-overruled");
});
