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
	var calm, killed, tookOver []time.Duration
	for range *kills {
		_, undisturbed := outcome(time.Now())
		author := alpha.author()
		night.Loses(author)
		since := time.Now()
		rung, after := outcome(since)
		calm, killed = append(calm, undisturbed), append(killed, after)
		answer := alpha.answer(rung.Offset)
		if answer.Decider == author {
			t.Errorf("%s is dead and has decided", author)
		}
		from := answer.received()
		if from.Before(since) {
			from = since
		}
		tookOver = append(tookOver, answer.At.Sub(from))
		night.GetsBack(author)
	}
	quiet()
	night.Eventually("every request has its outcome", alpha.answered)
	alpha.hasFewVoids()
	bravo.hasFewVoids()
	// That it is within a second (I15) is for the simulator to say, where time is nobody's but the rules'.
	spread(t, "from the later of kill and request to the decision, as the record says", tookOver)
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

// received is when the alarm that a record answers had come.
func (r record) received() time.Time {
	for _, e := range r.Events {
		if ms, ok := e["received_at_ms"].(float64); ok {
			return time.UnixMilli(int64(ms))
		}
	}
	return time.Time{}
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
	night.Eventually("every request has its outcome", alpha.answered) // who tells the log may be behind a console
	authors := map[string]bool{}
	for _, r := range alpha.effective(before) {
		authors[r.Decider] = true
	}
	if !authors["dispatch-3"] || !authors["dispatch-1"] && !authors["dispatch-4"] {
		t.Errorf("since then %v have decided", authors)
	}
	alpha.hasFewVoids()
}
