// The program under test: everything in one process, as `make up` starts it, on a directory of its own.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
const bin = process.env.VIGIE_BIN ?? join(root, "bin/vigie");
const startBound = 90_000;

export interface Account {
  account: string;
  password: string;
  role: string;
  scope: string;
}

/** What stands in one of the regions that come with Vigie. */
export function regionFile(name: string): string {
  return readFileSync(join(root, `deployments/regions/${name}.yaml`), "utf8");
}

export interface Outcome {
  outcome: string;
  code?: string;
}

/** What the stories read of a room's state. */
export interface View {
  incidents: { id: string; state: string; in_danger: string; ended_at: string; priority: number }[];
  missions: Record<string, string>[];
}

interface Run {
  url: string;
  url_tls?: string;
}

export class Program {
  readonly dir = mkdtempSync(join(tmpdir(), "vigie-browser-"));
  #args: string[];
  #child: ChildProcess | undefined;
  #run: Run | undefined;
  #said = "";

  /** A program of its own for a region: the text of its file. */
  constructor(region = regionFile("two-sites")) {
    const path = join(this.dir, "region.yaml");
    writeFileSync(path, region);
    this.#args = ["up", "--data", join(this.dir, "data"), "--region", path, "--json"];
  }

  /** Starts it, at the same address as before when it has run already, and waits until it says that it is ready. */
  async start(): Promise<this> {
    const listen = this.#run ? new URL(this.#run.url).host : "127.0.0.1:0";
    const child = spawn(bin, [...this.#args, "--listen", listen], { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    let out = "";
    await new Promise<void>((ready, fail) => {
      const timer = setTimeout(() => fail(new Error(`not ready in time\n${this.#said}`)), startBound);
      child.stderr?.on("data", (d: Buffer) => {
        this.#said = (this.#said + d).slice(-20_000);
      });
      child.stdout?.on("data", (d: Buffer) => {
        out += d;
        const line = out.split("\n").find((l) => l.includes('"event":"ready"'));
        if (!line || !out.includes("\n")) return;
        this.#run = JSON.parse(line) as Run;
        clearTimeout(timer);
        ready();
      });
      child.on("exit", (code) => {
        clearTimeout(timer);
        fail(new Error(`it ended with ${code}\n${this.#said}`));
      });
    });
    return this;
  }

  get url(): string {
    if (!this.#run) throw new Error("not started");
    return this.#run.url;
  }

  /** As a power cut would. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async stop(): Promise<void> {
    await this.#end("SIGTERM");
    rmSync(this.dir, { recursive: true, force: true });
  }

  async #end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null) return;
    const gone = new Promise((done) => child.once("exit", done));
    child.kill(signal);
    await gone;
  }

  #first(): { accounts: Account[]; sources: { source: string; key: string }[] } {
    return JSON.parse(readFileSync(join(this.dir, "data/first-accounts.json"), "utf8"));
  }

  account(role: string): Account {
    const found = this.#first().accounts.find((a) => a.role === role);
    if (!found) throw new Error(`no account for ${role}`);
    return found;
  }

  /** Sends an alarm as a source would, and gives its id. */
  async alarm(source: string, body: Record<string, unknown>): Promise<string> {
    const known = this.#first().sources.find((s) => s.source.includes(source));
    if (!known) throw new Error(`no source ${source}`);
    const res = await fetch(`${this.url}/v1/alarms`, {
      method: "POST",
      headers: {
        Authorization: `Bearer ${known.key}`,
        "Idempotency-Key": crypto.randomUUID(),
        "Content-Type": "application/json",
      },
      body: JSON.stringify(body),
    });
    const answer = (await res.json()) as { alarm_id: string };
    if (res.status !== 202) throw new Error(`alarm: ${res.status} ${JSON.stringify(answer)}`);
    return answer.alarm_id;
  }

  /** A token of the account, for what a story asks of the API itself. */
  async token(role: string): Promise<string> {
    const { account, password } = this.account(role);
    const res = await fetch(`${this.url}/v1/sessions`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ account, password }),
    });
    return ((await res.json()) as { token: string }).token;
  }

  /** Signs a handheld on for a team. */
  async handheld(team: string, guard: string, by?: string): Promise<string> {
    const res = await fetch(`${this.url}/v1/device-tokens`, {
      method: "POST",
      headers: {
        Authorization: `Bearer ${by ?? (await this.token("chief"))}`,
        "Content-Type": "application/json",
      },
      body: JSON.stringify({ team, guard }),
    });
    const answer = (await res.json()) as { token?: string };
    if (!answer.token) throw new Error(`handheld: ${res.status} ${JSON.stringify(answer)}`);
    return answer.token;
  }

  /** The room takes a handheld off: its token is good for nothing from now on. */
  async revoke(token: string): Promise<void> {
    const res = await fetch(`${this.url}/v1/sessions`, {
      method: "DELETE",
      headers: { Authorization: `Bearer ${token}` },
    });
    if (!res.ok) throw new Error(`revoke: ${res.status}`);
  }

  /** Asks a command over REST, as an account of the role. */
  async command(room: string, role: string, body: Record<string, unknown>): Promise<Outcome> {
    return await this.#put(room, await this.token(role), body);
  }

  /** Asks a command, which has to be carried out, with a token. */
  async ask(room: string, token: string, body: Record<string, unknown>): Promise<void> {
    const answer = await this.#put(room, token, body);
    if (answer.outcome !== "done") throw new Error(`${body.type}: ${JSON.stringify(answer)}`);
  }

  async #put(room: string, token: string, body: Record<string, unknown>): Promise<Outcome> {
    const res = await fetch(`${this.url}/v1/rooms/${room}/commands/${crypto.randomUUID()}`, {
      method: "PUT",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    return (await res.json()) as Outcome;
  }

  /** The room's own word. */
  async state(room: string): Promise<View> {
    return (await this.#read(`/v1/rooms/${room}/state`)) as View;
  }

  /** Where the teams of a room were last. */
  async positions(room: string): Promise<{ team: string; lat: number }[]> {
    const known = (await this.#read(`/v1/rooms/${room}/positions`)) as { positions?: [] };
    return known.positions ?? [];
  }

  async #read(path: string): Promise<unknown> {
    const res = await fetch(this.url + path, {
      headers: { Authorization: `Bearer ${await this.token("chief")}` },
    });
    if (!res.ok) throw new Error(`${path}: ${res.status} ${await res.text()}`);
    return await res.json();
  }
}
