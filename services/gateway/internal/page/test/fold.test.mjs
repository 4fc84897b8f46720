// The fold of the page, without a browser: node --test services/gateway/internal/page/test/

import assert from "node:assert/strict";
import test from "node:test";

import { Board, millis, Notices } from "../static/fold.js";

const at = "2026-03-01T22:00:00.000Z";
const hash = (n) => String(n).padStart(64, "0");

function board() {
  const b = new Board();
  b.replace({ log_id: "L", offset: "10", hash: hash(10) }, {
    at, incidents: [], missions: [],
    teams: [{ id: "north-1", call_sign: "NORTH 1", home_site: "north", on_duty: true, guards: 2, until: "2026-03-02T06:00:00.000Z", mission: "", reachable: true },
      { id: "north-2", call_sign: "NORTH 2", home_site: "north", on_duty: false, guards: 0, until: "", mission: "", reachable: false }],
  });
  return b;
}

let offset = 10;
const tell = (b, ...events) => b.apply({ offset: String(++offset), hash: hash(offset), at, events });
const opened = { incident_opened: { incident: "I1", site: "north", zone: "ED", category: "duress", priority: 1, guards_wanted: 2, received_at_ms: "1772402400000" } };
const offered = { mission_offered: { mission: "M1", incident: "I1", team: "north-1", guards: 2, answer_by_ms: "1772402430000" } };
const leg = (type) => ({ [`mission_${type}`]: { mission: "M1" } });
const statuses = (b) => [b.incidents.get("I1")?.state, b.missions.get("M1")?.state, b.status(b.teams.get("north-1"))];

test("an incident follows its mission from the offer to the clearance", () => {
  const b = board();
  tell(b, opened, offered);
  assert.deepEqual(statuses(b), ["open", "offered", "offered"]);
  assert.equal(b.committed(b.incidents.get("I1")), 2);
  for (const [type, want] of [
    ["delivered", ["open", "delivered", "offered"]], ["seen", ["open", "seen", "offered"]],
    ["accepted", ["assigned", "accepted", "acknowledged"]], ["departed", ["assigned", "en_route", "en_route"]],
    ["arrived", ["on_scene", "on_scene", "on_scene"]], ["cleared", ["on_scene", "cleared", "available"]],
  ]) {
    tell(b, leg(type));
    assert.deepEqual(statuses(b), want, type);
  }
  tell(b, { incident_closed: { incident: "I1", disposition: "genuine" } });
  assert.equal(b.openIncidents().length, 0);
});

test("a leg that is behind the mission, and a leg after its end, change nothing", () => {
  const b = board();
  tell(b, opened, offered, leg("arrived"));
  tell(b, leg("seen"));
  assert.equal(b.missions.get("M1").state, "on_scene");
  tell(b, leg("cleared"));
  tell(b, leg("accepted"));
  assert.equal(b.missions.get("M1").state, "cleared");
});

test("an incident whose only team declines is open again and wants guards", () => {
  const b = board();
  tell(b, opened, offered, leg("accepted"));
  tell(b, { mission_cancelled: { mission: "M1", reason: "team_lost" } });
  assert.deepEqual(statuses(b), ["open", "cancelled", "available"]);
  assert.equal(b.committed(b.incidents.get("I1")), 0);
});

test("nobody accepting and no team found are shown until somebody accepts", () => {
  const b = board();
  tell(b, opened, { no_team_found: { incident: "I1" } }, { incident_neglected: { incident: "I1", step: 1 } });
  assert.deepEqual([b.incidents.get("I1").no_team, b.incidents.get("I1").neglected], [true, 1]);
  tell(b, { teams_chosen: { incident: "I1", chosen: ["north-1"] } }, offered, leg("accepted"));
  assert.deepEqual([b.incidents.get("I1").no_team, b.incidents.get("I1").neglected], [false, 0]);
});

test("a late answer opens a mission that is accepted", () => {
  const b = board();
  tell(b, opened, offered);
  tell(b, { mission_expired: { mission: "M1" } });
  tell(b, { late_answer_honoured: { mission: "M2", previous: "M1", incident: "I1", team: "north-1", guards: 2 } });
  assert.deepEqual([b.missions.get("M2").state, b.incidents.get("I1").state, b.teams.get("north-1").mission], ["accepted", "assigned", "M2"]);
});

test("alarms of one source, code and zone are one chain with a count", () => {
  const b = board();
  const alarm = (id) => ({ alarm_received: { alarm: id, source: "s", code: "DURESS", zone: "ED", incident: "I1" } });
  tell(b, opened, alarm("a"));
  tell(b, alarm("b"));
  assert.deepEqual(b.incidents.get("I1").alarms.map((c) => [c.first, c.count, c.restored]), [["a", 2, false]]);
  tell(b, { alarm_restored: { alarm: "c", source: "s", code: "DURESS", zone: "ED", incident: "I1" } });
  assert.equal(b.incidents.get("I1").alarms[0].restored, true);
});

test("the same decision told twice is applied once, and the cursor goes on with its hash", () => {
  const b = board();
  const decided = { offset: String(++offset), hash: hash(offset), at, events: [opened, { alarm_received: { alarm: "a", source: "s", code: "X", incident: "I1" } }] };
  assert.equal(b.apply(decided), true);
  assert.equal(b.apply(decided), false);
  assert.equal(b.incidents.get("I1").alarms[0].count, 1);
  assert.deepEqual(b.cursor, { log_id: "L", offset: decided.offset, hash: decided.hash });
});

test("nothing is folded before the first snapshot", () => {
  assert.equal(tell(new Board(), opened), false);
});

test("a refusal and an unknown type of event change nothing but the cursor", () => {
  const b = board();
  b.apply({ offset: String(++offset), hash: hash(offset), at, refusal: { code: "off_duty", message: "no" } });
  tell(b, { something_new: { incident: "I1" } });
  assert.equal(b.cursor.offset, String(offset));
  assert.equal(b.incidents.size, 0);
});

test("duty begins with the guards who signed on, or with those planned", () => {
  const b = board();
  b.configure([{ team: "north-2", call_sign: "NORTH 2", home_site: "north", guards: 3 }]);
  tell(b, { duty_started: { team: "north-2", guards: ["g1"], until_ms: "1772431200000" } });
  assert.deepEqual([b.teams.get("north-2").guards, b.status(b.teams.get("north-2"))], [1, "unreachable"]);
  tell(b, { duty_started: { team: "north-2", until_ms: "1772431200000" } }, { device_linked: { team: "north-2", device: "d", gateway: "g" } });
  assert.deepEqual([b.teams.get("north-2").guards, b.status(b.teams.get("north-2"))], [3, "available"]);
  tell(b, { duty_ended: { team: "north-2", reason: "signed_off" } });
  assert.equal(b.status(b.teams.get("north-2")), "off_duty");
});

test("a link known from its beginning ends without doubt; one of before the snapshot leaves doubt", () => {
  const b = board();
  tell(b, { device_linked: { team: "north-2", device: "d", gateway: "g" } });
  tell(b, { device_unlinked: { team: "north-2", device: "d" } });
  assert.deepEqual([b.teams.get("north-2").reachable, b.doubtful], [false, false]);
  tell(b, { device_unlinked: { team: "north-1", device: "unknown" } });
  assert.deepEqual([b.teams.get("north-1").reachable, b.doubtful], [false, true]);
});

test("a gateway that disappears takes its links with it and leaves those of others", () => {
  const b = board();
  tell(b, { device_linked: { team: "north-2", device: "d1", gateway: "g1" } }, { device_linked: { team: "north-2", device: "d2", gateway: "g2" } });
  tell(b, { gateway_disappeared: { gateway: "g1" } });
  assert.equal(b.teams.get("north-2").reachable, true);
  tell(b, { gateway_disappeared: { gateway: "g2" } });
  assert.equal(b.teams.get("north-2").reachable, false);
});

test("what ended more than a day ago is forgotten when something opens", () => {
  const b = board();
  tell(b, opened, offered, leg("cleared"), { incident_closed: { incident: "I1", disposition: "test" } });
  b.apply({ offset: String(++offset), hash: hash(offset), at: "2026-03-03T22:00:00.000Z", events: [{ incident_opened: { ...opened.incident_opened, incident: "I2" } }] });
  assert.deepEqual([[...b.incidents.keys()], b.missions.size], [["I2"], 0]);
});

test("open incidents come by priority, then by age", () => {
  const b = board();
  const open = (incident, priority, received_at_ms) => ({ incident_opened: { incident, priority, received_at_ms, guards_wanted: 1 } });
  tell(b, open("I1", 2, "100"), open("I2", 1, "300"), open("I3", 1, "200"), open("I4", 3, "1"));
  assert.deepEqual(b.openIncidents().map((i) => i.id), ["I3", "I2", "I1", "I4"]);
});

test("a step of the clock moves the deadlines that are shown, and what has ended stays", () => {
  const b = board();
  const until = b.teams.get("north-1").until;
  tell(b, opened, offered);
  tell(b, { clock_stepped: { delta_ms: "-60000" } });
  assert.deepEqual([b.missions.get("M1").answer_by, b.teams.get("north-1").until, b.teams.get("north-2").until], [1772402370000, until - 60000, 0]);
});

test("times are read as the wire writes them", () => {
  assert.deepEqual([millis("1772402400000"), millis(5), millis(""), millis(undefined), millis(at)], [1772402400000, 5, 0, 0, Date.parse(at)]);
});

test("a notice is shown once until its own end", () => {
  const n = new Notices();
  const alarm = { kind: "provisional", room: "alpha", key: "a-1", code: "PB", site: "north" };
  for (const told of [alarm, alarm, { kind: "undecided", key: "a-1" }, { kind: "provisional", key: "a-2" }, { kind: "provisional", key: "a-2", over: true }]) n.take(told);
  assert.deepEqual(n.list().map((o) => `${o.kind} ${o.key}`), ["provisional a-1", "undecided a-1"]);
  n.take({ kind: "provisional", key: "a-1", over: true });
  n.take({ kind: "provisional", key: "never told", over: true });
  assert.deepEqual(n.list().map((o) => o.kind), ["undecided"]);
  n.clear();
  assert.deepEqual(n.list(), []);
});
