import { type FormEvent, useRef, useState } from "react";
import type { Incident, Team } from "../../board/room";
import { Combobox, type Option } from "../../ui/Combobox";
import { Dialog } from "../../ui/Dialog";
import { useLabels } from "../../ui/labels";
import { useWords } from "../../ui/words";
import { siteOf, useBoard, useDesk } from "../desk";
import { byCallSign } from "../teams/order";
import { words } from "../words";
import type { IncidentActions } from "./actions";

interface Props {
  incident: Incident;
  actions: IncidentActions;
  close(): void;
}

/** Sends any team that has no mission. One that is not among those proposed wants a reason; the room asks for it too. */
export function Assign({ incident: i, actions, close }: Props) {
  const w = useWords(words);
  const label = useLabels();
  const { room } = useDesk();
  const teams = useBoard((s) => s.teams);
  const [team, setTeam] = useState<string>();
  const [reason, setReason] = useState("");
  const why = useRef<HTMLInputElement>(null);
  const proposed = i.proposal?.proposed ?? [];
  const rank = (t: Team) => {
    const at = proposed.indexOf(t.id);
    return at < 0 ? (t.status === "available" ? 100 : t.on_duty ? 200 : 300) : at;
  };
  const options: Option[] = [...teams.values()]
    .filter((t) => !t.mission)
    .sort((a, b) => rank(a) - rank(b) || byCallSign(a, b))
    .map((t) => {
      const excluded = i.proposal?.exclusions?.find((x) => x.team === t.id);
      return {
        value: t.id,
        text: t.call_sign,
        detail: [
          label("team", t.status),
          siteOf(room, t.home_site)?.name ?? t.home_site,
          excluded ? label("exclusion", excluded.reason) : "",
        ]
          .filter(Boolean)
          .join(" · "),
      };
    });
  const submit = (e: FormEvent) => {
    e.preventDefault();
    if (!team) return;
    actions.send(team, reason.trim());
    close();
  };
  const wanted = team !== undefined && !proposed.includes(team) && i.proposal !== undefined;
  return (
    <Dialog title={w.assign_title(i.id)} close={close}>
      <form onSubmit={submit}>
        <Combobox
          label={w.team}
          options={options}
          value={team}
          choose={setTeam}
          chosen={() => why.current?.focus()}
          none={w.no_match}
        />
        <label>
          {wanted ? w.reason_needed : w.reason}
          <input
            ref={why}
            required={wanted}
            maxLength={256}
            value={reason}
            onChange={(e) => setReason(e.target.value)}
          />
        </label>
        <div className="row">
          <button type="button" onClick={close}>
            {w.give_up}
          </button>
          <button type="submit" className="primary" disabled={!team || (wanted && reason.trim() === "")}>
            {w.send}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
