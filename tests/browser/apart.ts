// Vigie as in production: each service a process of its own on real Kafka and Redis, behind one address (tests/stack/cmd/apart), and
// what a story does to them.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { regionFile, root } from "./program";
import { Vigie } from "./vigie";

const tool = process.env.VIGIE_APART ?? join(root, "bin/tools/apart");
/** Kafka's jars may have to be fetched first. */
const startBound = 300_000;
const answerBound = 60_000;

/** A process, or all of a service. */
type Name = "kafka" | "dispatch" | "gateway" | "gateway-1" | "gateway-2";
type Command = `${"kill" | "await" | "pause" | "resume"} ${Name}` | `spoil ${string}`;

interface Line {
  event: "ready" | "done" | "failed";
  url: string;
  first_accounts: string;
  command: string;
  error?: string;
}

export class Apart extends Vigie {
  readonly #dir = mkdtempSync(join(tmpdir(), "vigie-apart-"));
  #child: ChildProcess | undefined;
  #ready: Line | undefined;
  #said = "";
  #waiting: ((line: Line) => void) | undefined;

  async start(): Promise<this> {
    const region = join(this.#dir, "region.yaml");
    writeFileSync(region, regionFile("two-sites"));
    const args = ["--json", "--brokers", "1", "--bin", join(root, "bin"), "--dir", join(this.#dir, "data")];
    const child = spawn(tool, [...args, "--region", region, "--listen", "127.0.0.1:0"], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child = child;
    child.stderr?.on("data", (d: Buffer) => {
      this.#said = (this.#said + d).slice(-20_000);
    });
    if (child.stdout)
      createInterface(child.stdout).on("line", (line) => this.#waiting?.(JSON.parse(line) as Line));
    this.#ready = await this.#line("ready", startBound);
    return this;
  }

  get url(): string {
    if (!this.#ready) throw new Error("not started");
    return this.#ready.url;
  }

  protected get firstAccounts(): string {
    return this.#ready?.first_accounts ?? "";
  }

  /** Does something to a part, and returns when it is done. */
  async does(command: Command): Promise<void> {
    this.#child?.stdin?.write(`${command}\n`);
    const { event, error } = await this.#line(command, answerBound);
    if (event !== "done") throw new Error(`${command}: ${error}`);
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child && child.exitCode === null) {
      const gone = new Promise((done) => child.once("exit", done));
      child.stdin?.end();
      await gone;
    }
    rmSync(this.#dir, { recursive: true, force: true });
  }

  /** The next line, which is there in time unless something is wrong. */
  async #line(what: string, bound: number): Promise<Line> {
    return await new Promise((heard, fail) => {
      const timer = setTimeout(() => fail(new Error(`no answer in time: ${what}\n${this.#said}`)), bound);
      const ended = (code: number | null) => {
        clearTimeout(timer);
        fail(new Error(`it ended with ${code}\n${this.#said}`));
      };
      this.#child?.once("exit", ended);
      this.#waiting = (line) => {
        clearTimeout(timer);
        this.#child?.off("exit", ended);
        heard(line);
      };
    });
  }
}
