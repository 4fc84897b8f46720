package beat_test

import (
	"testing"
	"time"

	"vigie/pkg/beat"
	positionsv1 "vigie/pkg/gen/vigie/positions/v1"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func says(process, service string, clock int64, level uint32) *positionsv1.Beat {
	return &positionsv1.Beat{Process: process, Service: service, ClockMs: clock, Level: level}
}

func TestTheAgreedTimeIsTheLowerMedianOfThoseHeardOfLate(t *testing.T) {
	t.Parallel()
	h := beat.NewHeard(1, start)
	if agreed, others := h.Agreed("me", beat.Dispatch, 1000, start); agreed != 1000 || others {
		t.Errorf("alone: %d, others %v", agreed, others)
	}
	h.Take(says("gateway", beat.Gateway, 500, 1), start)
	if agreed, others := h.Agreed("me", beat.Dispatch, 1000, start); agreed != 500 || others {
		t.Errorf("of two the lower counts, and a gateway is no other decider: %d, %v", agreed, others)
	}
	h.Take(says("you", beat.Dispatch, 600, 1), start)
	later := start.Add(2 * time.Second)
	if agreed, others := h.Agreed("me", beat.Dispatch, 3_600_000, later); agreed != 2600 || !others {
		t.Errorf("my clock is an hour ahead: %d, others %v", agreed, others)
	}
	gone := start.Add(beat.SilentAfter + time.Second)
	if agreed, others := h.Agreed("me", beat.Dispatch, 3_600_000, gone); agreed != 3_600_000 || others {
		t.Errorf("nobody heard any more: %d, others %v", agreed, others)
	}
}

func TestAFastDomainClockIsCarriedForwardAtItsRate(t *testing.T) {
	t.Parallel()
	h := beat.NewHeard(60, start)
	h.Take(says("a", beat.Gateway, 1_000_000, 1), start)
	h.Take(says("b", beat.Gateway, 1_000_000, 1), start)
	if agreed, _ := h.Agreed("me", beat.Dispatch, 9_000_000, start.Add(time.Second)); agreed != 1_060_000 {
		t.Errorf("agreed %d, want 1060000", agreed)
	}
}

func TestAProcessIsSilentWhenItWasNotHeardFor15Seconds(t *testing.T) {
	t.Parallel()
	h := beat.NewHeard(1, start)
	if h.Silent("g", start.Add(beat.SilentAfter)) {
		t.Error("silent before anybody could have heard it")
	}
	if !h.Silent("g", start.Add(beat.SilentAfter+time.Millisecond)) {
		t.Error("never heard, and not silent")
	}
	h.Take(says("g", beat.Gateway, 0, 1), start.Add(time.Minute))
	if h.Silent("g", start.Add(time.Minute+beat.SilentAfter)) || !h.Silent("g", start.Add(2*time.Minute)) {
		t.Error("heard a minute after the start: silent from 15 s later on")
	}
}

func TestALevelIsReadWhenEverybodyReadsIt(t *testing.T) {
	t.Parallel()
	h := beat.NewHeard(1, start)
	all := map[string]uint32{"me": 3, "new": 3, "old": 1}
	at := time.Duration(0)
	// listen lets those beat for so long who are given.
	listen := func(length time.Duration, processes ...string) {
		for end := at + length; at < end; at += beat.Every {
			for _, p := range processes {
				h.Take(says(p, beat.Gateway, 0, all[p]), start.Add(at))
			}
		}
	}
	expect := func(when string, want uint32) {
		t.Helper()
		if level := h.Level("me", 3, 1, start.Add(at-beat.Every)); level != want {
			t.Errorf("%s: level %d, want %d", when, level, want)
		}
	}
	expect("nobody heard", 1)
	listen(beat.SilentAfter, "me", "new")
	expect("not heard for long enough to know who is there", 1)
	listen(beat.Every, "me", "new")
	expect("all read it", 3)
	listen(beat.Every, "me", "new", "old")
	expect("an old process is there", 1)
	listen(beat.SilentAfter, "me", "new")
	expect("an old process may still be there", 1)
	listen(beat.Every, "me", "new")
	expect("the old process is gone", 3)
	at += beat.SilentAfter
	expect("nothing is heard any more, not even the own beats", 1)
	listen(beat.Every, "me")
	expect("the telemetry is back, and those who come back with it have not been heard yet", 1)
	listen(beat.Every, "me", "old")
	expect("the old process was there all the time", 1)
	listen(beat.SilentAfter, "new", "old", "me")
	expect("and still is", 1)
	listen(time.Minute, "new")
	expect("others are heard, and not this one", 1)
}

// A partition of the telemetry that finds another leader keeps all beats waiting at once: nobody's clock is wrong by that.
func TestBeatsThatComeLateMakeNoClockLookWrong(t *testing.T) {
	t.Parallel()
	h := beat.NewHeard(1, start.Add(-time.Minute))
	c := beat.NewCompany(h, "me")
	for at := time.Duration(0); at <= 30*time.Second; at += beat.Every {
		late := time.Duration(0)
		if at == 10*time.Second || at == 25*time.Second {
			late = 4 * time.Second
		}
		for _, process := range []string{"you", "they"} {
			h.Take(says(process, beat.Dispatch, at.Milliseconds(), 1), start.Add(at+late))
		}
		now := at + late
		if trust := c.Trust(now.Milliseconds(), start.Add(now)); !trust.Write || !trust.Expire || trust.Off != 0 {
			t.Errorf("after %s: %+v", now, trust)
		}
	}
	// A clock that is set back is believed when what it showed before has been forgotten.
	for at := 35 * time.Second; at <= 60*time.Second; at += beat.Every {
		for _, process := range []string{"you", "they"} {
			h.Take(says(process, beat.Dispatch, (at-time.Hour).Milliseconds(), 1), start.Add(at))
		}
	}
	if trust := c.Trust(60_000, start.Add(60*time.Second)); trust.Expire || trust.Off != time.Hour {
		t.Errorf("all others were set back by an hour: %+v", trust)
	}
}
