import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from "react";
import type { Incident } from "../board/room";
import type { Sessions } from "../session/session";
import { Failure } from "../ui/Failure";
import { useLatest } from "../ui/latest";
import { useWords } from "../ui/words";
import { Banners, Sheet } from "./Banners";
import { type RoomInfo, useBoard, useDesk } from "./desk";
import { Keys } from "./dialogs/Keys";
import { useIncidentActions } from "./incident/actions";
import { IncidentPane } from "./incident/IncidentPane";
import { keyOf } from "./keys";
import { NewIncident } from "./open/NewIncident";
import { inOrder } from "./queue/order";
import { Queue } from "./queue/Queue";
import type { Sounds } from "./sounds";
import { TopBar } from "./TopBar";
import { Radio } from "./teams/Radio";
import { TeamStrip } from "./teams/TeamStrip";
import { type Toast, Toasts } from "./toasts";
import { words } from "./words";

const GroupMap = lazy(() => import("./map/GroupMap"));

interface Props {
  rooms: RoomInfo[];
  pick(room: string): void;
  sessions: Sessions;
  sounds: Sounds;
  toasts: Toast[];
  dismiss(id: number): void;
}

type Open = "none" | "new" | "radio" | "keys";

export function Console({ rooms, pick, sessions, sounds, toasts, dismiss }: Props) {
  const w = useWords(words);
  const desk = useDesk();
  const incidents = useBoard((s) => s.incidents);
  const live = useBoard((s) => s.link.state === "live");
  const [selected, select] = useState<string>();
  const [open, setOpen] = useState<Open>("none");
  const back = useCallback(() => setOpen("none"), []);

  // The map is heavy: it comes when the queue is there.
  const [mapped, setMapped] = useState(false);
  useEffect(() => {
    if (live) setMapped(true);
  }, [live]);

  const order = useMemo(() => inOrder(incidents), [incidents]);
  const incident = selected === undefined ? undefined : incidents.get(selected);
  const actions = useIncidentActions(incident);

  // The first incident of an idle console is looked at by itself; after that nobody's view is moved under their hands.
  useEffect(() => {
    if (!incident && order.live[0]) select(order.live[0].id);
  }, [incident, order]);

  // A link from elsewhere, the start page say: /console#incident=I7.
  useEffect(() => {
    const read = () => {
      const named = new URLSearchParams(location.hash.slice(1)).get("incident");
      if (named) select(named);
    };
    read();
    addEventListener("hashchange", read);
    return () => removeEventListener("hashchange", read);
  }, []);

  useKeys(order.live, selected, select, open, setOpen, actions.key, desk.commands);

  const unled = order.live.filter((i) => !i.claimed_by).length;
  useEffect(() => {
    document.title = `${unled > 0 ? `(${unled}) ` : ""}${desk.room.name} · Vigie`;
  }, [unled, desk.room.name]);

  return (
    <Sheet>
      <TopBar
        {...{
          rooms,
          pick,
          sessions,
          sounds,
          openNew: () => setOpen("new"),
          openRadio: () => setOpen("radio"),
          openKeys: () => setOpen("keys"),
        }}
      />
      <Banners sessions={sessions} />
      <div className="panes">
        <Queue order={order} selected={selected} select={select} />
        <section className="map-pane" aria-label={w.map}>
          <Failure
            instead={(retry) => (
              <p className="empty">
                {w.map_failed}{" "}
                <button type="button" onClick={retry}>
                  {w.map_try}
                </button>
              </p>
            )}
          >
            <Suspense fallback={<p className="empty">…</p>}>
              {mapped && <GroupMap selected={selected} select={select} />}
            </Suspense>
          </Failure>
        </section>
        <IncidentPane incident={incident} actions={actions} select={select} />
      </div>
      <TeamStrip />
      {open === "new" && <NewIncident close={back} opened={select} />}
      {open === "radio" && <Radio close={back} />}
      {open === "keys" && <Keys close={back} />}
      <Toasts toasts={toasts} dismiss={dismiss} />
    </Sheet>
  );
}

/** Keys of the room; what a person types into a field or a dialog is theirs. */
function useKeys(
  live: Incident[],
  selected: string | undefined,
  select: (id: string) => void,
  open: Open,
  setOpen: (open: Open) => void,
  act: (key: string) => boolean,
  commands: boolean,
): void {
  const latest = useLatest({ live, selected, open, act, commands });
  useEffect(() => {
    const down = (e: KeyboardEvent) => {
      const key = keyOf(e);
      const now = latest.current;
      if (!key || now.open !== "none" || document.querySelector("dialog[open]")) return;
      if (handled(key, now)) e.preventDefault();
    };
    function handled(key: string, now: typeof latest.current): boolean {
      const move = (by: number) => {
        const at = now.live.findIndex((i) => i.id === now.selected);
        const next = now.live[Math.max(0, Math.min(now.live.length - 1, at + by))];
        if (next) select(next.id);
        return true;
      };
      switch (key) {
        case "ArrowDown":
          return move(1);
        case "ArrowUp":
          return move(-1);
        case "?":
          setOpen("keys");
          return true;
      }
      if (!now.commands) return false;
      switch (key) {
        case "n":
          setOpen("new");
          return true;
        case "r":
          setOpen("radio");
          return true;
      }
      return now.act(key);
    }
    addEventListener("keydown", down);
    return () => removeEventListener("keydown", down);
  }, [latest, select, setOpen]);
}
