import type { Incident } from "../../board/room";
import type { Schemas } from "../../session/api";
import { useLabels } from "../../ui/labels";
import { millis, span, useNow } from "../../ui/time";
import { useWords } from "../../ui/words";
import { placeOf, useDesk } from "../desk";
import { words } from "../words";
import type { IncidentActions } from "./actions";

type Candidate = Schemas["CandidateView"];

/** Who could go: three teams with their reasons, and why it is not the nearest. */
export function Proposal({ incident: i, actions }: { incident: Incident; actions: IncidentActions }) {
  const w = useWords(words);
  const label = useLabels();
  const { commands } = useDesk();
  const now = useNow();
  const p = i.proposal;
  if (!p || i.ended_at) return null;
  const proposed = p.proposed ?? [];
  const candidates = p.candidates ?? [];
  const first = (p.first ?? []).map((team) => candidates.find((c) => c.team === team)?.call_sign ?? team);
  const nearest = candidates.find((c) => c.nearest);
  return (
    <section className="proposal" aria-label={w.proposal}>
      <h3>
        {w.proposal}
        {p.until && <b className="flag warn">{w.goes_in(span(millis(p.until) - now))}</b>}
        {p.by !== "automatic" && <span className="small">{w.proposal_by(p.by)}</span>}
      </h3>
      {proposed.length === 0 && <p>{w.nobody_fits}</p>}
      <table hidden={proposed.length === 0}>
        <thead>
          <tr>
            <th scope="col">{w.rank}</th>
            <th scope="col">{w.team}</th>
            <th scope="col">{w.arrives}</th>
            <th scope="col">{w.from}</th>
            <th scope="col">{w.why}</th>
            <th scope="col">{w.uncovers}</th>
            {commands && <th scope="col" aria-label={w.send} />}
          </tr>
        </thead>
        <tbody>
          {proposed.map((team, k) => {
            const c = candidates.find((c) => c.team === team);
            return (
              c && (
                <Line
                  key={team}
                  rank={k + 1}
                  candidate={c}
                  first={p.first?.includes(team)}
                  actions={actions}
                />
              )
            );
          })}
        </tbody>
      </table>
      {nearest?.behind && (
        <p className="small">{w.why_not_nearest(nearest.call_sign, label("behind", nearest.behind))}</p>
      )}
      {(p.exclusions?.length ?? 0) > 0 && (
        <details>
          <summary>{w.excluded(p.exclusions?.length ?? 0)}</summary>
          <ul className="plain">
            {p.exclusions?.map((x) => (
              <li key={x.team}>
                <b>{x.call_sign}</b> {label("exclusion", x.reason)} <span className="small">{x.detail}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
      {commands && (
        <div className="actions">
          {first.length > 0 && (
            <button type="button" className="primary" onClick={actions.confirm}>
              {w.confirm(first.join(" + "))}
            </button>
          )}
          <button type="button" onClick={() => actions.ask({ of: "assign" })}>
            {w.overrule}
          </button>
        </div>
      )}
    </section>
  );
}

interface LineProps {
  rank: number;
  candidate: Candidate;
  first: boolean | undefined;
  actions: IncidentActions;
}

function Line({ rank, candidate: c, first, actions }: LineProps) {
  const w = useWords(words);
  const label = useLabels();
  const { room, commands } = useDesk();
  const [site = "", zone = ""] = c.place.split("/");
  return (
    <tr className={first ? "first" : undefined}>
      <td>
        <kbd>{rank}</kbd>
      </td>
      <th scope="row">
        {c.call_sign} <span className="small">{w.guards_short(c.guards)}</span>
      </th>
      <td>
        <b>{span(c.arrival_ms)}</b>{" "}
        <span className="small">
          {span(c.arrival_early_ms)}–{span(c.arrival_late_ms)}
        </span>
      </td>
      <td>
        {placeOf(room, site, zone)}{" "}
        <span className="small">{c.estimated ? w.estimated : w.fix_age(span(c.place_age_ms))}</span>
      </td>
      <td>{c.behind ? label("behind", c.behind) : c.nearest ? w.nearest : w.first_choice}</td>
      <td>{w.left_at_site(c.left_at_site)}</td>
      {commands && (
        <td>
          <button type="button" onClick={() => actions.send(c.team)}>
            {w.send}
          </button>
        </td>
      )}
    </tr>
  );
}
