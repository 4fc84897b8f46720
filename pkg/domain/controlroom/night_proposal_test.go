package controlroom_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/domain/controlroom/choose"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	personalv1 "vigie/pkg/gen/vigie/personal/v1"
)

// proposed is a night with an assistance at NORD, of a plan that asks a person.
func proposed(t *testing.T, priority int32, teams ...string) *night {
	t.Helper()
	n := staffed(t, teams...)
	n.atHome("S1")
	n.ask(open("NORD", "emergency", "assistance", priority))
	return n
}

// atHome has a fix of a team of SUD at its site.
func (n *night) atHome(team string) {
	n.facts.Positions[team] = choose.Fix{LatE7: 488_000_000, LonE7: 23_500_000, At: n.now}
}

func TestAProposalWaitsForAPerson(t *testing.T) {
	t.Parallel()
	t.Run("and goes out by itself after a while", func(t *testing.T) {
		t.Parallel()
		n := proposed(t, 3, "N1", "S1")
		n.expect("I1 opened by person: assistance P3 at NORD/emergency, 1 guards, proposed", "I1: proposed N1 S1")
		n.advance(89)
		n.expect()
		n.advance(1)
		n.expect("I1 neglected, step 1")
		n.advance(29)
		n.expect()
		n.advance(1)
		n.expect("I1: chosen N1", "M1 offered to N1 for I1")
		if n.incident("I1").Proposal != nil {
			t.Error("it is proposed still")
		}
	})
	t.Run("of a P1 for 15 seconds", func(t *testing.T) {
		t.Parallel()
		n := proposed(t, 1, "N1")
		n.skip().advance(14)
		n.expect()
		n.advance(1)
		n.expect("I1: chosen N1", "M1 offered to N1 for I1")
	})
	t.Run("for as long as the region says", func(t *testing.T) {
		t.Parallel()
		n := staffed(t, "N1")
		c := configuration()
		c.Parameters.ProposalS = []int32{5, 10, 20}
		n.ask(configure(c, "h2"))
		n.ask(open("NORD", "emergency", "assistance", 3))
		n.skip().advance(19)
		n.expect()
		n.advance(1)
		n.expect("I1: chosen N1", "M1 offered to N1 for I1")
	})
	t.Run("and those who rank first by then are sent", func(t *testing.T) {
		t.Parallel()
		n := proposed(t, 3, "S1")
		n.starts("N1")
		n.links("N1", "h")
		n.skip().advance(120)
		n.expect("I1 neglected, step 1", "I1: chosen N1", "M1 offered to N1 for I1")
	})
}

func TestAPersonDecidesOnAProposal(t *testing.T) {
	t.Parallel()
	t.Run("any of those proposed, without a reason", func(t *testing.T) {
		t.Parallel()
		for _, team := range []string{"N1", "N2", "S1"} {
			n := proposed(t, 3, "N1", "N2", "S1")
			n.skip().ask(assign("I1", team, ""))
			n.expect("I1: chosen "+team, "M1 offered to "+team+" for I1")
			n.advance(60)
			n.expect("M1 undelivered") // and nobody else
		}
	})
	t.Run("an excluded one, or one that is not among them, with a reason", func(t *testing.T) {
		t.Parallel()
		n := proposed(t, 3, "N1", "N2", "S1")
		n.skip().ask(assign("I1", "L1", ""))
		n.ask(assign("I1", "L1", "they are there already"))
		n.expect("refused: reason_needed", "I1: chosen L1", "M1 offered to L1 for I1")
		if m := n.state.Missions["M1"]; m.Reason != "they are there already" || m.Arrival == 0 {
			t.Errorf("%+v", m)
		}
	})
}

func TestATeamThatIsNotProposedNeedsAReason(t *testing.T) {
	t.Parallel()
	n := staffed(t, "N1", "N2", "S1")
	c := configuration()
	for _, id := range []string{"N3", "N4"} {
		more := proto.CloneOf(c.GetTeams()[0])
		more.Id = id
		c.Teams = append(c.Teams, more)
	}
	n.ask(configure(c, "h2"))
	for _, id := range []string{"N3", "N4"} {
		n.starts(id)
		n.links(id, "hand-"+id)
	}
	n.skip().ask(open("NORD", "emergency", "assistance", 3))
	n.expect("I1 opened by person: assistance P3 at NORD/emergency, 1 guards, proposed", "I1: proposed N1 N2 N3")
	n.ask(assign("I1", "N4", ""))
	n.ask(assign("I1", "N4", "they know the patient"))
	n.expect("refused: reason_needed", "I1: chosen N4", "M1 offered to N4 for I1")
}

func TestAProposalFollowsWhatIsTheCase(t *testing.T) {
	t.Parallel()
	changes := []struct {
		name string
		make func(*night)
		then []string
	}{
		{"a proposed team goes off duty", func(n *night) { n.ends("N1") }, []string{"N1 off duty: signed_off", "I1: proposed N2"}},
		{"a proposed team loses its link", func(n *night) { n.loses("N1", "hand-N1") }, []string{"hand-N1 device_unlinked", "I1: proposed N2"}},
		{"a proposed team is sent elsewhere", func(n *night) {
			n.alarm("A1", "BA", "NORD", "archive")
			n.told = slices.DeleteFunc(n.told, func(s string) bool { return s[:2] == "I2" || s[:2] == "al" })
		}, []string{"M1 offered to N1 for I2", "I1: proposed N2"}},
		{"a proposed team is in danger", func(n *night) {
			n.sos("N1", "", "")
			n.told = slices.DeleteFunc(n.told, func(s string) bool { return s[:1] == "M" || s[:3] == "I2:" || s[:3] == "I2 " })
		}, []string{"SOS of N1 at NORD: I2", "I1: nobody (L1 off_duty, N1 in_danger, N2 busy, S1 off_duty)"}},
		{"another team comes", func(n *night) { n.starts("S1"); n.links("S1", "h") }, []string{"S1 duty_started", "h device_linked"}},
		{"it is under control", func(n *night) { n.ask(control("I1")) }, []string{"I1 controlled"}},
		{"it is over", func(n *night) { n.ask(closing("I1", "test")) }, []string{"I1 closed"}},
		{"it was a mistake", func(n *night) { n.ask(cancelling("I1", "a drill")) }, []string{"I1 cancelled"}},
	}
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n := proposed(t, 3, "N1", "N2")
			n.advance(20)
			until := n.incident("I1").Proposal.Until
			n.skip()
			c.make(n)
			n.expect(c.then...)
			i := n.incident("I1")
			if p := i.Proposal; p != nil && p.Until != until {
				t.Errorf("it waits until %d, not %d: the wait began anew", p.Until, until)
			}
			if i.Proposal != nil != (i.State == "open" && !i.NoTeam) {
				t.Errorf("%s with proposal %+v", i.State, i.Proposal)
			}
			n.advance(1000)
		})
	}
}

func TestAProposalForSeveralGuardsIsDecidedTeamByTeam(t *testing.T) {
	t.Parallel()
	n := staffed(t, "N1", "N2", "S1")
	n.atHome("S1")
	c := configuration()
	c.Plans[3].GuardsWanted = 2 // of service
	n.ask(configure(c, "h2"))
	n.ask(open("NORD", "emergency", "assistance", 3))
	if p := n.incident("I1").Proposal; !slices.Equal(p.First, []string{"N1", "N2"}) || !slices.Equal(p.Proposed, []string{"N1", "N2", "S1"}) {
		t.Errorf("%+v", p)
	}
	n.skip().ask(assign("I1", "N2", ""))
	n.expect("I1: chosen N2", "M1 offered to N2 for I1", "I1: proposed N1 S1")
	n.ask(assign("I1", "N1", ""))
	n.expect("I1: chosen N1", "M2 offered to N1 for I1")
	n.said(decline("M2", "busy"))
	n.expect("M2 declined: busy", "I1: proposed S1")
}

func TestAPersonAsksWhoCouldGo(t *testing.T) {
	t.Parallel()
	t.Run("for a plan that offers nothing by itself", func(t *testing.T) {
		t.Parallel()
		n := staffed(t, "N1", "N2")
		n.alarm("A1", "WX", "NORD", "emergency")
		n.skip().ask(propose("I1"))
		n.expect("I1: proposed N1 N2")
		n.ends("N1")
		n.skip().advance(20)
		n.expect() // nobody is sent, and it is not proposed anew
		if p := n.state.ShowIncident(n.incident("I1")).Proposal; p.By != "dora" || p.Until != "" || len(p.Exclusions) != 2 {
			t.Errorf("%+v", p)
		}
		n.ask(assign("I1", "N2", ""))
		n.expect("I1: chosen N2", "M1 offered to N2 for I1")
	})
	t.Run("where nobody does", func(t *testing.T) {
		t.Parallel()
		n := staffed(t, "N1")
		n.alarm("A1", "FA", "NORD", "pharmacy")
		n.skip().ask(propose("I1"))
		n.expect("I1: proposed ")
		if i := n.incident("I1"); !i.NoTeam || len(i.Proposal.Exclusions) != 4 {
			t.Errorf("%+v", i)
		}
		n.advance(30)
		n.expect("I1 neglected, step 1", "I1: still nobody")
	})
	t.Run("where enough go already", func(t *testing.T) {
		t.Parallel()
		n := offered(t, "N2")
		n.skip().ask(propose("I1"))
		n.expect("I1: proposed N2")
		n.ask(assign("I1", "N2", ""))
		n.expect("I1: chosen N2", "M2 offered to N2 for I1")
	})
	t.Run("of a proposal that waits, which waits no longer for it", func(t *testing.T) {
		t.Parallel()
		n := proposed(t, 3, "N1")
		n.advance(60)
		n.starts("N2")
		n.links("N2", "h")
		n.skip().ask(propose("I1"))
		n.expect("I1: proposed N1 N2")
		n.advance(60)
		n.expect("I1 neglected, step 1", "I1: chosen N1", "M1 offered to N1 for I1")
	})
	t.Run("of an incident that is over", func(t *testing.T) {
		t.Parallel()
		n := offered(t)
		n.ask(cancelling("I1", "a drill"))
		n.skip().ask(propose("I1"))
		n.ask(propose("I9"))
		n.expect("refused: incident_ended", "refused: unknown_incident")
	})
}

func TestAGraverAlarmDoesNotWaitForAPerson(t *testing.T) {
	t.Parallel()
	n := staffed(t, "N1", "N2")
	n.alarm("A1", "AS", "NORD", "emergency")
	q := alarmOf("A2", "panel-NORD", "AS", "NORD", "emergency")
	q.GetRaiseAlarm().Category = "imported_violence"
	n.skip().ask(q)
	n.expect("alarm A2 imported_violence joins I1", "I1 aggravated to P1 imported_violence, 2 guards", "I1: chosen N1 N2",
		"M1 offered to N1 for I1", "M2 offered to N2 for I1")
}

func TestAProposalIsTheSameFromASnapshot(t *testing.T) {
	t.Parallel()
	n := proposed(t, 3, "N1", "S1")
	n.ask(note("I1", &personalv1.SealedText{Key: "k", Sealed: []byte{1}}))
	state, region, err := controlroom.EncodeState(n.state)
	if err != nil {
		t.Fatal(err)
	}
	again, err := controlroom.DecodeState(state, region)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(canonical(t, n.state), canonical(t, again)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	want, got := n.state.ShowIncident(n.incident("I1")), again.ShowIncident(again.Incidents["I1"])
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAProposalIsShownAsATable(t *testing.T) {
	t.Parallel()
	n := proposed(t, 3, "N1", "N2", "S1")
	v := n.state.ShowIncident(n.incident("I1"))
	p := v.Proposal
	if p == nil || v.Mode != "proposed" {
		t.Fatalf("%+v", v)
	}
	type row struct {
		Team, CallSign, Behind string
		Nearest, Crosses       bool
	}
	var rows []row
	for _, c := range p.Candidates {
		rows = append(rows, row{c.Team, c.CallSign, c.Behind, c.Nearest, c.CrossesSites})
	}
	want := []row{{"N1", "call N1", "", true, false}, {"N2", "call N2", "tie", false, false}, {"S1", "call S1", "later", false, true}}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("candidates (-want +got)\n%s", diff)
	}
	if len(p.Exclusions) != 1 || p.Exclusions[0].Team != "L1" || p.Exclusions[0].Reason != "off_duty" {
		t.Errorf("exclusions %+v", p.Exclusions)
	}
}

// Before there were proposals, such an incident waited for its choice: that record answers a deadline that is open here too.
func TestAChoiceOfBeforeThereWereProposalsCounts(t *testing.T) {
	t.Parallel()
	n := staffed(t, "N1", "N2")
	n.state = controlroom.Evolve(n.state, n.now, &logv1.Event{Body: &logv1.Event_IncidentOpened{IncidentOpened: &logv1.IncidentOpened{
		Incident: "I1", Site: "NORD", Category: "assistance", Priority: 3, GuardsWanted: 1, Mode: "proposed", NeglectedAtMs: n.now + 90_000,
	}}})
	n.state = controlroom.Evolve(n.state, n.now+50_000, &logv1.Event{Body: &logv1.Event_DutyStarted{DutyStarted: &logv1.DutyStarted{Team: "S1", UntilMs: n.now + 1e9}}})
	if due, open := controlroom.OpenDeadline(n.state, "choose/I1"); !open || due > n.now+120_000 {
		t.Fatalf("open %v, due %d", open, due)
	}
	n.state = controlroom.Answered(n.state, "choose/I1")
	n.state = controlroom.Evolve(n.state, n.now+120_000, &logv1.Event{Body: &logv1.Event_TeamsChosen{TeamsChosen: &logv1.TeamsChosen{Incident: "I1", Chosen: []string{"N1"}}}})
	n.state = controlroom.Evolve(n.state, n.now+120_000, &logv1.Event{Body: &logv1.Event_MissionOffered{MissionOffered: &logv1.MissionOffered{
		Mission: "M1", Incident: "I1", Team: "N1", Guards: 1, DeliverByMs: n.now + 125_000, AnswerByMs: n.now + 210_000,
	}}})
	if _, open := controlroom.OpenDeadline(n.state, "choose/I1"); open || n.incident("I1").Proposal != nil || n.state.Teams["N1"].Mission != "M1" {
		t.Errorf("%+v", n.incident("I1"))
	}
}
