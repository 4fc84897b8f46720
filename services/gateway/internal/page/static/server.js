// @ts-check
// What the page asks of the server over HTTP.

const patience = 8000;

/** An answer that is no success: `code` for the page, the message for the person. */
export class Problem extends Error {
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

/** One call; throws a Problem, with status 0 when nobody answers. */
export async function call(method, path, { token = "", body = /** @type {object | undefined} */ (undefined) } = {}) {
  let answer, text;
  try {
    answer = await fetch(path, {
      method, signal: AbortSignal.timeout(patience),
      headers: { ...token ? { Authorization: `Bearer ${token}` } : {}, ...body ? { "Content-Type": "application/json" } : {} },
      body: body && JSON.stringify(body),
    });
    text = await answer.text();
  } catch (err) {
    throw new Problem(0, "network", String(err));
  }
  let value;
  try {
    value = text ? JSON.parse(text) : null;
  } catch {
    throw new Problem(answer.status, "unreadable", `${answer.status} ${answer.statusText}`);
  }
  if (!answer.ok) throw new Problem(answer.status, value?.code ?? "", value?.detail || value?.title || `${answer.status} ${answer.statusText}`);
  return value;
}

/** The readiness of the server, {ready, reason, checks}, or null when no usable answer comes. Not ready is an answer too. */
export async function readiness() {
  try {
    const answer = await fetch("/readyz", { signal: AbortSignal.timeout(4000), cache: "no-store" });
    const told = await answer.json();
    if (!Array.isArray(told.checks)) throw new TypeError("not a readiness");
    return told;
  } catch {
    return null;
  }
}
