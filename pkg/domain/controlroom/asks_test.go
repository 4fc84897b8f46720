package controlroom_test

import (
	"vigie/pkg/es"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	personalv1 "vigie/pkg/gen/vigie/personal/v1"
)

// What people and machines ask, one line each.

func alarmOf(id, source, code, site, zone string) *intakev1.Request {
	return &intakev1.Request{Body: &intakev1.Request_RaiseAlarm{RaiseAlarm: &intakev1.RaiseAlarm{
		AlarmId: id, Source: source, Protocol: "test", Code: code, Site: site, Zone: zone,
	}}}
}

func (n *night) alarm(id, code, site, zone string) {
	n.t.Helper()
	n.ask(alarmOf(id, "panel-"+site, code, site, zone))
}

func (n *night) restore(id, code, site, zone string) {
	n.t.Helper()
	q := alarmOf(id, "panel-"+site, code, site, zone)
	q.GetRaiseAlarm().Restore = true
	n.ask(q)
}

func (n *night) sos(team, site, zone string) {
	n.t.Helper()
	n.ask(&intakev1.Request{Body: &intakev1.Request_RaiseSos{RaiseSos: &intakev1.RaiseSos{Team: team, Site: site, Zone: zone}}})
}

func (n *night) starts(team string, guards ...string) *es.Refusal {
	n.t.Helper()
	return n.ask(&intakev1.Request{Body: &intakev1.Request_StartDuty{StartDuty: &intakev1.StartDuty{Team: team, Guards: guards}}})
}

func (n *night) ends(team string) *es.Refusal {
	n.t.Helper()
	return n.ask(&intakev1.Request{Body: &intakev1.Request_EndDuty{EndDuty: &intakev1.EndDuty{Team: team}}})
}

func (n *night) links(team, device string) {
	n.t.Helper()
	n.ask(&intakev1.Request{Body: &intakev1.Request_LinkBack{LinkBack: &intakev1.LinkBack{Team: team, Device: device, Gateway: "gw", Session: "s-" + device}}})
}

func (n *night) loses(team, device string) {
	n.t.Helper()
	n.ask(&intakev1.Request{Body: &intakev1.Request_LinkLost{LinkLost: &intakev1.LinkLost{Team: team, Device: device, Gateway: "gw", Session: "s-" + device}}})
}

// said is what a handheld says of a mission, now or at an earlier time of the device.
func (n *night) said(q *intakev1.Request, deviceAt ...int64) *es.Refusal {
	n.t.Helper()
	q.DeviceAtMs = n.now
	for _, at := range deviceAt {
		q.DeviceAtMs = at
	}
	q.Actor = &intakev1.Actor{Id: "guard", Role: "guard"}
	return n.ask(q)
}

func delivered(m string) *intakev1.Request {
	return &intakev1.Request{Body: &intakev1.Request_ReportDelivered{ReportDelivered: &intakev1.ReportDelivered{Mission: m, Device: "hand"}}}
}

func seen(m string) *intakev1.Request {
	return &intakev1.Request{Body: &intakev1.Request_ReportSeen{ReportSeen: &intakev1.ReportSeen{Mission: m, Device: "hand"}}}
}

func accept(m string) *intakev1.Request {
	return &intakev1.Request{Body: &intakev1.Request_AcceptMission{AcceptMission: &intakev1.AcceptMission{Mission: m}}}
}

func decline(m, reason string) *intakev1.Request {
	return &intakev1.Request{Body: &intakev1.Request_DeclineMission{DeclineMission: &intakev1.DeclineMission{Mission: m, Reason: reason}}}
}

func enRoute(m string) *intakev1.Request {
	return &intakev1.Request{Body: &intakev1.Request_ReportEnRoute{ReportEnRoute: &intakev1.ReportEnRoute{Mission: m}}}
}

func onScene(m string) *intakev1.Request {
	return &intakev1.Request{Body: &intakev1.Request_ReportOnScene{ReportOnScene: &intakev1.ReportOnScene{Mission: m}}}
}

func cleared(m string) *intakev1.Request {
	return &intakev1.Request{Body: &intakev1.Request_ClearMission{ClearMission: &intakev1.ClearMission{Mission: m}}}
}

func assign(incident, team, reason string) *intakev1.Request {
	return &intakev1.Request{Body: &intakev1.Request_AssignMission{AssignMission: &intakev1.AssignMission{Incident: incident, Team: team, Reason: reason}}}
}

func recall(m, reason string) *intakev1.Request {
	return &intakev1.Request{Body: &intakev1.Request_CancelMission{CancelMission: &intakev1.CancelMission{Mission: m, Reason: reason}}}
}

func open(site, zone, category string, priority int32) *intakev1.Request {
	return &intakev1.Request{Body: &intakev1.Request_OpenIncident{OpenIncident: &intakev1.OpenIncident{Site: site, Zone: zone, Category: category, Priority: priority}}}
}

func claim(incident string) *intakev1.Request {
	return &intakev1.Request{Body: &intakev1.Request_ClaimIncident{ClaimIncident: &intakev1.ClaimIncident{Incident: incident}}}
}

func release(incident string) *intakev1.Request {
	return &intakev1.Request{Body: &intakev1.Request_ReleaseIncident{ReleaseIncident: &intakev1.ReleaseIncident{Incident: incident}}}
}

func control(incident string) *intakev1.Request {
	return &intakev1.Request{Body: &intakev1.Request_ControlIncident{ControlIncident: &intakev1.ControlIncident{Incident: incident}}}
}

func closing(incident, disposition string) *intakev1.Request {
	return &intakev1.Request{Body: &intakev1.Request_CloseIncident{CloseIncident: &intakev1.CloseIncident{Incident: incident, Disposition: disposition}}}
}

func cancelling(incident, reason string) *intakev1.Request {
	return &intakev1.Request{Body: &intakev1.Request_CancelIncident{CancelIncident: &intakev1.CancelIncident{Incident: incident, Reason: reason}}}
}

func backup(m string, guards int32) *intakev1.Request {
	return &intakev1.Request{Body: &intakev1.Request_RequestBackup{RequestBackup: &intakev1.RequestBackup{Mission: m, Guards: guards}}}
}

func note(incident string, text *personalv1.SealedText) *intakev1.Request {
	return &intakev1.Request{Body: &intakev1.Request_AddNote{AddNote: &intakev1.AddNote{Incident: incident, Text: text}}}
}

func propose(incident string) *intakev1.Request {
	return &intakev1.Request{Body: &intakev1.Request_AskProposal{AskProposal: &intakev1.AskProposal{Incident: incident}}}
}

// heard is what a person records for a team that said so by radio; 0: just now.
func heard(q *intakev1.Request, at int64) *intakev1.Request {
	q.ByRadio, q.DeviceAtMs = true, at
	return q
}

// as lets somebody else ask.
func as(id, role string, q *intakev1.Request) *intakev1.Request {
	q.Actor = &intakev1.Actor{Id: id, Role: role}
	return q
}

func sosOf(team string) *intakev1.Request {
	return &intakev1.Request{Body: &intakev1.Request_RaiseSos{RaiseSos: &intakev1.RaiseSos{Team: team}}}
}

func dutyOf(team string, guards ...string) *intakev1.Request {
	return &intakev1.Request{Body: &intakev1.Request_StartDuty{StartDuty: &intakev1.StartDuty{Team: team, Guards: guards}}}
}
