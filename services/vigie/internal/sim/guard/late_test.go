package guard_test

import (
	"testing"
	"time"

	logv1 "vigie/pkg/gen/vigie/log/v1"
	"vigie/services/vigie/internal/sim/chance"
)

// lost is a seed by which the link is lost before the answer.
func lost(t *testing.T) chance.Seed {
	t.Helper()
	for s := range chance.Seed(1_000_000) {
		of := func(what string) chance.Lot { return s.Of(what, "alpha/t1", "I1-1") }
		if of("loses the link").Happens(0.01) && of("loses the link where").Pick([]float64{1, 2, 1}) == 0 &&
			!of("declines").Happens(0.04) && !of("unheard").Happens(0.02) && of("is without link for").LogNormal(90*time.Second, 0.7) > time.Minute {
			return s
		}
	}
	t.Fatal("no such seed")
	return 0
}

func event(mission string, kind string) *logv1.Event {
	switch kind {
	case "expired":
		return &logv1.Event{Body: &logv1.Event_MissionExpired{MissionExpired: &logv1.MissionExpired{Mission: mission}}}
	case "cancelled":
		return &logv1.Event{Body: &logv1.Event_MissionCancelled{MissionCancelled: &logv1.MissionCancelled{Mission: mission}}}
	}
	return nil
}

func TestWithoutLinkTheTeamActsAndSaysSoLaterWithTheTrueTimes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, lost(t))
	w.offer("M1", "I1", "north", 1)
	w.mute = true // what is said from now on has no outcome
	w.run(2 * time.Second)
	if w.online() {
		t.Fatal("the link is not lost")
	}
	said := len(w.said)
	w.run(40 * time.Second)
	if len(w.said) == said || w.said[said] != "mission.accept M1" {
		t.Fatalf("did nothing without link: %v", w.said)
	}
	accepted := w.cmds[said]
	for !w.online() {
		w.run(5 * time.Second)
	}
	if at := accepted.GetAt().AsTime(); at.Sub(noon) > 40*time.Second {
		t.Errorf("accepted at %v by its own word", at)
	}

	// The room has given up meanwhile; the answer was in time, so a new mission takes the place of the old.
	w.hear(event("M1", "expired"))
	said = len(w.said)
	w.hear(&logv1.Event{Body: &logv1.Event_LateAnswerHonoured{LateAnswerHonoured: &logv1.LateAnswerHonoured{
		Mission: "M2", Previous: "M1", Incident: "I1", Team: "t1",
	}}})
	w.answer(accepted, "")
	w.mute = false
	w.run(3 * time.Hour)
	legs := w.said[said:]
	if len(legs) < 3 || legs[len(legs)-1] != "mission.clear M2" || legs[len(legs)-2] != "mission.on_scene M2" {
		t.Errorf("after the late answer: %v", legs)
	}
}

func TestWhoIsTooLateStandsDownOrContinuesWithTheOther(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"stand_down", "continue", "mission_expired", "mission_ended"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, lost(t))
			w.offer("M1", "I1", "north", 1)
			w.mute = true
			w.run(40 * time.Second)
			accepted := w.cmds[len(w.cmds)-1]
			for _, c := range w.cmds {
				if c.GetType() == "mission.accept" {
					accepted = c
				}
			}
			w.hear(event("M1", "expired"))
			w.offer("M7", "I7", "north", 2)
			w.mute = false
			w.answer(accepted, code)
			said := len(w.said)
			w.run(4 * time.Hour)
			for _, s := range w.said[said:] {
				if s == "mission.clear M1" || s == "mission.on_scene M1" {
					t.Errorf("goes on with M1: %v", w.said[said:])
				}
			}
			if w.refused != 1 || len(w.said) == said {
				t.Errorf("refused %d, then said %v", w.refused, w.said[said:])
			}
		})
	}
}
