package replay_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"vigie/pkg/authz"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/follow/followtest"
	"vigie/pkg/projection"
	"vigie/pkg/projection/projectiontest"
)

const summaryPath = "/v1/rooms/" + followtest.Name + "/summary"

// summarised waits for the summary as of an offset.
func (n *node) summarised(offset int64) (s struct {
	Room      string
	LogID     string `json:"log_id"`
	Offset    int64
	Hash      string
	Version   uint64
	At        string
	AsOf      string `json:"as_of"`
	Incidents []controlroom.IncidentView
	Missions  []controlroom.MissionView
	Teams     []controlroom.TeamView
},
) {
	n.t.Helper()
	projectiontest.Await(n.t, fmt.Sprintf("a summary as of offset %d", offset), func() bool {
		a := n.get(n.chief, summaryPath)
		if a.status != http.StatusOK {
			if a.status != http.StatusServiceUnavailable || a.code != "cold" && a.code != "redis_away" {
				n.t.Fatalf("%+v", a)
			}
			return false
		}
		if err := json.Unmarshal([]byte(a.body), &s); err != nil {
			n.t.Fatal(err)
		}
		return s.Offset == offset
	})
	return s
}

func TestTheSummaryIsWhatIsGoingOnInTheRoom(t *testing.T) {
	t.Parallel()
	n := start(t)
	s := n.summarised(n.Next() - 1)
	v := n.View()
	if s.Room != v.Room || s.LogID != v.LogID || s.Version != v.Version || s.At != v.At || s.Hash != controlroom.Hex(n.Head().Hash) || s.AsOf == "" {
		t.Errorf("%+v", s)
	}
	if len(s.Teams) != len(v.Teams) {
		t.Errorf("teams: %+v, want %+v", s.Teams, v.Teams)
	}
	open, active := 0, 0
	for _, i := range v.Incidents {
		if i.EndedAt == "" {
			open++
		}
	}
	for _, m := range v.Missions {
		if m.EndedAt == "" {
			active++
		}
	}
	if len(s.Incidents) != open || len(s.Missions) != active || open == 0 || active == 0 {
		t.Errorf("%d incidents and %d missions, want %d and %d", len(s.Incidents), len(s.Missions), open, active)
	}
	for _, i := range s.Incidents {
		if i.Text != nil || i.ID == "" {
			t.Errorf("incident %+v", i)
		}
	}
}

func TestASummaryIsForThoseWhoMayReadTheRoom(t *testing.T) {
	t.Parallel()
	n := start(t)
	other := n.token(authz.Grant{Role: authz.Chief, Scope: authz.RoomScope("elsewhere")})
	for _, test := range []struct {
		name, token, path string
		status            int
	}{
		{"nobody", "", summaryPath, http.StatusUnauthorized},
		{"the chief of another room", other, summaryPath, http.StatusForbidden},
		{"of no room", n.auditor(), "/v1/rooms/nowhere/summary", http.StatusNotFound},
	} {
		if a := n.get(test.token, test.path); a.status != test.status {
			t.Errorf("%s: %+v", test.name, a)
		}
	}
}

func TestASummaryThatIsNotThereSaysWhyAndComesBack(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.summarised(n.Next() - 1)
	n.relay.Cut()
	projectiontest.Await(t, "redis is away", func() bool { return n.get(n.chief, summaryPath).code == "redis_away" })
	n.caughtUp() // the state is answered all the same
	n.redis.Flush(t)
	n.relay.Heal()
	n.summarised(n.Next() - 1)

	n.url = serve(t, n.Log, n.dir, projectiontest.Open(t, projection.Default()))
	n.caughtUp()
	if a := n.get(n.chief, summaryPath); a.status != http.StatusServiceUnavailable || a.code != "no_redis" {
		t.Errorf("without a Redis: %+v", a)
	}
}
