// A large group has more teams than keys: who is not among the first is found by name.

import { expect, test } from "vitest";
import { accessible } from "./accessible";
import { launch, person, shot, signIn } from "./browser";
import { region } from "./group";
import { Program } from "./program";

test("a team that has no key of its own is found by / and a part of its name", async () => {
  const program = await new Program(region({ sites: 8, teamsPerSite: 5 })).start();
  const browser = await launch();
  const { page } = await person(browser);
  await signIn(page, program.url, program.account("dispatcher"));
  await page.getByText("Live", { exact: false }).first().waitFor();

  await page.keyboard.press("r");
  const radio = page.getByRole("dialog", { name: "Heard by radio" });
  await radio.waitFor();
  expect(await radio.getByRole("button", { name: "UNIT 35" }).count()).toBe(1);
  expect(await radio.getByRole("button", { name: "UNIT 38" }).count()).toBe(0);
  await page.keyboard.press("/");
  await page.keyboard.type("3");
  // The id of UNIT 4 has a 3 in it, too, which nobody sees.
  await radio.getByRole("option").first().waitFor();
  for (const name of await radio.getByRole("option").allTextContents()) expect(name).toMatch(/3/);
  await page.keyboard.type("8");
  await accessible(page, "radio, looking for a team");
  await shot(page, "console-radio-search");
  await page.keyboard.press("Enter");
  await radio.getByText("UNIT 38").waitFor();
  await page.keyboard.press("o");
  await radio.waitFor({ state: "detached" });
  await page.getByRole("region", { name: "Teams" }).getByText("UNIT 38").waitFor();

  // On duty it has a key: those who speak most come first.
  await page.keyboard.press("r");
  await page.keyboard.press("1");
  await radio.getByText("UNIT 38").waitFor();
  await page.keyboard.press("f");
  await page.getByRole("region", { name: "Teams" }).getByText("No team is on duty").waitFor();
  await browser.close();
  await program.stop();
});
