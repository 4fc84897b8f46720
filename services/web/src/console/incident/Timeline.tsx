import { useEffect, useState } from "react";
import type { Incident } from "../../board/room";
import type { Schemas } from "../../session/api";
import { clock, millis } from "../../ui/time";
import { useWords } from "../../ui/words";
import { useBoard, useDesk } from "../desk";
import { words } from "../words";

type Entry = Schemas["Entry"];

const settle = 400;

/** Every record about the incident, refusals and void ones too, as the replay service reads it from the log. */
export function Timeline({ incident: i }: { incident: Incident }) {
  const w = useWords(words);
  const { room } = useDesk();
  const [shown, show] = useState(false);
  const { entries, failed } = useTimeline(i, shown);
  return (
    <details onToggle={(e) => show(e.currentTarget.open)}>
      <summary>{w.timeline}</summary>
      {failed && <p className="small">{w.timeline_unreachable}</p>}
      <ol className="timeline">
        {entries.map((e) => (
          <li key={e.offset} className={e.effective ? undefined : "void"}>
            <time>{clock(millis(e.at), room.timezone)}</time>
            <span>
              {!e.effective && <b>{w.void_record} </b>}
              {e.refusal && <b>{w.refused(e.refusal.code)} </b>}
              {(e.events ?? []).map((event) => typeOf(event)).join(", ")}
              <span className="small"> {e.actor}</span>
            </span>
            <span className="small">#{e.offset}</span>
          </li>
        ))}
      </ol>
    </details>
  );
}

function typeOf(event: unknown): string {
  const { type = "" } = event as { type?: string };
  return type.replaceAll("_", " ");
}

/** Read when it is opened, and again when the board says that something has changed. */
function useTimeline(i: Incident, shown: boolean): { entries: Entry[]; failed: boolean } {
  const { api, room } = useDesk();
  const missions = useBoard((s) => s.missions);
  const [entries, setEntries] = useState<Entry[]>([]);
  const [failed, setFailed] = useState(false);
  const changed = JSON.stringify([i, (i.missions ?? []).map((id) => missions.get(id)?.state)]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what has changed is why it is read again
  useEffect(() => {
    if (!shown) return;
    let gone = false;
    const timer = setTimeout(async () => {
      try {
        const t = await api.get<Schemas["Timeline"]>(`/v1/rooms/${room.room}/incidents/${i.id}/timeline`);
        if (gone) return;
        setEntries([...(t.records ?? [])].reverse());
        setFailed(false);
      } catch {
        if (!gone) setFailed(true);
      }
    }, settle);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [api, room.room, i.id, shown, changed]);
  return { entries, failed };
}
