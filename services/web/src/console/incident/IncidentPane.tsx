import type { Incident } from "../../board/room";
import { codes, useLabels } from "../../ui/labels";
import { clock, millis, span, useNow } from "../../ui/time";
import { useWords } from "../../ui/words";
import { placeOf, siteOf, useBoard, useDesk, zoneOf } from "../desk";
import { Ask } from "../dialogs/Ask";
import { isLive } from "../queue/order";
import { words } from "../words";
import { Assign } from "./Assign";
import type { IncidentActions } from "./actions";
import { Close } from "./Close";
import { Missions } from "./Missions";
import { Proposal } from "./Proposal";
import { Timeline } from "./Timeline";

interface Props {
  incident: Incident | undefined;
  actions: IncidentActions;
  select(id: string): void;
}

export function IncidentPane({ incident, actions }: Props) {
  const w = useWords(words);
  if (!incident)
    return (
      <section className="incident" aria-label={w.incident}>
        <p className="empty">{w.choose_incident}</p>
      </section>
    );
  return (
    <section className="incident" aria-label={w.incident} key={incident.id}>
      <Head incident={incident} />
      <Actions incident={incident} actions={actions} />
      <Proposal incident={incident} actions={actions} />
      <Missions incident={incident} actions={actions} />
      <Alarms incident={incident} />
      <Notes incident={incident} actions={actions} />
      <Timeline incident={incident} />
      <Questions incident={incident} actions={actions} />
    </section>
  );
}

function Head({ incident: i }: { incident: Incident }) {
  const w = useWords(words);
  const label = useLabels();
  const { room } = useDesk();
  const now = useNow();
  const zone = zoneOf(room, i.site, i.zone);
  const facts: [string, string][] = [];
  if (zone?.building) facts.push([w.building, zone.building]);
  if (zone?.floor) facts.push([w.floor, zone.floor]);
  if (zone?.access_notes) facts.push([w.access, zone.access_notes]);
  if (zone?.hazards) facts.push([w.hazards, zone.hazards]);
  const received = millis(i.received_at);
  return (
    <header>
      <h2>
        <span className={`priority p${i.priority}`}>P{i.priority}</span> {label("category", i.category)}{" "}
        <span className="small">{i.id}</span>
      </h2>
      <p className="place">
        <strong>{placeOf(room, i.site, i.zone)}</strong>
        <span className="small">{siteOf(room, i.site)?.address}</span>
      </p>
      <dl className="facts">
        {facts.map(([name, value]) => (
          <div key={name} className={name === w.hazards ? "hazard" : undefined}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {i.text?.clear && (
        <p className="said">
          <span className="small">{w.text}</span> {i.text.clear}
        </p>
      )}
      <p className="state">
        <b>{label("incident", i.state)}</b> · {w.guards(i.guards_committed, i.guards_wanted)} · {w.opened}{" "}
        {clock(received, room.timezone)} ({span((isLive(i) ? now : millis(i.ended_at)) - received)})
        {i.disposition && ` · ${label("disposition", i.disposition)}`}
      </p>
    </header>
  );
}

function Actions({ incident: i, actions }: { incident: Incident; actions: IncidentActions }) {
  const w = useWords(words);
  const { commands, session, chief } = useDesk();
  if (!isLive(i)) return null;
  const mine = i.claimed_by === session.account;
  const led = (
    <p className={i.claimed_by ? "led" : "led unled"}>
      {i.claimed_by ? (mine ? w.mine : w.claimed_by(i.claimed_by)) : w.unclaimed}
    </p>
  );
  if (!commands) return led;
  return (
    <div className="actions">
      {led}
      {!i.claimed_by && (
        <button type="button" className="primary" onClick={actions.claim}>
          {w.claim}
        </button>
      )}
      {i.claimed_by && !mine && chief && (
        <button type="button" onClick={actions.claim}>
          {w.take_over}
        </button>
      )}
      {i.claimed_by && (mine || chief) && (
        <button type="button" onClick={actions.release}>
          {w.release}
        </button>
      )}
      <button type="button" onClick={() => actions.ask({ of: "assign" })}>
        {w.assign}
      </button>
      {!i.proposal && (
        <button type="button" onClick={actions.propose}>
          {w.propose}
        </button>
      )}
      {i.state !== "controlled" && (
        <button type="button" onClick={actions.control}>
          {w.control}
        </button>
      )}
      <button type="button" onClick={() => actions.ask({ of: "close" })}>
        {w.close}
      </button>
      <button type="button" onClick={() => actions.ask({ of: "cancel" })}>
        {w.cancel}
      </button>
    </div>
  );
}

function Alarms({ incident: i }: { incident: Incident }) {
  const w = useWords(words);
  const label = useLabels();
  const { room } = useDesk();
  if (!i.alarms?.length) return null;
  return (
    <section aria-label={w.alarms}>
      <h3>{w.alarms}</h3>
      <ul className="plain">
        {i.alarms.map((a) => (
          <li key={a.first}>
            <b>{room.codes?.find((c) => c.code === a.code)?.label ?? a.code}</b> {a.code} ·{" "}
            {label("category", a.category)} · {placeOf(room, i.site, a.zone)}
            {a.count > 1 && ` · ${w.times(a.count)}`} · {clock(a.last_at, room.timezone)}
            {a.restored && ` · ${w.restored}`} <span className="small">{a.source}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Notes({ incident: i, actions }: { incident: Incident; actions: IncidentActions }) {
  const w = useWords(words);
  const { room, commands } = useDesk();
  return (
    <section aria-label={w.notes}>
      <h3>
        {w.notes}
        {commands && isLive(i) && (
          <button type="button" className="quiet" onClick={() => actions.ask({ of: "note" })}>
            {w.note}
          </button>
        )}
      </h3>
      <ul className="plain">
        {i.notes?.map((n) => (
          <li key={`${n.at} ${n.by}`}>
            <time>{clock(millis(n.at), room.timezone)}</time> <b>{n.by}</b> {n.text?.clear ?? "…"}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What is asked before something is done. */
function Questions({ incident: i, actions }: { incident: Incident; actions: IncidentActions }) {
  const w = useWords(words);
  const teams = useBoard((s) => s.teams);
  const q = actions.question;
  const close = () => actions.ask({ of: "none" });
  switch (q.of) {
    case "assign":
      return <Assign incident={i} actions={actions} close={close} />;
    case "close":
      return <Close incident={i} dispositions={codes("disposition")} close={close} answer={actions.close} />;
    case "cancel":
      return (
        <Ask
          title={w.cancel_title(i.id)}
          question={w.cancel_reason}
          required
          close={close}
          answer={actions.cancel}
        />
      );
    case "note":
      return <Ask title={w.add_note} question={w.note} required close={close} answer={actions.note} />;
    case "recall":
      return (
        <Ask
          title={w.recall_title(teams.get(q.mission.team)?.call_sign ?? q.mission.team)}
          question={w.recall_reason}
          required
          close={close}
          answer={(reason) => actions.recall(q.mission, reason)}
        />
      );
    default:
      return null;
  }
}
