// A large group of hospitals in one room, and its night: what the figures of the console are taken under. Nothing here is played
// to the console: teams sign on, alarms ring and telephones say where they are through the same addresses as anywhere.

import type { TeamView } from "../../services/web/src/board/team";
import { Watch } from "../../services/web/src/socket/watch";
import type { Program } from "./program";

export interface Size {
  sites: number;
  teamsPerSite: number;
}

const zones = ["ED", "HALL", "PSY", "PHARMACY"];

/** Some kilometres apart, around Paris. */
const entrance = (site: number) => ({
  lat: 48.8 + Math.floor(site / 6) * 0.025,
  lon: 2.25 + (site % 6) * 0.035,
});

/** The region file of the group. It is JSON, which is YAML. */
export function region({ sites, teamsPerSite }: Size): string {
  const room = {
    id: "alpha",
    name: "The whole group",
    sites: range(sites).map((s) => ({
      id: `site-${s}`,
      name: `Hospital ${s + 1}`,
      address: `${s + 1} Long Street`,
      walk: "90s",
      entrances: [{ id: "main", label: "Main entrance", ...entrance(s) }],
      zones: zones.map((code) => ({ code, label: `Zone ${code}`, building: "A", floor: 0 })),
    })),
    teams: range(sites * teamsPerSite).map((t) => ({
      id: `team-${t}`,
      call_sign: `UNIT ${t + 1}`,
      site: `site-${t % sites}`,
      guards: 1 + (t % 2),
      capabilities: ["intervention", "first_aid", "fire"],
      shifts: ["00:00-24:00"],
    })),
  };
  const codes = {
    PANIC: { category: "internal_violence", priority: "P1", label: "Panic button" },
    INTRUSION: { category: "intrusion", priority: "P2", label: "Intrusion detector" },
    DOOR: { category: "access", priority: "P3", label: "Door held open" },
    FIRE: { category: "fire", priority: "P1", label: "Fire detector" },
  };
  const plans = [
    { id: "terrorism", categories: ["terrorism"], mode: "manual", guards: 0 },
    { id: "fire", categories: ["fire"], mode: "automatic", own_site_only: true, capabilities: ["fire"] },
    { id: "rest", mode: "automatic", capabilities: ["intervention"] },
  ];
  return JSON.stringify({
    region: "group",
    name: "A large group",
    timezone: "Europe/Paris",
    defaults: { codes, plans },
    rooms: [room],
  });
}

/** Signs a telephone on for each team, and each team on duty; gives the tokens by team. */
export async function signOn(program: Program, { sites, teamsPerSite }: Size): Promise<string[]> {
  const chief = await program.token("chief");
  return await inTurn(sites * teamsPerSite, async (t) => {
    const team = `team-${t}`;
    const token = await program.handheld(team, `guard-of-${team}`, chief);
    await program.ask("alpha", token, { type: "team.on_duty", team });
    return token;
  });
}

/** Rings so many alarms, each in a zone of its own: each opens an incident. */
export async function ring(program: Program, count: number, { sites }: Size): Promise<void> {
  await inTurn(count, (k) =>
    program.alarm("alpha", {
      code: ["PANIC", "INTRUSION", "DOOR", "DOOR"][k % 4],
      site: `site-${k % sites}`,
      zone: zones[Math.floor(k / sites) % zones.length],
      text: `Alarm ${k} of a long night`,
    }),
  );
}

/** What a guard says next, and after how long, in milliseconds. Each takes a time of their own, up to twice as long. */
const steps: Record<string, { says: string; after: number }> = {
  offered: { says: "mission.delivered", after: 0 },
  delivered: { says: "mission.seen", after: 500 },
  seen: { says: "mission.accept", after: 2_000 },
  accepted: { says: "mission.en_route", after: 5_000 },
  en_route: { says: "mission.on_scene", after: 30_000 },
};

/** A handheld for each team, in the hands of guards who go where they are sent, and stay there. */
export class Guards {
  #watches: Watch[];
  #timers = new Set<ReturnType<typeof setTimeout>>();

  constructor(program: Program, tokens: readonly string[]) {
    this.#watches = tokens.map((token, t) => {
      const told = new Set<string>();
      const viewed = (state: unknown) => {
        for (const { id, state: at } of (state as TeamView).missions) {
          const next = steps[at];
          if (!next || told.has(`${id} ${at}`)) continue;
          told.add(`${id} ${at}`);
          const says = () => void watch.command({ type: next.says, mission: id }).catch(() => {});
          this.#later(next.after * (1 + (t % 10) / 10), says);
        }
      };
      const watch = new Watch({
        origin: program.url,
        target: `team/team-${t}`,
        token: async () => token,
        handlers: {
          snapshot: viewed,
          resumed() {},
          board: ({ state }) => state && viewed(state),
          event() {},
          link() {},
        },
      });
      return watch;
    });
  }

  #later(after: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, after);
    this.#timers.add(timer);
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const watch of this.#watches) watch.close();
  }
}

/** Guards who walk about near their sites, each telling where at 1 Hz, spread over the second as telephones are. */
export class Walk {
  sent = 0;
  /** By the status of the answer; 0: there was none. */
  readonly failed = new Map<number, number>();
  #timer: ReturnType<typeof setInterval>;
  #under = new Set<Promise<void>>();

  constructor(program: Program, tokens: readonly string[], { sites }: Size) {
    const slice = 20; // milliseconds
    let at = 0;
    const begun = performance.now();
    this.#timer = setInterval(() => {
      // What a busy machine was late for is made up: the rate is what is meant.
      const due = Math.floor(((performance.now() - begun) / 1000) * tokens.length);
      for (; at < due; at++) {
        const t = at % tokens.length;
        const walked = this.#report(program.url, tokens[t] ?? "", t % sites, at);
        this.#under.add(walked);
        void walked.then(() => this.#under.delete(walked));
      }
    }, slice);
  }

  async #report(url: string, token: string, site: number, k: number): Promise<void> {
    const { lat, lon } = entrance(site);
    const way = k * 0.37;
    const res = await fetch(`${url}/v1/positions/owntracks`, {
      method: "POST",
      headers: { Authorization: `Basic ${btoa(`guard:${token}`)}`, "Content-Type": "application/json" },
      body: JSON.stringify({
        _type: "location",
        lat: lat + Math.sin(way) * 0.004,
        lon: lon + Math.cos(way) * 0.006,
        tst: Date.now() / 1000,
        acc: 8,
        vel: 5,
      }),
    }).catch(() => undefined);
    await res?.arrayBuffer();
    if (res?.ok) this.sent++;
    else this.failed.set(res?.status ?? 0, (this.failed.get(res?.status ?? 0) ?? 0) + 1);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#under);
  }
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, k) => k);
}

/** As many at once as an ordinary client has. */
async function inTurn<T>(count: number, one: (k: number) => Promise<T>): Promise<T[]> {
  const done: T[] = [];
  const rest = range(count).values();
  const worker = async () => {
    for (const k of rest) done[k] = await one(k);
  };
  await Promise.all(range(8).map(worker));
  return done;
}
