package watch

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"vigie/pkg/domain/controlroom"
	logv1 "vigie/pkg/gen/vigie/log/v1"
)

// Changes is what events have changed of what a room shows: each view whole, as it is now. A client that puts them over
// what it has needs no rules of its own. What a room forgets, a day after its end, is not told: a client lets go of it.
type Changes struct {
	Incidents []controlroom.IncidentView `json:"incidents"`
	Missions  []controlroom.MissionView  `json:"missions"`
	Teams     []controlroom.TeamView     `json:"teams"`
}

// Empty says that nothing that is shown has changed.
func (c Changes) Empty() bool { return len(c.Incidents)+len(c.Missions)+len(c.Teams) == 0 }

// Changed gives the views of all that some events of a state's past speak of, and of what their views depend on.
func Changed(s controlroom.State, events []*logv1.Event) Changes {
	t := touched{incidents: map[string]bool{}, missions: map[string]bool{}, teams: map[string]bool{}}
	for _, e := range events {
		t.event(s, e)
	}
	var c Changes
	for _, id := range slices.Sorted(maps.Keys(t.incidents)) {
		if i := s.Incidents[id]; i != nil {
			c.Incidents = append(c.Incidents, s.ShowIncident(i))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(t.missions)) {
		if m := s.Missions[id]; m != nil {
			c.Missions = append(c.Missions, controlroom.ShowMission(m))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(t.teams)) {
		if team := s.Teams[id]; team != nil {
			c.Teams = append(c.Teams, s.ShowTeam(team))
		}
	}
	return c
}

type touched struct{ incidents, missions, teams map[string]bool }

// event finds what an event is about. One that names nothing is about the whole room.
func (t touched) event(s controlroom.State, e *logv1.Event) {
	if e.GetBody() == nil {
		return
	}
	id := named(e)
	incident, aboutIncident := id("incident")
	mission, aboutMission := id("mission")
	team, aboutTeam := id("team")
	if !aboutIncident && !aboutMission && !aboutTeam {
		t.all(s)
		return
	}
	t.incidents[incident], t.missions[mission], t.teams[team] = true, true, true
	if m := s.Missions[mission]; m != nil {
		t.incidents[m.Incident], t.teams[m.Team] = true, true
	}
}

// named looks up what an event names by the names of its fields, which mean the same in every message.
func named(e *logv1.Event) func(field protoreflect.Name) (id string, ok bool) {
	message := e.ProtoReflect()
	body := message.WhichOneof(message.Descriptor().Oneofs().ByName("body"))
	return func(field protoreflect.Name) (string, bool) {
		if body == nil {
			return "", false
		}
		said := message.Get(body).Message()
		f := said.Descriptor().Fields().ByName(field)
		if f == nil || f.Kind() != protoreflect.StringKind || f.IsList() {
			return "", false
		}
		return said.Get(f).String(), true
	}
}

func (t touched) all(s controlroom.State) {
	for id := range s.Incidents {
		t.incidents[id] = true
	}
	for id := range s.Missions {
		t.missions[id] = true
	}
	for id := range s.Teams {
		t.teams[id] = true
	}
}
