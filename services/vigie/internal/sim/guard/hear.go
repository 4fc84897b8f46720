package guard

import (
	"encoding/json"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"vigie/pkg/domain/controlroom"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// state is what a snapshot tells a handheld.
type state struct {
	Team      controlroom.TeamView       `json:"team"`
	Missions  []controlroom.MissionView  `json:"missions"`
	Incidents []controlroom.IncidentView `json:"incidents"`
}

// Hear takes in the events of one decision.
func (a *Agent) Hear(now time.Time, d *watchv1.Decided) {
	a.now = now
	for _, event := range d.GetEvents() {
		switch e := event.GetBody().(type) {
		case *logv1.Event_MissionOffered:
			o := e.MissionOffered
			if o.GetTeam() == a.Team.Team {
				a.offered(now, &mission{
					id: o.GetMission(), incident: o.GetIncident(), site: o.GetSite(), zone: o.GetZone(), priority: int(o.GetPriority()),
				})
			}
		case *logv1.Event_LateAnswerHonoured:
			if e.LateAnswerHonoured.GetTeam() == a.Team.Team {
				a.honoured(now, e.LateAnswerHonoured.GetPrevious(), e.LateAnswerHonoured.GetMission())
			}
		case *logv1.Event_MissionExpired:
			a.expired(now, e.MissionExpired.GetMission())
		case *logv1.Event_MissionCancelled:
			a.ended(now, e.MissionCancelled.GetMission())
		case *logv1.Event_MissionDeclined:
			a.ended(now, e.MissionDeclined.GetMission())
		case *logv1.Event_DutyEnded:
			if e.DutyEnded.GetTeam() == a.Team.Team {
				a.duty.ended()
			}
		}
	}
}

func (a *Agent) offered(now time.Time, m *mission) {
	a.Watcher.Offered(a.Room.Room, m.id)
	if a.known(m.id) {
		return // heard before a reconnect
	}
	a.receipts(now, m.id)
	if a.cur != nil {
		// The room thinks that we are free: of the present one, the answer is still on its way.
		a.next = m
		return
	}
	a.begin(now, m)
}

func (a *Agent) known(id string) bool {
	for _, m := range []*mission{a.cur, a.next, a.last} {
		if m != nil && m.id == id {
			return true
		}
	}
	return false
}

// expired: who has said yes waits for the room's word, because late is not lost.
func (a *Agent) expired(now time.Time, id string) {
	if a.cur != nil && a.cur.id == id && a.cur.accepted && a.cur.unanswered > 0 {
		return
	}
	a.ended(now, id)
}

func (a *Agent) ended(now time.Time, id string) {
	if a.next != nil && a.next.id == id {
		a.next = nil
	}
	if a.cur != nil && a.cur.id == id {
		a.drop(now)
	}
}

// honoured: the answer came late and counts; what was done since is said again, of the mission that took its place.
func (a *Agent) honoured(now time.Time, previous, id string) {
	m := a.cur
	if m == nil || m.id != previous {
		m = a.last
	}
	if m == nil || m.id != previous || !m.accepted {
		return
	}
	m.id, m.unanswered = id, 0
	said := m.said
	m.said = nil
	over := false
	for _, l := range said {
		if l.kind == "mission.accept" {
			m.said = append(m.said, l)
			continue
		}
		over = over || l.kind == "mission.clear"
		a.report(m, l.kind, l.at, "")
	}
	if m == a.last && !over && a.cur == nil {
		// A refusal was quicker than the event: go on.
		a.cur, a.last = m, nil
		if m.step == toArrive {
			m.due = a.setOut(m, now)
		}
	}
}

// Restart takes in a snapshot: it replaces what the room had said, not what people have done.
func (a *Agent) Restart(now time.Time, shown *structpb.Struct) error {
	a.now = now
	encoded, err := shown.MarshalJSON()
	if err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	var s state
	if err := json.Unmarshal(encoded, &s); err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	a.restart(now, s)
	return nil
}

func (a *Agent) restart(now time.Time, s state) {
	if !s.Team.OnDuty {
		a.duty.ended()
	}
	active := map[string]bool{}
	for _, v := range s.Missions {
		active[v.ID] = true
		switch {
		case a.known(v.ID):
		case v.Previous != "" && a.known(v.Previous):
			a.honoured(now, v.Previous, v.ID)
		default:
			a.resume(now, v, s.Incidents)
		}
	}
	if a.next != nil && !active[a.next.id] {
		a.next = nil
	}
	if c := a.cur; c != nil && !active[c.id] && (!c.accepted || c.unanswered == 0) {
		a.drop(now)
	}
}

// resume takes up a mission that this handheld knows from the snapshot only, wherever it stands.
func (a *Agent) resume(now time.Time, v controlroom.MissionView, incidents []controlroom.IncidentView) {
	m := &mission{id: v.ID, incident: v.Incident, priority: 3}
	for _, i := range incidents {
		if i.ID == v.Incident {
			m.site, m.zone, m.priority = i.Site, i.Zone, i.Priority
		}
	}
	a.offered(now, m)
	if a.cur != m {
		return
	}
	switch v.State {
	case controlroom.MissionAccepted:
		m.accepted, m.step, m.due = true, toLeave, now.Add(a.turnout(m))
	case controlroom.MissionEnRoute:
		m.accepted, m.step, m.due = true, toArrive, a.setOut(m, now)
	case controlroom.MissionOnScene:
		m.accepted, m.step, m.due = true, toClear, now.Add(a.stay(m))
	case controlroom.MissionOffered, controlroom.MissionDelivered, controlroom.MissionSeen,
		controlroom.MissionCleared, controlroom.MissionDeclined, controlroom.MissionExpired, controlroom.MissionCancelled:
	}
}
