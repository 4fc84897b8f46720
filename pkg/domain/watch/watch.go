// Package watch says what a watching session sees: a room all of its story, a team its part of it. It is pure; the
// sockets that carry it are the gateway's.
package watch

import (
	"errors"
	"slices"
	"strings"

	"vigie/pkg/domain/controlroom"
	logv1 "vigie/pkg/gen/vigie/log/v1"
)

// Target is what a session watches: a room, or one team of it.
type Target struct {
	Room string
	// Team is empty when the whole room is watched.
	Team string
}

// ErrTarget says that a hello asks to watch something that is neither a team nor a room.
var ErrTarget = errors.New(`watch is "team/T" or "room/R"`)

// ParseTarget reads what a hello asks to watch. A team is found in the room its device was signed on to.
func ParseTarget(watch, room string) (Target, error) {
	kind, id, _ := strings.Cut(watch, "/")
	switch {
	case id == "" || strings.Contains(id, "/"):
		return Target{}, ErrTarget
	case kind == "room":
		return Target{Room: id}, nil
	case kind == "team" && room != "":
		return Target{Room: room, Team: id}, nil
	}
	return Target{}, ErrTarget
}

// Remembers says whether the state still knows what these events are about. Whose a mission was and who had a part in an
// incident is known until a day after its end; of what is older nobody can tell any more whether the target sees it, and
// only a snapshot says where it stands. Whoever watches the room sees all of it.
func (t Target) Remembers(s controlroom.State, events []*logv1.Event) bool {
	forgotten := func(e *logv1.Event) bool {
		mission, incident := missionOf(e), incidentOf(e)
		return mission != "" && s.Missions[mission] == nil || incident != "" && s.Incidents[incident] == nil
	}
	return t.Team == "" || !slices.ContainsFunc(events, forgotten)
}

// Events gives those of a decision's events that the target sees, in the state after the decision.
func (t Target) Events(s controlroom.State, events []*logv1.Event) []*logv1.Event {
	if t.Team == "" {
		return events
	}
	var seen []*logv1.Event
	for _, e := range events {
		if t.concerned(s, e) {
			seen = append(seen, ofRoom(e))
		} else if e := t.ofOthers(s, e); e != nil {
			seen = append(seen, e)
		}
	}
	return seen
}

// concerned: a team sees its missions, its duty and its links, and what ends or changes the incident it is on.
func (t Target) concerned(s controlroom.State, event *logv1.Event) bool {
	switch e := event.GetBody().(type) {
	case *logv1.Event_MissionOffered:
		return e.MissionOffered.GetTeam() == t.Team
	case *logv1.Event_LateAnswerHonoured:
		return e.LateAnswerHonoured.GetTeam() == t.Team
	case *logv1.Event_DutyStarted:
		return e.DutyStarted.GetTeam() == t.Team
	case *logv1.Event_DutyExtended:
		return e.DutyExtended.GetTeam() == t.Team
	case *logv1.Event_DutyEnded:
		return e.DutyEnded.GetTeam() == t.Team
	case *logv1.Event_DeviceLinked:
		return e.DeviceLinked.GetTeam() == t.Team
	case *logv1.Event_DeviceUnlinked:
		return e.DeviceUnlinked.GetTeam() == t.Team
	case *logv1.Event_PlaceEntered:
		return e.PlaceEntered.GetTeam() == t.Team
	case *logv1.Event_PlaceLeft:
		return e.PlaceLeft.GetTeam() == t.Team
	case *logv1.Event_SosRaised:
		return e.SosRaised.GetTeam() == t.Team
	case *logv1.Event_BackupRequested:
		return e.BackupRequested.GetTeam() == t.Team
	}
	if incident := incidentOf(event); incident != "" {
		return t.onIncident(s, incident)
	}
	m := s.Missions[missionOf(event)]
	return m != nil && m.Team == t.Team
}

// incidentOf gives the incident that an event changes or ends for all who are on it, or "".
func incidentOf(event *logv1.Event) string {
	switch e := event.GetBody().(type) {
	case *logv1.Event_IncidentAggravated:
		return e.IncidentAggravated.GetIncident()
	case *logv1.Event_IncidentControlled:
		return e.IncidentControlled.GetIncident()
	case *logv1.Event_IncidentClosed:
		return e.IncidentClosed.GetIncident()
	case *logv1.Event_IncidentCancelled:
		return e.IncidentCancelled.GetIncident()
	}
	return ""
}

// missionOf gives the mission that an event of a leg or an end is about, or "".
func missionOf(event *logv1.Event) string {
	switch e := event.GetBody().(type) {
	case *logv1.Event_MissionUndelivered:
		return e.MissionUndelivered.GetMission()
	case *logv1.Event_MissionDelivered:
		return e.MissionDelivered.GetMission()
	case *logv1.Event_MissionSeen:
		return e.MissionSeen.GetMission()
	case *logv1.Event_MissionAccepted:
		return e.MissionAccepted.GetMission()
	case *logv1.Event_MissionDeclined:
		return e.MissionDeclined.GetMission()
	case *logv1.Event_MissionExpired:
		return e.MissionExpired.GetMission()
	case *logv1.Event_MissionDeparted:
		return e.MissionDeparted.GetMission()
	case *logv1.Event_MissionArrived:
		return e.MissionArrived.GetMission()
	case *logv1.Event_MissionCleared:
		return e.MissionCleared.GetMission()
	case *logv1.Event_MissionCancelled:
		return e.MissionCancelled.GetMission()
	}
	return ""
}

// onIncident says whether the team has, or had, a part in an incident; its own SOS is one.
func (t Target) onIncident(s controlroom.State, id string) bool {
	i := s.Incidents[id]
	return i != nil && (i.InDanger == t.Team || slices.ContainsFunc(i.Missions, func(m string) bool { return s.Missions[m].Team == t.Team }))
}
