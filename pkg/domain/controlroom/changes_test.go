package controlroom_test

import (
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/domain/watch"
	logv1 "vigie/pkg/gen/vigie/log/v1"
)

// client keeps what a room shows from changes alone.
type client struct {
	incidents map[string]controlroom.IncidentView
	missions  map[string]controlroom.MissionView
	teams     map[string]controlroom.TeamView
}

func newClient() client {
	return client{map[string]controlroom.IncidentView{}, map[string]controlroom.MissionView{}, map[string]controlroom.TeamView{}}
}

// sees checks that after each decision the client shows what the room does.
func (c client) sees(t *rapid.T, s *controlroom.State, events []*logv1.Event) {
	changed := watch.Changed(*s, events)
	for _, v := range changed.Incidents {
		c.incidents[v.ID] = v
	}
	for _, v := range changed.Missions {
		c.missions[v.ID] = v
	}
	for _, v := range changed.Teams {
		c.teams[v.ID] = v
	}
	for id, i := range s.Incidents {
		same(t, events, c.incidents[id], s.ShowIncident(i))
	}
	for id, m := range s.Missions {
		same(t, events, c.missions[id], controlroom.ShowMission(m))
	}
	for id, team := range s.Teams {
		same(t, events, c.teams[id], s.ShowTeam(team))
	}
}

func same(t *rapid.T, events []*logv1.Event, client, room any) {
	if diff := cmp.Diff(room, client); diff != "" {
		t.Fatalf("after %v a client shows (-room +client):\n%s", events, diff)
	}
}
