package controlroom_test

import (
	"strings"
	"testing"

	"vigie/pkg/domain/controlroom"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
)

// offered is a night in which N1 has just been offered M1 for an intrusion at NORD, with these others on duty.
func offered(t *testing.T, others ...string) *night {
	t.Helper()
	n := staffed(t, append([]string{"N1"}, others...)...)
	n.alarm("A1", "BA", "NORD", "pharmacy")
	return n.skip()
}

func TestAMissionGoesThroughItsLegs(t *testing.T) {
	t.Parallel()
	n := offered(t)
	for _, q := range []*intakev1.Request{delivered("M1"), seen("M1"), accept("M1"), enRoute("M1"), onScene("M1"), cleared("M1")} {
		n.advance(1)
		n.said(q)
	}
	n.expect("M1 delivered", "M1 seen", "M1 accepted", "M1 departed", "M1 arrived", "M1 cleared")
	m := n.state.Missions["M1"]
	for leg, at := range map[int64]int64{1: m.DeliveredAt, 2: m.SeenAt, 3: m.AcceptedAt, 4: m.EnRouteAt, 5: m.OnSceneAt, 6: m.EndedAt} {
		if at != start+leg*1000 {
			t.Errorf("leg %d at %d", leg, at-start)
		}
	}
	if team := n.state.Teams["N1"]; team.Mission != "" || team.PlaceSite != "NORD" || team.PlaceZone != "pharmacy" {
		t.Errorf("the team is not free where it was: %+v", team)
	}
	n.advance(3600)
	n.expect()
}

func TestTheIncidentFollowsItsMissions(t *testing.T) {
	t.Parallel()
	n := offered(t)
	for _, c := range []struct {
		q    *intakev1.Request
		want controlroom.IncidentState
	}{
		{seen("M1"), "open"},
		{accept("M1"), "assigned"},
		{onScene("M1"), "on_scene"},
		{cleared("M1"), "on_scene"},
		{control("I1"), "controlled"},
		{closing("I1", "genuine"), "closed"},
	} {
		n.said(c.q)
		if got := n.incident("I1").State; got != c.want {
			t.Errorf("want %s, got %s", c.want, got)
		}
	}
}

func TestAnActImpliesTheLegsBeforeIt(t *testing.T) {
	t.Parallel()
	n := offered(t)
	n.said(onScene("M1"))
	n.expect("M1 delivered (implied)", "M1 seen (implied)", "M1 accepted (implied)", "M1 departed (implied)", "M1 arrived")
	n.said(accept("M1"))
	n.said(enRoute("M1"))
	n.expect()
}

func TestASecondHandheldGetsTheSameOutcome(t *testing.T) {
	t.Parallel()
	n := offered(t)
	for _, q := range []*intakev1.Request{accept("M1"), cleared("M1")} {
		n.said(q)
		n.skip().said(q)
		n.expect()
	}
	n.said(delivered("M1"))
	n.said(onScene("M1"))
	n.said(seen("M9"))
	n.expect("refused: mission_ended", "refused: unknown_mission")
}

func TestADeclineMovesTheOfferToTheNextTeam(t *testing.T) {
	t.Parallel()
	n := offered(t, "N2")
	n.said(decline("M1", "at lunch"))
	n.expect("M1 declined: at lunch", "I1: chosen N2", "M2 offered to N2 for I1")
	n.said(decline("M1", "at lunch"))
	n.said(accept("M1"))
	n.expect("refused: mission_ended")
	n.said(accept("M2"))
	n.skip().said(decline("M2", "after all"))
	n.said(decline("M9", "after all"))
	n.expect("refused: mission_accepted", "refused: unknown_mission")
}

func TestWhoHasDeclinedIsAskedAgainWhenNobodyElseIsLeft(t *testing.T) {
	t.Parallel()
	n := offered(t)
	n.said(decline("M1", "at lunch"))
	n.expect("M1 declined: at lunch", "I1: nobody (L1 off_duty, N1 already_tried, N2 off_duty, S1 off_duty)")
	n.advance(30)
	n.expect("I1: chosen N1", "M2 offered to N1 for I1")
}

func TestAnOfferThatReachesNoHandheldIsShown(t *testing.T) {
	t.Parallel()
	n := offered(t, "N2")
	n.advance(4)
	n.expect()
	n.advance(1)
	n.expect("M1 undelivered")
	n.said(accept("M1"))
	n.skip().advance(120)
	n.expect()
}

func TestASilentSocketMovesOnAnOfferThatHasNotArrivedAndNothingElse(t *testing.T) {
	t.Parallel()
	t.Run("not delivered in time", func(t *testing.T) {
		t.Parallel()
		n := offered(t, "N2")
		n.advance(24)
		n.skip().loses("N1", "hand-N1")
		n.expect("hand-N1 device_unlinked", "M1 expired", "I1: chosen N2", "M2 offered to N2 for I1")
	})
	t.Run("not back by the time in which it would be delivered", func(t *testing.T) {
		t.Parallel()
		n := offered(t, "N2")
		n.loses("N1", "hand-N1")
		n.advance(4)
		n.expect("hand-N1 device_unlinked")
		n.advance(1)
		n.expect("M1 undelivered", "M1 expired", "I1: chosen N2", "M2 offered to N2 for I1")
	})
	t.Run("delivered", func(t *testing.T) {
		t.Parallel()
		n := offered(t, "N2")
		n.said(delivered("M1"))
		n.skip().loses("N1", "hand-N1")
		n.advance(10)
		n.expect("hand-N1 device_unlinked")
	})
	t.Run("another handheld is left", func(t *testing.T) {
		t.Parallel()
		n := offered(t, "N2")
		n.links("N1", "second")
		n.skip().loses("N1", "hand-N1")
		n.expect("hand-N1 device_unlinked")
	})
	t.Run("an old session", func(t *testing.T) {
		t.Parallel()
		n := offered(t, "N2")
		n.ask(&intakev1.Request{Body: &intakev1.Request_LinkLost{LinkLost: &intakev1.LinkLost{Team: "N1", Device: "hand-N1", Gateway: "gw", Session: "before"}}})
		n.expect()
	})
	t.Run("the whole gateway", func(t *testing.T) {
		t.Parallel()
		n := offered(t, "N2")
		lost := func() {
			n.ask(&intakev1.Request{Body: &intakev1.Request_GatewayLost{GatewayLost: &intakev1.GatewayLost{Gateway: "gw"}}})
		}
		lost()
		n.expect("gw gateway_disappeared")
		lost()
		n.expect()
		n.advance(5)
		n.expect("M1 undelivered", "M1 expired", "I1: nobody (L1 off_duty, N1 unreachable, N2 unreachable, S1 off_duty)")
	})
	t.Run("it was gone before the offer", func(t *testing.T) {
		t.Parallel()
		n := staffed(t, "N1")
		n.loses("N1", "hand-N1")
		n.alarm("A1", "BA", "NORD", "pharmacy")
		n.ask(assign("I1", "N1", "I have called them"))
		n.skip().advance(5)
		n.expect("M1 undelivered", "M1 expired", "I1: nobody (L1 off_duty, N1 unreachable, N2 off_duty, S1 off_duty)")
	})
}

func TestAnOfferWithoutAnAnswerExpiresAndGoesToTheNextTeam(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		code    string
		seconds int
	}{"P1 after 30 s": {"FA", 30}, "P2 after 90 s": {"BA", 90}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := staffed(t, "N2")
			n.alarm("A1", c.code, "NORD", "pharmacy")
			n.said(seen("M1"))
			n.skip().advance(c.seconds - 1)
			n.expect()
			n.advance(1)
			n.expect("M1 expired", "I1 neglected, step 1", "I1: nobody (L1 off_duty, N1 off_duty, N2 already_tried, S1 off_duty)")
		})
	}
}

func TestLateIsNotLost(t *testing.T) {
	t.Parallel()
	// expired is a night in which M1, offered to N1 at 0, has expired after 90 s; M2 has been offered to N2.
	expired := func(t *testing.T) *night {
		t.Helper()
		n := offered(t, "N2")
		n.said(delivered("M1"))
		n.advance(91)
		return n.skip()
	}
	at := func(seconds int64) int64 { return start + seconds*1000 }
	t.Run("an answer given in time opens a mission and takes the other offer back", func(t *testing.T) {
		t.Parallel()
		n := expired(t)
		n.said(accept("M1"), at(80))
		n.expect("M3 for the late answer of N1 to M1", "M2 cancelled: answered_in_time_by_another")
		if m := n.state.Missions["M3"]; m.State != "accepted" || m.Previous != "M1" || n.incident("I1").State != "assigned" {
			t.Errorf("got %+v", m)
		}
	})
	t.Run("what it says after that is about the new mission, whatever it is called", func(t *testing.T) {
		t.Parallel()
		n := expired(t)
		n.said(accept("M1"), at(80))
		n.skip().said(enRoute("M1"), at(95)) // after the expiry, and the handheld knew of M1 only
		n.said(accept("M1"), at(85))         // a second handheld
		n.said(onScene("M1"), at(99))
		n.expect("M3 departed", "M3 arrived")
	})
	t.Run("an arrival counts like an acceptance", func(t *testing.T) {
		t.Parallel()
		n := expired(t)
		n.said(onScene("M1"), at(90))
		n.expect("M3 for the late answer of N1 to M1", "M3 departed (implied)", "M3 arrived", "M2 cancelled: answered_in_time_by_another")
	})
	t.Run("an answer given after the expiry was not in time", func(t *testing.T) {
		t.Parallel()
		for name, said := range map[string]int64{"later": at(91), "before the offer": start - 1, "at no time": 0} {
			n := expired(t)
			n.said(accept("M1"), said)
			if len(n.told) != 1 || n.told[0] != "refused: mission_expired" {
				t.Errorf("%s: %v", name, n.told)
			}
		}
	})
	t.Run("stand down when another team has it", func(t *testing.T) {
		t.Parallel()
		n := expired(t)
		n.said(accept("M2"))
		n.skip()
		if r := n.said(accept("M1"), at(80)); r == nil || r.Code != "stand_down" || r.TakenBy != "N2" || !strings.Contains(r.Message, "team call N2 has incident I1") {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("stand down when it is over", func(t *testing.T) {
		t.Parallel()
		for name, over := range map[string]func(*night){
			"cancelled": func(n *night) { n.ask(cancelling("I1", "a drill")) }, "controlled": func(n *night) { n.ask(control("I1")) },
			"off duty": func(n *night) { n.ends("N1") },
		} {
			n := expired(t)
			over(n)
			if r := n.said(accept("M1"), at(80)); r == nil || r.Code != "stand_down" {
				t.Errorf("%s: %v", name, r)
			}
		}
	})
	t.Run("continue with what it has been given since", func(t *testing.T) {
		t.Parallel()
		n := expired(t)
		n.alarm("A2", "BA", "NORD", "archive")
		n.said(accept("M3"))
		if r := n.said(accept("M1"), at(80)); r == nil || r.Code != "continue" || r.Mission != "M3" || r.Incident != "I2" {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("a receipt is no answer", func(t *testing.T) {
		t.Parallel()
		n := expired(t)
		n.said(seen("M1"), at(80))
		n.said(decline("M1", "busy"), at(80))
		n.expect()
	})
}

func TestARecallFreesTheTeamForOthersAndLooksForAnother(t *testing.T) {
	t.Parallel()
	n := offered(t, "N2")
	n.said(accept("M1"))
	n.skip()
	n.ask(recall("M1", "nearer team"))
	n.expect("M1 cancelled: nearer team", "I1: chosen N2", "M2 offered to N2 for I1")
	n.ask(recall("M1", ""))
	n.said(cleared("M2"))
	n.skip().ask(recall("M2", ""))
	n.ask(recall("M9", ""))
	n.expect("refused: mission_ended", "refused: unknown_mission")
}

func TestDuty(t *testing.T) {
	t.Parallel()
	t.Run("a team that nobody knows does not start", func(t *testing.T) {
		t.Parallel()
		n := quietNight(t)
		n.starts("X9")
		n.ends("X9")
		n.links("X9", "h")
		n.expect("refused: unknown_team", "refused: unknown_team", "refused: unknown_team")
	})
	t.Run("who signs on counts", func(t *testing.T) {
		t.Parallel()
		n := quietNight(t)
		n.starts("N1", "g1", "g2")
		n.links("N1", "h")
		n.alarm("A1", "PA", "NORD", "emergency")
		if m := n.state.Missions["M1"]; m == nil || m.Guards != 2 {
			t.Errorf("got %+v", m)
		}
	})
	t.Run("it ends by itself after twelve hours without a planned shift", func(t *testing.T) {
		t.Parallel()
		n := staffed(t, "N1")
		n.advance(12*3600 - 1)
		n.expect()
		n.advance(1)
		n.expect("N1 off duty: shift_ended")
	})
	t.Run("a team on a mission does not sign off", func(t *testing.T) {
		t.Parallel()
		n := offered(t)
		n.said(accept("M1"))
		n.skip().ends("N1")
		n.said(cleared("M1"))
		n.skip().ends("N1")
		n.ends("N1")
		n.expect("N1 off duty: signed_off")
	})
	t.Run("signing off declines an offer", func(t *testing.T) {
		t.Parallel()
		n := offered(t, "N2")
		n.ends("N1")
		n.expect("M1 declined: signed_off", "N1 off duty: signed_off", "I1: chosen N2", "M2 offered to N2 for I1")
	})
	t.Run("a shift that ends declines an offer", func(t *testing.T) {
		t.Parallel()
		n := staffed(t, "N1")
		n.advance(12*3600 - 10)
		n.alarm("A1", "BA", "NORD", "pharmacy")
		n.said(seen("M1"))
		n.skip().advance(10)
		n.expect("M1 declined: shift_ended", "N1 off duty: shift_ended", "I1: nobody (L1 off_duty, N1 off_duty, N2 off_duty, S1 off_duty)")
	})
	t.Run("a handheld that signs on with another team leaves the one before", func(t *testing.T) {
		t.Parallel()
		n := staffed(t, "N1", "N2")
		n.links("N2", "hand-N1")
		if n.state.Teams["N1"].Reachable() || len(n.state.Teams["N2"].Links) != 2 {
			t.Errorf("got %+v and %+v", n.state.Teams["N1"], n.state.Teams["N2"])
		}
	})
	t.Run("a shift that ends in mid-mission goes on until it is cleared", func(t *testing.T) {
		t.Parallel()
		n := staffed(t, "N1")
		n.advance(12*3600 - 10)
		n.alarm("A1", "BA", "NORD", "pharmacy")
		n.said(accept("M1"))
		n.skip().advance(10)
		n.expect("N1 duty_extended")
		n.advance(600)
		n.expect("N1 duty_extended")
		n.said(cleared("M1"))
		n.skip().advance(600)
		n.expect("N1 off duty: shift_ended")
	})
}

func TestOneNight(t *testing.T) {
	t.Parallel()
	n := staffed(t, "N1", "N2", "S1")
	n.alarm("A1", "BA", "NORD", "archive")
	n.expect("I1 opened by alarm: intrusion P2 at NORD/archive, 1 guards, automatic", "alarm A1 intrusion I1",
		"I1: chosen N1", "M1 offered to N1 for I1")
	n.said(accept("M1"))
	n.advance(90)
	n.said(onScene("M1"))
	n.skip().alarm("A2", "PA", "NORD", "emergency") // a brawl: N2 is there, the neighbour comes
	n.expect("I2 opened by alarm: imported_violence P1 at NORD/emergency, 2 guards, automatic", "alarm A2 imported_violence I2",
		"I2: chosen N2 S1", "M2 offered to N2 for I2", "M3 offered to S1 for I2")
	n.said(accept("M2"))
	n.said(delivered("M3"))
	n.skip().advance(30) // S1 does not answer
	n.expect("M3 expired", "I2: nobody (L1 off_duty, N1 busy, N2 busy, S1 already_tried)")
	n.said(cleared("M1")) // N1 is free and goes at once
	n.expect("M1 cleared", "I2: chosen N1", "M4 offered to N1 for I2")
	n.said(accept("M3"), n.now-5000) // S1 had said yes in the tunnel: not needed unless N1 says no
	if last := n.told[len(n.told)-2:]; last[0] != "M5 for the late answer of S1 to M3" || last[1] != "M4 cancelled: answered_in_time_by_another" {
		t.Errorf("got %v", n.told)
	}
	n.said(onScene("M2"))
	n.skip().ask(control("I2"))
	n.expect("I2 controlled", "M5 cancelled: controlled")
	n.said(cleared("M2"))
	n.ask(closing("I1", "false_alarm"))
	n.ask(closing("I2", "genuine"))
	n.skip().advance(3600)
	n.expect()
}
