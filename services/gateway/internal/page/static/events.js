// @ts-check
// Every type of event as a sentence, [English, French]. `w` names things: w.team(id), w.place(site, zone), w.name(code),
// w.text(sealed), w.said(code, sealed), w.of(mission) → {team, incident}. A type that is not here is shown by its name.

const by = (e, w) => (e.by ? ` ${w.t("by")} ${e.by === "automatic" ? w.t("automatic") : e.by}` : "");
const list = (ids, w) => (ids ?? []).map(w.team).join(", ");
const p = (e) => (e.priority ? `P${e.priority} ` : "");
const because = (e, w) => (e.reason ? ` (${w.said(e.reason, e.reason_text)})` : "");
const radio = (e) => (e.by_radio ? [` (by radio, recorded by ${e.recorded_by})`, ` (par radio, saisi par ${e.recorded_by})`] : ["", ""]);
const plural = (n, word) => `${n} ${word}${n > 1 ? "s" : ""}`;

export const sentences = {
  log_opened: () => ["The log of this room was opened", "Le journal de ce PC est ouvert"],
  log_reopened: (e) => [`${(e.who ?? []).join(" and ")} reopened the log after record ${e.good_offset}, ${plural(Number(e.dead_records ?? 0), "record")} no longer count: ${e.why}${e.unverified ? " (nobody checked who they are)" : ""}`,
    `${(e.who ?? []).join(" et ")} : journal rouvert après l’enregistrement ${e.good_offset}, ${plural(Number(e.dead_records ?? 0), "enregistrement")} sans effet : ${e.why}${e.unverified ? " (identités non vérifiées)" : ""}`],
  region_configured: (e) => [`Region configured: ${plural(e.content?.sites?.length ?? 0, "site")}, ${plural(e.content?.teams?.length ?? 0, "team")}`,
    `Région configurée : ${plural(e.content?.sites?.length ?? 0, "site")}, ${plural(e.content?.teams?.length ?? 0, "équipe")}`],
  clock_stepped: (e, w) => [`The clock was set ${e.delta_ms < 0 ? "back" : "forward"} by ${w.span(Math.abs(e.delta_ms))}: every deadline moves with it`,
    `L’horloge a été ${e.delta_ms < 0 ? "reculée" : "avancée"} de ${w.span(Math.abs(e.delta_ms))} : toutes les échéances suivent`],
  level_raised: (e) => [`The rules of this room are now of level ${e.level}`, `Les règles de ce PC sont désormais de niveau ${e.level}`],

  alarm_received: (e, w) => [`Alarm ${e.code} at ${w.place(e.site, e.zone)}${w.text(e.text)} ${e.joined ? "joins" : "opens"} ${e.incident}`,
    `Alarme ${e.code}, ${w.place(e.site, e.zone)}${w.text(e.text)} : ${e.joined ? "rejoint" : "ouvre"} ${e.incident}`],
  alarm_restored: (e, w) => [`Alarm ${e.code} at ${w.place(e.site, e.zone)} is over${e.incident ? ` (${e.incident})` : ""}`,
    `Fin de l’alarme ${e.code}, ${w.place(e.site, e.zone)}${e.incident ? ` (${e.incident})` : ""}`],
  request_undecidable: (e) => [`A request could not be read and is kept: ${e.why}${e.incident ? `; it opened ${e.incident}` : ""}`,
    `Une demande illisible est conservée : ${e.why}${e.incident ? ` ; elle ouvre ${e.incident}` : ""}`],

  incident_opened: (e, w) => [`${p(e)}${e.incident} opened: ${w.name(e.category)}, ${w.place(e.site, e.zone)}; ${plural(e.guards_wanted ?? 0, "guard")} wanted${w.text(e.text)}`,
    `${p(e)}${e.incident} ouvert : ${w.name(e.category)}, ${w.place(e.site, e.zone)} ; ${plural(e.guards_wanted ?? 0, "agent")} à envoyer${w.text(e.text)}`],
  incident_aggravated: (e, w) => [`${e.incident} is graver: now P${e.priority}, ${w.name(e.category)}`, `${e.incident} s’aggrave : désormais P${e.priority}, ${w.name(e.category)}`],
  incident_claimed: (e) => [`${e.by} leads ${e.incident}${e.taken_from ? `, taken over from ${e.taken_from}` : ""}`,
    `${e.by} suit ${e.incident}${e.taken_from ? `, repris à ${e.taken_from}` : ""}`],
  incident_released: (e) => [`${e.by} no longer leads ${e.incident}`, `${e.by} ne suit plus ${e.incident}`],
  incident_controlled: (e) => [`${e.incident} is under control${e.by ? `, says ${e.by}` : ""}`, `${e.incident} est maîtrisé${e.by ? `, selon ${e.by}` : ""}`],
  incident_closed: (e, w) => [`${e.incident} closed${by(e, w)}: ${w.said(e.disposition, e.disposition_text)}${w.text(e.note)}`, `${e.incident} clos${by(e, w)} : ${w.said(e.disposition, e.disposition_text)}${w.text(e.note)}`],
  incident_cancelled: (e, w) => [`${e.incident} cancelled${by(e, w)}${because(e, w)}`, `${e.incident} annulé${by(e, w)}${because(e, w)}`],
  incident_neglected: (e, w) => [`Nobody has accepted ${e.incident} after ${w.span(e.waited_ms)}: the ${e.step > 1 ? "chief" : "dispatcher"} is told`,
    `Personne n’a accepté ${e.incident} après ${w.span(e.waited_ms)} : ${e.step > 1 ? "le chef de poste" : "l’opérateur"} est prévenu`],
  sos_raised: (e, w) => [`SOS of ${w.team(e.team)}${e.silent ? " (silent)" : ""}, last at ${w.place(e.site, e.zone)}: ${e.incident}${radio(e)[0]}`,
    `SOS de ${w.team(e.team)}${e.silent ? " (silencieux)" : ""}, vu en dernier : ${w.place(e.site, e.zone)} : ${e.incident}${radio(e)[1]}`],

  teams_chosen: (e, w) => [`${e.incident}: ${list(e.chosen, w)} chosen among ${e.candidates?.length ?? 0}, ${e.exclusions?.length ?? 0} excluded`,
    `${e.incident} : choix de ${list(e.chosen, w)} parmi ${e.candidates?.length ?? 0}, ${e.exclusions?.length ?? 0} écartées`],
  teams_proposed: (e, w) => [`${e.incident}: ${list(e.proposed, w) || "nobody"} proposed${Number(e.until_ms ?? 0) ? `; at ${w.time(e.until_ms)} the room decides by itself` : by(e, w)}`,
    `${e.incident} : proposition de ${list(e.proposed, w) || "personne"}${Number(e.until_ms ?? 0) ? ` ; à ${w.time(e.until_ms)} le PC décide seul` : by(e, w)}`],
  still_no_team: (e, w) => [`Still no team for ${e.incident}, since ${w.time(e.since_ms)}`, `Toujours aucune équipe pour ${e.incident}, depuis ${w.time(e.since_ms)}`],
  note_added: (e, w) => [`Note on ${e.incident}${by(e, w)}${w.text(e.text)}`, `Note sur ${e.incident}${by(e, w)}${w.text(e.text)}`],
  backup_requested: (e, w) => [`${w.team(e.team)} asks for backup on ${e.incident}: now P${e.priority}, ${plural(e.guards_wanted ?? 0, "guard")} wanted${radio(e)[0]}${w.text(e.text)}`,
    `${w.team(e.team)} demande du renfort sur ${e.incident} : désormais P${e.priority}, ${plural(e.guards_wanted ?? 0, "agent")} à envoyer${radio(e)[1]}${w.text(e.text)}`],
  no_team_found: (e, w) => [`No team found for ${e.incident}${w.why(e.exclusions)}`, `Aucune équipe trouvée pour ${e.incident}${w.why(e.exclusions)}`],

  mission_offered: (e, w) => [`${w.team(e.team)} is offered ${e.incident}: ${p(e)}${w.name(e.category)}, ${w.place(e.site, e.zone)}${by(e, w)}`,
    `${e.incident} proposé à ${w.team(e.team)} : ${p(e)}${w.name(e.category)}, ${w.place(e.site, e.zone)}${by(e, w)}`],
  mission_undelivered: (e, w) => [`No handheld of ${w.of(e.mission).team} has confirmed the offer of ${w.of(e.mission).incident}`,
    `Aucun terminal de ${w.of(e.mission).team} n’a confirmé la proposition de ${w.of(e.mission).incident}`],
  mission_delivered: (e, w) => [`${w.of(e.mission).team} has received ${w.of(e.mission).incident}`, `${w.of(e.mission).team} a reçu ${w.of(e.mission).incident}`],
  mission_seen: (e, w) => [`${w.of(e.mission).team} has seen ${w.of(e.mission).incident}`, `${w.of(e.mission).team} a vu ${w.of(e.mission).incident}`],
  mission_accepted: (e, w) => [`${w.of(e.mission).team} accepts ${w.of(e.mission).incident}${radio(e)[0]}`, `${w.of(e.mission).team} accepte ${w.of(e.mission).incident}${radio(e)[1]}`],
  mission_declined: (e, w) => [`${w.of(e.mission).team} declines ${w.of(e.mission).incident}${because(e, w)}${radio(e)[0]}`, `${w.of(e.mission).team} refuse ${w.of(e.mission).incident}${because(e, w)}${radio(e)[1]}`],
  mission_expired: (e, w) => [`${w.of(e.mission).team} has not answered for ${w.of(e.mission).incident} in time`, `${w.of(e.mission).team} n’a pas répondu à temps pour ${w.of(e.mission).incident}`],
  mission_departed: (e, w) => [`${w.of(e.mission).team} is on the way to ${w.of(e.mission).incident}${radio(e)[0]}`, `${w.of(e.mission).team} est en route vers ${w.of(e.mission).incident}${radio(e)[1]}`],
  mission_arrived: (e, w) => [`${w.of(e.mission).team} is on scene of ${w.of(e.mission).incident}${radio(e)[0]}`, `${w.of(e.mission).team} est sur place pour ${w.of(e.mission).incident}${radio(e)[1]}`],
  mission_cleared: (e, w) => [`${w.of(e.mission).team} has finished ${w.of(e.mission).incident} and is free${radio(e)[0]}`, `${w.of(e.mission).team} a terminé ${w.of(e.mission).incident} et est libre${radio(e)[1]}`],
  mission_cancelled: (e, w) => [`Mission of ${w.of(e.mission).team} for ${w.of(e.mission).incident} cancelled${by(e, w)}${because(e, w)}`,
    `Mission de ${w.of(e.mission).team} pour ${w.of(e.mission).incident} annulée${by(e, w)}${because(e, w)}`],
  late_answer_honoured: (e, w) => [`The late answer of ${w.team(e.team)} counts: it goes to ${e.incident}`, `La réponse tardive de ${w.team(e.team)} compte : elle va sur ${e.incident}`],

  duty_started: (e, w) => [`${w.team(e.team)} is on duty until ${w.time(e.until_ms)}${radio(e)[0]}`, `${w.team(e.team)} est en service jusqu’à ${w.time(e.until_ms)}${radio(e)[1]}`],
  duty_ended: (e, w) => [`${w.team(e.team)} is off duty${because(e, w)}${radio(e)[0]}`, `${w.team(e.team)} n’est plus en service${because(e, w)}${radio(e)[1]}`],
  duty_extended: (e, w) => [`${w.team(e.team)} stays on until ${w.time(e.until_ms)}: its mission is not over`,
    `${w.team(e.team)} reste en service jusqu’à ${w.time(e.until_ms)} : sa mission n’est pas finie`],
  place_entered: (e, w) => [`${w.team(e.team)} has come to ${w.place(e.site, e.zone)}`, `${w.team(e.team)} est arrivée : ${w.place(e.site, e.zone)}`],
  place_left: (e, w) => [`${w.team(e.team)} has left ${w.place(e.site, e.zone)}`, `${w.team(e.team)} a quitté : ${w.place(e.site, e.zone)}`],
  device_linked: (e, w) => [`A handheld of ${w.team(e.team)} is connected`, `Un terminal de ${w.team(e.team)} est connecté`],
  device_unlinked: (e, w) => [`A handheld of ${w.team(e.team)} is no longer connected`, `Un terminal de ${w.team(e.team)} n’est plus connecté`],
  gateway_disappeared: (e) => [`Gateway ${e.gateway} is gone: its handhelds count as not connected`, `La passerelle ${e.gateway} a disparu : ses terminaux comptent comme non connectés`],
};

/** What a reader must not miss. */
export const grave = new Set(["incident_neglected", "sos_raised", "no_team_found", "backup_requested", "request_undecidable", "incident_aggravated", "gateway_disappeared", "clock_stepped", "log_reopened"]);
