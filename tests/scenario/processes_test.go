package scenario_test

import (
	"testing"
	"time"

	logv1 "vigie/pkg/gen/vigie/log/v1"
)

func TestWhileNobodyDecidesAlarmsAreTakenAndAMissionGoesOnAfterwards(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	desk, panel := night.Console("alpha", "dispatcher"), night.Panel("alpha")
	guard := night.Guard("north-1").OnDuty()
	panel.Rings("INTRUSION", "north", "PHARMACY")
	offer := guard.ExpectOffer()
	guard.Accept(offer)
	before := night.State("alpha")

	night.Loses("dispatch")
	waiting := panel.Rings("INTRUSION", "north", "HALL")
	if got := night.State("alpha"); got.Version != before.Version {
		t.Errorf("version %d without deciders, and %d before", got.Version, before.Version)
	}
	night.GetsBack("dispatch")

	incident := desk.Incident(waiting)
	guard.Finish(offer.GetMission())
	next := guard.ExpectOffer()
	if next.GetIncident() != incident {
		t.Errorf("offered %s, want what came while nobody decided, %s", next.GetIncident(), incident)
	}
	guard.Accept(next)
	guard.Finish(next.GetMission())
}

// missed is how long it may take until a silent process counts as gone, with a margin for a busy machine.
const missed = 15*time.Second + patience

func TestWhenAGatewayDiesItsClientsGoOnAtAnotherWithoutMissingAnything(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	night.Loses("gateway-2") // so that all are at the other
	desk, panel := night.Console("alpha", "dispatcher"), night.Panel("alpha")
	guard, lost := night.Guard("north-1").OnDuty(), night.Guard("south-2").OnDuty()
	panel.Rings("INTRUSION", "north", "PHARMACY")
	offer := guard.ExpectOffer()
	guard.Accept(offer)
	night.GetsBack("gateway-2")

	night.Loses("gateway-1")
	for _, w := range []*watcher{desk.watcher, guard.watcher} {
		w.await("the end of its connection", func() bool { return w.ended != nil })
	}
	desk.connect()
	guard.ComeBack()
	if desk.snapshot() || guard.snapshot() {
		t.Error("a place in the log is as good at one gateway as at another")
	}
	guard.Reports("en_route", offer.GetMission())

	// Nobody says goodbye for those that stay away: the deciders miss the gateway's beats.
	desk.awaitWithin(missed, "that the dead gateway's links are gone", func() bool {
		_, ok := about(desk.watcher, (*logv1.Event).GetGatewayDisappeared, func(*logv1.GatewayDisappeared) bool { return true })
		return ok
	})
	end := night.State("alpha")
	if team := night.Team(end, lost.team); team.Reachable || team.Status != "unreachable" {
		t.Errorf("the team that stayed away: %+v", team)
	}
	if team := night.Team(end, guard.team); !team.Reachable || team.Mission != offer.GetMission() || team.Status != "en_route" {
		t.Errorf("the team that went elsewhere: %+v", team)
	}
	guard.Finish(offer.GetMission())
	night.GetsBack("gateway-1")
}
