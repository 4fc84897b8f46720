// What stands on the map: sites, entrances, incidents that have not ended, teams on duty. A team without a fresh fix is drawn where it
// was last confirmed, and says so.

import type { RoomState, Team } from "../../board/room";
import { type RoomInfo, siteOf } from "../desk";
import { isLive } from "../queue/order";
import type { Look } from "./images";

export interface Mark {
  lon: number;
  lat: number;
  look: Look;
  /** Which of those that stand at the same place. */
  slot: number;
}

/** A fix counts for so long (domain §3), in milliseconds. */
const fixCounts = 15 * 60_000;

type At = Pick<Mark, "lon" | "lat">;

export function sitesOf(room: RoomInfo): Mark[] {
  return (room.sites ?? []).flatMap((s) =>
    (s.entrances ?? []).map(({ lon, lat }, k) => ({
      ...{ lon, lat, slot: 0 },
      look: { of: "site", text: k === 0 ? s.name : "" },
    })),
  );
}

export function incidentsOf(room: RoomInfo, incidents: RoomState["incidents"]): Mark[] {
  return spread(
    [...incidents.values()].filter(isLive).flatMap((i) => {
      const at = whereSite(room, i.site);
      return at ? { ...at, look: { of: "incident", text: i.id, priority: i.priority } } : [];
    }),
  );
}

/** The teams on duty at a time of the room. */
export function teamsOf(
  room: RoomInfo,
  teams: RoomState["teams"],
  positions: RoomState["positions"],
  now: number,
): Mark[] {
  const onDuty = [...teams.values()].filter((t) => t.on_duty);
  return spread(
    onDuty.flatMap((t) => {
      const seen = positions.get(t.id);
      const fresh = seen && now - seen.at < fixCounts;
      const at = fresh ? { lon: seen.lon, lat: seen.lat } : whereTeam(room, t);
      const look: Look = { of: "team", text: t.call_sign, status: t.status, estimated: !fresh };
      return at ? { ...at, look } : [];
    }),
  );
}

/** When the newest position of those on duty was true; 0: there is none. */
export function newestOf(teams: RoomState["teams"], positions: RoomState["positions"]): number {
  let newest = 0;
  for (const { team, at } of positions.values()) if (teams.get(team)?.on_duty) newest = Math.max(newest, at);
  return newest;
}

function whereSite(room: RoomInfo, site: string): At | undefined {
  const e = siteOf(room, site)?.entrances?.[0];
  return e && { lon: e.lon, lat: e.lat };
}

function whereTeam(room: RoomInfo, t: Team): At | undefined {
  return whereSite(room, t.place?.site || t.home_site);
}

/** What stands at the same place is set side by side. */
function spread(marks: Omit<Mark, "slot">[]): Mark[] {
  const taken = new Map<string, number>();
  return marks.map((m) => {
    const key = `${m.lon.toFixed(5)} ${m.lat.toFixed(5)}`;
    const slot = taken.get(key) ?? 0;
    taken.set(key, slot + 1);
    return { ...m, slot };
  });
}
