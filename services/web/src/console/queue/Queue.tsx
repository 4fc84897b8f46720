import { memo, useEffect, useRef } from "react";
import type { Incident } from "../../board/room";
import { useLabels } from "../../ui/labels";
import { clock, millis, span, useNow } from "../../ui/time";
import { useWords } from "../../ui/words";
import { placeOf, useDesk } from "../desk";
import { words } from "../words";
import { tone } from "./bounds";
import { Notices } from "./Notices";
import type { Order } from "./order";

interface Props {
  order: Order;
  selected: string | undefined;
  select(id: string): void;
}

export function Queue({ order, selected, select }: Props) {
  const w = useWords(words);
  const beat = Math.floor(useNow() / 1000) % 2 === 1;
  return (
    <section className="queue" aria-label={w.queue} data-beat={beat || undefined}>
      <Notices />
      <ul aria-label={w.queue}>
        {order.live.map((i) => (
          <li key={i.id}>
            <Row incident={i} selected={i.id === selected} select={select} />
          </li>
        ))}
      </ul>
      {order.live.length === 0 && <p className="empty">{w.queue_empty}</p>}
      {order.ended.length > 0 && (
        <details>
          <summary>{w.ended_incidents(order.ended.length)}</summary>
          <ul>
            {order.ended.slice(0, 50).map((i) => (
              <li key={i.id}>
                <Row incident={i} selected={i.id === selected} select={select} />
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

/** Of a hundred rows only those that have changed are drawn anew; the time that runs is a part of its own. */
const Row = memo(function Row({
  incident: i,
  selected,
  select,
}: { incident: Incident; selected: boolean } & Pick<Props, "select">) {
  const w = useWords(words);
  const label = useLabels();
  const { room, session } = useDesk();
  const self = useRef<HTMLButtonElement>(null);
  // Whoever walks through the queue by key sees where they are.
  useEffect(() => {
    if (selected) self.current?.scrollIntoView({ block: "nearest" });
  }, [selected]);
  const ended = i.ended_at !== "";
  const unled = !ended && !i.claimed_by;
  return (
    <button
      ref={self}
      type="button"
      className={`row p${i.priority}${unled ? " unled" : ""}`}
      aria-current={selected}
      onClick={() => select(i.id)}
    >
      <span className={`priority p${i.priority}`}>P{i.priority}</span>
      <span className="what">
        <strong>{label("category", i.category)}</strong>
        <span>{placeOf(room, i.site, i.zone)}</span>
        <span className="small">
          {i.id} · {label("incident", i.state)}
          {!ended && (
            <>
              {" · "}
              {i.claimed_by
                ? i.claimed_by === session.account
                  ? w.mine
                  : w.claimed_by(i.claimed_by)
                : w.unclaimed}
            </>
          )}
        </span>
        <Flags incident={i} />
      </span>
      {ended ? <time className="age">{clock(millis(i.ended_at), room.timezone)}</time> : <Age incident={i} />}
    </button>
  );
});

function Age({ incident: i }: { incident: Incident }) {
  const { room } = useDesk();
  const now = useNow();
  return <time className={`age ${tone(i, room, now)}`}>{span(now - millis(i.received_at))}</time>;
}

/** What must not be overlooked, in words. */
function Flags({ incident: i }: { incident: Incident }) {
  const w = useWords(words);
  if (i.ended_at) return null;
  return (
    <span className="flags">
      {i.in_danger && <b className="flag bad">{w.sos}</b>}
      {i.backup && <b className="flag bad">{w.backup}</b>}
      {i.no_team && <b className="flag bad">{w.no_team}</b>}
      {i.neglected > 0 && <b className="flag bad">{w.neglected(i.neglected)}</b>}
      {i.proposal?.until && (
        <b className="flag warn">
          {w.choose} · <GoesIn until={i.proposal.until} />
        </b>
      )}
    </span>
  );
}

function GoesIn({ until }: { until: string }) {
  const w = useWords(words);
  const now = useNow();
  return w.goes_in(span(millis(until) - now));
}
