import { memo, useDeferredValue, useMemo } from "react";
import type { Team } from "../../board/room";
import type { Device } from "../../gen/proto/vigie/watch/v1/frames_pb";
import { useLabels } from "../../ui/labels";
import { clock, millis, span, useNow } from "../../ui/time";
import { useWords } from "../../ui/words";
import { placeOf, siteOf, useBoard, useDesk } from "../desk";
import { words } from "../words";
import { byCallSign } from "./order";

const statusOrder = [
  "offered",
  "acknowledged",
  "en_route",
  "on_scene",
  "available",
  "on_round",
  "on_post",
  "break",
  "unreachable",
];

interface Props {
  teams: ReadonlyMap<string, Team>;
  devices: ReadonlyMap<string, Device>;
}

/** The teams of the room. Three hundred of them are drawn in a frame of their own, after the queue. */
export const TeamStrip = memo(function TeamStrip() {
  const teams = useDeferredValue(useBoard((s) => s.teams));
  const devices = useDeferredValue(useBoard((s) => s.devices));
  return <Strip teams={teams} devices={devices} />;
});

/** Call sign, status, place, shift end, last contact. */
const Strip = memo(function Strip({ teams, devices }: Props) {
  const w = useWords(words);
  const all = useMemo(
    () =>
      [...teams.values()].sort(
        (a, b) => statusOrder.indexOf(a.status) - statusOrder.indexOf(b.status) || byCallSign(a, b),
      ),
    [teams],
  );
  const on = all.filter((t) => t.on_duty);
  const off = all.filter((t) => !t.on_duty);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by key (WCAG 2.1.1)
    <section className="teams" aria-label={w.teams} tabIndex={0}>
      {on.length === 0 && <p className="empty">{w.no_teams}</p>}
      <ul>
        {on.map((t) => (
          <TeamCard key={t.id} team={t} battery={batteryOf(t, devices)} />
        ))}
      </ul>
      {off.length > 0 && (
        <details>
          <summary>{w.show_off_duty(off.length)}</summary>
          <ul>
            {off.map((t) => (
              <TeamCard key={t.id} team={t} battery={undefined} />
            ))}
          </ul>
        </details>
      )}
    </section>
  );
});

/** The lowest battery of a team's handhelds. */
function batteryOf(t: Team, devices: ReadonlyMap<string, Device>): number | undefined {
  const known = (t.devices ?? []).flatMap((d) => devices.get(d)?.batteryPct ?? []);
  return known.length > 0 ? Math.min(...known) : undefined;
}

const lowBattery = 20;

const TeamCard = memo(function TeamCard({ team: t, battery }: { team: Team; battery: number | undefined }) {
  const w = useWords(words);
  const label = useLabels();
  const { room } = useDesk();
  const where = t.place
    ? placeOf(room, t.place.site, t.place.zone)
    : (siteOf(room, t.home_site)?.name ?? t.home_site);
  return (
    <li className={`team ${t.status}`}>
      <strong>{t.call_sign}</strong>
      <span className={`chip ${t.status}`}>{label("team", t.status)}</span>
      <span className="small">{where}</span>
      <span className="small">
        {(t.capabilities ?? []).map((c) => label("capability", c)).join(", ")}
        {t.on_duty && ` · ${w.guards_short(t.guards)}`}
      </span>
      {t.on_duty && (
        <span className="small">
          {t.until && `${w.shift_end} ${clock(millis(t.until), room.timezone).slice(0, 5)} · `}
          {w.last_contact} {t.reachable ? w.now : t.contact_at ? <Since at={t.contact_at} /> : "–"}
          {battery !== undefined && (
            <b className={battery <= lowBattery ? "bad" : undefined}> · {w.battery(battery)}</b>
          )}
        </span>
      )}
    </li>
  );
});

function Since({ at }: { at: string }) {
  return span(useNow() - millis(at));
}
