package scenario_test

import (
	"testing"
	"time"
)

// zombieFor is how long the first decider stands still: longer than anybody waits for another.
const zombieFor = 10 * time.Second

// tries bounds how often a decider is paused until it has been caught with something in flight.
const tries = 30

func TestADeciderThatStoodStillFindsThatOthersWentOnAndDecidesAgain(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	desk, panel := night.Console("alpha", "dispatcher"), night.Panel("alpha")
	quiet := night.Busy()
	alpha := night.chronicle("alpha")
	alpha.answer(panel.Rings("DOOR", "north", "HALL").Offset)

	zombie := alpha.author()
	night.Suspends(zombie)
	rung := panel.Rings("INTRUSION", "north", "PHARMACY")
	desk.Incident(rung)
	taken := alpha.answer(rung.Offset)
	if taken.Decider == zombie {
		t.Fatalf("%s stands still and has decided", zombie)
	}
	night.Within(zombieFor+patience, "another decides all the while", func() (bool, string) {
		list := alpha.effective(0)
		last := list[len(list)-1]
		return last.At.Sub(taken.At) >= zombieFor, last.At.String()
	})
	for _, r := range alpha.effective(int(taken.Offset)) {
		if r.Decider == zombie {
			t.Errorf("record %d of %s, which stands still, is effective", r.Offset, zombie)
		}
	}
	night.Resumes(zombie)

	// Who wakes believes for a moment that it is still first. Sooner or later one is caught with a decision in flight.
	for try := 0; alpha.voids("") == 0; try++ {
		if try == tries {
			t.Fatalf("woken %d times, and nothing was ever in flight", tries)
		}
		first := alpha.author()
		night.Suspends(first)
		rung := panel.Rings("INTRUSION", "north", "PHARMACY")
		desk.Incident(rung)
		if by := alpha.answer(rung.Offset).Decider; by == first {
			t.Errorf("%s stands still and has decided", by)
		}
		night.Resumes(first)
		alpha.answer(panel.Rings("DOOR", "north", "HALL").Offset)
	}
	quiet()
	night.Eventually("every request has its outcome", alpha.answered)

	// The one that stood still knows what the others know.
	for _, other := range night.apart().named("dispatch") {
		if other.name != zombie {
			night.Loses(other.name)
			defer night.GetsBack(other.name)
		}
	}
	if by := alpha.answer(panel.Rings("INTRUSION", "south", "PARKING").Offset).Decider; by != zombie {
		t.Errorf("only %s is left, and %s has decided", zombie, by)
	}
	alpha.hasFewVoids()
}
