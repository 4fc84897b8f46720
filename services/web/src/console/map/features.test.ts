import { expect, test } from "vitest";
import type { Fix, Incident, Team } from "../../board/room";
import type { RoomInfo } from "../desk";
import { incidentsOf, newestOf, teamsOf } from "./features";

const room = {
  sites: [
    { site: "north", name: "North", entrances: [{ id: "main", label: "Main", lat: 48.85, lon: 2.35 }] },
    { site: "south", name: "South", entrances: [{ id: "main", label: "Main", lat: 48.83, lon: 2.36 }] },
  ],
} as unknown as RoomInfo;

const minute = 60_000;
const now = 1_000 * minute;

function team(id: string, given: Partial<Team> = {}): [string, Team] {
  const view = { id, call_sign: id, on_duty: true, status: "available", home_site: "north", ...given };
  return [id, view as Team];
}

const fix = (id: string, at: number): [string, Fix] => [id, { team: id, lat: 48.9, lon: 2.4, at }];

test("a team stands where its telephone says, and once that is old where it is at home, as an estimate", () => {
  const teams = new Map([team("a"), team("b"), team("c", { home_site: "south" })]);
  const positions = new Map([fix("a", now - minute), fix("b", now - 20 * minute)]);
  const [a, b, c] = teamsOf(room, teams, positions, now);
  expect(a).toMatchObject({ lat: 48.9, lon: 2.4, look: { estimated: false } });
  expect(b).toMatchObject({ lat: 48.85, lon: 2.35, look: { estimated: true } });
  expect(c).toMatchObject({ lat: 48.83, lon: 2.36, look: { estimated: true } });
});

test("who is off duty is not drawn, and nor does what was seen of them count", () => {
  const teams = new Map([team("a", { on_duty: false }), team("b")]);
  const positions = new Map([fix("a", now), fix("b", now - minute)]);
  expect(teamsOf(room, teams, positions, now)).toHaveLength(1);
  expect(newestOf(teams, positions)).toBe(now - minute);
});

test("what stands at the same place is set side by side, and what has ended is gone", () => {
  const incident = (id: string, ended_at = ""): [string, Incident] => [
    id,
    { id, site: "north", priority: 1, ended_at } as Incident,
  ];
  const marks = incidentsOf(room, new Map([incident("I1"), incident("I2"), incident("I3", "2026-01-01")]));
  expect(marks.map(({ slot, look }) => [slot, look.text])).toEqual([
    [0, "I1"],
    [1, "I2"],
  ]);
});
