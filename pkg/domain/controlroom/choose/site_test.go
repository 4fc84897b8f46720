package choose_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"vigie/pkg/domain/controlroom/choose"
)

// A hospital says how large it is by its fence: who is within is at the site, whoever they are.
func TestASiteIsAsLargeAsItsFence(t *testing.T) {
	t.Parallel()
	crosses := func(site, everywhere int32, who choose.Team) bool {
		c := region()
		c.Sites[0].FenceM, c.Parameters.FenceM = site, everywhere
		r := choose.Rank(choose.NewTravel(c, noon), choose.Incident{Site: "NORD", Priority: 2, Wanted: 1}, []choose.Team{who}, now)
		if len(r.Candidates) != 1 {
			t.Fatalf("it is not a candidate: %v", r.Exclusions)
		}
		return r.Candidates[0].Crosses
	}
	neighbour := team("S1", "SUD", fix(488_940_000, 0, false)) // 667 m from the entrance of NORD
	for name, c := range map[string]struct {
		site, everywhere int32
		want             bool
	}{
		"within the site's":               {700, 150, false},
		"outside of the site's":           {600, 5000, true},
		"within that of all sites":        {0, 700, false},
		"outside of that of all sites":    {0, 150, true},
		"nobody says how large sites are": {0, 0, true},
	} {
		if got := crosses(c.site, c.everywhere, neighbour); got != c.want {
			t.Errorf("%s: crosses sites: %v", name, got)
		}
		if crosses(c.site, c.everywhere, team("N1", "NORD", fix(488_940_000, 0, false))) {
			t.Errorf("%s: a team of the site crosses to it", name)
		}
	}
}

// The cap of travel is one between sites: it does not keep a team from its own, however far out it is.
func TestNoTeamIsTooFarFromItsOwnSite(t *testing.T) {
	t.Parallel()
	out := fix(488_550_000, 0, true) // 5 km from NORD, and nearer to no other
	i := choose.Incident{Site: "NORD", Zone: "archive", Priority: 1, Wanted: 2}
	got := order(rank(i, team("N1", "NORD", out), team("N2", "NORD", fix(488_940_000, 0, false)), team("L1", "LOIN", out)))
	if diff := cmp.Diff([]string{"N2*", "N1*", "L1 too_far"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
