// What is drawn: sites, entrances, incidents that have not ended, teams on duty. A team without a fresh fix is drawn where it was last
// confirmed, and says so.

import type { Feature, FeatureCollection, Point } from "geojson";
import type { RoomState, Team } from "../../board/room";
import { now } from "../../ui/time";
import { type RoomInfo, siteOf } from "../desk";
import { isLive } from "../queue/order";

export interface Features {
  sites: FeatureCollection<Point>;
  incidents: FeatureCollection<Point>;
  teams: FeatureCollection<Point>;
  /** When the newest position was true; 0: there is none. */
  newest: number;
}

/** A fix counts for so long (domain §3), in milliseconds. */
const fixCounts = 15 * 60_000;

type At = [lon: number, lat: number];

export function collect(room: RoomInfo, state: RoomState): Features {
  const incidents = [...state.incidents.values()].filter(isLive).flatMap((i) => {
    const at = whereSite(room, i.site);
    return at ? point(at, { id: i.id, priority: i.priority }) : [];
  });
  let newest = 0;
  const teams = [...state.teams.values()]
    .filter((t) => t.on_duty)
    .flatMap((t) => {
      const seen = state.positions.get(t.id);
      const seenAt = seen?.at ?? 0;
      newest = Math.max(newest, seenAt);
      const fresh = seen && now() - seenAt < fixCounts;
      const at: At | undefined = fresh ? [seen.lon, seen.lat] : whereTeam(room, t);
      return at ? point(at, { name: t.call_sign, status: t.status, estimated: !fresh }) : [];
    });
  const sites = (room.sites ?? []).flatMap((s) =>
    (s.entrances ?? []).map((e, k) =>
      point([e.lon, e.lat], { name: k === 0 ? s.name : "", entrance: e.label || e.id }),
    ),
  );
  return { sites: all(sites), incidents: all(spread(incidents)), teams: all(spread(teams)), newest };
}

function whereSite(room: RoomInfo, site: string): At | undefined {
  const e = siteOf(room, site)?.entrances?.[0];
  return e && [e.lon, e.lat];
}

function whereTeam(room: RoomInfo, t: Team): At | undefined {
  return whereSite(room, t.place?.site || t.home_site);
}

function point(at: At, properties: Record<string, unknown>): Feature<Point> {
  return { type: "Feature", geometry: { type: "Point", coordinates: at }, properties };
}

function all(features: Feature<Point>[]): FeatureCollection<Point> {
  return { type: "FeatureCollection", features };
}

/** What stands at the same place is set side by side, as an offset in pixels that the style adds. */
function spread(features: Feature<Point>[]): Feature<Point>[] {
  const taken = new Map<string, number>();
  return features.map((f) => {
    const key = f.geometry.coordinates.map((c) => c.toFixed(5)).join();
    const k = taken.get(key) ?? 0;
    taken.set(key, k + 1);
    return { ...f, properties: { ...f.properties, slot: k } };
  });
}
