package watch_test

import (
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/domain/watch"
	logv1 "vigie/pkg/gen/vigie/log/v1"
)

// state has incident I1 with mission M1 of team A, incident I2 with mission M2 of team B.
func state() controlroom.State {
	s := controlroom.Initial()
	for id, team := range map[string]string{"1": "A", "2": "B"} {
		s.Incidents["I"+id] = &controlroom.Incident{ID: "I" + id, State: controlroom.IncidentAssigned, Missions: []string{"M" + id}}
		s.Missions["M"+id] = &controlroom.Mission{ID: "M" + id, Incident: "I" + id, Team: team, State: controlroom.MissionAccepted}
		s.Teams[team] = &controlroom.Team{ID: team, OnDuty: true, Mission: "M" + id}
	}
	return controlroom.Clone(s) // with what is derived from it
}

// seen says for each type of event whether a team sees those that are about it: about its mission, the incident it is on, or
// itself. Nobody sees those of others. A new type must be considered here.
func seen() map[protoreflect.Name]bool {
	return map[protoreflect.Name]bool{
		"log_opened": false, "log_reopened": false, "region_configured": false, "clock_stepped": false, "level_raised": false,
		// The room's: what comes in, who deals with it, whom it chooses.
		"alarm_received": false, "alarm_restored": false, "request_undecidable": false,
		"incident_opened": false, "incident_claimed": false, "incident_released": false, "incident_neglected": false,
		"teams_chosen": false, "teams_proposed": false, "no_team_found": false, "still_no_team": false, "note_added": false,
		// What ends or changes the incident a team is on.
		"incident_aggravated": true, "incident_controlled": true, "incident_closed": true, "incident_cancelled": true,
		"sos_raised": true, "backup_requested": true,
		// Its missions.
		"mission_offered": true, "mission_undelivered": true, "mission_delivered": true, "mission_seen": true,
		"mission_accepted": true, "mission_declined": true, "mission_expired": true, "mission_departed": true,
		"mission_arrived": true, "mission_cleared": true, "mission_cancelled": true, "late_answer_honoured": true,
		// Its duty and its links; a gateway that disappears tells the team by the absence of its own socket.
		"duty_started": true, "duty_ended": true, "duty_extended": true, "device_linked": true, "device_unlinked": true,
		"place_entered": true, "place_left": true,
		"gateway_disappeared": false,
	}
}

// about fills an event of a type with one team's mission, incident and name.
func about(field protoreflect.FieldDescriptor, number, team string) *logv1.Event {
	e := &logv1.Event{}
	m := e.ProtoReflect()
	body := m.NewField(field).Message()
	for name, value := range map[protoreflect.Name]string{"mission": "M" + number, "incident": "I" + number, "team": team} {
		if f := body.Descriptor().Fields().ByName(name); f != nil {
			body.Set(f, protoreflect.ValueOfString(value))
		}
	}
	m.Set(field, protoreflect.ValueOfMessage(body))
	return e
}

func TestATeamSeesWhatIsItsOwnAndNothingElse(t *testing.T) {
	t.Parallel()
	fields := (&logv1.Event{}).ProtoReflect().Descriptor().Oneofs().ByName("body").Fields()
	table := seen()
	team, room := watch.Target{Room: "north", Team: "A"}, watch.Target{Room: "north"}
	for k := range fields.Len() {
		field := fields.Get(k)
		want, considered := table[field.Name()]
		if !considered {
			t.Errorf("%s: say in this table whether a team sees it", field.Name())
			continue
		}
		delete(table, field.Name())
		own, other := about(field, "1", "A"), about(field, "2", "B")
		if got := len(team.Events(state(), []*logv1.Event{own})) == 1; got != want {
			t.Errorf("%s of its own: seen %v, want %v", field.Name(), got, want)
		}
		if len(team.Events(state(), []*logv1.Event{other})) != 0 {
			t.Errorf("%s of another team is seen", field.Name())
		}
		if len(room.Events(state(), []*logv1.Event{own, other})) != 2 {
			t.Errorf("%s is not seen by the room", field.Name())
		}
		// What the state no longer holds is not seen, and breaks nothing. Where that hides something of somebody's, it is said.
		hidden := want && len(team.Events(controlroom.Initial(), []*logv1.Event{own})) == 0
		team.Events(controlroom.Initial(), []*logv1.Event{own, other})
		for _, e := range []*logv1.Event{own, other} {
			if !team.Remembers(state(), []*logv1.Event{e}) || !room.Remembers(controlroom.Initial(), []*logv1.Event{e}) {
				t.Errorf("%s is taken to be forgotten", field.Name())
			}
			if team.Remembers(controlroom.Initial(), []*logv1.Event{{}, e}) == hidden {
				t.Errorf("%s: forgotten %v, want %v", field.Name(), !hidden, hidden)
			}
		}
	}
	if len(table) != 0 {
		t.Errorf("no such events: %v", table)
	}
}

func TestATeamsStateIsItsActiveMissionWithItsIncident(t *testing.T) {
	t.Parallel()
	s := state()
	got := watch.Target{Room: "north", Team: "A"}.State(s)
	if got.Team.ID != "A" || len(got.Missions) != 1 || got.Missions[0].ID != "M1" || len(got.Incidents) != 1 || got.Incidents[0].ID != "I1" {
		t.Errorf("%+v", got)
	}
	s.Teams["A"].Mission = ""
	if got := (watch.Target{Room: "north", Team: "A"}).State(s); len(got.Missions)+len(got.Incidents) != 0 {
		t.Errorf("without a mission %+v", got)
	}
	if got := (watch.Target{Room: "north", Team: "C"}).State(s); got.Team.ID != "C" || got.Missions == nil || got.Incidents == nil {
		t.Errorf("a team nobody has seen %+v", got)
	}
}

func TestWhatAHelloAsksFor(t *testing.T) {
	t.Parallel()
	for ask, want := range map[string]watch.Target{
		"room/north": {Room: "north"}, "team/A": {Room: "device's", Team: "A"},
		"": {}, "room": {}, "room/": {}, "team/": {}, "room/a/b": {}, "team/a/b": {}, "site/a": {}, "/": {}, "Room/north": {},
	} {
		got, err := watch.ParseTarget(ask, "device's")
		if got != want || (err != nil) != (want == watch.Target{}) {
			t.Errorf("%q: %+v, %v", ask, got, err)
		}
	}
	if _, err := watch.ParseTarget("team/A", ""); err == nil {
		t.Error("an account watches a team")
	}
}
