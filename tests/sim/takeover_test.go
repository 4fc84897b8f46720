package sim_test

import (
	"testing"

	"vigie/pkg/es"
)

// takeOverWithin is how long after the later of a kill and a request its outcome is in the log.
const takeOverWithin = second

// TestAnotherTakesOverWithinASecondOfTheKillOrTheRequest is exact: the time is that of the simulator. Whoever writes is
// killed or stopped at any moment, nothing else goes wrong, and no request waits for longer than the take-over lasts.
func TestAnotherTakesOverWithinASecondOfTheKillOrTheRequest(t *testing.T) {
	t.Parallel()
	longest := make([]int64, 300)
	failing := inParallel(1, uint64(len(longest)), func(seed uint64) bool {
		w := quiet(t, seed, broken{})
		longest[seed-1] = w.takeOver()
		return w.failed == nil && longest[seed-1] <= takeOverWithin
	})
	worst := int64(0)
	for _, l := range longest {
		worst = max(worst, l)
	}
	t.Logf("the longest of %d took %d ms", len(longest), worst)
	for _, seed := range failing {
		w := quiet(t, seed, broken{})
		w.telling = true
		t.Errorf("seed %d: a request waited for %d ms, %v\n%s", seed, w.takeOver(), w.failed, w.lastTold())
	}
}

// quiet is a world of a seed in which nothing goes wrong by itself.
func quiet(t *testing.T, seed uint64, b broken) *world {
	t.Helper()
	w, err := newWorld(seed, b)
	if err != nil {
		t.Fatal(err)
	}
	w.faults = faults{limits: es.DefaultLimits().Waiting(), alarmEvery: 700, deskEvery: 2000}
	return w
}

// takeOver ends the life of whoever is first, at a moment of the seed's own, and gives the longest that a request has
// waited since the later of its coming and that moment.
func (w *world) takeOver() (longest int64) {
	w.begin()
	w.runUntil(w.between(8*second, 12*second), nil)
	killed := w.now
	for _, n := range w.deciders {
		for _, d := range n.rooms {
			if n.up && d.writer.First() && d.r == w.rooms[0] {
				w.tell("%s, which is first, ends", n.name)
				if n.up = w.likely(0.5); n.up {
					n.stoppedUntil = w.now + 10*second
				}
				break
			}
		}
	}
	waits := func() {
		for _, r := range w.rooms {
			if n := r.oracle.intakeNext; n < r.intake.end() {
				longest = max(longest, w.now-max(killed, r.intake.written[n]))
			}
		}
	}
	w.runUntil(killed+20*second, func() bool {
		waits()
		return false
	})
	return longest
}

// TestWhoWaitsWritesFewVoids: of several deciders one writes, and what is void is rare; without the wait it is not.
func TestWhoWaitsWritesFewVoids(t *testing.T) {
	t.Parallel()
	permille := func(b broken) int {
		voids, records := 0, 0
		for seed := uint64(1); seed <= 20; seed++ {
			w := quiet(t, seed, b)
			w.begin()
			w.runUntil(30*second, nil)
			if w.failed != nil {
				t.Errorf("seed %d: %v", seed, w.failed)
			}
			for _, r := range w.rooms {
				voids, records = voids+r.oracle.voids, records+len(r.log.values)
			}
		}
		return voids * 1000 / records
	}
	waiting, pushing := permille(broken{}), permille(broken{neverWaits: true})
	t.Logf("per mille: %d void when all but the first wait, %d when nobody does", waiting, pushing)
	if waiting >= 50 || pushing < 50 {
		t.Errorf("per mille: %d void when all but the first wait, %d when nobody does; want fewer than 50, and more", waiting, pushing)
	}
}
