// The REST of the gateway, as one of its web apps: the session is in a cookie that this code cannot read.

import type { components } from "../gen/api";

export type Schemas = components["schemas"];
export type WebApp = "console" | "hand";

/** What the server says of a request it refuses: a code for programs and a sentence for persons. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, detail: string) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

/** No answer came: nothing is known of what was asked. */
export class Unreachable extends Error {}

const patience = 10_000;

export class Api {
  readonly #app: WebApp;

  constructor(app: WebApp) {
    this.#app = app;
  }

  get<T>(path: string): Promise<T> {
    return this.call("GET", path);
  }

  post<T>(path: string, body?: unknown): Promise<T> {
    return this.call("POST", path, body);
  }

  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    let res: Response;
    try {
      res = await fetch(path, {
        method,
        headers: {
          "X-Vigie-App": this.#app,
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(patience),
      });
    } catch (cause) {
      throw new Unreachable("no answer", { cause });
    }
    if (!res.ok) {
      const said: unknown = await res.json().catch(() => ({}));
      const { code = "unknown", detail = res.statusText } = said as { code?: string; detail?: string };
      throw new Problem(res.status, code, detail);
    }
    return (res.status === 204 ? undefined : await res.json()) as T;
  }
}
