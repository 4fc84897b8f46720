// Vigie as the stories find it, however it runs: its address, its first accounts, and what is asked of it over REST.

import { readFileSync } from "node:fs";

export interface Account {
  account: string;
  password: string;
  role: string;
  scope: string;
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

/** An alarm that was taken; provisional: on disk only, Kafka is away. */
export interface Taken {
  alarm_id: string;
  provisional?: boolean;
}

export abstract class Vigie {
  abstract get url(): string;

  /** The file that the first accounts and source keys are in. */
  protected abstract get firstAccounts(): string;

  #first(): { accounts: Account[]; sources: { source: string; key: string }[] } {
    return JSON.parse(readFileSync(this.firstAccounts, "utf8"));
  }

  account(role: string): Account {
    const found = this.#first().accounts.find((a) => a.role === role);
    if (!found) throw new Error(`no account for ${role}`);
    return found;
  }

  /** Sends an alarm as a source would. */
  async alarm(source: string, body: Record<string, unknown>): Promise<Taken> {
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
    const answer = (await res.json()) as Taken;
    if (res.status !== 202) throw new Error(`alarm: ${res.status} ${JSON.stringify(answer)}`);
    return answer;
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
