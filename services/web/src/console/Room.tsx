import { useCallback, useEffect, useMemo, useState } from "react";
import { RoomBoard } from "../board/room";
import type { Api, Schemas } from "../session/api";
import type { Session, Sessions } from "../session/session";
import { setClock } from "../ui/time";
import { useWords } from "../ui/words";
import { Console } from "./Console";
import { type Desk, DeskContext, mayCommand, mayWatch, type RoomInfo, rolesIn } from "./desk";
import { Sounds } from "./sounds";
import { useAsk } from "./toasts";
import { words } from "./words";
import "./console.css";

const retryEvery = 3_000;
const roomKey = "vigie.room";

/** The rooms that a person may watch, and the console of one of them. */
export function Room({ api, sessions, session }: { api: Api; sessions: Sessions; session: Session }) {
  const w = useWords(words);
  const { rooms, failed } = useRooms(api);
  const mine = useMemo(() => rooms?.filter((r) => mayWatch(session, r.room)), [rooms, session]);
  const [chosen, choose] = useState(() => localStorage.getItem(roomKey) ?? "");
  const room = mine?.find((r) => r.room === chosen) ?? mine?.[0];

  const pick = useCallback((id: string) => {
    localStorage.setItem(roomKey, id);
    choose(id);
  }, []);

  if (!mine)
    return (
      <main className="alone">
        <p role="status">{failed ? w.loading_failed : w.loading}</p>
      </main>
    );
  if (!room)
    return (
      <main className="alone">
        <h1>Vigie</h1>
        <p role="alert">{w.no_room}</p>
        <button type="button" onClick={() => void sessions.signOut()}>
          {w.sign_out}
        </button>
      </main>
    );
  return (
    <At
      key={room.room}
      api={api}
      sessions={sessions}
      session={session}
      room={room}
      rooms={mine}
      pick={pick}
    />
  );
}

function useRooms(api: Api): { rooms: RoomInfo[] | undefined; failed: boolean } {
  const [rooms, setRooms] = useState<RoomInfo[]>();
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let gone = false;
    async function load() {
      try {
        const list = await api.get<Schemas["RoomList"]>("/v1/rooms");
        if (gone) return;
        setClock(Date.parse(list.clock.now), list.clock.rate);
        setRooms(list.rooms ?? []);
        setFailed(false);
      } catch {
        if (gone) return;
        setFailed(true);
        timer = setTimeout(() => void load(), retryEvery);
      }
    }
    void load();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [api]);
  return { rooms, failed };
}

interface AtProps {
  api: Api;
  sessions: Sessions;
  session: Session;
  room: RoomInfo;
  rooms: RoomInfo[];
  pick(room: string): void;
}

function At({ api, sessions, session, room, rooms, pick }: AtProps) {
  const [opened, setOpened] = useState<{ board: RoomBoard; sounds: Sounds }>();
  useEffect(() => {
    const sounds = new Sounds();
    const board = new RoomBoard(room.room, {
      token: () => sessions.socketToken(),
      decided: (d) => sounds.decided(d),
      noticed: (n) => sounds.noticed(n),
    });
    setOpened({ board, sounds });
    // Where teams were before this console began to watch; who may not know, or cannot be told now, sees places instead.
    void api.get<Schemas["Positions"]>(`/v1/rooms/${room.room}/positions`).then(
      ({ positions }) => board.place((positions ?? []).map((p) => ({ ...p, at: Date.parse(p.at) }))),
      () => {},
    );
    return () => {
      board.close();
      sounds.close();
    };
  }, [api, room.room, sessions]);
  if (!opened) return null;
  return <Seated {...{ api, sessions, session, room, rooms, pick, ...opened }} />;
}

function Seated({
  api,
  sessions,
  session,
  room,
  rooms,
  pick,
  board,
  sounds,
}: AtProps & { board: RoomBoard; sounds: Sounds }) {
  const { ask, toasts, dismiss } = useAsk(board);
  const desk = useMemo<Desk>(
    () => ({
      api,
      session,
      room,
      board,
      ask,
      commands: mayCommand(session, room.room),
      chief: rolesIn(session, room.room).includes("chief"),
    }),
    [api, session, room, board, ask],
  );
  return (
    <DeskContext value={desk}>
      <Console {...{ rooms, pick, sessions, sounds, toasts, dismiss }} />
    </DeskContext>
  );
}
