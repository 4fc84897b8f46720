package controlroom

import (
	"fmt"
	"slices"

	"vigie/pkg/es"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	logv1 "vigie/pkg/gen/vigie/log/v1"
)

// act takes a mission to a leg, with the legs before it implied. A team acts as one: what one of its handhelds has done
// already is done for all, and gets the same outcome.
func (d *decider) act(id string, leg int) Outcome {
	m := d.Missions[id]
	switch {
	case m == nil:
		return unknown(CodeUnknownMission, "mission", id)
	case m.State == MissionExpired && leg >= legAccepted:
		if n := d.honoured(m); n != nil {
			// The handheld has not heard of the new mission yet, or a second one says the same.
			return d.act(n.ID, leg)
		}
		return d.late(m, leg)
	case !m.Active() && (leg < legAccepted || leg == legCleared && m.State == MissionCleared):
		return d.done() // a receipt of what has ended meanwhile, or a second handheld: nothing to add
	case !m.Active():
		return d.ended(m)
	}
	d.emit(d.words.legs(m.ID, m.leg(), leg)...)
	return d.done()
}

// receipt is what a device confirms. Nobody can hear it by radio.
func (d *decider) receipt(id string, leg int, device string) Outcome {
	if d.words.byRadio {
		return refused(&es.Refusal{Code: CodeInvalid, Mission: id, Message: "A receipt is the handheld's: record what the team said, such as that it accepts."})
	}
	d.words.device = device
	return d.act(id, leg)
}

func (d *decider) ended(m *Mission) Outcome {
	by := ""
	if i := d.Incidents[m.Incident]; i != nil && i.Live() {
		by = d.takenBy(i)
	}
	return refused(&es.Refusal{
		Code: CodeMissionEnded, Mission: m.ID, Incident: m.Incident, Team: m.Team, TakenBy: by,
		Message: fmt.Sprintf("Mission %s has ended (%s): stand down unless the room says otherwise.", m.ID, m.State),
	})
}

// late is not lost: an answer that the guard gave before the expiry and that came after it opens a new mission linked to
// the old one, unless the team or the incident is committed otherwise (domain §2).
func (d *decider) late(m *Mission, leg int) Outcome {
	said := d.words.at
	if said == 0 || said < m.OfferedAt || said > m.EndedAt {
		return refused(&es.Refusal{
			Code: CodeMissionExpired, Mission: m.ID, Incident: m.Incident, Team: m.Team,
			Message: fmt.Sprintf("The offer of mission %s had expired before the answer was given: stand down, the room has asked another team.", m.ID),
		})
	}
	t, i := d.Teams[m.Team], d.Incidents[m.Incident]
	if current := d.Missions[t.Mission]; current != nil {
		return refused(&es.Refusal{
			Code: CodeContinue, Mission: current.ID, Incident: current.Incident, Team: m.Team,
			Message: fmt.Sprintf("Your answer to %s came late and you have mission %s by now: continue with %s.", m.ID, current.ID, current.ID),
		})
	}
	if by := d.takenBy(i); by != "" || !i.Live() || i.State == IncidentControlled || !t.OnDuty {
		message := fmt.Sprintf("Your answer to %s came late and incident %s needs nobody more: stand down.", m.ID, i.ID)
		if by != "" {
			message = fmt.Sprintf("Your answer to %s came late: stand down, team %s has incident %s.", m.ID, d.CallSign(by), i.ID)
		}
		return refused(&es.Refusal{Code: CodeStandDown, Mission: m.ID, Incident: i.ID, Team: m.Team, TakenBy: by, Message: message})
	}
	id := d.nextMission()
	d.emit(&logv1.Event{Body: &logv1.Event_LateAnswerHonoured{LateAnswerHonoured: &logv1.LateAnswerHonoured{
		Mission: id, Previous: m.ID, Incident: i.ID, Team: m.Team, Guards: int32(m.Guards), AnsweredAtMs: said, //nolint:gosec // a handful
		ByRadio: d.words.byRadio, RecordedBy: d.words.recordedBy,
	}}})
	d.emit(d.words.legs(id, legAccepted, leg)...)
	d.recallUnanswered(i, m)
	return d.done()
}

// honoured gives the mission that a late answer to this one has opened, or nil.
func (d *decider) honoured(m *Mission) *Mission {
	if i := d.Incidents[m.Incident]; i != nil {
		for _, id := range i.Missions {
			if n := d.Missions[id]; n.Previous == m.ID {
				return n
			}
		}
	}
	return nil
}

// takenBy names a team that has accepted, when the guards that have accepted are enough.
func (d *decider) takenBy(i *Incident) string {
	if d.accepted(i) < i.GuardsWanted {
		return ""
	}
	by := ""
	for _, id := range i.Missions {
		if m := d.Missions[id]; m.Accepted() || m.State == MissionCleared && m.OnSceneAt != 0 {
			by = m.Team
		}
	}
	return by
}

// recallUnanswered takes back offers that an honoured late answer has made superfluous.
func (d *decider) recallUnanswered(i *Incident, late *Mission) {
	spare := d.committed(i) + late.Guards - i.GuardsWanted
	for _, id := range slices.Backward(i.Missions) {
		m := d.Missions[id]
		if m.Active() && !m.Accepted() && m.Guards <= spare {
			spare -= m.Guards
			d.cancel(m, "answered_in_time_by_another", automatic).TakenBy = late.Team
		}
	}
}

func (d *decider) cancel(m *Mission, reason, by string) *logv1.MissionCancelled {
	e := &logv1.MissionCancelled{Mission: m.ID, Reason: reason, By: by}
	d.emit(&logv1.Event{Body: &logv1.Event_MissionCancelled{MissionCancelled: e}})
	return e
}

func (d *decider) expire(m *Mission) {
	d.emit(&logv1.Event{Body: &logv1.Event_MissionExpired{MissionExpired: &logv1.MissionExpired{Mission: m.ID}}})
}

// undelivered: no handheld has confirmed the offer in time. The socket is the only channel; a team that has none left
// cannot answer, so the offer moves on.
func (d *decider) undelivered(m *Mission) {
	if m == nil || m.State != MissionOffered {
		return
	}
	d.emit(&logv1.Event{Body: &logv1.Event_MissionUndelivered{MissionUndelivered: &logv1.MissionUndelivered{Mission: m.ID}}})
	if !d.Teams[m.Team].Reachable() {
		d.expire(m)
	}
}

func (d *decider) decline(b *intakev1.DeclineMission) Outcome {
	m := d.Missions[b.GetMission()]
	switch {
	case m == nil:
		return unknown(CodeUnknownMission, "mission", b.GetMission())
	case m.State == MissionDeclined || m.State == MissionExpired:
		return d.done() // it has moved on already
	case !m.Active():
		return d.ended(m)
	case m.Accepted():
		return refused(&es.Refusal{
			Code: CodeMissionAccepted, Mission: m.ID, Incident: m.Incident, Team: m.Team,
			Message: fmt.Sprintf("Mission %s was accepted: only the room can recall it. Call the room.", m.ID),
		})
	}
	d.emit(&logv1.Event{Body: &logv1.Event_MissionDeclined{MissionDeclined: &logv1.MissionDeclined{
		Mission: m.ID, Reason: b.GetReason(), ReasonText: b.GetReasonText(),
		DeviceAtMs: d.words.at, ByRadio: d.words.byRadio, RecordedBy: d.words.recordedBy,
	}}})
	return d.done()
}

func (d *decider) cancelMission(q *intakev1.Request, b *intakev1.CancelMission) Outcome {
	m := d.Missions[b.GetMission()]
	switch {
	case m == nil:
		return unknown(CodeUnknownMission, "mission", b.GetMission())
	case m.State == MissionCancelled:
		return d.done()
	case !m.Active():
		return d.ended(m)
	}
	reason := b.GetReason()
	if reason == "" {
		reason = "recalled"
	}
	d.cancel(m, reason, q.GetActor().GetId()).ReasonText = b.GetReasonText()
	return d.done()
}

func (d *decider) startDuty(b *intakev1.StartDuty) Outcome {
	conf := d.region.Team(b.GetTeam())
	if conf == nil {
		return unknown(CodeUnknownTeam, "team", b.GetTeam())
	}
	e := &logv1.DutyStarted{
		Team: b.GetTeam(), Guards: b.GetGuards(), UntilMs: b.GetUntilMs(), ByRadio: d.words.byRadio, RecordedBy: d.words.recordedBy,
	}
	if e.GetUntilMs() <= d.at {
		e.UntilMs = d.at + shiftLeft(conf.GetShifts(), d.facts.MinuteOfDay)
	}
	d.emit(&logv1.Event{Body: &logv1.Event_DutyStarted{DutyStarted: e}})
	return d.done()
}

func (d *decider) endDuty(team string) Outcome {
	t := d.Teams[team]
	if t == nil {
		return unknown(CodeUnknownTeam, "team", team)
	}
	if !t.OnDuty {
		return d.done()
	}
	m := d.Missions[t.Mission]
	if m != nil && m.Accepted() {
		return refused(&es.Refusal{
			Code: CodeOnMission, Team: team, Mission: m.ID, Incident: m.Incident,
			Message: fmt.Sprintf("Team %s is on mission %s: clear it first, or ask the room for relief.", team, m.ID),
		})
	}
	d.offDuty(t, m, "signed_off")
	return d.done()
}

// shiftEnded: a team on mission stays on until it has cleared or been replaced (domain §6).
func (d *decider) shiftEnded(t *Team) {
	if t == nil || !t.OnDuty {
		return
	}
	m := d.Missions[t.Mission]
	if m != nil && m.Accepted() {
		d.emit(&logv1.Event{Body: &logv1.Event_DutyExtended{DutyExtended: &logv1.DutyExtended{Team: t.ID, UntilMs: d.at + shiftExtension}}})
		return
	}
	d.offDuty(t, m, "shift_ended")
}

func (d *decider) offDuty(t *Team, offered *Mission, reason string) {
	if offered != nil {
		d.emit(&logv1.Event{Body: &logv1.Event_MissionDeclined{MissionDeclined: &logv1.MissionDeclined{Mission: offered.ID, Reason: reason}}})
	}
	d.emit(&logv1.Event{Body: &logv1.Event_DutyEnded{DutyEnded: &logv1.DutyEnded{
		Team: t.ID, Reason: reason, ByRadio: d.words.byRadio, RecordedBy: d.words.recordedBy,
	}}})
}

// shiftExtension is how long a team on mission stays on at a time when its shift has ended.
const shiftExtension = 10 * 60 * second

func (d *decider) linkBack(b *intakev1.LinkBack) Outcome {
	if d.region.Team(b.GetTeam()) == nil {
		return unknown(CodeUnknownTeam, "team", b.GetTeam())
	}
	if l, ok := d.Teams[b.GetTeam()].Links[b.GetDevice()]; ok && l.Session == b.GetSession() {
		return d.done()
	}
	d.emit(&logv1.Event{Body: &logv1.Event_DeviceLinked{DeviceLinked: &logv1.DeviceLinked{
		Device: b.GetDevice(), Team: b.GetTeam(), Gateway: b.GetGateway(), Session: b.GetSession(),
	}}})
	return d.done()
}

// linkLost of a session that is not the device's latest changes nothing (protocol §4).
func (d *decider) linkLost(b *intakev1.LinkLost) Outcome {
	t := d.Teams[b.GetTeam()]
	if t == nil || t.Links[b.GetDevice()] != (Link{Gateway: b.GetGateway(), Session: b.GetSession()}) {
		return d.done()
	}
	d.emit(&logv1.Event{Body: &logv1.Event_DeviceUnlinked{DeviceUnlinked: &logv1.DeviceUnlinked{
		Device: b.GetDevice(), Team: b.GetTeam(), Session: b.GetSession(),
	}}})
	if len(t.Links) == 1 {
		d.moveOn(t)
	}
	return d.done()
}

func (d *decider) gatewayLost(gateway string) Outcome {
	lost := false
	for _, id := range sortedKeys(d.Teams) {
		t, left := d.Teams[id], 0
		for _, l := range t.Links {
			if l.Gateway != gateway {
				left++
			}
		}
		if left == len(t.Links) {
			continue
		}
		if !lost {
			lost = true
			d.emit(&logv1.Event{Body: &logv1.Event_GatewayDisappeared{GatewayDisappeared: &logv1.GatewayDisappeared{Gateway: gateway}}})
		}
		if left == 0 {
			d.moveOn(t)
		}
	}
	return d.done()
}

// moveOn: a silent socket moves on an offer that has not reached the handheld, and nothing else (domain §2). Before its
// delivery is due there is nothing to do yet: a handheld that changes from one network to another, or to another gateway,
// is back in a moment, and if it is not, the deadline moves the offer on.
func (d *decider) moveOn(t *Team) {
	if m := d.Missions[t.Mission]; m != nil && m.State == MissionOffered && m.Undelivered {
		d.expire(m)
	}
}
