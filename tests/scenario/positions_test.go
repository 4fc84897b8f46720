package scenario_test

import (
	"encoding/base64"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	logv1 "vigie/pkg/gen/vigie/log/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// phone is an OwnTracks app of a team's guard.
type phone struct {
	n     *Night
	token string
	noise *rand.Rand
	last  int64
}

// Phone signs one on for a team.
func (n *Night) Phone(team string) *phone {
	n.t.Helper()
	token, _ := n.DeviceToken(team, "guard-"+team, 0)
	return &phone{n: n, token: token, noise: rand.New(rand.NewPCG(7, 7))}
}

// isAt posts a position, off by what receivers are off by.
func (p *phone) isAt(lat, lon float64) {
	p.n.t.Helper()
	// The app counts in seconds: two in one second are one.
	p.n.Eventually("the next second", func() (bool, string) { return p.n.Now().Unix() > p.last, "" })
	p.last = p.n.Now().Unix()
	angle, off := p.noise.Float64()*2*math.Pi, p.noise.Float64()*15/111_195
	body := fmt.Sprintf(`{"_type":"location","tid":"G1","tst":%d,"lat":%.7f,"lon":%.7f,"acc":15,"batt":67,"t":"t"}`,
		p.last, lat+off*math.Sin(angle), lon+off*math.Cos(angle)*1.5)
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("guard:"+p.token))
	if got := p.n.must(http.StatusOK, http.MethodPost, "/v1/positions/owntracks", "", []byte(body), "Authorization", basic); string(got) != "[]" {
		p.n.t.Fatalf("OwnTracks was answered %s", got)
	}
}

// The entrances of two-sites.yaml.
const (
	northLat, northLon = 48.8500, 2.3500
	southLat, southLon = 48.8366, 2.3520
)

// walks from the northern hospital, 0, to the southern, 1.
func (p *phone) walks(from, to float64) {
	p.n.t.Helper()
	for way := from; way < to; way += 0.04 {
		p.isAt(northLat+way*(southLat-northLat), northLon+way*(southLon-northLon))
	}
}

// stands where it is until the room has taken note of a place.
func (p *phone) stands(desk *Console, way float64, what string, noted func() bool) {
	p.n.t.Helper()
	p.n.Within(missed, what, func() (bool, string) {
		p.isAt(northLat+way*(southLat-northLat), northLon+way*(southLon-northLon))
		return noted(), desk.seen()
	})
}

func entered(desk *Console, team, site string) func() bool {
	return func() bool {
		return heard(desk.watcher, (*logv1.Event).GetPlaceEntered, func(e *logv1.PlaceEntered) bool {
			return e.GetTeam() == team && e.GetSite() == site && e.GetZone() == ""
		})
	}
}

func TestAPhoneThatWalksToAnotherHospitalIsTakenToBeThereWhenItFallsSilent(t *testing.T) {
	t.Parallel()
	night := Begin(t, atRate(60))
	desk := night.Console("alpha", "dispatcher")
	night.Guard("north-1").OnDuty()
	walker := night.Phone("north-1")

	walker.stands(desk, 0, "the team at the northern hospital", entered(desk, "north-1", "north"))
	walker.walks(0, 1)
	walker.stands(desk, 1, "the team at the southern hospital", entered(desk, "north-1", "south"))
	// Each border is one fact, and no fact holds a coordinate.
	var story []string
	records, _ := night.Log("alpha")
	for _, r := range records {
		for _, e := range r.Events {
			if kind := fmt.Sprint(e["type"]); strings.HasPrefix(kind, "place_") {
				if e["zone"] == "" {
					story = append(story, fmt.Sprint(kind, " ", e["site"]))
				}
				for field := range e {
					if !slices.Contains([]string{"type", "team", "site", "zone", "at_ms"}, field) {
						t.Errorf("the log says more than the place: %v", e)
					}
				}
			}
		}
	}
	if want := []string{"place_entered north", "place_left north", "place_entered south"}; !slices.Equal(story, want) {
		t.Errorf("the story of the walk is %v, want %v", story, want)
	}
	shown := decode[struct {
		Teams []struct {
			ID    string
			Place struct{ Site, By string }
		}
	}](night, night.StateBytes("alpha", nil))
	for _, team := range shown.Teams {
		if team.ID == "north-1" && (team.Place.Site != "south" || team.Place.By == "") {
			t.Errorf("shown at %+v", team.Place)
		}
	}

	// A position grows old; the place does not.
	night.Within(missed, "a position too old to go by", func() (bool, string) {
		incident := desk.Opens("south", "HALL", "access", 3)
		chosen := hear(desk.watcher, "the choice", (*logv1.Event).GetTeamsChosen, func(e *logv1.TeamsChosen) bool { return e.GetIncident() == incident })
		first := chosen.GetCandidates()[0]
		if first.GetTeam() != "north-1" || first.GetPlace() != "south" || first.GetCrossesSites() {
			t.Fatalf("chosen from %v", first)
		}
		desk.do(&watchv1.Command{Type: "incident.cancel", Incident: incident, Reason: "a test"})
		return first.GetPlaceSource() == "entered" && first.GetEstimated(), first.String()
	})
}

// lastKnown asks where the teams of alpha were last.
func (n *Night) lastKnown() (teams []string) {
	n.t.Helper()
	var raw []byte
	n.Within(missed, "last positions", func() (bool, string) {
		got, err := n.call(http.MethodGet, "/v1/rooms/alpha/positions", n.as("dispatcher"), nil)
		if err != nil {
			return false, err.Error()
		}
		raw = got.body
		return got.status == http.StatusOK, string(got.body)
	})
	for _, p := range decode[struct {
		Positions []struct{ Team, Source string }
	}](n, raw).Positions {
		teams = append(teams, p.Team+" by "+p.Source)
	}
	return teams
}

func TestPositionsAreOfTheShiftAndOfNoOtherTime(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	guard := night.Guard("north-1")
	walker := night.Phone("north-1")
	walker.isAt(northLat, northLon)
	if got := night.lastKnown(); len(got) != 0 {
		t.Errorf("before the shift %v", got)
	}
	guard.OnDuty()
	night.Within(missed, "the team on the map", func() (bool, string) {
		walker.isAt(northLat, northLon)
		got := night.lastKnown()
		return slices.Equal(got, []string{"north-1 by owntracks"}), fmt.Sprint(got)
	})
	for role, want := range map[string]int{"supervisor": http.StatusOK, "region": http.StatusForbidden, "auditor": http.StatusForbidden} {
		night.must(want, http.MethodGet, "/v1/rooms/alpha/positions?near=48.85,2.35&radius_m=500", night.as(role), nil)
	}
	night.must(http.StatusUnauthorized, http.MethodPost, "/v1/positions/owntracks", "", []byte(`{"_type":"location"}`))
	guard.OffDuty()
	night.Within(missed, "an empty map", func() (bool, string) {
		walker.isAt(northLat, northLon)
		got := night.lastKnown()
		return len(got) == 0, fmt.Sprint(got)
	})
}
