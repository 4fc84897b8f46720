import type { Incident, Mission } from "../../board/room";
import { useLabels } from "../../ui/labels";
import { clock, millis, span, useNow } from "../../ui/time";
import { useWords } from "../../ui/words";
import { useBoard, useDesk } from "../desk";
import { words } from "../words";
import type { IncidentActions } from "./actions";

/** Each team's part in the incident, with its receipts and their times. */
export function Missions({ incident: i, actions }: { incident: Incident; actions: IncidentActions }) {
  const w = useWords(words);
  const missions = useBoard((s) => s.missions);
  const list = (i.missions ?? []).flatMap((id) => missions.get(id) ?? []).reverse();
  return (
    <section aria-label={w.missions}>
      <h3>{w.missions}</h3>
      {list.length === 0 && <p className="small">{w.no_mission}</p>}
      <ul className="missions">
        {list.map((m) => (
          <Line key={m.id} mission={m} actions={actions} />
        ))}
      </ul>
    </section>
  );
}

function Line({ mission: m, actions }: { mission: Mission; actions: IncidentActions }) {
  const w = useWords(words);
  const label = useLabels();
  const { room, commands } = useDesk();
  const teams = useBoard((s) => s.teams);
  const now = useNow();
  const active = m.ended_at === "";
  const legs: [string, string][] = [
    ["offered", m.offered_at],
    ["delivered", m.delivered_at],
    ["seen", m.seen_at],
    ["accepted", m.accepted_at],
    ["en_route", m.en_route_at],
    ["on_scene", m.on_scene_at],
  ];
  if (!active) legs.push([m.state, m.ended_at]);
  const why =
    m.end_reason_text?.clear ||
    (m.end_reason && label("reason", m.end_reason)) ||
    m.reason_text?.clear ||
    (m.reason && label("reason", m.reason));
  const latest = Math.max(...legs.map(([, at]) => millis(at)));
  return (
    <li className={active ? "active" : "over"}>
      <div className="head">
        <strong>{teams.get(m.team)?.call_sign ?? m.team}</strong>
        <span className={`chip ${m.state}`}>{label("mission", m.state)}</span>
        {m.undelivered && active && <b className="flag bad">{label("team", "unreachable")}</b>}
        {active && <time className="age">{span(now - latest)}</time>}
        {active && !m.accepted_at && m.answer_by && (
          <span className="small">→ {clock(millis(m.answer_by), room.timezone)}</span>
        )}
        {active && !m.on_scene_at && m.arrival_ms > 0 && (
          <span className="small">
            {w.arrives} {span(Math.max(0, millis(m.offered_at) + m.arrival_ms - now))}
          </span>
        )}
        {commands && active && (
          <button type="button" className="quiet" onClick={() => actions.ask({ of: "recall", mission: m })}>
            {w.recall}
          </button>
        )}
      </div>
      <ol className="legs">
        {legs.map(([leg, at]) => (
          <li key={leg} className={at ? "done" : "open"}>
            <span>{label("mission", leg)}</span>
            <time>{at ? clock(millis(at), room.timezone) : "–"}</time>
            {m.by_radio?.includes(leg) && <span className="small">{w.by_radio}</span>}
          </li>
        ))}
      </ol>
      {why && <p className="small">{why}</p>}
    </li>
  );
}
