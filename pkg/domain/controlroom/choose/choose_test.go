package choose_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"vigie/pkg/domain/controlroom/choose"
	regionv1 "vigie/pkg/gen/vigie/region/v1"
)

const (
	noon  = 12 * 60
	now   = int64(10_000_000)
	lonE7 = 23_500_000
)

// NORD and SUD are a quarter of an hour apart, LOIN is out of reach of both.
func region() *regionv1.RoomConfiguration {
	site := func(id string, lat int32) *regionv1.Site {
		return &regionv1.Site{
			Id: id, IndoorWalkS: 60, P1PerThousandDays: 500, Entrances: []*regionv1.Entrance{{Id: "main", LatE7: lat, LonE7: lonE7}},
			Zones: []*regionv1.Zone{{Code: "pharmacy", IndoorWalkS: 120}, {Code: "archive"}},
		}
	}
	var times []*regionv1.TravelTime
	for _, way := range []struct {
		from, to string
		seconds  int32
	}{{"NORD", "SUD", 900}, {"NORD", "LOIN", 3600}, {"SUD", "LOIN", 3600}} {
		times = append(times,
			&regionv1.TravelTime{FromSite: way.from, ToSite: way.to, Transport: "vehicle", Seconds: way.seconds},
			&regionv1.TravelTime{FromSite: way.to, ToSite: way.from, Transport: "vehicle", Seconds: way.seconds})
	}
	return &regionv1.RoomConfiguration{
		Sites:       []*regionv1.Site{site("NORD", 489_000_000), site("SUD", 488_000_000), site("LOIN", 485_000_000)},
		TravelTimes: times, Parameters: &regionv1.Parameters{TurnoutS: 60},
	}
}

// team is a team at home, on duty and reachable; change makes it otherwise.
func team(id, home string, change ...func(*choose.Team)) choose.Team {
	t := choose.Team{
		Team:   &regionv1.Team{Id: id, HomeSite: home, Transport: "vehicle", Capabilities: []string{"intervention"}},
		Guards: 1, OnDuty: true, Reachable: true,
	}
	for _, c := range change {
		c(&t)
	}
	return t
}

// fix puts a team at a latitude, a ten-millionth of a degree being a centimetre.
func fix(latE7 int32, age int64, moving bool) func(*choose.Team) {
	return func(t *choose.Team) { t.Fix = &choose.Fix{LatE7: latE7, LonE7: lonE7, At: now - age, Moving: moving} }
}

func rank(i choose.Incident, teams ...choose.Team) choose.Result {
	return choose.Rank(choose.NewTravel(region(), noon), i, teams, now)
}

// order gives the candidates by rank, the chosen ones with a star, and the exclusions with their reason.
func order(r choose.Result) []string {
	var out []string
	for k, c := range r.Candidates {
		star := ""
		if k < len(r.Chosen) {
			star = "*"
		}
		out = append(out, c.Team.GetId()+star)
	}
	for _, x := range r.Exclusions {
		out = append(out, x.Team+" "+string(x.Reason))
	}
	return out
}

func TestRanking(t *testing.T) {
	t.Parallel()
	at := func(priority, wanted int) choose.Incident {
		return choose.Incident{Site: "NORD", Zone: "archive", Priority: priority, Wanted: wanted}
	}
	with := func(i choose.Incident, change func(*choose.Incident)) choose.Incident {
		change(&i)
		return i
	}
	vehicle := func(capability string) func(*choose.Team) {
		return func(t *choose.Team) { t.Capabilities = []string{capability} }
	}
	for _, c := range []struct {
		name     string
		incident choose.Incident
		teams    []choose.Team
		want     []string
	}{
		{
			"the team of the site goes before its neighbour", at(2, 1),
			[]choose.Team{team("S1", "SUD", fix(488_000_000, 0, false)), team("N1", "NORD")},
			[]string{"N1*", "S1"},
		},
		{
			"a neighbour on the doorstep goes before one at home", at(2, 1),
			[]choose.Team{team("S1", "SUD", fix(488_000_000, 0, false)), team("S2", "SUD", fix(488_960_000, 0, true))},
			[]string{"S2*", "S1"},
		},
		{
			"equals are ranked by id", at(3, 1),
			[]choose.Team{team("N3", "NORD"), team("N1", "NORD"), team("N2", "NORD")},
			[]string{"N1*", "N2", "N3"},
		},
		{
			"as many as are wanted, those on site first", at(1, 3),
			[]choose.Team{team("S1", "SUD", fix(488_995_000, 0, true)), team("N2", "NORD"), team("N1", "NORD")},
			[]string{"N1*", "N2*", "S1*"},
		},
		{
			"a team of three is three", at(1, 3),
			[]choose.Team{team("N1", "NORD", func(t *choose.Team) { t.Guards = 3 }), team("N2", "NORD")},
			[]string{"N1*", "N2"},
		},
		{
			"each hard rule has its reason", with(at(2, 1), func(i *choose.Incident) { i.Capabilities = []string{"dog"} }),
			[]choose.Team{
				team("a", "NORD", vehicle("dog"), func(t *choose.Team) { t.OnDuty = false }),
				team("b", "NORD", vehicle("dog"), func(t *choose.Team) { t.Reachable = false }),
				team("c", "NORD", vehicle("dog"), func(t *choose.Team) { t.Busy = true }),
				team("d", "NORD", vehicle("dog"), func(t *choose.Team) { t.InDanger = true }),
				team("e", "NORD"),
				team("f", "NORD", vehicle("dog"), func(t *choose.Team) { t.Sites = []string{"SUD"} }),
				team("g", "LOIN", vehicle("dog")),
				team("h", "NORD", vehicle("dog"), func(t *choose.Team) { t.Tried = true }),
			},
			[]string{"a off_duty", "b unreachable", "c busy", "d in_danger", "e missing_capability", "f no_site_right", "g too_far", "h already_tried"},
		},
		{
			"own site only", with(at(1, 1), func(i *choose.Incident) { i.OwnSiteOnly = true }),
			[]choose.Team{team("N1", "NORD"), team("S1", "SUD", fix(489_000_000, 0, false))},
			[]string{"N1*", "S1 own_site_only"},
		},
		{
			"a right to the site is a right", at(2, 1),
			[]choose.Team{team("S1", "SUD", fix(488_000_000, 0, false), func(t *choose.Team) { t.Sites = []string{"SUD", "NORD"} })},
			[]string{"S1*"},
		},
		{
			"nobody crosses on an estimate while somebody is known", at(2, 1),
			[]choose.Team{team("S1", "SUD"), team("S2", "SUD", fix(488_000_000, 0, false))},
			[]string{"S2*", "S1 stale_position"},
		},
		{
			"an estimate is better than nobody", at(2, 1),
			[]choose.Team{team("S1", "SUD"), team("S2", "SUD", fix(488_000_000, 0, false), func(t *choose.Team) { t.Busy = true })},
			[]string{"S1*", "S2 busy"},
		},
		{
			"estimates come after everybody known, however near they would be", at(2, 2),
			[]choose.Team{
				team("S1", "LOIN", fix(488_720_000, 0, true)),
				team("N9", "SUD", func(t *choose.Team) { t.Guards = 2 }),
			},
			[]string{"S1*", "N9*"},
		},
		{
			"an estimate on the own site counts", at(2, 1),
			[]choose.Team{team("N1", "NORD"), team("S2", "SUD", fix(488_000_000, 0, false))},
			[]string{"N1*", "S2"},
		},
		{
			"for P1 who is in time goes before who is not, whatever is left uncovered", with(at(1, 1), func(i *choose.Incident) { i.Waited = 200_000 }),
			[]choose.Team{team("S1", "SUD", fix(488_000_000, 0, false)), team("N1", "NORD")},
			[]string{"N1*", "S1"},
		},
		{
			"when nobody is in time for a P1 the closest goes", with(at(1, 1), func(i *choose.Incident) { i.Waited = 4_000_000 }),
			[]choose.Team{team("S1", "SUD", fix(488_000_000, 0, false)), team("S2", "SUD", fix(488_800_000, 0, true)), team("N1", "NORD")},
			[]string{"N1*", "S2", "S1"},
		},
		{
			"a site that is on no map is out of reach", with(at(2, 1), func(i *choose.Incident) { i.Site = "MARS" }),
			[]choose.Team{team("N1", "NORD"), team("S1", "SUD", fix(488_000_000, 0, false))},
			[]string{"N1 too_far", "S1 too_far"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, order(rank(c.incident, c.teams...))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheWayIsWhatIsLeftOfIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		zone string
		team choose.Team
		want choose.Journey
	}{
		{
			"from its base on the site", "pharmacy", team("N1", "NORD"),
			choose.Journey{Place: choose.Place{Site: "NORD"}, Source: "base", Estimated: true, Turnout: 60_000, Indoor: 120_000, Arrival: 180_000, Early: 126_000, Late: 330_000},
		},
		{
			"from its base on another site it walks out first", "archive", team("S1", "SUD"),
			choose.Journey{
				Place: choose.Place{Site: "SUD"}, Source: "base", Estimated: true, Crosses: true, Turnout: 60_000, ToEntrance: 60_000,
				BetweenSites: 900_000, Indoor: 60_000, Arrival: 1_080_000, Early: 756_000, Late: 1_680_000,
			},
		},
		{
			"from the scene where it was last", "archive",
			team("S1", "SUD", func(t *choose.Team) {
				t.Confirmed, t.ConfirmedBy = choose.Place{Site: "NORD", Zone: "pharmacy", At: now - 5000}, "scene"
			}),
			choose.Journey{
				Place: choose.Place{Site: "NORD", Zone: "pharmacy", At: now - 5000}, Source: "scene", Age: 5000, Estimated: true,
				Turnout: 60_000, Indoor: 60_000, Arrival: 120_000, Early: 84_000, Late: 240_000,
			},
		},
		{
			"from a zone of another site that it was seen in", "archive",
			team("S1", "SUD", func(t *choose.Team) {
				t.Confirmed, t.ConfirmedBy = choose.Place{Site: "SUD", Zone: "pharmacy", At: now - 5000}, "entered"
			}),
			choose.Journey{
				Place: choose.Place{Site: "SUD", Zone: "pharmacy", At: now - 5000}, Source: "entered", Age: 5000, Estimated: true, Crosses: true,
				Turnout: 60_000, ToEntrance: 120_000, BetweenSites: 900_000, Indoor: 60_000, Arrival: 1_140_000, Early: 798_000, Late: 1_770_000,
			},
		},
		{
			"from the gate of another site that it has left", "archive",
			team("S1", "SUD", func(t *choose.Team) { t.Confirmed, t.ConfirmedBy = choose.Place{Site: "SUD", At: now - 5000}, "left" }),
			choose.Journey{
				Place: choose.Place{Site: "SUD", At: now - 5000}, Source: "left", Age: 5000, Estimated: true, Crosses: true,
				Turnout: 60_000, BetweenSites: 900_000, Indoor: 60_000, Arrival: 1_020_000, Early: 714_000, Late: 1_590_000,
			},
		},
		{
			"back to the site that it has left", "archive",
			team("N1", "NORD", func(t *choose.Team) {
				t.Confirmed, t.ConfirmedBy = choose.Place{Site: "NORD", At: now - 90_000}, "left"
			}),
			choose.Journey{
				Place: choose.Place{Site: "NORD", At: now - 90_000}, Source: "left", Age: 90_000, Estimated: true,
				Turnout: 60_000, ToEntrance: 90_000, Indoor: 60_000, Arrival: 210_000, Early: 147_000, Late: 375_000,
			},
		},
		{
			"a fresh fix on the site", "archive", team("S1", "SUD", fix(489_000_000, 1000, false)),
			choose.Journey{Place: choose.Place{Site: "NORD", At: now - 1000}, Source: "fix", Age: 1000, Turnout: 60_000, Indoor: 60_000, Arrival: 120_000, Early: 102_000, Late: 150_000},
		},
		{
			"a fresh fix on another site", "archive", team("S1", "SUD", fix(488_000_000, 0, false)),
			choose.Journey{
				Place: choose.Place{Site: "SUD", At: now}, Source: "fix", Crosses: true, Turnout: 60_000, BetweenSites: 900_000, Indoor: 60_000,
				Arrival: 1_020_000, Early: 867_000, Late: 1_275_000,
			},
		},
		{
			"a fresh fix in the street", "archive", team("S1", "SUD", fix(488_910_000, 0, true)), // 1001 m to go
			choose.Journey{
				Place: choose.Place{Site: "NORD", At: now}, Source: "fix", Crosses: true, Turnout: 60_000, ToEntrance: 374_231, Indoor: 60_000,
				Arrival: 494_231, Early: 420_096, Late: 617_788,
			},
		},
		{
			"a far corner of the own site, which is large", "archive", team("N1", "NORD", fix(488_940_000, 0, false)), // 667 m from the entrance
			choose.Journey{
				Place: choose.Place{Site: "NORD", At: now}, Source: "fix", Turnout: 60_000, ToEntrance: 249_363, Indoor: 60_000,
				Arrival: 369_363, Early: 313_958, Late: 461_703,
			},
		},
		{
			"a far corner of the site that it has come into", "archive",
			team("S1", "SUD", fix(488_940_000, 0, false), func(t *choose.Team) {
				t.Confirmed, t.ConfirmedBy = choose.Place{Site: "NORD", At: now - 90_000}, "entered"
			}),
			choose.Journey{
				Place: choose.Place{Site: "NORD", At: now}, Source: "fix", Turnout: 60_000, ToEntrance: 249_363, Indoor: 60_000,
				Arrival: 369_363, Early: 313_958, Late: 461_703,
			},
		},
		{
			"a far corner of another site than the last", "archive",
			team("N1", "NORD", fix(488_940_000, 0, false), func(t *choose.Team) {
				t.Confirmed, t.ConfirmedBy = choose.Place{Site: "SUD", At: now - 90_000}, "left"
			}),
			choose.Journey{
				Place: choose.Place{Site: "NORD", At: now}, Source: "fix", Crosses: true, Turnout: 60_000, ToEntrance: 249_363, Indoor: 60_000,
				Arrival: 369_363, Early: 313_958, Late: 461_703,
			},
		},
		{
			"a moving fix of 121 s is too old", "archive", team("N1", "NORD", fix(488_000_000, 121_000, true)),
			choose.Journey{Place: choose.Place{Site: "NORD"}, Source: "base", Estimated: true, Turnout: 60_000, Indoor: 60_000, Arrival: 120_000, Early: 84_000, Late: 240_000},
		},
		{
			"a still one is not", "archive", team("N1", "NORD", fix(489_000_000, 121_000, false)),
			choose.Journey{Place: choose.Place{Site: "NORD", At: now - 121_000}, Source: "fix", Age: 121_000, Turnout: 60_000, Indoor: 60_000, Arrival: 120_000, Early: 102_000, Late: 150_000},
		},
		{
			"a fix from a clock that is ahead has no age", "archive", team("N1", "NORD", fix(489_000_000, -3000, false)),
			choose.Journey{Place: choose.Place{Site: "NORD", At: now + 3000}, Source: "fix", Turnout: 60_000, Indoor: 60_000, Arrival: 120_000, Early: 102_000, Late: 150_000},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := rank(choose.Incident{Site: "NORD", Zone: c.zone, Priority: 2, Wanted: 1}, c.team)
			if len(r.Candidates) != 1 {
				t.Fatalf("it is not a candidate: %v", r.Exclusions)
			}
			if diff := cmp.Diff(c.want, r.Candidates[0].Journey); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTravelTimes(t *testing.T) {
	t.Parallel()
	way := func(c *regionv1.RoomConfiguration, minute int32, transport string) int64 {
		s := team("S1", "SUD", fix(488_000_000, 0, false))
		s.Transport = transport
		c.Parameters.CrossingCapS = []int32{1e6, 1e6, 1e6}
		r := choose.Rank(choose.NewTravel(c, minute), choose.Incident{Site: "NORD", Priority: 2, Wanted: 1}, []choose.Team{s}, now)
		return r.Candidates[0].BetweenSites / 1000
	}
	unknown := region()
	unknown.TravelTimes = nil
	banded := region()
	banded.TravelTimes = []*regionv1.TravelTime{
		{FromSite: "SUD", ToSite: "NORD", Transport: "vehicle", Band: "night", Seconds: 500},
		{FromSite: "SUD", ToSite: "NORD", Transport: "vehicle", Seconds: 900},
		{FromSite: "SUD", ToSite: "NORD", Transport: "vehicle", Band: "day", Seconds: 1100},
	}
	for _, c := range []struct {
		name      string
		region    *regionv1.RoomConfiguration
		minute    int32
		transport string
		want      int64
	}{
		{"as measured", region(), noon, "vehicle", 900},
		{"nothing measured on foot", region(), noon, "foot", 11_547},
		{"estimated by day", unknown, noon, "vehicle", 4157},
		{"estimated by night, which is quicker", unknown, 2 * 60, "vehicle", 2701},
		{"the night begins at 23:00", unknown, 23 * 60, "vehicle", 2701},
		{"the night ends at 5:00", unknown, 5 * 60, "vehicle", 4157},
		{"what is said for the night goes first", banded, 60, "vehicle", 500},
		{"what is said for the day goes first", banded, noon, "vehicle", 1100},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := way(c.region, c.minute, c.transport); got != c.want {
				t.Errorf("want %d s, got %d", c.want, got)
			}
		})
	}
}

func TestASendingThatLeavesASiteEmptyCostsMore(t *testing.T) {
	t.Parallel()
	r := rank(choose.Incident{Site: "NORD", Zone: "archive", Priority: 2, Wanted: 1}, team("N1", "NORD"), team("N2", "NORD"))
	alone := rank(choose.Incident{Site: "NORD", Zone: "archive", Priority: 2, Wanted: 1}, team("N1", "NORD"))
	if two, one := r.Candidates[0], alone.Candidates[0]; two.Uncovered >= one.Uncovered || two.LeftAtSite != 1 || one.LeftAtSite != 0 {
		t.Errorf("want the second of two cheaper than the last: %d, %d; left %d, %d", two.Uncovered, one.Uncovered, two.LeftAtSite, one.LeftAtSite)
	}
}

func TestAnyChoiceIsSoundAndTheSameInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sites := []string{"NORD", "SUD", "LOIN", "MARS"}
		teams := make([]choose.Team, 0, 12)
		for k := range rapid.IntRange(0, 12).Draw(t, "teams") {
			teams = append(teams, drawTeam(t, fmt.Sprint("T", k), sites))
		}
		i := choose.Incident{
			Site: rapid.SampledFrom(sites).Draw(t, "site"), Zone: rapid.SampledFrom([]string{"", "pharmacy"}).Draw(t, "zone"),
			Priority: rapid.IntRange(1, 3).Draw(t, "priority"), Wanted: rapid.IntRange(1, 5).Draw(t, "wanted"),
			Waited: rapid.Int64Range(0, 2_000_000).Draw(t, "waited"), OwnSiteOnly: rapid.Bool().Draw(t, "own"),
		}
		r := rank(i, teams...)
		sound(t, r, i, teams)
		shuffled := rank(i, rapid.Permutation(teams).Draw(t, "order")...)
		if diff := cmp.Diff(r, shuffled, cmpopts.IgnoreFields(choose.Candidate{}, "Team")); diff != "" || !slices.Equal(order(r), order(shuffled)) {
			t.Fatalf("another order of teams, another choice:\n%s", diff)
		}
	})
}

func drawTeam(t *rapid.T, id string, sites []string) choose.Team {
	mostly := func(what string) bool { return rapid.IntRange(0, 9).Draw(t, what) > 0 }
	return team(id, rapid.SampledFrom(sites).Draw(t, "home"), func(c *choose.Team) {
		c.Guards = rapid.IntRange(1, 3).Draw(t, "guards")
		c.OnDuty, c.Reachable = mostly("on duty"), mostly("reachable")
		c.Busy, c.Tried, c.InDanger = !mostly("free"), !mostly("untried"), !mostly("safe")
		c.Transport = rapid.SampledFrom([]string{"vehicle", "foot"}).Draw(t, "transport")
		if mostly("located") {
			fix(rapid.Int32Range(484_900_000, 489_100_000).Draw(t, "lat"), rapid.Int64Range(-1000, 1_000_000).Draw(t, "age"), rapid.Bool().Draw(t, "moving"))(c)
		}
	})
}

// sound: each team once, the chosen are the first, enough and not one too many, and no time is negative.
func sound(t *rapid.T, r choose.Result, i choose.Incident, teams []choose.Team) {
	count := map[string]int{}
	guards := 0
	for k, c := range r.Candidates {
		count[c.Team.GetId()]++
		if min(c.Turnout, c.ToEntrance, c.BetweenSites, c.Indoor, c.Age, c.Lateness, c.Uncovered) < 0 || c.Early > c.Arrival || c.Arrival > c.Late {
			t.Fatalf("%s has an impossible way: %+v", c.Team.GetId(), c)
		}
		if k < len(r.Chosen) {
			if guards >= i.Wanted {
				t.Fatalf("%s is one too many", c.Team.GetId())
			}
			guards += c.Guards
			if r.Chosen[k].Team != c.Team {
				t.Fatalf("the chosen are not the first candidates")
			}
		}
	}
	if guards < i.Wanted && len(r.Chosen) < len(r.Candidates) {
		t.Fatalf("%d guards of %d, and %d candidates are left", guards, i.Wanted, len(r.Candidates)-len(r.Chosen))
	}
	for _, x := range r.Exclusions {
		count[x.Team]++
		if x.Reason == "" {
			t.Fatalf("%s is excluded without a reason", x.Team)
		}
	}
	for k := range teams {
		if n := count[teams[k].GetId()]; n != 1 {
			t.Fatalf("team %s is there %d times", teams[k].GetId(), n)
		}
	}
}

func BenchmarkRank(b *testing.B) {
	sites := []string{"NORD", "SUD", "LOIN"}
	teams := make([]choose.Team, 0, 100)
	for k := range 100 {
		teams = append(teams, team(fmt.Sprint("T", k), sites[k%3], fix(int32(485_000_000+k*40_000), 0, false)))
	}
	travel := choose.NewTravel(region(), noon)
	i := choose.Incident{Site: "NORD", Zone: "pharmacy", Priority: 1, Wanted: 2}
	b.ReportAllocs()
	for b.Loop() {
		if r := choose.Rank(travel, i, teams, now); len(r.Chosen) == 0 {
			b.Fatal("nobody was chosen")
		}
	}
}
