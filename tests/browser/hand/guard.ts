// A guard with a handheld, as a story sees one: what is on the screen, and the thumb.

import type { Browser, BrowserContext, Locator, Page } from "playwright-core";
import { type Looks, person } from "../browser";
import type { Program } from "../program";

export type Step = "mission.accept" | "mission.en_route" | "mission.on_scene" | "mission.clear";

/** By the main entrance of North Hospital. */
const atNorth = { latitude: 48.8501, longitude: 2.3501, accuracy: 10 };

export class Guard {
  page: Page;
  readonly context: BrowserContext;
  readonly url: string;
  readonly token: string;

  private constructor(context: BrowserContext, page: Page, url: string, token: string) {
    this.context = context;
    this.page = page;
    this.url = url;
    this.token = token;
  }

  /** Signs a phone on for a team, by the address that the room shows. */
  static async on(
    browser: Browser,
    program: Program,
    team: string,
    looks: Looks = {},
    url = program.url,
  ): Promise<Guard> {
    const { context, page } = await person(browser, { phone: true, ...looks });
    await context.setGeolocation(atNorth);
    const token = await program.handheld(team, `guard-of-${team}`);
    const guard = new Guard(context, page, url, token);
    await page.goto(`${url}/hand#token=${token}`);
    await guard.linked();
    return guard;
  }

  part(id: string): Locator {
    return this.page.getByTestId(id);
  }

  async linked(): Promise<void> {
    await this.page.locator("[data-testid=link][data-link=live]").waitFor();
  }

  /** No network for this phone; it has noticed when this returns. */
  async lose(): Promise<void> {
    await this.context.setOffline(true);
    await this.part("stale").waitFor();
  }

  async find(): Promise<void> {
    await this.context.setOffline(false);
    await this.linked();
  }

  /** The app is killed, and opened again. */
  async restart(): Promise<void> {
    await this.page.close();
    this.page = await this.context.newPage();
    await this.page.goto(`${this.url}/hand`);
  }

  /** The service worker has the page: it opens without a network from now on. */
  async kept(): Promise<void> {
    await this.page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  }

  async duty(): Promise<void> {
    await this.part("on-duty").click();
    await this.page.locator("[data-testid=duty][data-duty=on]").waitFor();
    await this.sent();
    // A step further: what was measured before the shift is nobody's, and an emulated place is as old as its setting.
    await this.context.setGeolocation({ ...atNorth, latitude: atNorth.latitude + 0.00001 });
  }

  /** Nothing waits to be sent. */
  async sent(): Promise<void> {
    await this.page.getByRole("button", { name: /^This device$|^Cet appareil$/ }).waitFor();
  }

  async mission(state: string): Promise<void> {
    await this.page.locator(`[data-testid=mission][data-state=${state}]`).waitFor();
  }

  async press(step: Step): Promise<void> {
    await this.page.locator(`[data-testid=step][data-step="${step}"]`).click();
  }

  async waiting(count: number): Promise<void> {
    await this.page.locator(`[data-testid=waiting][data-count="${count}"]`).waitFor();
  }

  /** Holds a button until it has been held for long enough. */
  async hold(id: string): Promise<void> {
    const button = this.part(id).last();
    const box = await button.boundingBox();
    if (!box) throw new Error(`${id} is not on the screen`);
    await this.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await this.page.mouse.down();
    await this.page.locator("[data-holding]").waitFor();
    await this.page.waitForFunction(() => !document.querySelector("[data-holding]"));
    await this.page.mouse.up();
  }

  async leave(): Promise<void> {
    await this.context.close();
  }
}

interface View {
  incidents: { id: string; state: string; in_danger: string; ended_at: string; priority: number }[];
  missions: Record<string, string>[];
}

/** The room's own word. */
export async function room(program: Program): Promise<View> {
  const res = await fetch(`${program.url}/v1/rooms/alpha/state`, {
    headers: { Authorization: `Bearer ${await program.token("chief")}` },
  });
  return (await res.json()) as View;
}

/** Opens an incident as the room does on the telephone. */
export async function telephone(
  program: Program,
  zone: string,
  category: string,
  priority: number,
  text: string,
): Promise<void> {
  const asked = { type: "incident.open", site: "north", zone, category, priority, text };
  const answer = await program.command("alpha", "chief", asked);
  if (answer.outcome !== "done") throw new Error(`incident.open: ${JSON.stringify(answer)}`);
}

/** The end of a story: nothing is open and nobody on duty, so that the next one begins with a quiet room. */
export async function quiet(program: Program): Promise<void> {
  for (const { id, ended_at } of (await room(program)).incidents) {
    if (!ended_at)
      await program.command("alpha", "chief", {
        type: "incident.cancel",
        incident: id,
        reason: "end of the story",
      });
  }
  for (const team of ["north-1", "north-2", "south-1", "south-2"]) {
    await program.command("alpha", "chief", { type: "team.off_duty", team, by_radio: true });
  }
}
