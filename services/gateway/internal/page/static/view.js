// @ts-check
// Draws rooms. All text goes in as text nodes, never as markup: what rooms hold is data.

import { active } from "./fold.js";
import { grave, sentences } from "./events.js";
import { clockTime, colon, currentLanguage, name, refusal, span, t } from "./words.js";

const shownIncidents = 100;

/** @param {string} tag */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) if (value != null && value !== false) node.setAttribute(key, value === true ? "" : value);
  node.append(...children.flat().filter((child) => child != null && child !== false && child !== ""));
  return node;
}

export const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** Changes a text only where it differs: selections and screen readers stay undisturbed. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const age = (ms) => el("span", { "data-age": ms });
const since = (ms, zone) => [el("time", { datetime: new Date(ms).toISOString() }, clockTime(ms, zone)), " · ", age(ms)];

/** Ages run on their own every second; `now` is domain time. */
export function tick(now) {
  for (const node of document.querySelectorAll("[data-age]")) {
    say(node, span(now - Number(/** @type {HTMLElement} */ (node).dataset.age)));
  }
}

const siteOf = (room, id) => room.sites.find((s) => s.site === id);

function place(room, site, zone) {
  const s = siteOf(room, site);
  const z = s?.zones.find((known) => known.code === zone);
  return [z?.label ?? zone, s?.name ?? site].filter(Boolean).join(", ") || "–";
}

function whereabouts(room, incident) {
  const z = siteOf(room, incident.site)?.zones.find((known) => known.code === incident.zone);
  if (!z) return "";
  return [z.building && `${t("building")} ${z.building}`, z.floor !== "" && `${t("floor")} ${z.floor}`].filter(Boolean).join(", ");
}

const priority = (p) => el("span", { class: `p p${p}` }, `P${p}`);
const callSign = (board, id) => board.teams.get(id)?.call_sign || id;

// Cards

export function watchState(watch) {
  if (!watch) return { mark: "○", tone: "dim", text: t("paused") };
  if (watch.live) return { mark: "●", tone: "good", text: t("live") };
  const at = clockTime(watch.since);
  if (watch.state === "connecting" && !watch.board.cursor) return { mark: "◌", tone: "warn", text: `${t("connecting")} ${at}` };
  if (watch.state !== "ended") return { mark: "✕", tone: "bad", text: `${t("waiting")} ${at}. ${t("retrying")}` };
  if (watch.code === 4502) return { mark: "✕", tone: "bad", text: t("mayNotWatch") };
  return { mark: "✕", tone: "bad", text: watch.code === 4503 ? t("badFrame") : t("ended") };
}

const sitesOf = (room) => `${room.sites.length} ${t(room.sites.length === 1 ? "site" : "sites")}`;
const icon = (mark) => el("span", { "aria-hidden": "true" }, `${mark} `);

const haltedNote = (tag, why) => el(tag, { class: "halted" }, icon("■"), `${t("halted")}${colon()}${why}. ${t("haltedMore")}`);

export function card(room, watch) {
  const state = watchState(watch);
  const halted = watch?.halted || room.halted;
  const text = watch?.code === 4502 ? t("ended") : state.text; // why is said once, at the board
  const head = [el("strong", {}, room.name || room.room), el("span", { class: state.tone }, icon(state.mark), text)];
  // A halted room whose socket is open would read as live.
  if (halted) head.splice(1, watch?.live ? 1 : 0, haltedNote("span", halted));
  if (!room.sites.length) return [...head, el("span", { class: "dim" }, t("notConfigured"))];
  if (!watch?.board.cursor) return [...head, el("span", { class: "dim" }, `${sitesOf(room)} · ${t("teams")}${colon()}${room.teams.length}`)];
  const { board } = watch;
  const teams = [...board.teams.values()].filter((team) => team.on_duty);
  const count = (keep) => el("span", { class: "number" }, String(teams.filter(keep).length));
  const open = board.openIncidents();
  const counted = [1, 2, 3].flatMap((p) => {
    const of = open.filter((i) => i.priority === p);
    return of.length ? [el("span", {}, priority(p), ` ${of.length} · ${t("oldest")} `, age(of[0].received_at))] : [];
  });
  return [...head,
    el("span", { class: "dim" }, sitesOf(room)),
    el("span", { class: "row" }, `${t("teams")}${colon()}`, el("span", {}, count(() => true), ` ${t("onDuty")}`),
      el("span", {}, count((team) => team.reachable), ` ${t("inReach")}`),
      el("span", {}, count((team) => active(board.missions.get(team.mission))), ` ${t("onMission")}`)),
    el("span", { class: "row" }, `${t("openIncidents")}${colon()}`, counted.length ? counted : t("none"))];
}

// Board

function flags(board, incident) {
  const wanting = incident.state !== "controlled" && board.committed(incident) < incident.guards_wanted;
  const told = [incident.no_team && wanting && t("noTeam"), incident.neglected > 0 && t(incident.neglected > 1 ? "neglected2" : "neglected1")].filter(Boolean);
  return told.length > 0 && el("div", { class: "flag" }, icon("▲"), told.join(" · "));
}

function mission(board, m, zone) {
  const at = m.ended_at || m.on_scene_at || m.en_route_at || m.accepted_at || m.seen_at || m.delivered_at || m.offered_at;
  return el("div", { class: active(m) ? "mission" : "mission dim" },
    el("span", {}, icon(active(m) ? "→" : "·"), callSign(board, m.team)), el("span", { class: "state" }, name(m.state)),
    el("span", {}, since(at, zone)),
    m.undelivered && m.state === "offered" && el("span", { class: "flag" }, icon("▲"), t("undelivered")),
    m.end_reason && el("span", {}, said(m.end_reason, m.end_reason_text)));
}

/** A reason: what a person typed, while it can be read, else the name of its code. */
const said = (code, sealed) => sealed?.clear || name(code);

function incident(room, board, i) {
  const zone = room.timezone;
  const count = i.alarms.reduce((sum, chain) => sum + chain.count, 0);
  const missions = board.missionsOf(i);
  const where = whereabouts(room, i);
  return el("li", { class: "incident" }, priority(i.priority),
    el("div", {}, el("strong", {}, name(i.category)), ` · ${place(room, i.site, i.zone)}`, where && el("span", { class: "dim" }, ` (${where})`)),
    el("div", {}, el("span", { class: "state" }, name(i.state)), ` · ${i.id} · `, since(i.received_at, zone),
      ` · ${t("guards")} ${board.committed(i)}/${i.guards_wanted}`, count > 1 && ` · ${count} ${t("alarms")}`,
      i.claimed_by ? ` · ${t("ledBy")} ${i.claimed_by}` : ""),
    flags(board, i),
    missions.length ? el("div", {}, missions.filter(active).concat(missions.filter((m) => !active(m)).slice(-3)).map((m) => mission(board, m, zone)))
      : !i.no_team && el("div", { class: "dim" }, t("noMission")));
}

const marks = { available: ["○", "good"], offered: ["◔", "warn"], acknowledged: ["◑", "warn"], en_route: ["➤", "warn"], on_scene: ["●", ""], unreachable: ["✕", "bad"], off_duty: ["–", "dim"] };

function team(room, board, one) {
  const status = board.status(one);
  const [mark, tone] = marks[status] ?? ["?", ""];
  const m = board.missions.get(one.mission);
  const i = active(m) && board.incidents.get(m.incident);
  return el("div", { class: "team" }, el("strong", {}, one.call_sign || one.id),
    el("span", { class: `state ${tone}` }, icon(mark), name(status)),
    el("span", { class: "dim" }, siteOf(room, one.home_site)?.name ?? one.home_site,
      one.on_duty && ` · ${t("guards")} ${one.guards} · ${t("until")} ${clockTime(one.until, room.timezone)}`),
    one.on_duty && one.place && el("span", { class: "dim" }, `${t(one.place.by === "left" ? "lastLeft" : "lastAt")} ${place(room, one.place.site, one.place.zone)}`),
    i && el("span", { class: "dim" }, `→ ${i.id} · ${place(room, i.site, i.zone)}`));
}

function drawTeams(room, board) {
  const all = [...board.teams.values()].sort((a, b) => (a.home_site + a.call_sign).localeCompare(b.home_site + b.call_sign));
  const on = all.filter((one) => one.on_duty), off = all.filter((one) => !one.on_duty);
  say($("teams-title"), `${t("teams")}${colon()}${on.length} ${t("onDuty")}`);
  const wasOpen = $("team-list").querySelector("details")?.open ?? on.length === 0;
  const focused = document.activeElement?.tagName === "SUMMARY" && $("team-list").contains(document.activeElement);
  $("team-list").replaceChildren(...on.length ? on.map((one) => team(room, board, one)) : [el("p", { class: "dim" }, t("noTeams"))],
    ...off.length ? [el("details", { open: wasOpen }, el("summary", {}, `${t("offDutyTeams")} (${off.length})`), off.map((one) => team(room, board, one)))] : []);
  if (focused) $("team-list").querySelector("summary")?.focus();
}

function drawIncidents(room, board) {
  const open = board.openIncidents();
  say($("incidents-title"), `${t("openIncidents")}${colon()}${open.length}`);
  const rows = open.slice(0, shownIncidents).map((i) => incident(room, board, i));
  if (open.length > shownIncidents) rows.push(el("li", { class: "flag" }, `${open.length - shownIncidents} ${t("more")}`));
  $("incident-list").replaceChildren(...rows.length ? rows : [el("li", { class: "dim" }, t("noIncidents"))]);
}

// Feed

function wordsFor(room, board) {
  const of = (id) => {
    const m = board.missions.get(id);
    return m ? { team: callSign(board, m.team), incident: m.incident } : { team: "?", incident: id };
  };
  return {
    t, name, of, span: (ms) => span(Number(ms)), team: (id) => callSign(board, id),
    place: (site, zone) => place(room, site, zone), time: (ms) => clockTime(Number(ms), room.timezone),
    text: (sealed) => (sealed?.clear ? (currentLanguage() === "fr" ? ` « ${sealed.clear} »` : ` “${sealed.clear}”`) : ""),
    said,
    why: (exclusions) => (exclusions?.length ? ` (${exclusions.slice(0, 3).map((x) => `${callSign(board, x.team)}${colon()}${name(x.reason)}`).join("; ")}${exclusions.length > 3 ? "; …" : ""})` : ""),
  };
}

/** The sentence of a line, in the language of now. */
function sentence(line, w) {
  if (line.resync) return t("resynced");
  if (line.refusal) return `${t("refused")}${line.actor ? ` (${line.actor})` : ""}${colon()}${refusal(line.refusal)}`;
  return sentences[line.type]?.(line.body, w)[currentLanguage() === "fr" ? 1 : 0] ?? line.type;
}

function drawFeed(room, watch) {
  const list = $("feed-list");
  const id = `${room.room} ${currentLanguage()}`;
  if (list.dataset.of !== id) {
    list.dataset.of = id;
    list.replaceChildren();
  }
  const shown = Number(/** @type {HTMLElement | null} */ (list.querySelector("li[data-key]"))?.dataset.key ?? 0);
  const w = wordsFor(room, watch.board);
  const fresh = watch.feed.filter((line) => line.key > shown).map((line) => {
    const loud = line.refusal || grave.has(line.type) || (line.type === "incident_opened" && line.body.priority === 1);
    return el("li", { "data-key": line.key }, el("time", { class: "dim" }, clockTime(line.at, room.timezone)),
      el("span", { class: loud ? "flag" : "" }, loud && icon("▲"), sentence(line, w), el("span", { class: "times" })));
  });
  if (fresh.length) list.querySelector("li:not([data-key])")?.remove();
  list.prepend(...fresh);
  while (list.children.length > Math.max(1, watch.feed.length)) list.lastElementChild?.remove();
  watch.feed.forEach((line, k) => {
    if (line.times > 1) say(/** @type {Element} */ (list.children[k].querySelector(".times")), ` (× ${line.times})`);
  });
  if (!list.children.length) list.append(el("li", { class: "dim" }, el("span"), t("nothingYet")));
}

/** What nobody has decided on yet, and is to be acted on all the same. */
const waiting = (room, watch) => (watch?.notices.list() ?? []).map((n) =>
  `${t(n.kind)}${colon()}${[n.code || (n.team && `SOS ${watch.board.teams.get(n.team)?.call_sign ?? n.team}`), n.site && place(room, n.site, n.zone)].filter(Boolean).join(" · ")}`);

export function drawBoard(room, watch) {
  say($("board-title"), room.name || room.room);
  const state = watchState(watch);
  const halted = watch?.halted || room.halted;
  const open = waiting(room, watch);
  const told = [halted ? `■ ${halted}` : "", state.text, watch?.state === "ended", currentLanguage(), ...open].join("|");
  if ($("board-state").dataset.told !== told) {
    $("board-state").dataset.told = told;
    $("board-state").replaceChildren(
      ...halted ? [haltedNote("p", halted)] : [],
      ...open.map((text) => el("p", { class: "bad" }, icon("▲"), text)),
      ...halted && watch?.live ? [] : [el("p", { class: state.tone }, icon(state.mark), state.text)],
      ...watch?.state === "ended" ? [el("button", { type: "button", "data-retry": room.room }, t("tryAgain"))] : []);
  }
  say($("board-cursor"), watch?.board.cursor ? `${watch.board.cursor.log_id} @ ${watch.board.cursor.offset}` : "");
  $("board").classList.toggle("stale", !watch?.live || Boolean(halted));
  if (!watch?.board.cursor) {
    for (const id of ["incident-list", "team-list", "feed-list"]) $(id).replaceChildren();
    say($("incidents-title"), t("openIncidents"));
    say($("teams-title"), t("teams"));
    return;
  }
  drawIncidents(room, watch.board);
  drawTeams(room, watch.board);
  drawFeed(room, watch);
}
