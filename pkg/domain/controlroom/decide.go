package controlroom

import (
	"cmp"
	"fmt"
	"strings"

	"vigie/pkg/es"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	logv1 "vigie/pkg/gen/vigie/log/v1"
)

// Decide gives the outcome of a request in this state. It changes nothing of what it is given.
func Decide(s State, r Request, at int64, facts Facts) Outcome {
	d := &decider{State: s, at: at, facts: facts}
	q := r.Body
	if q.GetRoom() != facts.Room {
		return refused(&es.Refusal{
			Code: CodeWrongRoom, Message: fmt.Sprintf("The request is for room %q and came to room %q: whoever sent it has a wrong room table.", q.GetRoom(), facts.Room),
		})
	}
	if until := q.GetValidUntilMs(); until != 0 && at > until && directs(q) {
		return refused(&es.Refusal{
			Code: CodeTooLate, Message: "The command was too old when its turn came and was not carried out: look at the incident and send it again if it is still wanted.",
		})
	}
	d.words = wordsOf(q)
	switch b := q.GetBody().(type) {
	case *intakev1.Request_RaiseAlarm:
		return d.raiseAlarm(q, numbered(b.RaiseAlarm, r))
	case *intakev1.Request_OpenIncident:
		return d.openByPerson(q, b.OpenIncident)
	case *intakev1.Request_ClaimIncident:
		return d.claim(q, b.ClaimIncident.GetIncident())
	case *intakev1.Request_ReleaseIncident:
		return d.release(q, b.ReleaseIncident.GetIncident())
	case *intakev1.Request_ControlIncident:
		return d.control(q, b.ControlIncident.GetIncident())
	case *intakev1.Request_CloseIncident:
		return d.closeIncident(q, b.CloseIncident)
	case *intakev1.Request_CancelIncident:
		return d.cancelIncident(q, b.CancelIncident)
	case *intakev1.Request_RaiseSos:
		return d.raiseSOS(q, b.RaiseSos)
	case *intakev1.Request_AssignMission:
		return d.assign(q, b.AssignMission)
	case *intakev1.Request_CancelMission:
		return d.cancelMission(q, b.CancelMission)
	case *intakev1.Request_ReportDelivered:
		return d.receipt(b.ReportDelivered.GetMission(), legDelivered, b.ReportDelivered.GetDevice())
	case *intakev1.Request_ReportSeen:
		return d.receipt(b.ReportSeen.GetMission(), legSeen, b.ReportSeen.GetDevice())
	case *intakev1.Request_AcceptMission:
		return d.act(b.AcceptMission.GetMission(), legAccepted)
	case *intakev1.Request_DeclineMission:
		return d.decline(b.DeclineMission)
	case *intakev1.Request_ReportEnRoute:
		return d.act(b.ReportEnRoute.GetMission(), legEnRoute)
	case *intakev1.Request_ReportOnScene:
		return d.act(b.ReportOnScene.GetMission(), legOnScene)
	case *intakev1.Request_ClearMission:
		return d.act(b.ClearMission.GetMission(), legCleared)
	case *intakev1.Request_RequestBackup:
		return d.backup(b.RequestBackup)
	case *intakev1.Request_AskProposal:
		return d.askProposal(q, b.AskProposal.GetIncident())
	case *intakev1.Request_AddNote:
		return d.note(q, b.AddNote)
	case *intakev1.Request_StartDuty:
		return d.startDuty(b.StartDuty)
	case *intakev1.Request_EndDuty:
		return d.endDuty(b.EndDuty.GetTeam())
	case *intakev1.Request_LinkBack:
		return d.linkBack(b.LinkBack)
	case *intakev1.Request_LinkLost:
		return d.linkLost(b.LinkLost)
	case *intakev1.Request_ReportCrossing:
		return d.reportCrossing(q, b.ReportCrossing)
	case *intakev1.Request_GatewayLost:
		return d.gatewayLost(b.GatewayLost.GetGateway())
	case *intakev1.Request_ConfigureRegion:
		return d.configureRegion(b.ConfigureRegion)
	case *intakev1.Request_StepClock:
		return d.stepClock(q, b.StepClock)
	case *intakev1.Request_RaiseLevel:
		return d.raiseLevel(b.RaiseLevel.GetLevel())
	}
	return Undecidable(s, r, at, "it asks for nothing that is known")
}

// directs says whether a request sends others somewhere. Only such a one can be too late: alarms, SOS, receipts, duty and
// what a guard did are facts, however old (protocol §7).
func directs(q *intakev1.Request) bool {
	switch q.GetBody().(type) {
	case *intakev1.Request_OpenIncident, *intakev1.Request_ClaimIncident, *intakev1.Request_ReleaseIncident,
		*intakev1.Request_ControlIncident, *intakev1.Request_CloseIncident, *intakev1.Request_CancelIncident,
		*intakev1.Request_AssignMission, *intakev1.Request_CancelMission, *intakev1.Request_AskProposal:
		return true
	}
	return false
}

// DecideDue gives the outcome of a deadline that has fallen due.
func DecideDue(s State, due es.Deadline, at int64, facts Facts) Outcome {
	d := &decider{State: s, at: at, facts: facts}
	t := s.Deadlines[due.ID]
	switch t.Kind {
	case timerOpen:
		d.emit(&logv1.Event{Body: &logv1.Event_LogOpened{LogOpened: &logv1.LogOpened{LogId: facts.LogID}}})
	case timerChoose:
		if i := s.Incidents[t.About]; i != nil && s.wantsGuards(i) {
			d.choose(i, i.Mode == modeProposed)
		}
	case timerProposal:
		if i := s.Incidents[t.About]; i != nil && s.wantsGuards(i) {
			d.choose(i, false)
		}
	case timerDeliver:
		d.undelivered(s.Missions[t.About])
	case timerAnswer:
		if m := s.Missions[t.About]; m != nil && m.Active() && !m.Accepted() {
			d.expire(m)
		}
	case timerNeglect:
		d.neglected(s.Incidents[t.About])
	case timerShift:
		d.shiftEnded(s.Teams[t.About])
	}
	return d.done()
}

// Undecidable is the outcome of a request that could not be read, or on which the rules failed. Whatever was or may have
// been an alarm or an SOS opens an unclassified P1 with its raw bytes: a request cannot stop a room, nor be lost in it.
func Undecidable(s State, r Request, at int64, why string) Outcome {
	d := &decider{State: s, at: at}
	e := &logv1.RequestUndecidable{Request: r.Raw[:min(len(r.Raw), keptOfUndecidable)], Why: strings.ToValidUTF8(why, "?")}
	d.emit(&logv1.Event{Body: &logv1.Event_RequestUndecidable{RequestUndecidable: e}})
	if !mayBeAlarm(r.Body) {
		return d.done()
	}
	id := d.nextIncident()
	e.Incident = id
	neglected := at + s.region.neglectedAfter(1)
	d.emit(&logv1.Event{Body: &logv1.Event_IncidentOpened{IncidentOpened: &logv1.IncidentOpened{
		Incident: id, Category: unclassified, Priority: 1, OpenedBy: "undecidable",
		Site: alarmSite(r.Body), GuardsWanted: 1, Mode: "manual",
		JoinUntilMs: at, NeglectedAtMs: neglected, ReceivedAtMs: cmp.Or(r.ReceivedAt, at),
	}}})
	return d.done()
}

// keptOfUndecidable bounds what is copied of a request that nobody understands: as large a decision as a record may be
// could not be written, and the request would stop the room after all. The hash of the whole stands in the decision.
const keptOfUndecidable = 256 << 10

// mayBeAlarm: what cannot be read may be one.
func mayBeAlarm(q *intakev1.Request) bool {
	switch q.GetBody().(type) {
	case nil, *intakev1.Request_RaiseAlarm, *intakev1.Request_RaiseSos:
		return true
	}
	return false
}

func alarmSite(q *intakev1.Request) string {
	if sos := q.GetRaiseSos(); sos != nil {
		return sos.GetSite()
	}
	return q.GetRaiseAlarm().GetSite()
}

func (d *decider) emit(events ...*logv1.Event) { d.events = append(d.events, events...) }

func (d *decider) configureRegion(b *intakev1.ConfigureRegion) Outcome {
	if b.GetContent().GetRoom() == "" || len(b.GetContent().GetSites()) == 0 {
		return refused(&es.Refusal{Code: CodeInvalid, Message: "The region has no sites for this room: check the file with vigie region check."})
	}
	if b.GetHash() != d.RegionHash {
		d.emit(&logv1.Event{Body: &logv1.Event_RegionConfigured{RegionConfigured: &logv1.RegionConfigured{
			Hash: b.GetHash(), Content: b.GetContent(),
		}}})
	}
	return d.done()
}

// The stable codes of refusals.
const (
	CodeInvalid           = "invalid_request"
	CodeTooLate           = "too_late"
	CodeWrongRoom         = "wrong_room"
	CodeUnknownIncident   = "unknown_incident"
	CodeUnknownMission    = "unknown_mission"
	CodeUnknownTeam       = "unknown_team"
	CodeUnknownSite       = "unknown_site"
	CodeUnknownCategory   = "unknown_category"
	CodeIncidentEnded     = "incident_ended"
	CodeClaimed           = "claimed"
	CodeNotClaimed        = "not_claimed"
	CodeMissionsActive    = "missions_active"
	CodeDispositionNeeded = "disposition_needed"
	CodeTeamBusy          = "team_busy"
	CodeReasonNeeded      = "reason_needed"
	CodeMissionEnded      = "mission_ended"
	CodeMissionExpired    = "mission_expired"
	CodeMissionAccepted   = "mission_accepted"
	CodeStandDown         = "stand_down"
	CodeContinue          = "continue"
	CodeOnMission         = "on_mission"
	CodeAlreadyStepped    = "already_stepped"
	CodeLevelUnread       = "level_unread"
)

func unknown(code, what, id string) Outcome {
	r := &es.Refusal{Code: code, Message: fmt.Sprintf("There is no %s %q in this room: check the id.", what, id)}
	switch code {
	case CodeUnknownIncident:
		r.Incident = id
	case CodeUnknownMission:
		r.Mission = id
	case CodeUnknownTeam:
		r.Team = id
	}
	return refused(r)
}
