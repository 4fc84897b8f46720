package controlroom_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/domain/controlroom/choose"
	"vigie/pkg/es"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	logv1 "vigie/pkg/gen/vigie/log/v1"
)

func crossing(team, site, zone string, entered bool) *intakev1.Request {
	return &intakev1.Request{Body: &intakev1.Request_ReportCrossing{ReportCrossing: &intakev1.ReportCrossing{
		Team: team, Site: site, Zone: zone, Entered: entered,
	}}}
}

// crosses reports a crossing settled now, or some seconds ago.
func (n *night) crosses(q *intakev1.Request, ago ...int64) *es.Refusal {
	n.t.Helper()
	q.DeviceAtMs = n.now
	for _, s := range ago {
		q.DeviceAtMs = n.now - s*1000
	}
	return n.ask(q)
}

func (n *night) place(team string) *controlroom.PlaceView {
	return n.state.ShowTeam(n.state.Teams[team]).Place
}

func TestAFenceThatWasCrossedIsToldOnceAndSaysWhereATeamIs(t *testing.T) {
	t.Parallel()
	n := staffed(t, "N1", "S1")
	n.crosses(crossing("N1", "NORD", "", true))
	n.crosses(crossing("N1", "NORD", "", true)) // another process has seen it, too
	n.expect("N1 place_entered")
	at := controlroom.Instant(n.now)
	if diff := cmp.Diff(&controlroom.PlaceView{Site: "NORD", By: "entered", At: at}, n.place("N1")); diff != "" {
		t.Error(diff)
	}
	n.crosses(crossing("N1", "NORD", "pharmacy", true))
	if got := n.place("N1"); got.Zone != "pharmacy" {
		t.Errorf("in the zone: %+v", got)
	}
	n.crosses(crossing("N1", "NORD", "pharmacy", false))
	if got := n.place("N1"); got.Site != "NORD" || got.Zone != "" || got.By != "entered" {
		t.Errorf("out of the zone and on the site: %+v", got)
	}
	n.crosses(crossing("N1", "NORD", "", false))
	if got := n.place("N1"); got.Site != "NORD" || got.By != "left" {
		t.Errorf("out of the site: %+v", got)
	}
	n.crosses(crossing("N1", "NORD", "", false))
	n.expect("N1 place_entered", "N1 place_left", "N1 place_left")
	if n.place("S1") != nil {
		t.Errorf("of another team: %+v", n.place("S1"))
	}
}

func TestOfATeamOffDutyNoPlaceIsKept(t *testing.T) {
	t.Parallel()
	n := staffed(t, "N1")
	n.crosses(crossing("N2", "NORD", "", true))
	n.crosses(crossing("N1", "NORD", "", true), 60) // before its shift
	n.expect()
	n.advance(120)
	n.crosses(crossing("N1", "NORD", "", true), 60)
	n.ends("N1")
	n.expect("N1 place_entered", "N1 off duty: signed_off")
	if n.place("N1") != nil || len(n.state.Teams["N1"].Inside) != 0 {
		t.Errorf("after the shift: %+v", n.state.Teams["N1"])
	}
	n.starts("N1")
	n.crosses(crossing("N1", "NORD", "", true))
	n.expect("N1 duty_started", "N1 place_entered")
}

func TestTheWayIsNotToldBackwards(t *testing.T) {
	t.Parallel()
	n := staffed(t, "N1")
	n.advance(120)
	n.crosses(crossing("N1", "NORD", "", true), 60)
	n.crosses(crossing("N1", "NORD", "", false), 20)
	n.crosses(crossing("N1", "NORD", "", true), 40) // positions that somebody reads again
	n.crosses(crossing("N1", "SUD", "", true), 20)
	n.expect("N1 place_entered", "N1 place_left", "N1 place_entered")
}

func TestSigningOnAgainInAShiftForgetsNothing(t *testing.T) {
	t.Parallel()
	n := staffed(t, "N1")
	n.crosses(crossing("N1", "NORD", "", true))
	since := n.state.Teams["N1"].Since
	n.advance(60)
	n.starts("N1", "g1", "g2")
	if got := n.state.Teams["N1"]; got.Since != since || got.PlaceSite != "NORD" || got.Crossings != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestACrossingOfWhatIsNotOfTheRoomIsRefused(t *testing.T) {
	t.Parallel()
	n := staffed(t, "N1")
	for want, q := range map[string]*intakev1.Request{
		controlroom.CodeUnknownTeam: crossing("X9", "NORD", "", true),
		controlroom.CodeUnknownSite: crossing("N1", "MARS", "", true),
	} {
		if r := n.crosses(q); r == nil || r.Code != want {
			t.Errorf("got %v, want %s", r, want)
		}
	}
	if r := n.crosses(crossing("N1", "NORD", "roof", true)); r == nil || r.Code != controlroom.CodeUnknownSite {
		t.Errorf("a zone that nobody knows: %v", r)
	}
	// A fact is not refused for the authority that the reporter knew of, nor for its age.
	q := crossing("N1", "NORD", "", true)
	q.Epoch, q.ValidUntilMs = 99, 1
	if r := n.crosses(q); r != nil {
		t.Errorf("a fact: %v", r)
	}
}

func TestWhatIsOlderThanThePlaceThatIsKnownDoesNotReplaceIt(t *testing.T) {
	t.Parallel()
	n := staffed(t, "S1")
	n.advance(120)
	n.alarm("A1", "BA", "NORD", "pharmacy")
	n.said(onScene("M1"))
	n.crosses(crossing("S1", "SUD", "", true), 60)
	n.crosses(crossing("S1", "SUD", "", false), 30)
	if got := n.place("S1"); got.Site != "NORD" || got.Zone != "pharmacy" || got.By != "scene" {
		t.Errorf("on scene, and then its phone tells its way there: %+v", got)
	}
	n.crosses(crossing("S1", "NORD", "", true))
	n.crosses(crossing("S1", "NORD", "", false))
	n.said(cleared("M1"))
	if got := n.place("S1"); got.Site != "NORD" || got.By != "left" {
		t.Errorf("it has left the scene before it was told so: %+v", got)
	}
}

func TestWithoutAFreshFixATeamIsTakenToBeWhereItsFencesSay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		crossed []*intakev1.Request
		place   string
		source  string
	}{
		"no fence crossed":  {nil, "NORD", "base"},
		"it came to SUD":    {[]*intakev1.Request{crossing("N1", "SUD", "", true)}, "SUD", "entered"},
		"and into its zone": {[]*intakev1.Request{crossing("N1", "SUD", "", true), crossing("N1", "SUD", "pharmacy", true)}, "SUD/pharmacy", "entered"},
		"and left it again": {[]*intakev1.Request{crossing("N1", "SUD", "", true), crossing("N1", "SUD", "", false)}, "SUD", "left"},
	} {
		n := staffed(t, "N1")
		for _, q := range c.crossed {
			n.crosses(q)
		}
		n.facts.Positions["N1"] = choose.Fix{LatE7: 489_000_000, LonE7: 23_500_000, At: n.now - 901_000}
		n.advance(10)
		if got := n.chooses(open("SUD", "", "access", 3)).GetCandidates()[0]; got.GetPlace() != c.place || got.GetPlaceSource() != c.source || !got.GetEstimated() {
			t.Errorf("%s: at %s by %s", name, got.GetPlace(), got.GetPlaceSource())
		}
	}
}

// chooses opens an incident and gives the choice for it, which is not carried out.
func (n *night) chooses(q *intakev1.Request) *logv1.TeamsChosen {
	n.t.Helper()
	q.Room, q.ReceivedAtMs = room, n.now
	for _, e := range controlroom.Decide(n.state, controlroom.Request{Body: q}, n.now, n.facts).Events {
		n.state = controlroom.Evolve(n.state, n.now, e)
	}
	for _, e := range controlroom.DecideDue(n.state, es.Deadline{ID: "choose/I1"}, n.now, n.facts).Events {
		if chosen := e.GetTeamsChosen(); chosen != nil {
			return chosen
		}
	}
	n.t.Fatal("nobody was chosen")
	return nil
}

func TestNobodyIsInsideWhatTheRegionNoLongerHas(t *testing.T) {
	t.Parallel()
	n := staffed(t, "N1")
	n.crosses(crossing("N1", "NORD", "", true))
	n.crosses(crossing("N1", "NORD", "archive", true))
	smaller := configuration()
	smaller.Sites[0].Zones = smaller.GetSites()[0].GetZones()[:2]
	n.ask(&intakev1.Request{Body: &intakev1.Request_ConfigureRegion{ConfigureRegion: &intakev1.ConfigureRegion{Content: smaller, Hash: "h2"}}})
	if diff := cmp.Diff([]controlroom.Place{{Site: "NORD"}}, n.state.Teams["N1"].Inside); diff != "" {
		t.Error(diff)
	}
}

func TestWhenTheClockIsSetBackWhatIsToComeIsNotTakenForOld(t *testing.T) {
	t.Parallel()
	n := staffed(t, "N1")
	n.crosses(crossing("N1", "SUD", "", true))
	const hour = int64(3_600_000)
	n.ask(&intakev1.Request{Body: &intakev1.Request_StepClock{StepClock: &intakev1.StepClock{DeltaMs: -hour, Step: 1}}})
	n.now -= hour
	n.advance(1)
	n.crosses(crossing("N1", "SUD", "", false))
	if got := n.place("N1"); got.By != "left" || got.At != controlroom.Instant(n.now) {
		t.Errorf("got %+v", got)
	}
}
