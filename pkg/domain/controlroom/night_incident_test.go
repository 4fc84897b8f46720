package controlroom_test

import (
	"testing"

	"vigie/pkg/domain/controlroom"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	regionv1 "vigie/pkg/gen/vigie/region/v1"
)

func TestAnAlarmOpensAnIncidentUnderItsPlanAndSendsTheNearestTeam(t *testing.T) {
	t.Parallel()
	n := staffed(t, "N1", "S1", "L1")
	n.alarm("A1", "BA", "NORD", "pharmacy")
	n.expect(
		"I1 opened by alarm: intrusion P2 at NORD/pharmacy, 1 guards, automatic",
		"alarm A1 intrusion I1", "I1: chosen N1", "M1 offered to N1 for I1",
	)
}

func TestAlarmsJoinWhereTheyBelong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		wait int
		next *intakev1.Request
		want []string
	}{
		"the same zone and category":           {10, alarmOf("A2", "other", "BA", "NORD", "pharmacy"), []string{"alarm A2 intrusion joins I1"}},
		"at the end of the window":             {299, alarmOf("A2", "other", "BA", "NORD", "pharmacy"), []string{"alarm A2 intrusion joins I1"}},
		"after the window":                     {300, alarmOf("A2", "other", "BA", "NORD", "pharmacy"), []string{"I2 opened by alarm: intrusion P2 at NORD/pharmacy, 1 guards, automatic", "alarm A2 intrusion I2"}},
		"another zone":                         {10, alarmOf("A2", "panel-NORD", "BA", "NORD", "archive"), []string{"I2 opened by alarm: intrusion P2 at NORD/archive, 1 guards, automatic", "alarm A2 intrusion I2"}},
		"another category from another source": {10, alarmOf("A2", "other", "TR", "NORD", "pharmacy"), []string{"I2 opened by alarm: technical P3 at NORD/pharmacy, 1 guards, automatic", "alarm A2 technical I2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := quietNight(t)
			n.alarm("A1", "BA", "NORD", "pharmacy")
			n.advance(c.wait)
			n.skip()
			n.ask(c.next)
			n.expect(append(c.want, noneOnDuty(c.want)...)...)
		})
	}
}

// noneOnDuty is what follows the opening of a second incident while nobody is on duty.
func noneOnDuty(opened []string) []string {
	if len(opened) < 2 {
		return nil
	}
	return []string{"I2: nobody (L1 off_duty, N1 off_duty, N2 off_duty, S1 off_duty)"}
}

func TestEachAlarmOfAnIncidentKeepsTheWindowOpen(t *testing.T) {
	t.Parallel()
	n := quietNight(t)
	for _, id := range []string{"A1", "A2", "A3"} {
		n.alarm(id, "BA", "NORD", "pharmacy")
		n.advance(200)
	}
	chains := n.incident("I1").Alarms
	if len(n.state.Incidents) != 1 || len(chains) != 1 || chains[0].Count != 3 || chains[0].First != "A1" {
		t.Errorf("want one incident with a chain of three, got %d and %+v", len(n.state.Incidents), chains)
	}
}

func TestTheSameSourceJoinsWhateverItIsTakenFor(t *testing.T) {
	t.Parallel()
	n := quietNight(t)
	n.alarm("A1", "BA", "NORD", "pharmacy")
	again := alarmOf("A2", "panel-NORD", "BA", "NORD", "pharmacy")
	again.GetRaiseAlarm().Category = "technical"
	n.skip().ask(again)
	n.expect("alarm A2 technical joins I1")
}

// An alarm is never refused: where its source uses a word that nobody knows, its code decides, and where that is not known
// either it is shown as unclassified.
func TestAnAlarmIsWhatAPlanKnowsItBy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ code, category, want string }{
		"what its source says":                 {"BA", "terrorism", "terrorism P1 at NORD/pharmacy, 4 guards, manual"},
		"what its code says":                   {"WX", "", "terrorism P1 at NORD/pharmacy, 4 guards, manual"},
		"its code and not a word nobody knows": {"WX", "terrorisme", "terrorism P1 at NORD/pharmacy, 4 guards, manual"},
		"neither":                              {"??", "terrorisme", "unclassified P2 at NORD/pharmacy, 1 guards, automatic"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := quietNight(t)
			a := alarmOf("A1", "panel", c.code, "NORD", "pharmacy")
			a.GetRaiseAlarm().Category = c.category
			n.ask(a)
			if len(n.told) == 0 || n.told[0] != "I1 opened by alarm: "+c.want {
				t.Errorf("want %s, got %v", c.want, n.told)
			}
		})
	}
}

func TestAPlanWithoutAWindowJoinsNothing(t *testing.T) {
	t.Parallel()
	n := quietNight(t)
	c := configuration()
	c.Plans = []*regionv1.Plan{{Id: "any", Mode: "manual", GuardsWanted: 1}}
	n.ask(configure(c, "h2"))
	n.alarm("A1", "BA", "NORD", "pharmacy")
	n.alarm("A2", "BA", "NORD", "pharmacy") // in the same millisecond
	if len(n.state.Incidents) != 2 {
		t.Errorf("want two incidents, got %d", len(n.state.Incidents))
	}
}

func configure(c *regionv1.RoomConfiguration, hash string) *intakev1.Request {
	return &intakev1.Request{Body: &intakev1.Request_ConfigureRegion{ConfigureRegion: &intakev1.ConfigureRegion{Content: c, Hash: hash}}}
}

func TestAnUnknownCodeIsUnclassifiedAndKept(t *testing.T) {
	t.Parallel()
	n := staffed(t, "N1")
	n.alarm("A1", "??", "NORD", "pharmacy")
	n.expect(
		"I1 opened by alarm: unclassified P2 at NORD/pharmacy, 1 guards, automatic",
		"alarm A1 unclassified I1", "I1: chosen N1", "M1 offered to N1 for I1",
	)
}

func TestAGraverAlarmAggravatesAndSendsMore(t *testing.T) {
	t.Parallel()
	n := staffed(t, "N1", "N2")
	n.alarm("A1", "BA", "NORD", "pharmacy")
	n.said(accept("M1"))
	n.skip()
	brawl := alarmOf("A2", "panel-NORD", "BA", "NORD", "pharmacy")
	brawl.GetRaiseAlarm().Category = "imported_violence"
	n.ask(brawl)
	n.expect(
		"alarm A2 imported_violence joins I1", "I1 aggravated to P1 imported_violence, 2 guards",
		"I1: chosen N2", "M2 offered to N2 for I1",
	)
}

func TestWhatTurnsOutToBeTerrorismIsNotOfferedAnyMore(t *testing.T) {
	t.Parallel()
	n := quietNight(t)
	n.alarm("A1", "BA", "NORD", "pharmacy")
	attack := alarmOf("A2", "panel-NORD", "BA", "NORD", "pharmacy")
	attack.GetRaiseAlarm().Category = "terrorism"
	n.ask(attack)
	n.skip().starts("N1")
	n.links("N1", "h")
	n.advance(29)
	n.expect("N1 duty_started", "h device_linked")
}

func TestAnAggravatedIncidentIsNeglectedInTheTimeOfItsNewPriority(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]int{"before anybody was told": 50, "after all were told": 200} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := quietNight(t)
			n.alarm("A1", "BA", "NORD", "pharmacy")
			n.advance(wait)
			attack := alarmOf("A2", "panel-NORD", "BA", "NORD", "pharmacy")
			attack.GetRaiseAlarm().Category = "terrorism"
			n.ask(attack)
			n.advance(29)
			n.skip().advance(1)
			n.expect("I1 neglected, step 1")
			n.advance(30)
			n.expect("I1 neglected, step 2")
		})
	}
}

func TestARestoreIsShownOnItsAlarm(t *testing.T) {
	t.Parallel()
	n := quietNight(t)
	n.alarm("A1", "BA", "NORD", "pharmacy")
	n.skip().restore("A2", "BA", "NORD", "pharmacy")
	n.expect("A2 alarm_restored")
	if !n.incident("I1").Alarms[0].Restored {
		t.Error("the chain is not restored")
	}
	n.alarm("A3", "BA", "NORD", "pharmacy")
	if n.incident("I1").Alarms[0].Restored {
		t.Error("it came again and is still shown as restored")
	}
	n.skip().restore("A4", "BA", "SUD", "pharmacy")
	n.expect("A4 alarm_restored")
}

// A restore may come before its alarm, or after the next one, when a source has changed its process in an outage.
func TestARestoreInWhateverOrderCallsNobodyBack(t *testing.T) {
	t.Parallel()
	alarm := func(n *night) { n.alarm("A1", "BA", "NORD", "pharmacy") }
	restore := func(n *night) { n.restore("R1", "BA", "NORD", "pharmacy") }
	for name, c := range map[string]struct {
		first, second func(*night)
		restored      bool
	}{
		"after its alarm":  {alarm, restore, true},
		"before its alarm": {restore, alarm, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := staffed(t, "N1")
			c.first(n)
			c.second(n)
			i := n.incident("I1")
			if i.State != controlroom.IncidentOpen || len(i.Missions) != 1 || !n.state.Missions[i.Missions[0]].Active() {
				t.Errorf("%+v", i)
			}
			if i.Alarms[0].Restored != c.restored {
				t.Errorf("shown as restored: %v", i.Alarms[0].Restored)
			}
		})
	}
}

func TestOneLeadsAtATimeAndAChiefTakesOver(t *testing.T) {
	t.Parallel()
	n := quietNight(t)
	n.alarm("A1", "BA", "NORD", "pharmacy")
	n.skip()
	n.ask(as("dora", "dispatcher", release("I1")))
	n.ask(as("dora", "dispatcher", claim("I1")))
	n.ask(as("dora", "dispatcher", claim("I1")))
	n.ask(as("emil", "dispatcher", claim("I1")))
	n.ask(as("emil", "dispatcher", release("I1")))
	n.ask(as("carl", "chief", claim("I1")))
	n.ask(as("carl", "chief", release("I1")))
	n.expect("refused: not_claimed", "I1 claimed", "refused: claimed", "refused: claimed", "I1 claimed", "I1 released")
	if by := n.incident("I1").ClaimedBy; by != "" {
		t.Errorf("%s still leads", by)
	}
}

func TestControlRecallsTheReinforcementThatHasNotArrived(t *testing.T) {
	t.Parallel()
	n := staffed(t, "N1", "S1")
	n.alarm("A1", "PA", "NORD", "emergency")
	n.said(onScene("M1"))
	n.said(accept("M2"))
	n.skip().ask(control("I1"))
	n.expect("I1 controlled", "M2 cancelled: controlled")
	n.ask(control("I1"))
	n.advance(600)
	n.expect()
}

func TestClosingNeedsADispositionAndNobodyOnTheWay(t *testing.T) {
	t.Parallel()
	n := staffed(t, "N1")
	n.alarm("A1", "BA", "NORD", "pharmacy")
	n.said(accept("M1"))
	n.skip()
	n.ask(closing("I1", ""))
	n.ask(closing("I1", "genuine"))
	n.said(cleared("M1"))
	n.skip().ask(closing("I1", "genuine"))
	n.ask(closing("I1", "genuine"))
	n.ask(claim("I1"))
	n.ask(closing("I9", "genuine"))
	n.expect("I1 closed", "refused: incident_ended", "refused: incident_ended", "refused: unknown_incident")
}

func TestCancellingNeedsAReasonAndCallsEverybodyBack(t *testing.T) {
	t.Parallel()
	n := staffed(t, "N1", "N2")
	n.alarm("A1", "PA", "NORD", "emergency")
	n.said(onScene("M1"))
	n.skip()
	n.ask(cancelling("I1", ""))
	n.ask(cancelling("I1", "a drill"))
	n.expect("refused: reason_needed", "I1 cancelled", "M1 cancelled: incident_cancelled", "M2 cancelled: incident_cancelled")
	if n.state.Teams["N1"].Mission != "" || n.state.Teams["N2"].Mission != "" {
		t.Error("a team is not free again")
	}
}

func TestAPersonOpensAnIncident(t *testing.T) {
	t.Parallel()
	n := staffed(t, "N1")
	n.ask(open("NORD", "emergency", "assistance", 0))
	n.ask(open("NORD", "emergency", "assistance", 1))
	n.ask(open("MARS", "", "assistance", 1))
	n.expect("I1 opened by person: assistance P3 at NORD/emergency, 1 guards, proposed", "I1: proposed N1",
		"I2 opened by person: assistance P1 at NORD/emergency, 1 guards, proposed", "I2: proposed N1", "refused: unknown_site")
}

func TestWhatNobodyAcceptsIsToldTwiceAndThenLeftToTheChief(t *testing.T) {
	t.Parallel()
	n := quietNight(t)
	n.alarm("A1", "WX", "NORD", "emergency") // never offered by itself
	n.skip().advance(29)
	n.expect()
	n.advance(1)
	n.expect("I1 neglected, step 1")
	n.advance(30)
	n.expect("I1 neglected, step 2")
	n.advance(3600)
	n.expect()
}

func TestATeamThatGivesUpStartsTheTellingAnew(t *testing.T) {
	t.Parallel()
	n := staffed(t, "N1")
	n.alarm("A1", "PA", "NORD", "emergency")
	n.said(accept("M1"))
	n.ask(recall("M1", "wanted elsewhere"))
	n.skip().ends("N1")
	n.advance(30)
	if told := n.told[len(n.told)-1]; n.incident("I1").Neglected != 1 {
		t.Errorf("nobody was told; last: %s", told)
	}
}
