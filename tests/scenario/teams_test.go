package scenario_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"vigie/pkg/beat"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

func TestTwoGuardsOnSiteAreOfferedABrawlAtOnceAndTheNeighbourInParallel(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	desk := night.Console("alpha", "dispatcher")
	first, second := night.Guard("north-1").OnDuty(), night.Guard("north-2").OnDuty()
	car, dog := night.Guard("south-1").OnDutyWith("guard-second"), night.Guard("south-2").OnDuty()

	incident := desk.Incident(night.Panel("alpha").Rings("BRAWL", "north", "ED"))
	offers := map[string]*logv1.MissionOffered{}
	for _, g := range []*Guard{first, second, car} {
		offers[g.team] = g.ExpectOffer()
	}
	dog.ExpectNoOffer()
	chosen := hear(desk.watcher, "the choice", (*logv1.Event).GetTeamsChosen, func(e *logv1.TeamsChosen) bool { return e.GetIncident() == incident })
	if diff := cmp.Diff([]string{"north-1", "north-2", "south-1"}, chosen.GetChosen()); diff != "" {
		t.Errorf("three guards are wanted, those on site first (-want +got):\n%s", diff)
	}
	together := 0
	for _, d := range desk.since(-1) {
		n := 0
		for _, e := range d.GetEvents() {
			if e.GetMissionOffered() != nil {
				n++
			}
		}
		together = max(together, n)
	}
	if together != 3 {
		t.Errorf("%d offers in one decision, want all three", together)
	}

	for _, g := range []*Guard{first, second, car} {
		g.Accept(offers[g.team])
	}
	for _, g := range []*Guard{first, second} {
		g.Reports("on_scene", offers[g.team].GetMission())
	}
	desk.Controls(incident)
	recalled := offers[car.team].GetMission()
	hear(car.watcher, "its recall", (*logv1.Event).GetMissionCancelled, func(e *logv1.MissionCancelled) bool { return e.GetMission() == recalled })
	for _, g := range []*Guard{first, second} {
		g.Reports("clear", offers[g.team].GetMission())
	}
	desk.Closes(incident, "genuine")
}

func TestADeclinedOfferGoesToTheNextTeam(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	desk := night.Console("alpha", "dispatcher")
	first, second := night.Guard("north-1").OnDuty(), night.Guard("north-2").OnDuty()

	incident := desk.Opens("north", "HALL", "access", 1)
	declined := first.ExpectOffer()
	second.ExpectNoOffer()
	first.Decline(declined, "escorting a visitor")
	told := hear(desk.watcher, "the refusal", (*logv1.Event).GetMissionDeclined, func(e *logv1.MissionDeclined) bool {
		return e.GetMission() == declined.GetMission()
	})
	if told.GetReasonText().GetClear() != "escorting a visitor" {
		t.Errorf("the desk reads why: %v", told)
	}
	offer := second.ExpectOffer()
	second.Accept(offer)
	second.Finish(offer.GetMission())
	first.ExpectNoOffer()

	end := night.State("alpha")
	if m := night.Mission(end, declined.GetMission()); m.State != "declined" || m.EndReason != "other" {
		t.Errorf("what was typed is not in the log in clear: %+v", m)
	}
	for _, r := range night.Timeline("alpha", incident) {
		for _, e := range r.Events {
			if text, _ := e["reason_text"].(map[string]any); e["type"] == "mission_declined" && text["clear"] != "escorting a visitor" {
				t.Errorf("the timeline says why: %v", e)
			}
		}
	}
	if i := night.Incident(end, incident); len(i.Missions) != 2 {
		t.Errorf("missions of the incident: %+v", i)
	}
}

func TestSilenceExpiresAndTheOfferGoesToTheNextTeam(t *testing.T) {
	t.Parallel()
	const second, rate = time.Second, 30
	night := Begin(t, atRate(rate))
	desk := night.Console("alpha", "dispatcher")
	silent, other := night.Guard("north-1").OnDuty(), night.Guard("north-2").OnDuty()
	for _, c := range []struct {
		priority       int32
		patience, late time.Duration
	}{
		// A decider that has just started lets nothing expire before it has heard who is there, and itself twice.
		{1, 30 * second, rate * 2 * beat.Every},
		{1, 30 * second, 30 * second},
		{2, 90 * second, 30 * second},
	} {
		desk.Opens("north", "HALL", "access", c.priority)
		unanswered := silent.ExpectOffer()
		offer := other.ExpectOffer()
		other.Accept(offer)
		desk.Hears("expired", unanswered.GetMission())
		asked, gaveUp := at(desk.watcher, "offered "+unanswered.GetMission()), at(desk.watcher, "expired "+unanswered.GetMission())
		if waited := gaveUp.Sub(asked); waited < c.patience || waited > c.patience+c.late {
			t.Errorf("P%d: the team was given %v, want %v and at most %v more", c.priority, waited, c.patience, c.late)
		}
		other.Finish(offer.GetMission())
	}
}

// at gives the domain time of a mission's event.
func at(w *watcher, missionIs string) time.Time {
	for _, d := range w.since(-1) {
		for _, e := range d.GetEvents() {
			if missionEvent(e) == missionIs {
				return d.GetAt().AsTime()
			}
		}
	}
	return time.Time{}
}

func TestASecondAlarmWaitsOpenForTheOnlyTeamAndGetsItWhenItClears(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	desk, panel := night.Console("alpha", "dispatcher"), night.Panel("alpha")
	guard := night.Guard("north-1").OnDuty()

	panel.Rings("INTRUSION", "north", "PHARMACY")
	first := guard.ExpectOffer()
	guard.Accept(first)
	second := desk.Incident(panel.Rings("INTRUSION", "north", "HALL"))
	none := hear(desk.watcher, "that nobody is free", (*logv1.Event).GetNoTeamFound, func(e *logv1.NoTeamFound) bool { return e.GetIncident() == second })
	why := map[string]string{}
	for _, x := range none.GetExclusions() {
		why[x.GetTeam()] = x.GetReason()
	}
	want := map[string]string{"north-1": "busy", "north-2": "off_duty", "south-1": "off_duty", "south-2": "off_duty"}
	if diff := cmp.Diff(want, why); diff != "" {
		t.Errorf("every team has its reason (-want +got):\n%s", diff)
	}
	if i := night.Incident(night.State("alpha"), second); i.State != "open" || !i.NoTeam {
		t.Errorf("the waiting incident: %+v", i)
	}

	guard.Finish(first.GetMission())
	offer := guard.ExpectOffer()
	if offer.GetIncident() != second {
		t.Errorf("offered %s, want the incident that waits, %s", offer.GetIncident(), second)
	}
	guard.Accept(offer)
	guard.Finish(offer.GetMission())
}

func TestWhenNobodyIsOnDutyTheRoomIsToldAndWhoeverSignsOnGetsIt(t *testing.T) {
	t.Parallel()
	night := Begin(t, atRate(20))
	dispatcher, chief := night.Console("alpha", "dispatcher"), night.Console("alpha", "chief")

	incident := dispatcher.Incident(night.Panel("alpha").Rings("DURESS", "north", "ED"))
	hear(dispatcher.watcher, "that nobody was found", (*logv1.Event).GetNoTeamFound, func(e *logv1.NoTeamFound) bool { return e.GetIncident() == incident })
	for step, told := range []*Console{dispatcher, chief} {
		e := hear(told.watcher, "that it is neglected", (*logv1.Event).GetIncidentNeglected,
			func(e *logv1.IncidentNeglected) bool {
				return e.GetIncident() == incident && e.GetStep() == int32(step)+1
			})
		if least := int64(step+1) * 30_000; e.GetWaitedMs() < least {
			t.Errorf("neglected, step %d, after %d ms, want %d at least", e.GetStep(), e.GetWaitedMs(), least)
		}
	}
	if i := night.Incident(night.State("alpha"), incident); i.State != "open" || i.Neglected != 2 {
		t.Errorf("the neglected incident: %+v", i)
	}

	guard := night.Guard("north-1").OnDuty()
	offer := guard.ExpectOffer()
	guard.Accept(offer)
	guard.Reports("on_scene", offer.GetMission())
	dispatcher.Controls(incident) // two guards are wanted: without it the search for another goes on
	guard.Reports("clear", offer.GetMission())
	dispatcher.Closes(incident, "false_alarm")
}

func TestADispatcherSendsAnExcludedTeamWithAReasonAndNeverABusyOne(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	desk := night.Console("alpha", "dispatcher")
	guard := night.Guard("south-2").OnDuty()

	incident := desk.Opens("north", "HALL", "intrusion", 2)
	hear(desk.watcher, "that it is too far", (*logv1.Event).GetNoTeamFound, func(e *logv1.NoTeamFound) bool { return e.GetIncident() == incident })
	send := func(incident, reason string) *watchv1.Outcome {
		return desk.ask(&watchv1.Command{Type: "mission.assign", Incident: incident, Team: "south-2", Reason: reason})
	}
	if o := send(incident, ""); o.GetCode() != "reason_needed" {
		t.Errorf("without a reason: %v", o)
	}
	if o := send(incident, "the dog is wanted"); o.GetOutcome() != "done" {
		t.Errorf("with a reason: %v", o)
	}
	offer := guard.ExpectOffer()
	guard.Accept(offer)
	other := desk.Opens("south", "HALL", "intrusion", 2)
	if o := send(other, "the dog is wanted there too"); o.GetCode() != "team_busy" {
		t.Errorf("a team on a mission: %v", o)
	}
	guard.Finish(offer.GetMission())
}
