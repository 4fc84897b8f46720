package beat_test

import (
	"testing"
	"time"

	"vigie/pkg/beat"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
)

// asks lets a company look around once a second for so long, and gives what it asks for. Its decider is heard all the time.
func asks(h *beat.Heard, r beat.Room, clock int64, length time.Duration) (list []*intakev1.Request) {
	c := beat.NewCompany(h, "me")
	for at := time.Duration(0); at <= length; at += time.Second {
		now := start.Add(at)
		h.Take(says("me", beat.Dispatch, clock+at.Milliseconds(), 1), now)
		h.Take(says("well", beat.Gateway, at.Milliseconds(), 1), now)
		h.Take(says("too", beat.Gateway, at.Milliseconds(), 1), now)
		list = append(list, c.Asks(r, clock+at.Milliseconds(), now)...)
	}
	return list
}

func TestTheFirstDeciderAsksAtOnceAndAnotherWhenItHasNot(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		first  bool
		length time.Duration
		want   int
	}{
		"the first":                          {true, 0, 1},
		"the first, until it is done":        {true, 20 * time.Second, 3},
		"another, at once":                   {false, 9 * time.Second, 0},
		"another, when the first has not":    {false, 10 * time.Second, 1},
		"another, which goes on until it is": {false, 20 * time.Second, 2},
	} {
		r := beat.Room{First: c.first, Gateways: []string{"gone"}}
		if got := asks(beat.NewHeard(1, start.Add(-time.Minute)), r, 0, c.length); len(got) != c.want {
			t.Errorf("%s: asked %d times, want %d", name, len(got), c.want)
		}
	}
}

func TestOnlyARightClockSetsTheRoomsRight(t *testing.T) {
	t.Parallel()
	const hour = 3_600_000
	for name, c := range map[string]struct {
		clock int64
		want  int
	}{
		"a right clock": {0, 1},
		"the wrong clock that has put the room ahead": {hour, 0},
		"a clock that is behind":                      {-hour, 0},
	} {
		got := asks(beat.NewHeard(1, start.Add(-time.Minute)), beat.Room{First: true, At: hour}, c.clock, 5*time.Second)
		if len(got) != c.want {
			t.Errorf("%s: asked %d times, want %d", name, len(got), c.want)
		}
		for _, q := range got {
			if step := q.GetStepClock(); step.GetStep() != 1 || step.GetDeltaMs() != -hour {
				t.Errorf("%s: asked for %v", name, step)
			}
		}
	}
}
