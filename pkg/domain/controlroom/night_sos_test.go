package controlroom_test

import (
	"testing"
)

func TestAnSOSOpensAP1WhereTheTeamWasLastAndNeverSendsIt(t *testing.T) {
	t.Parallel()
	n := staffed(t, "N1", "N2", "S1")
	n.alarm("A1", "BA", "NORD", "archive")
	n.said(onScene("M1"))
	n.skip().sos("N1", "", "")
	n.expect(
		"I2 opened by sos: lone_worker P1 at NORD/archive, 2 guards, automatic", "SOS of N1 at NORD/archive: I2",
		"I2: chosen N2 S1", "M2 offered to N2 for I2", "M3 offered to S1 for I2",
	)
	n.sos("N1", "", "")
	n.expect("SOS of N1 at NORD/archive: I2")
}

func TestAnSOSFallsBackToTheLastSceneThenHome(t *testing.T) {
	t.Parallel()
	n := staffed(t, "N1")
	n.sos("N1", "", "")
	n.alarm("A1", "BA", "SUD", "pharmacy")
	n.ask(assign("I2", "N1", "it stands beside it"))
	n.said(cleared("M1"))
	n.ask(cancelling("I1", "an accident"))
	n.skip().sos("N1", "", "")
	n.expect("I3 opened by sos: lone_worker P1 at SUD/pharmacy, 2 guards, automatic", "SOS of N1 at SUD/pharmacy: I3",
		"I3: nobody (L1 off_duty, N1 in_danger, N2 off_duty, S1 off_duty)")
}

func TestAnSOSIsNeverSwallowed(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(*night){
		"by an incident of somebody else": func(n *night) { n.alarm("A1", "BA", "NORD", "archive") },
		"by its own incident that is under control": func(n *night) {
			n.sos("N1", "", "")
			n.ask(control("I1"))
		},
		"by its own incident from which the rescuers have left": func(n *night) {
			n.sos("N1", "", "")
			n.said(cleared("M1"))
			n.said(cleared("M2"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := staffed(t, "N1", "N2", "S1")
			before(n)
			count := len(n.state.Incidents)
			n.sos("N1", "", "")
			if len(n.state.Incidents) != count+1 {
				t.Error("it opened nothing")
			}
		})
	}
	t.Run("of a team that nobody knows", func(t *testing.T) {
		t.Parallel()
		n := quietNight(t)
		n.alarm("A1", "BA", "NORD", "archive")
		n.skip().sos("", "", "")
		n.expect("I2 opened by sos: lone_worker P1 at , 2 guards, automatic", "SOS of  at : I2",
			"I2: nobody (L1 off_duty, N1 off_duty, N2 off_duty, S1 off_duty)")
	})
}

func TestAnAlarmAfterTheGuardsHaveLeftIsANewOne(t *testing.T) {
	t.Parallel()
	n := staffed(t, "N1")
	n.alarm("A1", "BA", "NORD", "pharmacy")
	n.said(cleared("M1"))
	n.advance(60)
	n.skip().alarm("A2", "BA", "NORD", "pharmacy")
	n.expect("I2 opened by alarm: intrusion P2 at NORD/pharmacy, 1 guards, automatic", "alarm A2 intrusion I2",
		"I2: chosen N1", "M2 offered to N1 for I2")
}

func TestAGraverAlarmDoesNotDisappearInWhatIsUnderControl(t *testing.T) {
	t.Parallel()
	n := staffed(t, "N1", "N2")
	n.alarm("A1", "BA", "NORD", "pharmacy")
	n.said(onScene("M1"))
	n.ask(control("I1"))
	n.skip().alarm("A2", "BA", "NORD", "pharmacy")
	n.expect("alarm A2 intrusion joins I1")
	fire := alarmOf("A3", "panel-NORD", "BA", "NORD", "pharmacy")
	fire.GetRaiseAlarm().Category = "fire"
	n.ask(fire)
	n.expect("I2 opened by alarm: fire P1 at NORD/pharmacy, 1 guards, automatic", "alarm A3 fire I2",
		"I2: chosen N2", "M2 offered to N2 for I2")
}
