package decider_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"vigie/pkg/beat"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow/livetest"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	positionsv1 "vigie/pkg/gen/vigie/positions/v1"
	"vigie/pkg/wire"
	"vigie/services/dispatch/internal/decider"
)

// next are the rules of a program to come, which reads one level more.
func next() *controlroom.Domain {
	rules := controlroom.Rules()
	rules.MaxLevel++
	return rules
}

// beats has processes heard with a level for the next minutes: the test may take its time.
func beats(h *beat.Heard, level uint32, processes ...string) {
	now := time.Now()
	for at := time.Duration(0); at <= 5*time.Minute; at += beat.Every {
		for _, p := range processes {
			h.Take(&positionsv1.Beat{Process: p, Service: beat.Dispatch, ClockMs: now.Add(at).UnixMilli(), Level: level}, now.Add(at))
		}
	}
}

// raised asks for the next level and gives the decision on it.
func raised(t *testing.T, w *livetest.World, id string) (s wire.Stored) {
	t.Helper()
	asked := w.Ask("north", "account/admin", id, &intakev1.Request{Body: &intakev1.Request_RaiseLevel{
		RaiseLevel: &intakev1.RaiseLevel{Level: controlroom.MaxLevel + 1},
	}})
	livetest.Await(t, "request "+id+" is answered", func() bool {
		fold := es.NewFold("north", next())
		for k, value := range w.Read(eventlog.TopicLog, "north") {
			s = wire.Decode(int64(k), value)
			if fold.Read(&s).Verdict == es.Effective && s.Intake == asked {
				return true
			}
		}
		return false
	})
	return s
}

func TestALevelIsRaisedOnceEveryProcessIsKnownToReadIt(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	heard := beat.NewHeard(1, time.Now())
	deciding := func(c *decider.Config) { c.Rules, c.Heard = next(), heard }
	decide(t, w, "north", "new", deciding)
	w.Configure("north")

	for _, c := range []struct {
		when string
		hear func()
	}{
		{"nobody-was-heard-yet", func() {}},
		{"an-old-process-is-there", func() {
			beats(heard, controlroom.MaxLevel+1, "new", "other")
			beats(heard, controlroom.MaxLevel, "old")
		}},
	} {
		c.hear()
		if s := raised(t, w, c.when); s.Refusal == nil || s.Refusal.Code != controlroom.CodeLevelUnread || !strings.Contains(s.Refusal.Message, "(1 is)") {
			t.Errorf("%s: %+v", c.when, s.Refusal)
		}
	}
	beats(heard, controlroom.MaxLevel+1, "old") // it was replaced
	if s := raised(t, w, "all-are-new"); s.Refusal != nil || len(s.Events) != 1 || s.Events[0].GetLevelRaised().GetLevel() != 2 || s.Level != 1 {
		t.Errorf("decided %+v", s)
	}
	if s := raised(t, w, "once-more"); s.Refusal != nil || s.Level != 2 {
		t.Errorf("decided after the raise: level %d, %+v", s.Level, s.Refusal)
	}

	// A program that does not read the level stops there and says what to do; it writes nothing.
	old := decide(t, w, "north", "old-one", nil)
	livetest.Await(t, "the old program has stopped", old.Halted)
	if err := old.Ready(); err == nil || !strings.Contains(err.Error(), "run a newer version") {
		t.Errorf("the old program: %v", err)
	}
	if err := old.end(); !errors.Is(err, decider.ErrHalted) {
		t.Errorf("the old program ended with %v", err)
	}
}
