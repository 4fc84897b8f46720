package scenario_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

func TestAFrozenHandheldIsShownAsNotReachedAndGetsWhatItMissedInOrder(t *testing.T) {
	t.Parallel()
	night := Begin(t, atRate(20))
	desk := night.Console("alpha", "dispatcher")
	frozen, other := night.Guard("north-1").OnDuty(), night.Guard("north-2").OnDuty()
	// A second handheld of the same team that only listens: what the first has missed is what this one has heard.
	listener := night.Handheld("north-1", "guard-listener")
	listener.ComeBack()
	before := frozen.reached()

	frozen.freeze()
	desk.Opens("north", "HALL", "access", 1)
	lost := listener.Rings().GetMission()
	desk.Hears("undelivered", lost)
	offer := other.ExpectOffer() // the silence has expired
	other.Accept(offer)
	frozen.GoOffline()
	frozen.thaw()
	frozen.ComeBack()

	if frozen.snapshot() {
		t.Error("a device that was away for a moment should be told what it missed, not to start over")
	}
	last := listener.reached()
	frozen.await("what it missed", func() bool { return frozen.cursor.GetOffset() >= last })
	upTo := func(g *Guard) (list []*watchv1.Decided) {
		for _, e := range g.since(before) {
			if e.GetOffset() <= last {
				list = append(list, e)
			}
		}
		return list
	}
	if diff := cmp.Diff(upTo(listener), upTo(frozen), protocmp.Transform()); diff != "" {
		t.Errorf("what the frozen device got after all (-missed +got):\n%s", diff)
	}
	other.Finish(offer.GetMission())
}

// reached is how far a handheld has come.
func (g *Guard) reached() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.cursor.GetOffset()
}

func TestALostSocketMovesTheOfferOnAndAStaleCursorStartsOverFromASnapshot(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	desk := night.Console("alpha", "dispatcher")
	lost, other := night.Guard("north-1").OnDuty(), night.Guard("north-2").OnDuty()

	desk.Opens("north", "HALL", "access", 1)
	gone := lost.Rings().GetMission()
	lost.GoOffline()
	desk.Hears("undelivered", gone)
	desk.Hears("expired", gone)
	offer := other.ExpectOffer()
	other.Accept(offer)
	if team := night.Team(night.State("alpha"), "north-1"); team.Reachable || team.Status != "unreachable" {
		t.Errorf("a team without a socket: %+v", team)
	}

	// The place it knows is not of this log: nothing that it has can be trusted.
	lost.mu.Lock()
	lost.cursor.Hash = strings.Repeat("ab", 32)
	lost.mu.Unlock()
	lost.ComeBack()
	if !lost.snapshot() {
		t.Error("a cursor that is not of the log should be answered by a snapshot")
	}
	team := lost.begun[len(lost.begun)-1].GetSnapshot().GetState().AsMap()["team"].(map[string]any)
	if team["id"] != "north-1" || team["on_duty"] != true {
		t.Errorf("the snapshot of a team: %v", team)
	}

	// While on a mission, the snapshot holds it.
	other.GoOffline()
	desk.await("the lost link", func() bool {
		_, ok := about(desk.watcher, (*logv1.Event).GetDeviceUnlinked, func(e *logv1.DeviceUnlinked) bool { return e.GetTeam() == other.team })
		return ok
	})
	other.cursor = nil
	other.ComeBack()
	missions := other.begun[len(other.begun)-1].GetSnapshot().GetState().AsMap()["missions"].([]any)
	if len(missions) != 1 || missions[0].(map[string]any)["id"] != offer.GetMission() {
		t.Errorf("the snapshot of a team on a mission: %v", missions)
	}
	other.Finish(offer.GetMission())
}

// tooLate plays an offer to a guard who says yes in time and is heard after the expiry.
func tooLate(night *Night, desk *Console, g *Guard) (offer *logv1.MissionOffered, incident string, saidAt time.Time) {
	night.t.Helper()
	incident = desk.Opens("north", "HALL", "access", 1)
	offer = g.ExpectOffer()
	saidAt = at(desk.watcher, "offered "+offer.GetMission()).Add(10 * time.Second)
	desk.Hears("expired", offer.GetMission())
	return offer, incident, saidAt
}

func TestAnAnswerGivenInTimeThatArrivesLateIsHonouredWhileTheIncidentIsFree(t *testing.T) {
	t.Parallel()
	night := Begin(t, atRate(20))
	desk := night.Console("alpha", "dispatcher")
	guard := night.Guard("north-1").OnDuty()

	late, incident, saidAt := tooLate(night, desk, guard)
	if o := guard.AcceptedAt(late, saidAt); o.GetOutcome() != "done" {
		t.Fatalf("the late yes: %v", o)
	}
	honoured := hear(guard.watcher, "that its yes counts", (*logv1.Event).GetLateAnswerHonoured,
		func(e *logv1.LateAnswerHonoured) bool { return e.GetPrevious() == late.GetMission() })
	m := night.Mission(night.State("alpha"), honoured.GetMission())
	if m.State != "accepted" || m.Incident != incident || m.Previous != late.GetMission() {
		t.Errorf("the mission in its place: %+v", m)
	}
	// The handheld may not know the new id yet: what it says of the old mission counts for the new one.
	guard.Reports("en_route", late.GetMission())
	guard.Reports("on_scene", honoured.GetMission())
	guard.Reports("clear", honoured.GetMission())
}

func TestALateAnswerIsToldToStandDownAndWhoHasIt(t *testing.T) {
	t.Parallel()
	night := Begin(t, atRate(20))
	desk := night.Console("alpha", "dispatcher")
	slow, quick := night.Guard("north-1").OnDuty(), night.Guard("north-2").OnDuty()

	late, _, saidAt := tooLate(night, desk, slow)
	offer := quick.ExpectOffer()
	quick.Accept(offer)
	o := slow.AcceptedAt(late, saidAt)
	if o.GetOutcome() != "refused" || o.GetCode() != "stand_down" || o.GetTakenByCallSign() != "NORTH 2" || !strings.Contains(o.GetMessage(), "NORTH 2") {
		t.Errorf("the late yes: %v", o)
	}
	desk.await("the refusal", func() bool {
		d, ok := find(desk.events, func(d *watchv1.Decided) bool { return d.GetRefusal().GetCode() == "stand_down" })
		return ok && d.GetRefusal().GetMission() == late.GetMission()
	})
	// And one that was given after the expiry is not in time, whatever it says.
	if o := slow.AcceptedAt(late, night.Now()); o.GetCode() != "mission_expired" {
		t.Errorf("a yes given too late: %v", o)
	}
	quick.Finish(offer.GetMission())
}

func TestALateAnswerOfATeamThatHasAnotherMissionIsToldToContinue(t *testing.T) {
	t.Parallel()
	night := Begin(t, atRate(20))
	desk := night.Console("alpha", "dispatcher")
	guard := night.Guard("north-1").OnDuty()

	late, incident, saidAt := tooLate(night, desk, guard)
	desk.do(&watchv1.Command{Type: "incident.cancel", Incident: incident, Reason: "over"})
	current := desk.Opens("north", "ED", "assistance", 3)
	var offer *logv1.MissionOffered
	for offer.GetIncident() != current { // the first may have been offered once more
		offer = guard.ExpectOffer()
	}
	guard.Accept(offer)
	o := guard.AcceptedAt(late, saidAt)
	if o.GetOutcome() != "refused" || o.GetCode() != "continue" || o.GetMission() != offer.GetMission() || !strings.Contains(o.GetMessage(), offer.GetMission()) {
		t.Errorf("the late yes: %v", o)
	}
	guard.Finish(offer.GetMission())
}
