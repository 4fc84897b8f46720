// The program under test: everything in one process, as `make up` starts it, on a directory of its own.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Vigie } from "./vigie";

export const root = resolve(import.meta.dirname, "../..");
const bin = process.env.VIGIE_BIN ?? join(root, "bin/vigie");
const startBound = 90_000;

/** What stands in one of the regions that come with Vigie. */
export function regionFile(name: string): string {
  return readFileSync(join(root, `deployments/regions/${name}.yaml`), "utf8");
}

interface Run {
  url: string;
  url_tls?: string;
}

export class Program extends Vigie {
  readonly dir = mkdtempSync(join(tmpdir(), "vigie-browser-"));
  #args: string[];
  #child: ChildProcess | undefined;
  #run: Run | undefined;
  #said = "";

  /** A program of its own for a region: the text of its file. */
  constructor(region = regionFile("two-sites")) {
    super();
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

  protected get firstAccounts(): string {
    return join(this.dir, "data/first-accounts.json");
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
}
