// What can be done to the incident that is looked at, by key and by button alike.

import { useCallback, useMemo, useState } from "react";
import type { Incident, Mission } from "../../board/room";
import { useLabels } from "../../ui/labels";
import { useWords } from "../../ui/words";
import { useDesk } from "../desk";
import { isLive } from "../queue/order";
import { words } from "../words";

/** Something that a person is asked before it is done. */
export type Question =
  | { of: "none" }
  | { of: "assign"; team?: string }
  | { of: "close" }
  | { of: "cancel" }
  | { of: "note" }
  | { of: "recall"; mission: Mission };

export interface IncidentActions {
  question: Question;
  ask(question: Question): void;
  claim(): void;
  release(): void;
  control(): void;
  propose(): void;
  send(team: string, reason?: string): void;
  /** Sends all those that are proposed to go together. */
  confirm(): void;
  close(disposition: string, note: string): void;
  cancel(reason: string): void;
  note(text: string): void;
  recall(mission: Mission, reason: string): void;
  /** Whether the key was one of these. */
  key(key: string): boolean;
}

export function useIncidentActions(incident: Incident | undefined): IncidentActions {
  const w = useWords(words);
  const label = useLabels();
  const { ask: tell, board, session, chief } = useDesk();
  const [question, ask] = useState<Question>({ of: "none" });
  const [about, setAbout] = useState(incident?.id);
  // What was asked about one incident is never answered for another.
  if (about !== incident?.id) {
    setAbout(incident?.id);
    ask({ of: "none" });
  }

  const callSign = useCallback((team: string) => board.state.teams.get(team)?.call_sign ?? team, [board]);

  return useMemo(() => {
    const id = incident?.id ?? "";
    const go = (asked: Parameters<typeof tell>[0], what: string) => void tell(asked, what).catch(() => {});
    const name = incident ? `${id} ${label("category", incident.category)}` : "";
    const send = (team: string, reason = "") =>
      go({ type: "mission.assign", incident: id, team, reason }, `${w.send} ${callSign(team)} → ${id}`);
    const does: Omit<IncidentActions, "key"> = {
      question,
      ask,
      claim: () => go({ type: "incident.claim", incident: id }, `${w.claim} ${name}`),
      release: () => go({ type: "incident.release", incident: id }, `${w.release} ${name}`),
      control: () => go({ type: "incident.control", incident: id }, `${w.control} ${name}`),
      propose: () => go({ type: "incident.propose", incident: id }, `${w.proposal} ${name}`),
      send,
      confirm: () => {
        for (const team of incident?.proposal?.first ?? []) send(team);
      },
      close: (disposition, text) =>
        go({ type: "incident.close", incident: id, disposition, text }, `${w.close_title(id)}`),
      cancel: (reason) => go({ type: "incident.cancel", incident: id, reason }, w.cancel_title(id)),
      note: (text) => go({ type: "incident.note", incident: id, text }, `${w.add_note} ${id}`),
      recall: (mission, reason) =>
        go(
          { type: "mission.cancel", mission: mission.id, reason },
          `${w.recall} ${callSign(mission.team)} (${mission.id})`,
        ),
    };
    const key = (pressed: string): boolean => {
      if (!incident || !isLive(incident)) return false;
      const proposal = incident.proposal;
      switch (pressed) {
        case "c":
          if (!incident.claimed_by || (chief && incident.claimed_by !== session.account)) does.claim();
          return true;
        case "p":
          does.propose();
          return true;
        case "a":
        case "o":
          ask({ of: "assign" });
          return true;
        case "m":
          ask({ of: "note" });
          return true;
        case "x":
          ask({ of: "close" });
          return true;
        case "Enter":
          if (!proposal?.first?.length) return false;
          does.confirm();
          return true;
        case "1":
        case "2":
        case "3": {
          const team = proposal?.proposed?.[Number(pressed) - 1];
          if (!team) return false;
          send(team);
          return true;
        }
      }
      return false;
    };
    return { ...does, key };
  }, [incident, question, tell, w, label, callSign, chief, session.account]);
}
