package desk

import (
	"time"

	logv1 "vigie/pkg/gen/vigie/log/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// Hear follows the story of the room.
func (d *Desk) Hear(now time.Time, decided *watchv1.Decided) {
	for _, e := range decided.GetEvents() {
		d.incidentEvent(now, e)
		d.missionEvent(now, e)
		d.teamEvent(e)
	}
	d.Watcher.Live(d.Room.Room, len(d.incidents))
}

func (d *Desk) incidentEvent(now time.Time, event *logv1.Event) {
	switch e := event.GetBody().(type) {
	case *logv1.Event_AlarmReceived:
		d.Watcher.Alarm(d.Room.Room, e.AlarmReceived.GetIncident(), e.AlarmReceived.GetAlarm())
	case *logv1.Event_IncidentOpened:
		o := e.IncidentOpened
		i := &incident{
			id: o.GetIncident(), site: o.GetSite(), category: o.GetCategory(), priority: int(o.GetPriority()),
			manual: o.GetMode() == "manual", active: map[string]bool{},
		}
		d.incidents[i.id] = i
		d.startWith(now, i)
	case *logv1.Event_IncidentAggravated:
		if i := d.incidents[e.IncidentAggravated.GetIncident()]; i != nil {
			i.priority, i.manual = int(e.IncidentAggravated.GetPriority()), e.IncidentAggravated.GetMode() == "manual"
		}
	case *logv1.Event_IncidentClaimed:
		if i := d.incidents[e.IncidentClaimed.GetIncident()]; i != nil {
			i.claimed = true
		}
	case *logv1.Event_IncidentControlled:
		if i := d.incidents[e.IncidentControlled.GetIncident()]; i != nil {
			i.ctrl = true
			d.seeThrough(now, i)
		}
	case *logv1.Event_IncidentClosed:
		delete(d.incidents, e.IncidentClosed.GetIncident())
	case *logv1.Event_IncidentCancelled:
		delete(d.incidents, e.IncidentCancelled.GetIncident())
	}
}

func (d *Desk) missionEvent(now time.Time, event *logv1.Event) {
	switch e := event.GetBody().(type) {
	case *logv1.Event_MissionOffered:
		d.sent(e.MissionOffered.GetMission(), &mission{incident: e.MissionOffered.GetIncident(), team: e.MissionOffered.GetTeam()})
	case *logv1.Event_LateAnswerHonoured:
		l := e.LateAnswerHonoured
		d.sent(l.GetMission(), &mission{incident: l.GetIncident(), team: l.GetTeam(), accepted: true})
	case *logv1.Event_MissionAccepted:
		if m := d.missions[e.MissionAccepted.GetMission()]; m != nil {
			m.accepted = true
		}
	case *logv1.Event_MissionArrived:
		if m := d.missions[e.MissionArrived.GetMission()]; m != nil && d.incidents[m.incident] != nil {
			d.onScene(now, d.incidents[m.incident])
		}
	case *logv1.Event_MissionCleared:
		d.left(now, e.MissionCleared.GetMission())
	case *logv1.Event_MissionDeclined:
		d.left(now, e.MissionDeclined.GetMission())
	case *logv1.Event_MissionExpired:
		d.left(now, e.MissionExpired.GetMission())
	case *logv1.Event_MissionCancelled:
		d.left(now, e.MissionCancelled.GetMission())
	}
}

func (d *Desk) sent(id string, m *mission) {
	d.missions[id] = m
	if t := d.teams[m.team]; t != nil {
		t.mission = id
	}
	if i := d.incidents[m.incident]; i != nil {
		i.active[id] = true
	}
}

func (d *Desk) left(now time.Time, id string) {
	m := d.missions[id]
	if m == nil {
		return
	}
	delete(d.missions, id)
	if t := d.teams[m.team]; t != nil && t.mission == id {
		t.mission = ""
	}
	if i := d.incidents[m.incident]; i != nil {
		delete(i.active, id)
		d.seeThrough(now, i)
	}
}

func (d *Desk) teamEvent(event *logv1.Event) {
	with := func(id string, do func(*team)) {
		if t := d.teams[id]; t != nil {
			do(t)
		}
	}
	switch e := event.GetBody().(type) {
	case *logv1.Event_DutyStarted:
		with(e.DutyStarted.GetTeam(), func(t *team) { t.onDuty = true })
	case *logv1.Event_DutyEnded:
		with(e.DutyEnded.GetTeam(), func(t *team) { t.onDuty = false })
	case *logv1.Event_DeviceLinked:
		with(e.DeviceLinked.GetTeam(), func(t *team) { t.links[e.DeviceLinked.GetDevice()] = true })
	case *logv1.Event_DeviceUnlinked:
		with(e.DeviceUnlinked.GetTeam(), func(t *team) {
			delete(t.links, e.DeviceUnlinked.GetDevice())
			delete(t.links, "?")
		})
	}
}
