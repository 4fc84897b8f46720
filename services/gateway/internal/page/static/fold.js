// @ts-check
// The board of one room: a snapshot, and the events behind it folded by the rules of the server's own fold. It reads no clock
// and asks nobody; what it cannot know from events it says in `doubtful`, and the next snapshot settles it.

const legs = ["offered", "delivered", "seen", "accepted", "en_route", "on_scene"];
const legTimes = ["offered_at", "delivered_at", "seen_at", "accepted_at", "en_route_at", "on_scene_at"];
const keptAfterEnd = 24 * 3600 * 1000;

/** Milliseconds of a time on the wire: RFC 3339, a number, a number as a string, or nothing. */
export function millis(value) {
  if (value == null || value === "") return 0;
  return /^\d+$/.test(String(value)) ? Number(value) : Date.parse(value);
}

const withMillis = (view) => Object.fromEntries(Object.entries(view).map(([name, value]) =>
  /(_at|^answer_by|^until)$/.test(name) ? [name, millis(value)] : [name, value]));

const byId = (list) => new Map((list ?? []).map((view) => [view.id, withMillis(view)]));

export const active = (mission) => legs.includes(mission?.state);
export const accepted = (mission) => legs.indexOf(mission?.state) >= 3;
export const live = (incident) => incident.state !== "closed" && incident.state !== "cancelled";

export class Board {
  incidents = new Map();
  missions = new Map();
  teams = new Map();
  /** Where the story goes on; null before the first snapshot. */
  cursor = /** @type {{log_id: string, offset: string, hash: string} | null} */ (null);
  at = 0;
  /** A link ended and the snapshot had not said which devices there were. */
  doubtful = false;

  /** A snapshot replaces everything. */
  replace(cursor, state) {
    this.cursor = cursor;
    this.at = millis(state.at);
    this.incidents = byId(state.incidents);
    this.missions = byId(state.missions);
    this.teams = byId(state.teams);
    this.doubtful = false;
    // The snapshot says whether a team is in reach, not through which devices: those are learnt from here on.
    for (const team of this.teams.values()) Object.assign(team, { links: new Map(), before: team.reachable });
  }

  /** Folds one decision; false when it had been applied already. */
  apply(decided) {
    const offset = Number(decided.offset);
    if (!this.cursor || offset <= Number(this.cursor.offset)) return false;
    this.at = millis(decided.at);
    for (const event of decided.events ?? []) this.evolve(event);
    this.cursor = { log_id: this.cursor.log_id, offset: decided.offset, hash: decided.hash };
    return true;
  }

  evolve(event) {
    const [type] = Object.keys(event);
    folds[type]?.(this, event[type] ?? {});
  }

  /** What the region plans for its teams. */
  configure(teams) {
    for (const conf of teams ?? []) {
      const team = this.team(conf.id ?? conf.team);
      Object.assign(team, { call_sign: conf.call_sign || team.id, home_site: conf.home_site ?? "", planned: conf.guards ?? 0 });
    }
  }

  /** The team, known to the region or not: a fact about it is kept either way. */
  team(id) {
    let team = this.teams.get(id);
    if (!team) {
      team = { id, call_sign: id, home_site: "", on_duty: false, guards: 0, until: 0, mission: "", reachable: false, before: false, links: new Map() };
      this.teams.set(id, team);
    }
    return team;
  }

  /** What the strip shows of a team. */
  status(team) {
    const mission = this.missions.get(team.mission);
    if (!team.on_duty) return "off_duty";
    if (accepted(mission)) return mission.state === "accepted" ? "acknowledged" : mission.state;
    if (!team.reachable) return "unreachable";
    return mission ? "offered" : "available";
  }

  /** Guards of active missions and of those that have done their part on scene. */
  committed(incident) {
    return this.missionsOf(incident).reduce((sum, m) =>
      active(m) || (m.state === "cleared" && m.on_scene_at) ? sum + m.guards : sum, 0);
  }

  missionsOf(incident) {
    return incident.missions.map((id) => this.missions.get(id)).filter(Boolean);
  }

  openIncidents() {
    return [...this.incidents.values()].filter(live)
      .sort((a, b) => a.priority - b.priority || a.received_at - b.received_at);
  }
}

/** What is told before there is a decision on it: each by its kind and key, until the same is said to be over. */
export class Notices {
  #open = new Map();

  take({ kind, key, over, ...about }) {
    if (over) this.#open.delete(`${kind} ${key}`);
    else if (key) this.#open.set(`${kind} ${key}`, { kind, key, ...about });
  }

  /** A server that begins to tell tells all that is open. */
  clear() { this.#open.clear(); }

  list() { return [...this.#open.values()]; }
}

/** Where a team was last confirmed to be; what is older than that changes nothing. */
function confirm(team, site, zone, by, at) {
  const when = millis(at);
  if (when >= millis(team.place?.at)) team.place = { site, zone: zone ?? "", by, at: when };
}

function follow(board, incident) {
  if (!incident || !live(incident) || incident.state === "controlled") return;
  let state = "open";
  for (const m of board.missionsOf(incident)) {
    if (m.state === "on_scene" || (m.state === "cleared" && m.on_scene_at)) state = "on_scene";
    else if (accepted(m) && state === "open") state = "assigned";
  }
  const going = board.missionsOf(incident).reduce((sum, m) => (accepted(m) || (m.state === "cleared" && m.on_scene_at) ? sum + m.guards : sum), 0);
  if (going >= incident.guards_wanted) incident.backup = false;
  if (state !== "open" && !incident.backup) incident.neglected = 0;
  incident.state = state;
}

function add(board, mission) {
  board.missions.set(mission.id, { undelivered: false, answer_by: 0, ended_at: 0, end_reason: "", previous: "", ...mission });
  board.team(mission.team).mission = mission.id;
  const incident = board.incidents.get(mission.incident);
  incident?.missions.push(mission.id);
  follow(board, incident);
}

const reach = (state) => (board, { mission: id }) => {
  const mission = board.missions.get(id);
  const to = legs.indexOf(state);
  if (!active(mission) || legs.indexOf(mission.state) >= to) return;
  mission.state = state;
  mission[legTimes[to]] = board.at;
  const incident = board.incidents.get(mission.incident);
  if (state === "on_scene" && incident) confirm(board.team(mission.team), incident.site, incident.zone, "scene", board.at);
  follow(board, incident);
};

const endMission = (state) => (board, { mission: id, reason, reason_text }) => {
  const mission = board.missions.get(id);
  if (!active(mission)) return;
  Object.assign(mission, { state, ended_at: board.at, end_reason: reason ?? "", end_reason_text: reason_text });
  board.team(mission.team).mission = "";
  follow(board, board.incidents.get(mission.incident));
};

const onIncident = (change) => (board, body) => {
  const incident = board.incidents.get(body.incident);
  if (incident) change(incident, body, board);
};

const endIncident = (state) => onIncident((incident, body, board) =>
  Object.assign(incident, {
    state, ended_at: board.at, disposition: body.disposition ?? body.reason ?? "", disposition_text: body.disposition_text ?? body.reason_text,
  }));

function forget(board) {
  for (const incident of board.incidents.values()) {
    if (live(incident) || incident.ended_at > board.at - keptAfterEnd) continue;
    for (const id of incident.missions) board.missions.delete(id);
    board.incidents.delete(incident.id);
  }
}

const sameChain = (a, b) => a.source === b.source && a.code === b.code && a.zone === (b.zone ?? "");

/** How each type of event changes the board; a type that is not here changes nothing that is shown. */
const folds = {
  region_configured(board, { content }) { board.configure(content?.teams); },
  clock_stepped(board, { delta_ms: delta }) {
    for (const m of board.missions.values()) if (active(m) && m.answer_by) m.answer_by += Number(delta);
    for (const team of board.teams.values()) if (team.on_duty && team.until) team.until += Number(delta);
  },
  alarm_received: onIncident((incident, body, board) => {
    let chain = incident.alarms.find((c) => sameChain(c, body));
    if (!chain) {
      chain = { first: body.alarm, source: body.source, code: body.code, zone: body.zone ?? "", category: body.category, count: 0 };
      incident.alarms.push(chain);
    }
    chain.count++;
    chain.last_at = board.at;
    chain.restored = false;
  }),
  alarm_restored: onIncident((incident, body) => {
    for (const chain of incident.alarms) if (sameChain(chain, body)) chain.restored = true;
  }),
  incident_opened(board, b) {
    board.incidents.set(b.incident, {
      id: b.incident, state: "open", priority: b.priority, category: b.category, site: b.site, zone: b.zone ?? "",
      opened_by: b.opened_by, opened_at: board.at, received_at: millis(b.received_at_ms), guards_wanted: b.guards_wanted ?? 0,
      claimed_by: "", neglected: 0, no_team: false, backup: false, disposition: "", ended_at: 0, alarms: [], missions: [],
    });
    forget(board);
  },
  incident_aggravated: onIncident((incident, b) => {
    Object.assign(incident, { priority: b.priority, category: b.category, guards_wanted: b.guards_wanted ?? 0 });
    // Everybody has been told of the lesser one: they are told again.
    if (incident.state === "open" && incident.neglected === 2) incident.neglected = 0;
  }),
  incident_claimed: onIncident((incident, b) => { incident.claimed_by = b.by; }),
  incident_released: onIncident((incident) => { incident.claimed_by = ""; }),
  incident_controlled: onIncident((incident) => { incident.state = "controlled"; }),
  incident_closed: endIncident("closed"),
  incident_cancelled: endIncident("cancelled"),
  incident_neglected: onIncident((incident, b) => { incident.neglected = b.step; }),
  teams_chosen: onIncident((incident) => { incident.no_team = false; }),
  no_team_found: onIncident((incident) => { incident.no_team = true; }),
  teams_proposed: onIncident((incident, b) => { if (Number(b.until_ms ?? 0)) incident.no_team = false; }),
  backup_requested: onIncident((incident, b, board) => {
    Object.assign(incident, { priority: b.priority, guards_wanted: b.guards_wanted ?? 0, neglected: 0, backup: true });
    if (incident.state === "controlled") incident.state = "open";
    follow(board, incident);
  }),

  mission_offered(board, b) {
    add(board, { id: b.mission, incident: b.incident, team: b.team, state: "offered", guards: b.guards ?? 0, by: b.by,
      offered_at: board.at, answer_by: millis(b.answer_by_ms) });
  },
  late_answer_honoured(board, b) {
    const at = board.at;
    add(board, { id: b.mission, incident: b.incident, team: b.team, state: "accepted", guards: b.guards ?? 0, by: "late_answer",
      previous: b.previous, offered_at: at, accepted_at: at, ...(b.by_radio ? {} : { delivered_at: at, seen_at: at }) });
  },
  mission_undelivered(board, b) {
    const mission = board.missions.get(b.mission);
    if (mission) mission.undelivered = true;
  },
  mission_delivered: reach("delivered"),
  mission_seen: reach("seen"),
  mission_accepted: reach("accepted"),
  mission_departed: reach("en_route"),
  mission_arrived: reach("on_scene"),
  mission_declined: endMission("declined"),
  mission_expired: endMission("expired"),
  mission_cleared: endMission("cleared"),
  mission_cancelled: endMission("cancelled"),

  duty_started(board, b) {
    const team = board.team(b.team);
    Object.assign(team, { on_duty: true, guards: b.guards?.length || team.planned || 1, until: millis(b.until_ms) });
  },
  duty_extended(board, b) { board.team(b.team).until = millis(b.until_ms); },
  duty_ended(board, b) { Object.assign(board.team(b.team), { on_duty: false, guards: 0, until: 0, place: null }); },
  place_entered(board, b) { confirm(board.team(b.team), b.site, b.zone, "entered", b.at_ms); },
  place_left(board, b) {
    const team = board.team(b.team);
    const there = team.place?.site === b.site && (!b.zone || team.place.zone === b.zone);
    if (there) confirm(team, b.site, "", b.zone ? "entered" : "left", b.at_ms);
  },
  device_linked(board, b) {
    const team = board.team(b.team);
    team.links.set(b.device, b.gateway);
    team.reachable = true;
  },
  device_unlinked(board, b) {
    const team = board.team(b.team);
    const known = team.links.delete(b.device);
    if (team.before && (!known || team.links.size === 0)) board.doubtful = true;
    team.reachable = team.links.size > 0;
  },
  gateway_disappeared(board, b) {
    for (const team of board.teams.values()) {
      if (!team.reachable) continue;
      if (team.before) board.doubtful = true;
      for (const [device, gateway] of team.links) if (gateway === b.gateway) team.links.delete(device);
      if (team.links.size === 0) team.reachable = false;
    }
  },
};

/** Types of event that the fold knows. */
export const folded = Object.keys(folds);
