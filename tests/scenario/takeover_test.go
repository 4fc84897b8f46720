package scenario_test

import (
	"encoding/json"
	"flag"
	"os"
	"testing"
	"time"
)

// The benchmark plays the same night longer, and wants the times.
var ( //nolint:gochecknoglobals // flags
	kills = flag.Int("kills", 20, "how often whoever decides is killed")
	took  = flag.String("took", "", "file to write how long that took to, as JSON in nanoseconds")
)

func TestWhoeverDecidesIsKilledAndNoDecisionIsLostOrWrong(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	desk, panel := night.Console("alpha", "dispatcher"), night.Panel("alpha")
	quiet := night.Busy()
	alpha, bravo := night.chronicle("alpha"), night.chronicle("bravo")
	panel.Rings("DOOR", "north", "HALL") // somebody has decided
	outcome := func(since time.Time) (taken, time.Duration) {
		rung := panel.Rings("INTRUSION", "north", "PHARMACY")
		desk.Incident(rung)
		return rung, time.Since(since)
	}
	var calm, killed []time.Duration
	for range *kills {
		_, undisturbed := outcome(time.Now())
		author := alpha.author()
		night.Loses(author)
		rung, after := outcome(time.Now())
		calm, killed = append(calm, undisturbed), append(killed, after)
		if by := alpha.answer(rung.Offset).Decider; by == author {
			t.Errorf("%s is dead and has decided", by)
		}
		night.GetsBack(author)
	}
	quiet()
	night.Eventually("every request has its outcome", alpha.answered)
	alpha.hasFewVoids()
	bravo.hasFewVoids()
	spread(t, "from the kill to the next alarm's outcome at a console", killed)
	writeTook(t, map[string][]time.Duration{"calm": calm, "killed": killed})
}

func writeTook(t *testing.T, times map[string][]time.Duration) {
	t.Helper()
	if *took == "" {
		return
	}
	raw, err := json.Marshal(times)
	if err == nil {
		err = os.WriteFile(*took, raw, 0o600)
	}
	if err != nil {
		t.Error(err)
	}
}

func TestADeciderThatJoinsInMidNightKnowsTheStoryAndGoesOnWithItAlone(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	desk, panel := night.Console("alpha", "dispatcher"), night.Panel("alpha")
	guard := night.Guard("north-1").OnDuty()
	incident := desk.Incident(panel.Rings("INTRUSION", "north", "PHARMACY"))
	offer := guard.ExpectOffer()
	guard.Accept(offer)
	alpha := night.chronicle("alpha")
	before := len(alpha.read())

	night.Joins("dispatch-3")
	night.Retires("dispatch-1")
	night.Retires("dispatch-2")
	again := panel.Rings("INTRUSION", "north", "PHARMACY")
	if joined := desk.Incident(again); joined != incident {
		t.Errorf("the alarm is about %s, and about %s for those who were there before", joined, incident)
	}
	guard.Finish(offer.GetMission())
	night.Joins("dispatch-1")
	night.Joins("dispatch-4")
	night.Retires("dispatch-3")
	desk.Closes(incident, "genuine")
	authors := map[string]bool{}
	for _, r := range alpha.effective(before) {
		authors[r.Decider] = true
	}
	if !authors["dispatch-3"] || !authors["dispatch-1"] && !authors["dispatch-4"] {
		t.Errorf("since then %v have decided", authors)
	}
	alpha.hasFewVoids()
}
