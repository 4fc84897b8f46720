// Who is signed in, for as long as the app runs: found out at the start, renewed in time, told to the parts that ask.

import { useSyncExternalStore } from "react";
import { type Api, Problem, type Schemas } from "./api";

export type Session = Schemas["Session"];

/** Why somebody is out who was in: they left, the session has ended, or it was revoked. */
export type Why = "left" | "ended" | "revoked";

/** `unknown` until the server was reached for the first time; out without a `why`: found so. */
export type SignedIn = { state: "unknown" } | { state: "out"; why?: Why } | { state: "in"; session: Session };

/** A session is renewed when so much of its hour is left. */
const renewBefore = 15 * 60_000;
const retryEvery = 5_000;

export class Sessions {
  #api: Api;
  #now: SignedIn = { state: "unknown" };
  #listeners = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(api: Api) {
    this.#api = api;
    void this.#look();
  }

  get current(): SignedIn {
    return this.#now;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Fails with a Problem whose code says why. */
  async signIn(account: string, password: string): Promise<void> {
    this.#is({ state: "in", session: await this.#api.post<Session>("/v1/sessions", { account, password }) });
  }

  /** Keeps the token that a handheld was enrolled with. */
  async enrol(token: string): Promise<void> {
    this.#is({ state: "in", session: await this.#api.post<Session>("/v1/sessions/device", { token }) });
  }

  async signOut(): Promise<void> {
    try {
      await this.#api.call("DELETE", "/v1/sessions");
    } finally {
      this.#is({ state: "out", why: "left" });
    }
  }

  /** The server has ended the session, seen elsewhere: on the socket, say. */
  ended(why: Why = "ended"): void {
    this.#is({ state: "out", why });
  }

  /** A token for the hello of a socket. */
  async socketToken(): Promise<string> {
    try {
      return (await this.#api.post<Schemas["SocketToken"]>("/v1/sessions/socket")).token;
    } catch (error) {
      if (error instanceof Problem && error.status === 401) this.ended();
      throw error;
    }
  }

  /** What somebody does meanwhile counts more than what was asked before. */
  async #look(): Promise<void> {
    let found: SignedIn | undefined;
    try {
      found = { state: "in", session: await this.#api.get<Session>("/v1/sessions") };
    } catch (error) {
      // A gateway that is only starting, or a page of somebody else's network, says nothing about who is signed in.
      if (error instanceof Problem && error.status === 401) found = { state: "out" };
    }
    if (this.#now.state !== "unknown") return;
    if (found) this.#is(found);
    else this.#timer = setTimeout(() => void this.#look(), retryEvery);
  }

  #is(now: SignedIn): void {
    this.#now = now;
    clearTimeout(this.#timer);
    // A handheld's token is not renewed: it is enrolled again.
    if (now.state === "in" && !now.session.device)
      this.#renewIn(Date.parse(now.session.expires_at) - Date.now() - renewBefore);
    for (const listener of this.#listeners) listener();
  }

  #renewIn(ms: number): void {
    this.#timer = setTimeout(
      async () => {
        try {
          this.#is({ state: "in", session: await this.#api.post<Session>("/v1/sessions/renew") });
        } catch (error) {
          if (error instanceof Problem && error.status === 401) this.ended();
          else this.#renewIn(retryEvery);
        }
      },
      Math.max(ms, retryEvery),
    );
  }
}

export function useSession(sessions: Sessions): SignedIn {
  return useSyncExternalStore(sessions.subscribe, () => sessions.current);
}
