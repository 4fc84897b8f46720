// What every part of the console has at hand: the room, what is known of it, and how to ask something of it.

import { createContext, useContext, useSyncExternalStore } from "react";
import type { RoomBoard, RoomState } from "../board/room";
import type { Outcome } from "../gen/proto/vigie/watch/v1/frames_pb";
import type { Api, Schemas } from "../session/api";
import type { Session } from "../session/session";
import type { Asked } from "../socket/watch";

export type RoomInfo = Schemas["Room"];
export type Site = Schemas["Site"];
export type Zone = Schemas["Zone"];

export interface Desk {
  api: Api;
  session: Session;
  room: RoomInfo;
  board: RoomBoard;
  /** Whether this person may direct others here; the server asks again all the same. */
  commands: boolean;
  chief: boolean;
  /** Asks, and says on the screen what became of it. `what` names it for the person. */
  ask(asked: Asked, what: string): Promise<Outcome>;
}

export const DeskContext = createContext<Desk | undefined>(undefined);

export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (!desk) throw new Error("outside of a room");
  return desk;
}

/** A part of what is known of the room. Who shows it is drawn anew when that part has changed, and only then. */
export function useBoard<T>(part: (state: RoomState) => T): T {
  const { board } = useDesk();
  return useSyncExternalStore(board.subscribe, () => part(board.state));
}

export function siteOf(room: RoomInfo, site: string): Site | undefined {
  return room.sites?.find((s) => s.site === site);
}

export function zoneOf(room: RoomInfo, site: string, zone: string): Zone | undefined {
  return siteOf(room, site)?.zones?.find((z) => z.code === zone);
}

/** A place in short: the site's name, then the zone's. */
export function placeOf(room: RoomInfo, site: string, zone: string): string {
  const name = siteOf(room, site)?.name ?? site;
  return zone ? `${name} · ${zoneOf(room, site, zone)?.label ?? zone}` : name;
}

const commanding = ["dispatcher", "chief"];

/** The roles that a session has for a whole room. */
export function rolesIn(session: Session, room: string): string[] {
  return (session.grants ?? [])
    .filter((g) => g.scope === "region" || g.scope === `room/${room}`)
    .map((g) => g.role);
}

export function mayCommand(session: Session, room: string): boolean {
  return rolesIn(session, room).some((r) => commanding.includes(r));
}

const watching = [...commanding, "supervisor", "region", "integrator"];

export function mayWatch(session: Session, room: string): boolean {
  return rolesIn(session, room).some((r) => watching.includes(r));
}
