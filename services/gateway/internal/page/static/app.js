// @ts-check
// The page: readiness, the session, the rooms. Every room has a socket of its own, up to six: folding events costs the server
// less than building the state of each room again and again for a poll, and the cards are as live as the board. Eight sockets
// are allowed per account, so a page that nobody looks at keeps only the one of its chosen room.

import { call, Problem, readiness } from "./server.js";
import { steps } from "./next.js";
import { Watch } from "./watch.js";
import { $, card, drawBoard, el, say, tick } from "./view.js";
import { clockTime, colon, currentLanguage, firstLanguage, setLanguage, span, t } from "./words.js";

const mostWatched = 6;
const askEvery = 2000;
/** Without an answer for so long, what is shown is old. */
const staleAfter = 6000;
const roomsEvery = 15_000;
const renewBefore = 10 * 60_000;

const server = { told: /** @type {any} */ (null), at: 0, began: Date.now(), timer: /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined) };
const clock = { real: Date.now(), domain: Date.now(), rate: 1 };
/** @type {{account: string, token: string, expires: number} | null} */
let session = null;
let rooms = /** @type {any[]} */ ([]);
/** @type {Map<string, Watch>} */
const watches = new Map();
let chosen = "";
let problem = /** @type {Problem | null} */ (null);
let drawing = false;

const domainAt = (real) => clock.domain + (real - clock.real) * clock.rate;
const now = () => domainAt(Date.now());

// Readiness

async function ask() {
  clearTimeout(server.timer);
  const told = await readiness();
  if (told) Object.assign(server, { told, at: Date.now() });
  drawServer();
  clearTimeout(server.timer);
  server.timer = setTimeout(ask, askEvery);
}

const silent = () => Date.now() - (server.at || server.began) > staleAfter;

function drawServer() {
  const gone = silent();
  document.body.classList.toggle("stale", gone);
  const from = server.at || server.began;
  const failing = (server.told?.checks ?? []).filter((c) => !c.ready);
  say($("alert"), gone ? `✕ ${t("gone")} ${clockTime(from)} (${span(Date.now() - from)}). ${t("goneMore")}` : "");
  const ready = $("ready");
  ready.className = gone ? "bad" : !server.told ? "dim" : server.told.ready ? "good" : "bad";
  say(ready, gone ? `✕ ${t("gone")} ${clockTime(from)}` : !server.told ? t("asking")
    : server.told.ready ? `✓ ${t("ready")}` : `✕ ${t("notReady")}${server.told.reason ? `${colon()}${server.told.reason}` : ""}${failing.length ? ` (${failing.length})` : ""}`);
  const told = JSON.stringify([gone, server.told, currentLanguage()]);
  if ($("checks").dataset.told === told) return;
  $("checks").dataset.told = told;
  $("checks").replaceChildren(...gone ? [] : (server.told?.checks ?? []).map((c) =>
    el("li", { class: c.ready ? "" : "bad" }, `${c.ready ? "✓" : "✕"} ${c.name}${colon()}${c.ready ? t("ok") : ""}`, el("span", { lang: "en" }, c.reason ?? ""))));
}

// Session

async function signIn(event) {
  event.preventDefault();
  const form = /** @type {HTMLFormElement} */ (event.target);
  const data = new FormData(form);
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
  button.disabled = true;
  say(button, t("signingIn"));
  problem = null;
  try {
    const account = String(data.get("account")).trim();
    const given = await call("POST", "/v1/sessions", { body: { account, password: data.get("password") } });
    session = { account, token: given.token, expires: Date.parse(given.expires_at) };
    form.reset();
    await listRooms();
  } catch (err) {
    problem = /** @type {Problem} */ (err);
    session = null;
  }
  button.disabled = false;
  say(button, t("signIn"));
  show();
  if (session) $("main").focus();
}

/** Ends the session here, and at the server unless it has said so itself. */
function signOut(why = /** @type {Problem | null} */ (null)) {
  if (session && !why) call("DELETE", "/v1/sessions", { token: session.token }).catch(() => { /* it runs out by itself */ });
  session = null;
  problem = why;
  for (const watch of watches.values()) watch.close();
  watches.clear();
  rooms = [];
  chosen = "";
  show();
}

async function renew() {
  if (!session || session.expires - Date.now() > renewBefore) return;
  const given = await call("POST", "/v1/sessions/renew", { token: session.token });
  if (!session) return;
  Object.assign(session, { token: given.token, expires: Date.parse(given.expires_at) });
  for (const watch of watches.values()) watch.renew(given.token);
}

// Rooms

async function listRooms() {
  const asked = session;
  if (!asked) return;
  const list = await call("GET", "/v1/rooms", { token: asked.token });
  if (session !== asked) return; // signed out meanwhile
  rooms = list.rooms;
  clock.rate = list.clock.rate;
  setClock(list.clock.now);
  if (!rooms.some((r) => r.room === chosen)) chosen = rooms[0]?.room ?? "";
  for (const room of rooms) {
    const watch = watches.get(room.room);
    watch?.board.configure(room.teams);
    if (watch) watch.halted = room.halted ?? "";
  }
  spread();
  draw();
}

function setClock(told) {
  clock.real = Date.now();
  clock.domain = Date.parse(told);
}

/** Opens and closes sockets so that the chosen room is watched, and as many others as there may be. */
function spread() {
  const inOrder = new Set([chosen, ...document.hidden ? [] : rooms.map((r) => r.room)].filter(Boolean));
  const wanted = new Set([...inOrder].slice(0, mostWatched)); // the chosen one stands twice before, and counts once
  for (const [room, watch] of watches) {
    if (wanted.has(room)) continue;
    watch.close();
    watches.delete(room);
  }
  for (const room of wanted) {
    if (watches.has(room)) continue;
    watches.set(room, new Watch(room, {
      token: () => session?.token ?? "", changed: draw, clock: setClock,
      configured: () => { listRooms().catch(failed); },
    }));
  }
}

/** A failed call in the background: only the end of the session is the person's business, silence is shown anyway. */
function failed(err) {
  if (err instanceof Problem && err.status === 401) signOut(new Problem(401, "session_over", ""));
}

async function background() {
  if (session) {
    try {
      await renew();
      await listRooms();
    } catch (err) {
      failed(err);
    }
  }
  setTimeout(background, roomsEvery);
}

// Drawing

function sentence(err) {
  const known = { network: "problemNetwork", unauthenticated: "problemCredentials", too_many_tries: "problemTries", unavailable: "problemNotReady", session_over: "sessionOver" }[err.code];
  return known ? t(known) : t("problemOther") + err.message;
}

/** What changes with the language and the session. */
function show() {
  for (const node of document.querySelectorAll("[data-t]")) say(node, t(/** @type {HTMLElement} */ (node).dataset.t));
  for (const node of document.querySelectorAll("[data-t-label]")) node.setAttribute("aria-label", t(/** @type {HTMLElement} */ (node).dataset.tLabel));
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (button).dataset.language === currentLanguage()));
  }
  $("sign-in").hidden = Boolean(session);
  $("inside").hidden = $("who").hidden = !session;
  say($("who-name"), session?.account ?? "");
  say($("problem"), problem ? sentence(problem) : "");
  delete $("next").dataset.of;
  drawServer();
  draw();
}

/** Draws at the next frame, once for all that came until then. */
function draw() {
  if (drawing) return;
  drawing = true;
  setTimeout(() => {
    drawing = false;
    if (session) drawRooms();
  }, 50);
}

function drawRooms() {
  for (const watch of watches.values()) {
    if (watch.state === "ended" && (watch.code === 4501 || watch.code === 4504)) return signOut(new Problem(401, "session_over", ""));
  }
  const cards = $("rooms");
  if (cards.children.length !== rooms.length || !rooms.length) {
    cards.replaceChildren(...rooms.length ? rooms.map((r) => el("button", { type: "button", class: "card", "data-room": r.room })) : [el("p", {}, t("noRooms"))]);
  }
  rooms.forEach((room, k) => {
    const node = /** @type {HTMLElement} */ (cards.children[k]);
    node.dataset.room = room.room;
    node.setAttribute("aria-pressed", String(room.room === chosen));
    node.replaceChildren(...card(room, watches.get(room.room)));
  });
  const room = rooms.find((r) => r.room === chosen);
  $("board").hidden = !room;
  if (room) {
    drawBoard(room, watches.get(chosen));
    drawNext(room);
  }
  everySecond();
}

function drawNext(room) {
  const board = watches.get(chosen)?.board;
  const nobody = board?.cursor != null && !room.halted && ![...board.teams.values()].some((team) => team.on_duty);
  const of = `${chosen} ${nobody} ${currentLanguage()} ${room.sites.length}`;
  const next = /** @type {HTMLDetailsElement} */ ($("next"));
  if (next.dataset.of === of) return;
  if (next.dataset.nobody !== String(nobody)) {
    next.open = nobody;
    if (nobody) $("board").before(next);
    else $("board").after(next); // the board comes first once there is something on it
  }
  Object.assign(next.dataset, { of, nobody: String(nobody) });
  say(/** @type {HTMLElement} */ (next.querySelector("summary")), nobody ? t("next") : t("tryIt"));
  $("steps").replaceChildren(...steps(room, nobody));
}

function everySecond() {
  const room = rooms.find((r) => r.room === chosen);
  if (!session || !room) return;
  tick(now());
  const watch = watches.get(chosen);
  // A clock that runs on would make an old board look fresh.
  const old = watch && !watch.live && watch.board.cursor;
  const at = old ? domainAt(watch.since) : now();
  say($("board-clock"), `${t(old ? "asOf" : "roomClock")} ${clockTime(at, room.timezone)}${clock.rate === 1 ? "" : ` (× ${clock.rate})`}`);
}

function listen() {
  $("sign-in").addEventListener("submit", signIn);
  $("sign-out").addEventListener("click", () => signOut());
  document.addEventListener("click", ({ target }) => {
    const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (target).closest("[data-language], [data-room], [data-retry]"));
    if (!button) return;
    const { language, room, retry } = button.dataset;
    if (language) setLanguage(language);
    if (room) chosen = room;
    if (retry) watches.get(retry)?.retry();
    if (session) spread();
    show();
  });
  document.addEventListener("visibilitychange", () => {
    if (session) spread();
    if (!document.hidden) ask();
  });
  addEventListener("online", () => { for (const watch of watches.values()) if (!watch.live && watch.state !== "ended") watch.retry(); });
}

setLanguage(firstLanguage(), false);
listen();
show();
ask();
setTimeout(background, roomsEvery);
setInterval(() => {
  // Timers of a hidden page are slow: it is asked again when somebody looks.
  if (silent() && !document.hidden) for (const watch of watches.values()) if (watch.live) watch.doubt(server.at);
  drawServer();
  everySecond();
}, 1000);
