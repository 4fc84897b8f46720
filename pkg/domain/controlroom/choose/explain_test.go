package choose_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"vigie/pkg/domain/controlroom/choose"
)

// What a person reads beside each team: whether it is the nearest, and why it ranks behind the first.
func TestARankIsExplained(t *testing.T) {
	t.Parallel()
	atSud := fix(488_000_000, 1000, false)
	zone := func(priority, wanted int) choose.Incident {
		return choose.Incident{Site: "NORD", Zone: "pharmacy", Priority: priority, Wanted: wanted}
	}
	waited := zone(1, 1)
	waited.Waited = 600_000
	twice := func(id, home string) choose.Team { return team(id, home, func(t *choose.Team) { t.Guards = 2 }) }
	cases := []struct {
		name     string
		incident choose.Incident
		teams    []choose.Team
		want     []string
	}{
		{"one alone", zone(2, 1), []choose.Team{team("N1", "NORD")}, []string{"N1 nearest"}},
		{"equal but for their ids", zone(2, 1), []choose.Team{team("N1", "NORD"), team("N2", "NORD")}, []string{"N1 nearest", "N2 tie"}},
		{"further away", zone(3, 1), []choose.Team{team("N1", "NORD"), team("S1", "SUD", atSud)}, []string{"N1 nearest", "S1 later"}},
		{"late for a P1", zone(1, 1), []choose.Team{team("N1", "NORD"), team("S1", "SUD", atSud)}, []string{"N1 nearest", "S1 late"}},
		{"both late for a P1", waited, []choose.Team{team("N1", "NORD"), team("S1", "SUD", atSud)}, []string{"N1 nearest", "S1 later"}},
		{"from another site, of several", zone(3, 2), []choose.Team{team("N1", "NORD"), team("S1", "SUD", atSud)}, []string{"N1 nearest", "S1 crosses_sites"}},
		{"a place that is not known", zone(2, 3), []choose.Team{twice("N1", "NORD"), team("S1", "SUD")}, []string{"N1 nearest", "S1 place_uncertain"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, x := range rank(c.incident, c.teams...).Candidates {
				line := x.Team.GetId()
				if x.Nearest {
					line += " nearest"
				}
				if x.Behind != "" {
					line += " " + string(x.Behind)
				}
				got = append(got, line)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestTheNearestThatUncoversMoreSaysSo(t *testing.T) {
	t.Parallel()
	// The last team of a busy site, for a P3; one of a quiet site, too far to cover the busy one, goes instead.
	r := region()
	for _, way := range r.GetTravelTimes() {
		way.Seconds = 700
	}
	for _, s := range r.GetSites() {
		s.P1PerThousandDays = 1
	}
	r.Sites[0].P1PerThousandDays, r.Parameters.CoverPermille = 100_000, 10_000
	teams := []choose.Team{team("N1", "NORD"), team("S1", "SUD", fix(488_000_000, 1000, false))}
	got := choose.Rank(choose.NewTravel(r, noon), choose.Incident{Site: "NORD", Zone: "archive", Priority: 3, Wanted: 1}, teams, now).Candidates
	if len(got) != 2 || got[0].Team.GetId() != "S1" || !got[1].Nearest || got[1].Behind != choose.UncoversMore {
		t.Errorf("%+v", got)
	}
}
