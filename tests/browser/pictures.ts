// One story as three pictures: an alarm at the desk, the mission in a guard's hand, an SOS and who comes.

import { join } from "node:path";
import type { Page } from "playwright-core";
import { test } from "vitest";
import { launch, person, signIn } from "./browser";
import { Guard } from "./hand/guard";
import { Program } from "./program";

const pictures = join(import.meta.dirname, "../../docs/pictures");
const take = (page: Page, name: string) => page.screenshot({ path: join(pictures, `${name}.png`) });

test("the pictures of the README", async () => {
  const program = await new Program().start();
  const browser = await launch();
  const guards = [];
  for (const team of ["north-1", "north-2", "south-1"]) guards.push(await Guard.on(browser, program, team));
  for (const guard of guards) await guard.duty();
  const [one, two, three] = guards as [Guard, Guard, Guard];

  const { page } = await person(browser, { width: 1440, height: 810 });
  await signIn(page, program.url, program.account("dispatcher"));
  await page.getByText("● Live").waitFor();
  await program.alarm("alpha", { code: "DOOR", site: "south", zone: "HALL" });
  await three.mission("seen");
  await three.press("mission.accept");
  await program.alarm("alpha", {
    code: "PANIC",
    site: "north",
    zone: "PSY",
    text: "Two patients are fighting in the corridor",
  });
  await one.mission("seen");
  await take(one.page, "handheld");
  await one.press("mission.accept");
  await two.mission("seen");
  await page.getByRole("list", { name: "Incidents" }).getByText("Violence inside").click();
  await page.keyboard.press("c");
  const pane = page.getByRole("region", { name: "Incident", exact: true });
  await pane.getByText("you lead").waitFor();
  await pane.locator(".chip", { hasText: "Accepted" }).waitFor();
  await page.locator(".toast").first().waitFor({ state: "detached" });
  await take(page, "console");

  await two.press("mission.accept");
  await three.hold("sos");
  await page.getByRole("list", { name: "Incidents" }).getByText("SOS").click();
  await page.keyboard.press("c");
  await pane.getByText("you lead").waitFor();
  await three.page.getByText("The room").first().waitFor();
  await take(three.page, "sos");
  await browser.close();
  await program.stop();
});
