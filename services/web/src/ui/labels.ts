// The domain's words as people read them (docs: the codes are those of the log). A code without a word is shown as it is: a newer
// server may say more than this page knows.

import { useCallback } from "react";
import { type Language, usePreferences } from "./preferences";

type Labels = Record<string, string>;

const category: Record<Language, Labels> = {
  en: {
    delinquency: "Theft or damage",
    imported_violence: "Violence from outside",
    internal_violence: "Violence inside",
    terrorism: "Attack",
    intrusion: "Intrusion",
    access: "Access",
    lone_worker: "Lone worker",
    duress: "Duress",
    fire: "Fire",
    technical: "Technical",
    patient_missing: "Patient missing",
    assistance: "Assistance",
    unclassified: "Unclassified",
  },
  fr: {
    delinquency: "Vol ou dégradation",
    imported_violence: "Violence importée",
    internal_violence: "Violence interne",
    terrorism: "Attaque",
    intrusion: "Intrusion",
    access: "Accès",
    lone_worker: "Travailleur isolé",
    duress: "Contrainte",
    fire: "Incendie",
    technical: "Technique",
    patient_missing: "Patient disparu",
    assistance: "Assistance",
    unclassified: "Non classé",
  },
};

const incident: Record<Language, Labels> = {
  en: {
    open: "Open",
    assigned: "Assigned",
    on_scene: "On scene",
    controlled: "Under control",
    closed: "Closed",
    cancelled: "Cancelled",
    merged: "Merged",
  },
  fr: {
    open: "Ouvert",
    assigned: "Affecté",
    on_scene: "Sur place",
    controlled: "Maîtrisé",
    closed: "Clos",
    cancelled: "Annulé",
    merged: "Fusionné",
  },
};

const mission: Record<Language, Labels> = {
  en: {
    offered: "Offered",
    delivered: "Delivered",
    seen: "Seen",
    accepted: "Accepted",
    en_route: "On the way",
    on_scene: "On scene",
    cleared: "Cleared",
    declined: "Declined",
    expired: "Expired",
    cancelled: "Recalled",
    diverted: "Diverted",
  },
  fr: {
    offered: "Proposée",
    delivered: "Reçue",
    seen: "Vue",
    accepted: "Acceptée",
    en_route: "En route",
    on_scene: "Sur place",
    cleared: "Terminée",
    declined: "Refusée",
    expired: "Expirée",
    cancelled: "Rappelée",
    diverted: "Déroutée",
  },
};

const team: Record<Language, Labels> = {
  en: {
    available: "Available",
    on_round: "On round",
    on_post: "On post",
    offered: "Offered",
    acknowledged: "Accepted",
    en_route: "On the way",
    on_scene: "On scene",
    break: "Break",
    off_duty: "Off duty",
    unreachable: "Unreachable",
  },
  fr: {
    available: "Disponible",
    on_round: "En ronde",
    on_post: "À poste",
    offered: "Sollicitée",
    acknowledged: "A accepté",
    en_route: "En route",
    on_scene: "Sur place",
    break: "Pause",
    off_duty: "Hors service",
    unreachable: "Injoignable",
  },
};

const capability: Record<Language, Labels> = {
  en: {
    intervention: "Intervention",
    first_aid: "First aid",
    dog: "Dog",
    fire: "Fire",
    mediation: "Mediation",
    psychiatric: "Psychiatric",
    vehicle: "Vehicle",
  },
  fr: {
    intervention: "Intervention",
    first_aid: "Secourisme",
    dog: "Cynophile",
    fire: "SSIAP",
    mediation: "Médiation",
    psychiatric: "Psychiatrie",
    vehicle: "Véhicule",
  },
};

/** Why a team is left out of a choice. */
const exclusion: Record<Language, Labels> = {
  en: {
    off_duty: "off duty",
    unreachable: "no channel answers",
    busy: "on a mission",
    in_danger: "in danger itself",
    missing_capability: "lacks a capability",
    no_site_right: "no right to this site",
    own_site_only: "the plan asks for the site's own",
    too_far: "too far",
    stale_position: "place too old to cross sites",
    already_tried: "was asked and did not go",
    has_served: "has been there and left",
  },
  fr: {
    off_duty: "hors service",
    unreachable: "aucun canal ne répond",
    busy: "déjà en mission",
    in_danger: "elle-même en danger",
    missing_capability: "capacité manquante",
    no_site_right: "sans droit sur ce site",
    own_site_only: "la consigne veut l’équipe du site",
    too_far: "trop loin",
    stale_position: "position trop ancienne pour changer de site",
    already_tried: "déjà sollicitée, n’y est pas allée",
    has_served: "y est passée et repartie",
  },
};

/** Why a team ranks behind the first. */
const behind: Record<Language, Labels> = {
  en: {
    crosses_sites: "comes from another site",
    late: "likely to be late",
    later: "arrives later",
    uncovers_more: "leaves more uncovered",
    place_uncertain: "its place is uncertain",
    tie: "equal: by call sign",
  },
  fr: {
    crosses_sites: "vient d’un autre site",
    late: "risque d’être en retard",
    later: "arrive plus tard",
    uncovers_more: "découvre davantage",
    place_uncertain: "position incertaine",
    tie: "à égalité : par indicatif",
  },
};

const disposition: Record<Language, Labels> = {
  en: {
    genuine: "Genuine",
    false_alarm: "False alarm",
    duplicate: "Duplicate",
    test: "Test",
    police: "Handed to the police",
    fire_brigade: "Handed to the fire brigade",
    other: "Other",
  },
  fr: {
    genuine: "Avérée",
    false_alarm: "Fausse alarme",
    duplicate: "Doublon",
    test: "Essai",
    police: "Remise à la police",
    fire_brigade: "Remise aux pompiers",
    other: "Autre",
  },
};

/** Why a team declines; the room knows these codes (pkg/domain/controlroom/reasons.go). */
const decline: Record<Language, Labels> = {
  en: {
    busy: "Busy with something graver",
    with_patient: "With a patient",
    securing_scene: "Securing a scene",
    short_of_guards: "Too few of us: not safe",
    too_far: "Too far",
    no_equipment: "Equipment missing",
    injured: "Injured or unwell",
    other: "Other",
  },
  fr: {
    busy: "Occupé à plus grave",
    with_patient: "Avec un patient",
    securing_scene: "Sécurise des lieux",
    short_of_guards: "Pas assez nombreux : pas sûr",
    too_far: "Trop loin",
    no_equipment: "Matériel manquant",
    injured: "Blessé ou souffrant",
    other: "Autre",
  },
};

/** Why somebody was sent, recalled or let go, and why an incident was cancelled. */
const reason: Record<Language, Labels> = {
  en: {
    ...decline.en,
    nearest: "The nearest",
    on_the_spot: "On the spot",
    knows_the_place: "Knows the place",
    asked_for: "Asked for",
    recalled: "Recalled",
    not_needed: "Not needed any more",
    wrong_team: "Wrong team",
    test: "Test",
    duplicate: "Duplicate",
    false_alarm: "False alarm",
    settled: "Settled",
    opened_by_mistake: "Opened by mistake",
    controlled: "Under control",
    incident_cancelled: "The incident was cancelled",
  },
  fr: {
    ...decline.fr,
    nearest: "La plus proche",
    on_the_spot: "Sur place",
    knows_the_place: "Connaît les lieux",
    asked_for: "Demandée",
    recalled: "Rappelée",
    not_needed: "Plus nécessaire",
    wrong_team: "Mauvaise équipe",
    test: "Essai",
    duplicate: "Doublon",
    false_alarm: "Fausse alarme",
    settled: "Réglé",
    opened_by_mistake: "Ouvert par erreur",
    controlled: "Maîtrisé",
    incident_cancelled: "L’incident a été annulé",
  },
};

/** Why something asked was not done. What the server says beside the code is English, for whoever looks into it. */
const refusal: Record<Language, Labels> = {
  en: {},
  fr: {
    invalid_request: "La demande est incomplète ou erronée.",
    forbidden: "Votre rôle ne permet pas cela ici.",
    too_late: "La demande est arrivée trop tard pour être exécutée : refaites-la si elle vaut encore.",
    wrong_room: "Cette demande concerne une autre salle.",
    unknown_incident: "La salle ne connaît pas cet incident.",
    unknown_mission: "La salle ne connaît pas cette mission.",
    unknown_team: "La salle ne connaît pas cette équipe.",
    unknown_site: "La salle ne connaît pas ce site.",
    incident_ended: "L’incident est terminé : ouvrez-en un autre s’il reste à faire.",
    claimed: "Quelqu’un d’autre dirige cet incident : demandez-lui de le libérer, ou un chef le reprend.",
    not_claimed: "Personne ne dirige cet incident.",
    missions_active: "Une équipe est encore en mission : attendez qu’elle ait terminé, ou rappelez-la.",
    disposition_needed: "Dites comment l’incident s’est terminé.",
    team_busy: "L’équipe a déjà une mission : rappelez-la d’abord, ou choisissez-en une autre.",
    reason_needed: "Un motif est nécessaire : il reste dans la main courante.",
    mission_ended: "La mission est terminée.",
    mission_expired: "Le temps de réponse est dépassé.",
    mission_accepted: "La mission est déjà acceptée.",
    stand_down: "Une autre équipe s’en charge : vous êtes libre.",
    continue: "Continuez la mission en cours.",
    on_mission: "L’équipe est en mission.",
    id_reused: "Cet identifiant a déjà servi.",
    outcome_unknown: "Pas encore de réponse : la demande est renvoyée d’elle-même.",
    not_durable: "La demande n’a pas pu être enregistrée : elle est renvoyée d’elle-même.",
    provisional: "Enregistré sur disque : la salle décidera dès que le journal répond.",
  },
};

const dictionaries = {
  category,
  incident,
  mission,
  team,
  capability,
  exclusion,
  behind,
  disposition,
  decline,
  reason,
  refusal,
};

export type LabelKind = keyof typeof dictionaries;

/** The word for a code. */
export function label(language: Language, kind: LabelKind, code: string): string {
  return dictionaries[kind][language][code] ?? code.replaceAll("_", " ");
}

/** The codes of a kind, in the order in which they are offered. */
export function codes(kind: LabelKind): string[] {
  return Object.keys(dictionaries[kind].en);
}

export function useLabels(): (kind: LabelKind, code: string) => string {
  const { language } = usePreferences();
  return useCallback((kind, code) => label(language, kind, code), [language]);
}

/** Why a command was not carried out, in the person's language. */
export function useRefusal(): (outcome: { code: string; message: string }) => string {
  const { language } = usePreferences();
  return ({ code, message }) => refusal[language][code] ?? (message || code);
}
