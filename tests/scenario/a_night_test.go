package scenario_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/timestamppb"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

func TestAnAlarmBringsTheNearestFittingTeamAcrossSitesAndIsSeenThroughToItsEnd(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	desk := night.Console("alpha", "dispatcher")
	walker, driver := night.Guard("south-2").OnDuty(), night.Guard("south-1").OnDutyWith("guard-second")

	// The car says where it is, and the desk sees it.
	driver.send(&watchv1.ClientFrame{Body: &watchv1.ClientFrame_Fix{Fix: &watchv1.Fix{Lat: 48.8368, Lon: 2.3522, AccuracyM: 10, At: timestamppb.New(night.Now())}}})
	desk.await("where the car is", func() bool {
		_, ok := find(desk.places, func(p *watchv1.Position) bool { return p.GetTeam() == "south-1" && p.GetLat() == 48.8368 })
		return ok
	})
	night.Locates("alpha", 1)

	// Nobody is on duty at the north: its neighbour sends the car, which is there before the dog on foot.
	alarm := night.Panel("alpha").Rings("INTRUSION", "north", "PHARMACY")
	incident := desk.Incident(alarm)
	offer := driver.ExpectOffer()
	desk.Claims(incident)
	driver.Reports("seen", offer.GetMission())
	driver.Accept(offer)
	driver.Reports("en_route", offer.GetMission())
	driver.Reports("on_scene", offer.GetMission())
	desk.Hears("arrived", offer.GetMission())
	if i := night.Incident(night.State("alpha"), incident); i.State != "on_scene" || i.ClaimedBy != "dispatcher" {
		t.Errorf("with the team on scene: %+v", i)
	}
	desk.Controls(incident)
	driver.Reports("clear", offer.GetMission())
	desk.Closes(incident, "genuine")

	walker.ExpectNoOffer()
	chosen := hear(desk.watcher, "why", (*logv1.Event).GetTeamsChosen, func(e *logv1.TeamsChosen) bool { return e.GetIncident() == incident })
	if c := chosen.GetCandidates()[0]; c.GetTeam() != "south-1" || !c.GetCrossesSites() || c.GetPlace() != "south" || c.GetPlaceSource() != "fix" {
		t.Errorf("the reason of the choice: %v", chosen)
	}
	for _, leg := range []string{"offered", "delivered", "seen", "accepted", "departed", "arrived", "cleared"} {
		desk.Hears(leg, offer.GetMission())
	}
	hear(driver.watcher, "the end of its incident", (*logv1.Event).GetIncidentClosed, func(e *logv1.IncidentClosed) bool { return e.GetIncident() == incident })
	if heard(walker.watcher, (*logv1.Event).GetIncidentClosed, func(*logv1.IncidentClosed) bool { return true }) {
		t.Error("a team was told of an incident that it has no part in")
	}

	end := night.State("alpha")
	i, m := night.Incident(end, incident), night.Mission(end, offer.GetMission())
	if i.State != "closed" || i.Disposition != "genuine" || m.State != "cleared" || m.Team != "south-1" {
		t.Errorf("at the end: %+v %+v", i, m)
	}
	legs := []string{m.DeliveredAt, m.SeenAt, m.AcceptedAt, m.EnRouteAt, m.OnSceneAt, m.EndedAt}
	if slices.Contains(legs, "") || !slices.IsSorted(legs) {
		t.Errorf("every leg has its time, in order: %v", legs)
	}
	var told []string
	for _, r := range night.Timeline("alpha", incident) {
		told = append(told, r.types()...)
	}
	want := []string{
		"incident_opened", "alarm_received", "teams_chosen", "mission_offered", "mission_delivered", "incident_claimed", "mission_seen",
		"mission_accepted", "mission_departed", "mission_arrived", "incident_controlled", "mission_cleared", "incident_closed",
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("the timeline (-want +got):\n%s", diff)
	}
}
