// A real browser: Debian's Chromium, one profile for each person.

import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import type { Account } from "./vigie";

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const shots = join(import.meta.dirname, "shots");

const flags = [
  ...["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  ...[
    "--enable-unsafe-swiftshader",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
  ],
];

export async function launch(): Promise<Browser> {
  if (!existsSync(executablePath))
    throw new Error(`no browser at ${executablePath}: install Debian's chromium`);
  return await chromium.launch({ executablePath, headless: true, args: flags });
}

export interface Person {
  context: BrowserContext;
  page: Page;
}

export interface Looks {
  phone?: boolean;
  language?: "en" | "fr";
  dark?: boolean;
  width?: number;
  height?: number;
}

export async function person(browser: Browser, looks: Looks = {}): Promise<Person> {
  const {
    phone = false,
    language = "en",
    dark = true,
    width = phone ? 390 : 1920,
    height = phone ? 844 : 1080,
  } = looks;
  const context = await browser.newContext({
    viewport: { width, height },
    locale: language === "fr" ? "fr-FR" : "en-GB",
    colorScheme: dark ? "dark" : "light",
    hasTouch: phone,
    isMobile: phone,
    permissions: ["geolocation"],
    geolocation: { latitude: 48.86, longitude: 2.36 },
  });
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  return { context, page };
}

/** Signs in by the page, as a person does. */
export async function signIn(page: Page, url: string, { account, password }: Account): Promise<void> {
  await page.goto(`${url}/console`);
  await page.locator('input[name="account"]').fill(account);
  await page.locator('input[name="password"]').fill(password);
  await page.locator('button[type="submit"]').click();
}

/** Keeps a picture of what is seen, to be looked at. */
export async function shot(page: Page, name: string): Promise<void> {
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: join(shots, `${name}.png`) });
}
