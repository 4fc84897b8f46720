package watch_test

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/domain/watch"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	personalv1 "vigie/pkg/gen/vigie/personal/v1"
)

// inDanger has team C in danger at I1, for which A has accepted.
func inDanger() controlroom.State {
	s := state()
	s.Incidents["I1"].InDanger = "C"
	s.Incidents["I1"].ReceivedAt = 1000
	s.Teams["C"] = &controlroom.Team{ID: "C", OnDuty: true}
	return s
}

// answers are the events about others that a team sees while they come to its SOS.
func answers() []protoreflect.Name {
	return []protoreflect.Name{
		"mission_offered", "mission_accepted", "mission_declined", "mission_expired", "mission_departed", "mission_arrived",
		"mission_cleared", "mission_cancelled", "late_answer_honoured",
	}
}

func TestAnSOSIsAnsweredWithWhoComes(t *testing.T) {
	t.Parallel()
	fields := (&logv1.Event{}).ProtoReflect().Descriptor().Oneofs().ByName("body").Fields()
	danger, companion, stranger := watch.Target{Room: "north", Team: "C"}, watch.Target{Room: "north", Team: "D"}, watch.Target{Room: "north", Team: "B"}
	s := inDanger()
	s.Incidents["I1"].Missions = append(s.Incidents["I1"].Missions, "M3")
	s.Missions["M3"] = &controlroom.Mission{ID: "M3", Incident: "I1", Team: "D", State: controlroom.MissionEnRoute}
	s.Teams["D"] = &controlroom.Team{ID: "D", OnDuty: true, Mission: "M3"}
	for k := range fields.Len() {
		field := fields.Get(k)
		event := about(field, "1", "A")
		full(event)
		for _, who := range []watch.Target{danger, companion} {
			want := slices.Contains(answers(), field.Name()) || field.Name() == "incident_claimed" && who == danger
			seen := who.Events(s, []*logv1.Event{event})
			if (len(seen) == 1) != want && !ofIncident(field.Name()) {
				t.Errorf("%s of A by %s: seen %v, want %v", field.Name(), who.Team, seen, want)
			}
			for _, e := range seen {
				private(t, e)
			}
		}
		if seen := stranger.Events(s, []*logv1.Event{event}); len(seen) != 0 {
			t.Errorf("%s of A is seen by B, who is elsewhere", field.Name())
		}
	}
}

// ofIncident are events about the incident itself, for all who are on it.
func ofIncident(name protoreflect.Name) bool {
	return slices.Contains([]protoreflect.Name{"incident_aggravated", "incident_controlled", "incident_closed", "incident_cancelled"}, name)
}

// full gives an event texts, names and reasons that are not for others.
func full(e *logv1.Event) {
	m := e.ProtoReflect()
	body := m.Mutable(m.WhichOneof(m.Descriptor().Oneofs().ByName("body"))).Message()
	for _, name := range []protoreflect.Name{"reason", "recorded_by", "device", "taken_from"} {
		if f := body.Descriptor().Fields().ByName(name); f != nil {
			body.Set(f, protoreflect.ValueOfString("private"))
		}
	}
	if o := e.GetMissionOffered(); o != nil {
		o.Text, o.Premises = &personalv1.SealedText{Key: "k"}, &logv1.Premises{Hazards: []string{"x"}}
	}
	if c := e.GetIncidentClosed(); c != nil {
		c.Note = &personalv1.SealedText{Key: "k"}
	}
}

// private fails when an event about others says more than how far they are.
func private(t *testing.T, e *logv1.Event) {
	t.Helper()
	m := e.ProtoReflect()
	field := m.WhichOneof(m.Descriptor().Oneofs().ByName("body"))
	if ofIncident(field.Name()) && e.GetIncidentClosed().GetNote() == nil {
		return
	}
	body := m.Get(field).Message()
	body.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if f.Kind() == protoreflect.MessageKind || v.String() == "private" {
			t.Errorf("%s of others says its %s", field.Name(), f.Name())
		}
		return true
	})
}

func TestAHandheldInDangerIsToldWhatHasBecomeOfItsSOS(t *testing.T) {
	t.Parallel()
	s := inDanger()
	got := watch.Target{Room: "north", Team: "C"}.State(s).SOS
	if got == nil || got.Incident != "I1" || got.Claimed || got.ReceivedAt == "" || len(got.Teams) != 1 || got.Teams[0].Team != "A" || got.Teams[0].State != "accepted" {
		t.Fatalf("%+v", got)
	}
	s.Incidents["I1"].ClaimedBy = "dora"
	if got := (watch.Target{Room: "north", Team: "C"}).State(s).SOS; !got.Claimed {
		t.Errorf("somebody leads it: %+v", got)
	}
	if other := (watch.Target{Room: "north", Team: "A"}).State(s); other.SOS != nil || other.Incidents[0].ClaimedBy != "" {
		t.Errorf("the SOS of another: %+v", other)
	}
	s = controlroom.Evolve(s, 2000, &logv1.Event{Body: &logv1.Event_IncidentClosed{IncidentClosed: &logv1.IncidentClosed{Incident: "I1"}}})
	if got := (watch.Target{Room: "north", Team: "C"}).State(s).SOS; got != nil {
		t.Errorf("it is over: %+v", got)
	}
}

func TestAMissionComesWithItsPlaceAndWithWhom(t *testing.T) {
	t.Parallel()
	s := state()
	s.Incidents["I1"].Missions = append(s.Incidents["I1"].Missions, "M3", "M4")
	s.Missions["M3"] = &controlroom.Mission{ID: "M3", Incident: "I1", Team: "D", State: controlroom.MissionOnScene, Guards: 2, Arrival: 5000}
	s.Missions["M4"] = &controlroom.Mission{ID: "M4", Incident: "I1", Team: "E", State: controlroom.MissionDeclined}
	s.Incidents["I1"].Notes = []controlroom.Note{{By: "dora"}}
	got := watch.Target{Room: "north", Team: "A"}.State(s)
	if got.Premises == nil || len(got.With) != 1 || got.With[0].Team != "D" || got.With[0].CallSign != "D" || got.With[0].ArrivalMs != 5000 {
		t.Errorf("%+v", got)
	}
	if len(got.Incidents[0].Notes) != 0 {
		t.Error("a handheld reads the room's notes")
	}
}
