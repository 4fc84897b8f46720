import { type ReactNode, useCallback } from "react";
import type { Incident, Mission as MissionView } from "../board/room";
import type { Companion, Entrance, Premises, TeamView } from "../board/team";
import { useLabels } from "../ui/labels";
import { clock, millis, span, useNow } from "../ui/time";
import { useWords } from "../ui/words";
import { accepted, next, type Shown, type Step } from "./acts";
import { distance, type Position } from "./device/position";
import { useVisible } from "./device/wake";
import { Hold } from "./Hold";
import { timeOf, zone } from "./Shift";
import { useSettled } from "./settle";
import { words } from "./words";

interface Props {
  view: TeamView;
  mission: MissionView;
  shown: Shown;
  position: Position;
  /** Something else has the screen. */
  covered: boolean;
  onSeen: (mission: string) => void;
}

/** The mission, on the whole screen. */
export function Mission({ view, mission, shown, position, covered, onSeen }: Props) {
  const w = useWords(words);
  const labels = useLabels();
  const incident = view.incidents.find((i) => i.id === mission.incident);
  return (
    <article
      className="mission"
      aria-labelledby="what"
      data-testid="mission"
      data-state={mission.state}
      data-mission={mission.id}
    >
      {!covered && <Seen mission={mission.id} onSeen={onSeen} />}
      <p className="visually-hidden" role="alert">
        {[
          labels("category", incident?.category ?? "unclassified"),
          view.premises?.site_name,
          view.premises?.zone_label,
        ].join(", ")}
      </p>
      <header className={`what p${incident?.priority ?? 3}`}>
        <h1 id="what">
          <b>P{incident?.priority ?? "?"}</b> {labels("category", incident?.category ?? "unclassified")}
        </h1>
        <Legs mission={mission} waits={shown.missionWaits} />
      </header>
      {incident?.in_danger && (
        <p className="danger-of">{w.sosOf(view.call_signs?.[incident.in_danger] ?? incident.in_danger)}</p>
      )}
      <Place premises={view.premises} incident={incident} />
      {incident?.text?.clear && (
        <Part title={w.said}>
          <p className="said">{incident.text.clear}</p>
        </Part>
      )}
      <Way mission={mission} premises={view.premises} position={position} />
      <Part title={w.with}>
        {view.with.length === 0 ? <p>{w.alone}</p> : <Companions teams={view.with} />}
      </Part>
      {(shown.backupWaits || incident?.backup) && (
        <p className="strip warn" data-testid="backup-asked">
          {w.backupAsked}
          {shown.backupWaits ? ` · ${w.waits}` : ""}
        </p>
      )}
      <p className="muted">{w.undo}</p>
    </article>
  );
}

/** The receipt gives itself once somebody can look at the mission. */
function Seen({ mission, onSeen }: { mission: string; onSeen: (mission: string) => void }) {
  useVisible(useCallback(() => onSeen(mission), [mission, onSeen]));
  return null;
}

function Part({
  title,
  children,
  className = "",
}: {
  title: string;
  children: ReactNode;
  className?: string;
}) {
  return (
    <section className={`part ${className}`}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

/** How far the guard is, and how long there is to answer. */
function Legs({ mission, waits }: { mission: MissionView; waits: boolean }) {
  const w = useWords(words);
  const labels = useLabels();
  const at = useNow();
  if (accepted(mission.state)) {
    const since = {
      accepted: mission.accepted_at,
      en_route: mission.en_route_at,
      on_scene: mission.on_scene_at,
    }[mission.state];
    return (
      <p>
        {labels("mission", mission.state)}
        {waits ? (
          <em className="waits"> · {w.waits}</em>
        ) : since ? (
          ` · ${w.since(span(at - millis(since)))}`
        ) : (
          ""
        )}
      </p>
    );
  }
  const left = millis(mission.answer_by) - at;
  return <p className="answer">{left > 0 ? w.answerWithin(span(left)) : w.answerLate}</p>;
}

function Place({
  premises: p,
  incident,
}: {
  premises: Premises | undefined;
  incident: Incident | undefined;
}) {
  const w = useWords(words);
  const facts: [string, string | undefined][] = [
    [w.building, p?.building],
    [w.floor, p?.floor],
    [w.zone, incident?.zone],
  ];
  return (
    <section className="place">
      <h2>{p?.site_name || incident?.site}</h2>
      <p className="zone">{p?.zone_label || incident?.zone || w.noZone}</p>
      <dl>
        {facts
          .filter(([, value]) => value)
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
      {p?.hazards.length ? (
        <Part title={`⚠ ${w.hazards}`} className="hazards">
          {p.hazards.map((h) => (
            <p key={h}>{h}</p>
          ))}
        </Part>
      ) : null}
      {p?.access.length ? (
        <Part title={w.access} className="access">
          {p.access.map((a) => (
            <p key={a}>{a}</p>
          ))}
        </Part>
      ) : null}
    </section>
  );
}

/** How far and how long. */
function Way({
  mission,
  premises,
  position,
}: {
  mission: MissionView;
  premises: Premises | undefined;
  position: Position;
}) {
  const w = useWords(words);
  if (mission.state === "on_scene") return null;
  const here = position.state === "known" ? position.fix : undefined;
  const to = nearest(premises?.entrances ?? [], here);
  return (
    <section className="way">
      {mission.arrival_ms > 0 && <Arrival at={millis(mission.offered_at) + mission.arrival_ms} />}
      {to && (
        <p>
          {w.entrance(to.entrance.label)}
          {to.metres === undefined ? "" : ` · ${w.metres(round(to.metres))}`}
        </p>
      )}
      {premises?.address && <p className="muted">{premises.address}</p>}
      {to && (
        <a className="map" href={`geo:${to.place.lat},${to.place.lon}?q=${to.place.lat},${to.place.lon}`}>
          {w.openMap}
        </a>
      )}
    </section>
  );
}

function Arrival({ at }: { at: number }) {
  const w = useWords(words);
  const left = at - useNow();
  return (
    <p>{left >= 0 ? w.expected(span(left), clock(at, zone)) : w.overdue(span(-left), clock(at, zone))}</p>
  );
}

function nearest(entrances: Entrance[], here: { lat: number; lon: number } | undefined) {
  const all = entrances.map((entrance) => {
    const place = { lat: entrance.lat_e7 / 1e7, lon: entrance.lon_e7 / 1e7 };
    return { entrance, place, metres: here && distance(here, place) };
  });
  return all.sort((a, b) => (a.metres ?? 0) - (b.metres ?? 0))[0];
}

/** No more figures than the receiver is worth. */
const round = (metres: number) => (metres < 100 ? Math.round(metres / 5) * 5 : Math.round(metres / 10) * 10);

export function Companions({ teams }: { teams: Companion[] }) {
  const w = useWords(words);
  const labels = useLabels();
  const at = useNow();
  return (
    <ul className="companions">
      {teams.map((t) => {
        const left = t.arrival_ms > 0 && !t.on_scene_at ? millis(t.offered_at) + t.arrival_ms - at : 0;
        return (
          <li key={t.mission} data-testid={`with-${t.team}`}>
            <strong>{t.call_sign}</strong> {labels("mission", t.state)}
            {t.on_scene_at ? ` ${timeOf(t.on_scene_at)}` : left > 0 ? ` · ${w.sosArrives(span(left))}` : ""}
          </li>
        );
      })}
    </ul>
  );
}

interface ButtonsProps {
  mission: MissionView;
  onStep: (step: Step) => void;
  onDecline: () => void;
  onBackup: () => void;
}

/** One big button, and what stands beside it at this step. */
export function MissionButtons({ mission, onStep, onDecline, onBackup }: ButtonsProps) {
  const w = useWords(words);
  const step = next(mission);
  const answered = accepted(mission.state);
  return (
    <div className="step">
      {step && <StepButton mission={mission.id} text={w[step]} step={step} onStep={onStep} />}
      {!answered && (
        <button type="button" className="quiet" data-testid="decline" onClick={onDecline}>
          {w.decline}
        </button>
      )}
      {(mission.state === "en_route" || mission.state === "on_scene") && (
        <Hold className="backup" testId="backup" onHeld={onBackup}>
          {w.backup}
        </Hold>
      )}
    </div>
  );
}

/** One button for all steps, so that the keyboard stays on it. */
function StepButton({
  mission,
  text,
  step,
  onStep,
}: {
  mission: string;
  text: string;
  step: Step;
  onStep: (step: Step) => void;
}) {
  const ready = useSettled(`${mission} ${step}`);
  return (
    <button
      type="button"
      className="big primary"
      data-testid="step"
      data-step={step}
      aria-disabled={!ready}
      onClick={() => ready && onStep(step)}
    >
      {text}
    </button>
  );
}
