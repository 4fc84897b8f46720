package controlroom_test

import (
	"slices"
	"testing"

	"vigie/pkg/domain/controlroom"
	personalv1 "vigie/pkg/gen/vigie/personal/v1"
)

func TestWhatIsHeardByRadioCountsButIsNoReceipt(t *testing.T) {
	t.Parallel()
	t.Run("a mission from its acceptance to its end", func(t *testing.T) {
		t.Parallel()
		n := offered(t)
		n.advance(6)
		n.skip().ask(heard(accept("M1"), n.now-2000))
		n.ask(heard(onScene("M1"), 0))
		n.expect("M1 accepted", "M1 departed (implied)", "M1 arrived")
		v := controlroom.ShowMission(n.state.Missions["M1"])
		if v.DeliveredAt != "" || v.SeenAt != "" || !slices.Equal(v.ByRadio, []string{"accepted", "on_scene"}) {
			t.Errorf("%+v", v)
		}
		if team := n.state.ShowTeam(n.state.Teams["N1"]); team.ContactBy != controlroom.ByRadio || team.ContactAt != controlroom.Instant(n.now) {
			t.Errorf("%+v", team)
		}
		n.ask(heard(cleared("M1"), 0))
		n.expect("M1 cleared")
	})
	t.Run("a refusal", func(t *testing.T) {
		t.Parallel()
		n := offered(t)
		n.ask(heard(decline("M1", "busy"), 0))
		if m := n.state.Missions["M1"]; m.State != "declined" || !slices.Equal(m.ByRadio, []string{"declined"}) {
			t.Errorf("%+v", m)
		}
	})
	t.Run("late is not lost by radio either: the time heard counts", func(t *testing.T) {
		t.Parallel()
		n := offered(t)
		n.advance(91)
		n.skip().ask(heard(accept("M1"), start+95_000))
		n.expect("refused: mission_expired")
		n.ask(heard(accept("M1"), start+80_000))
		n.expect("M2 for the late answer of N1 to M1")
		if m := n.state.Missions["M2"]; m.DeliveredAt != 0 || !slices.Equal(m.ByRadio, []string{"accepted"}) {
			t.Errorf("%+v", m)
		}
	})
	t.Run("an SOS", func(t *testing.T) {
		t.Parallel()
		n := staffed(t, "N1", "N2", "S1")
		q := sosOf("N1")
		n.ask(heard(q, n.now-3000))
		i := n.incident("I1")
		if i.InDanger != "N1" || i.Priority != 1 || n.state.Teams["N1"].ContactBy != controlroom.ByRadio {
			t.Errorf("%+v", i)
		}
	})
	t.Run("duty", func(t *testing.T) {
		t.Parallel()
		n := quietNight(t)
		n.ask(heard(dutyOf("N1", "g1", "g2"), 0))
		v := n.state.ShowTeam(n.state.Teams["N1"])
		if !v.OnDuty || !slices.Equal(v.GuardIDs, []string{"g1", "g2"}) || v.ContactBy != controlroom.ByRadio || v.Since == "" {
			t.Errorf("%+v", v)
		}
	})
}

func TestBackup(t *testing.T) {
	t.Parallel()
	t.Run("is looked for at once, as for a P1", func(t *testing.T) {
		t.Parallel()
		n := offered(t, "N2")
		n.said(onScene("M1"))
		n.skip().said(backup("M1", 0))
		n.expect("I1: N1 asks for 1 more, P1, 2 guards", "I1: chosen N2", "M2 offered to N2 for I1")
		i := n.incident("I1")
		if !i.Backup || i.Priority != 1 || i.State != "on_scene" {
			t.Errorf("%+v", i)
		}
		n.said(accept("M2"))
		if n.incident("I1").Backup {
			t.Error("it has come and is still called for")
		}
		n.skip().advance(120)
		n.expect() // nobody is told of neglect any more
	})
	t.Run("that nobody accepts is told like an incident that nobody accepts", func(t *testing.T) {
		t.Parallel()
		n := offered(t)
		n.said(onScene("M1"))
		n.said(backup("M1", 2))
		n.skip().advance(30)
		n.expect("I1 neglected, step 1", "I1: still nobody")
		n.advance(30)
		n.expect("I1 neglected, step 2", "I1: still nobody")
	})
	t.Run("comes on top of all who are there", func(t *testing.T) {
		t.Parallel()
		n := staffed(t, "S1", "N1")
		n.atHome("S1")
		n.alarm("A1", "WX", "NORD", "emergency") // 4 wanted, by hand
		n.ask(assign("I1", "S1", ""))
		n.said(onScene("M1"))
		n.skip().said(backup("M1", 3))
		n.expect("I1: S1 asks for 3 more, P1, 7 guards") // of such a plan nothing is offered by itself
	})
	t.Run("means that it is not under control", func(t *testing.T) {
		t.Parallel()
		n := offered(t, "N2")
		n.said(onScene("M1"))
		n.ask(control("I1"))
		n.skip().said(backup("M1", 0))
		n.expect("I1: N1 asks for 1 more, P1, 2 guards", "I1: chosen N2", "M2 offered to N2 for I1")
		if s := n.incident("I1").State; s != "on_scene" {
			t.Errorf("it is %s", s)
		}
	})
	t.Run("of a plan that asks a person is proposed, for as long as a P1", func(t *testing.T) {
		t.Parallel()
		n := proposed(t, 3, "N1", "N2")
		n.ask(assign("I1", "N1", ""))
		n.said(onScene("M1"))
		n.skip().said(backup("M1", 0))
		n.expect("I1: N1 asks for 1 more, P1, 2 guards", "I1: proposed N2")
		n.advance(15)
		n.expect("I1: chosen N2", "M2 offered to N2 for I1")
	})
	t.Run("is asked for after the mission has ended too, while the incident has not", func(t *testing.T) {
		t.Parallel()
		n := offered(t, "N2")
		n.said(onScene("M1"))
		n.said(cleared("M1"))
		n.skip().said(backup("M1", 0))
		n.expect("I1: N1 asks for 1 more, P1, 2 guards", "I1: chosen N2", "M2 offered to N2 for I1")
		n.said(cleared("M2"))
		n.ask(closing("I1", "genuine"))
		n.skip().said(backup("M1", 0))
		n.said(backup("M9", 0))
		n.expect("refused: incident_ended", "refused: unknown_mission")
	})
	t.Run("of more than can be meant is less", func(t *testing.T) {
		t.Parallel()
		n := offered(t)
		n.said(backup("M1", 1_000_000))
		if i := n.incident("I1"); i.GuardsWanted != 11 {
			t.Errorf("%d guards wanted", i.GuardsWanted)
		}
	})
}

func TestWhoseOfferIsTakenBackHearsWhoWasQuicker(t *testing.T) {
	t.Parallel()
	n := offered(t, "N2")
	n.advance(90) // M1 expires, M2 is offered to N2
	n.said(accept("M1"), start+80_000)
	if r := n.said(accept("M2")); r == nil || r.Code != "mission_ended" || r.TakenBy != "N1" {
		t.Errorf("got %+v", r)
	}
}

func TestNotesAreKeptInOrderAndAfterTheEnd(t *testing.T) {
	t.Parallel()
	n := offered(t)
	text := func(key string) *personalv1.SealedText { return &personalv1.SealedText{Key: key} }
	n.ask(note("I1", text("first")))
	n.said(cleared("M1"))
	n.ask(closing("I1", "genuine"))
	n.ask(note("I1", text("second")))
	n.skip().ask(note("I9", text("third")))
	n.expect("refused: unknown_incident")
	notes := n.state.ShowIncident(n.incident("I1")).Notes
	if len(notes) != 2 || notes[0].Text.GetKey() != "first" || notes[1].Text.GetKey() != "second" || notes[1].By != "dora" {
		t.Errorf("%+v", notes)
	}
	for range 60 {
		n.ask(note("I1", text("more")))
	}
	if notes := n.incident("I1").Notes; len(notes) != 50 || notes[49].Text.GetKey() != "more" {
		t.Errorf("%d notes", len(notes))
	}
}

func TestATeamIsHeardOfByItsLinkAndByWhatItDoes(t *testing.T) {
	t.Parallel()
	n := staffed(t, "N1")
	by := func(want controlroom.Contact, at int64) {
		t.Helper()
		if team := n.state.Teams["N1"]; team.ContactBy != want || team.ContactAt != at {
			t.Errorf("heard by %s at %d, want %s at %d", team.ContactBy, team.ContactAt, want, at)
		}
	}
	by(controlroom.ByLink, start)
	n.alarm("A1", "BA", "NORD", "pharmacy")
	n.advance(3)
	by(controlroom.ByLink, start)
	n.said(delivered("M1"))
	by(controlroom.ByAct, start+3000)
	n.advance(10)
	n.loses("N1", "hand-N1")
	by(controlroom.ByLink, start+13_000)
}
