import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { useEffect, useMemo, useRef, useState } from "react";
import type { Team } from "../../board/room";
import type { Asked } from "../../socket/watch";
import { Combobox } from "../../ui/Combobox";
import { Dialog } from "../../ui/Dialog";
import { useLabels } from "../../ui/labels";
import { useLatest } from "../../ui/latest";
import { clock, now } from "../../ui/time";
import { useWords } from "../../ui/words";
import { useBoard, useDesk } from "../desk";
import { keyOf } from "../keys";
import { words } from "../words";
import { byCallSign } from "./order";

/** What a team may say, each with its key. */
const said = [
  { key: "a", word: "accepted", type: "mission.accept", mission: true },
  { key: "r", word: "en_route", type: "mission.en_route", mission: true },
  { key: "s", word: "on_scene", type: "mission.on_scene", mission: true },
  { key: "t", word: "cleared", type: "mission.clear", mission: true },
  { key: "d", word: "declined", type: "mission.decline", mission: true },
  { key: "b", word: "more", type: "mission.backup", mission: true },
  { key: "h", word: "sos", type: "sos", mission: false },
  { key: "o", word: "on_duty", type: "team.on_duty", mission: false },
  { key: "f", word: "off_duty", type: "team.off_duty", mission: false },
] as const;

type Said = (typeof said)[number];

const teamKeys = "123456789abcdefghijklmnopqrstuvwxyz";

/** Two keys: who, and what. The time is that of now unless it is set to when it was heard. */
export function Radio({ close }: { close(): void }) {
  const w = useWords(words);
  const label = useLabels();
  const { ask, room } = useDesk();
  const teams = useBoard((s) => s.teams);
  const [who, setWho] = useState<string>();
  const [heard, setHeard] = useState("");
  // As it was when it was opened: no key becomes another team's under the hands of who reads.
  const [list] = useState(() => byKey([...teams.values()]));
  const options = useMemo(
    () => [...teams.values()].sort(byCallSign).map((t) => ({ value: t.id, text: t.call_sign })),
    [teams],
  );
  const team = who === undefined ? undefined : teams.get(who);
  const can = team ? said.filter((s) => fits(s, team)) : [];

  const say = (s: Said) => {
    if (!team) return;
    const asked: Asked = {
      type: s.type,
      byRadio: true,
      at: timestampFromMs(heardAt(heard, now(), room.timezone)),
      ...(s.mission ? { mission: team.mission } : { team: team.id }),
      ...(s.type === "mission.decline" ? { reason: "other" } : {}),
    };
    close();
    void ask(asked, `${team.call_sign} ${w[s.word]} (${w.by_radio})`).catch(() => {});
  };

  const other = useRef<HTMLInputElement>(null);
  const latest = useLatest({ list, can, who, say });
  useEffect(() => {
    const down = (e: KeyboardEvent) => {
      const key = keyOf(e);
      const { list, can, who, say } = latest.current;
      if (!key) return;
      if (who === undefined) {
        const t = list.get(key);
        if (t) setWho(t.id);
        else if (key === "/" && other.current) {
          e.preventDefault();
          other.current.focus();
        }
      } else {
        const s = can.find((s) => s.key === key);
        if (s) say(s);
        else if (key === "Backspace") setWho(undefined);
      }
    };
    addEventListener("keydown", down);
    return () => removeEventListener("keydown", down);
  }, [latest]);

  return (
    <Dialog title={w.radio_title} close={close} wide>
      <div className="body">
        <p aria-live="polite">{team ? w.radio_what(team.call_sign) : w.radio_who}</p>
        {!team && (
          <ul className="pick">
            {[...list]
              .map(([key, listed]) => ({ key, t: teams.get(listed.id) ?? listed }))
              .map(({ key, t }) => (
                <li key={t.id}>
                  <button type="button" onClick={() => setWho(t.id)}>
                    <kbd>{key.toUpperCase()}</kbd> <b>{t.call_sign}</b>{" "}
                    <span className="small">
                      {label("team", t.status)} {t.mission}
                    </span>
                  </button>
                </li>
              ))}
          </ul>
        )}
        {!team && teams.size > list.size && (
          <Combobox
            label={w.radio_other}
            options={options}
            value={undefined}
            choose={setWho}
            none={w.no_match}
            inputRef={(input) => {
              other.current = input;
            }}
          />
        )}
        {team && (
          <>
            {!team.mission && <p className="small">{w.nothing_to_say}</p>}
            <ul className="pick">
              {can.map((s) => (
                <li key={s.key}>
                  <button type="button" onClick={() => say(s)}>
                    <kbd>{s.key.toUpperCase()}</kbd> {w[s.word]}
                  </button>
                </li>
              ))}
            </ul>
          </>
        )}
        <label className="heard">
          {w.heard_at}
          <input
            type="time"
            step={1}
            value={heard || clock(now(), room.timezone)}
            onChange={(e) => setHeard(e.target.value)}
          />
        </label>
      </div>
    </Dialog>
  );
}

/** Teams with a mission first, then those on duty: the nearest keys are for those who speak most. */
function byKey(teams: Team[]): ReadonlyMap<string, Team> {
  const rank = (t: Team) => (t.mission ? 0 : t.on_duty ? 1 : 2);
  const sorted = teams.sort((a, b) => rank(a) - rank(b) || byCallSign(a, b));
  return new Map(sorted.slice(0, teamKeys.length).map((t, k) => [teamKeys[k] ?? "", t]));
}

function fits(s: Said, t: Team): boolean {
  if (s.mission) return t.mission !== "";
  if (s.type === "team.on_duty") return !t.on_duty;
  return t.on_duty;
}

const day = 24 * 3600_000;

/** The latest time of day `hh:mm:ss` that is not to come, in the room's zone; now when nothing was set. */
export function heardAt(time: string, at: number, zone: string): number {
  if (!time) return at;
  const seconds = (text: string) => {
    const [h = 0, m = 0, s = 0] = text.split(":").map(Number);
    return (h * 60 + m) * 60 + s;
  };
  const back = (seconds(clock(at, zone)) - seconds(time)) * 1000;
  return at - ((back + day) % day);
}
