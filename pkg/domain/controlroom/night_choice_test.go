package controlroom_test

import (
	"testing"

	"vigie/pkg/domain/controlroom/choose"
)

func TestGuardsOnSiteGoAtOnceAndTheNeighbourInParallel(t *testing.T) {
	t.Parallel()
	t.Run("two solo guards on site are two guards", func(t *testing.T) {
		t.Parallel()
		n := staffed(t, "N1", "N2", "S1")
		n.alarm("A1", "PA", "NORD", "emergency")
		n.skip()
		if n.state.Teams["S1"].Mission != "" || n.state.Teams["N1"].Mission == "" || n.state.Teams["N2"].Mission == "" {
			t.Error("want N1 and N2 and nobody else")
		}
	})
	t.Run("one on site, one from next door", func(t *testing.T) {
		t.Parallel()
		n := staffed(t, "N1", "S1", "L1")
		n.alarm("A1", "PA", "NORD", "emergency")
		n.expect("I1 opened by alarm: imported_violence P1 at NORD/emergency, 2 guards, automatic", "alarm A1 imported_violence I1",
			"I1: chosen N1 S1", "M1 offered to N1 for I1", "M2 offered to S1 for I1")
	})
	t.Run("what is still wanting is tried again", func(t *testing.T) {
		t.Parallel()
		n := staffed(t, "N1")
		n.alarm("A1", "PA", "NORD", "emergency")
		n.said(accept("M1"))
		n.skip().starts("N2")
		n.expect("N2 duty_started", "I1: nobody (L1 off_duty, N1 busy, N2 unreachable, S1 off_duty)")
		n.links("N2", "h")
		n.expect("h device_linked", "I1: chosen N2", "M2 offered to N2 for I1")
	})
}

func TestNobodyFitsAndThenSomebodyDoes(t *testing.T) {
	t.Parallel()
	opened := func(t *testing.T, teams ...string) *night {
		t.Helper()
		n := staffed(t, teams...)
		n.alarm("A1", "FA", "NORD", "pharmacy") // wants a fire-trained guard of the site
		return n
	}
	t.Run("every reason is told, and again after a while", func(t *testing.T) {
		t.Parallel()
		n := opened(t, "N1", "S1")
		n.expect("I1 opened by alarm: fire P1 at NORD/pharmacy, 1 guards, automatic", "alarm A1 fire I1",
			"I1: nobody (L1 off_duty, N1 missing_capability, N2 off_duty, S1 missing_capability)")
		n.advance(29)
		n.expect()
		n.advance(1)
		n.expect("I1 neglected, step 1", "I1: still nobody")
		n.advance(30)
		n.expect("I1 neglected, step 2", "I1: still nobody")
		if i := n.incident("I1"); !i.NoTeam || i.NoTeamSince != start {
			t.Errorf("since %d: %+v", start, i)
		}
		n.starts("L1")
		n.expect("L1 duty_started", "I1: nobody (L1 unreachable, N1 missing_capability, N2 off_duty, S1 missing_capability)")
	})
	t.Run("when one starts and gets its link", func(t *testing.T) {
		t.Parallel()
		n := opened(t)
		n.skip().starts("N2")
		n.expect("N2 duty_started", "I1: nobody (L1 off_duty, N1 off_duty, N2 unreachable, S1 off_duty)")
		n.links("N2", "h")
		n.expect("h device_linked", "I1: chosen N2", "M1 offered to N2 for I1")
	})
	t.Run("when one frees", func(t *testing.T) {
		t.Parallel()
		n := staffed(t, "N2")
		n.alarm("A1", "TR", "NORD", "archive")
		n.said(accept("M1"))
		n.alarm("A2", "FA", "NORD", "pharmacy")
		n.skip().said(cleared("M1"))
		if last := n.told[len(n.told)-1]; last != "M2 offered to N2 for I2" {
			t.Errorf("got %v", n.told)
		}
	})
}

func TestDueChoicesAreTakenP1First(t *testing.T) {
	t.Parallel()
	n := staffed(t, "N2")
	n.loses("N2", "hand-N2")
	n.alarm("A1", "TR", "NORD", "archive")
	n.alarm("A2", "FA", "NORD", "pharmacy")
	n.skip().links("N2", "hand-N2")
	n.expect("hand-N2 device_linked", "I2: chosen N2", "M1 offered to N2 for I2",
		"I1: nobody (L1 off_duty, N1 off_duty, N2 busy, S1 off_duty)")
}

func TestTeamsFromOtherSites(t *testing.T) {
	t.Parallel()
	t.Run("within the cap", func(t *testing.T) {
		t.Parallel()
		n := staffed(t, "S1", "L1")
		n.alarm("A1", "BA", "NORD", "pharmacy")
		if n.state.Teams["S1"].Mission == "" {
			t.Errorf("got %v", n.told)
		}
	})
	t.Run("beyond it", func(t *testing.T) {
		t.Parallel()
		n := staffed(t, "L1")
		n.alarm("A1", "BA", "NORD", "pharmacy")
		n.expect("I1 opened by alarm: intrusion P2 at NORD/pharmacy, 1 guards, automatic", "alarm A1 intrusion I1",
			"I1: nobody (L1 too_far, N1 off_duty, N2 off_duty, S1 off_duty)")
	})
	t.Run("a known place before an estimated one", func(t *testing.T) {
		t.Parallel()
		n := staffed(t, "S1", "L1")
		n.facts.Positions["L1"] = choose.Fix{LatE7: 488_990_000, LonE7: 23_500_000, At: n.now} // L1 drives past
		n.alarm("A1", "BA", "NORD", "pharmacy")
		if n.state.Teams["L1"].Mission == "" {
			t.Errorf("got %v", n.told)
		}
	})
}

func TestByHand(t *testing.T) {
	t.Parallel()
	t.Run("a fitting team needs no reason", func(t *testing.T) {
		t.Parallel()
		n := staffed(t, "N1")
		n.alarm("A1", "WX", "NORD", "emergency")
		n.skip().ask(assign("I1", "N1", ""))
		n.expect("I1: chosen N1", "M1 offered to N1 for I1")
		if m := n.state.Missions["M1"]; m.By != "dora" {
			t.Errorf("it does not say who sent it: %+v", m)
		}
		n.said(decline("M1", "no"))
		n.skip().advance(29)
		n.expect() // never offered by itself
	})
	t.Run("an excluded team needs one", func(t *testing.T) {
		t.Parallel()
		n := staffed(t, "N1")
		n.alarm("A1", "FA", "NORD", "pharmacy")
		n.skip().ask(assign("I1", "N1", ""))
		n.ask(assign("I1", "L1", ""))
		n.ask(assign("I1", "L1", "they are next to it on their way home"))
		n.expect("refused: reason_needed", "refused: reason_needed", "I1: chosen L1", "M1 offered to L1 for I1")
	})
	t.Run("a busy team never goes, whatever the reason", func(t *testing.T) {
		t.Parallel()
		n := offered(t)
		n.alarm("A2", "FA", "NORD", "emergency")
		n.skip().ask(assign("I2", "N1", "now"))
		n.ask(assign("I2", "X9", "now"))
		n.ask(assign("I9", "N1", "now"))
		n.expect("refused: team_busy", "refused: unknown_team", "refused: unknown_incident")
	})
	t.Run("what is still wanting stays wanted", func(t *testing.T) {
		t.Parallel()
		n := staffed(t, "N1")
		n.loses("N1", "hand-N1")
		n.alarm("A1", "PA", "NORD", "emergency")
		n.ask(assign("I1", "N1", "by radio"))
		n.starts("N2")
		n.skip().links("N2", "h")
		n.expect("h device_linked", "I1: chosen N2", "M2 offered to N2 for I1")
	})
}
