package controlroom_test

import (
	"testing"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
)

// TestTheClockOfTheRoomIsSetToThatOfWhoDecides: deadlines move by what the room's clock moves, whoever asked.
func TestTheClockOfTheRoomIsSetToThatOfWhoDecides(t *testing.T) {
	t.Parallel()
	const hour = int64(3_600_000)
	for name, c := range map[string]struct {
		asked, decided, delta, want int64
	}{
		"both see the room an hour ahead":                     {start, start, -hour, -hour},
		"the request has waited for two seconds":              {start, start + 2000, -hour, -hour + 2000},
		"who asked has a clock that is behind":                {start - hour, start, -hour, 0},
		"who decides has the clock that put the room ahead":   {start, start + hour, -hour, 0},
		"who decides is five minutes behind who asked":        {start, start - hour/12, -hour, -hour - hour/12},
		"a step that is not one, as an old program may write": {start, start, 0, 0},
	} {
		r := controlroom.Request{Origin: es.Origin{ReceivedAt: c.asked}, Body: &intakev1.Request{
			Room: room, ReceivedAtMs: c.asked, Body: &intakev1.Request_StepClock{StepClock: &intakev1.StepClock{DeltaMs: c.delta, Step: 1}},
		}}
		out := controlroom.Decide(controlroom.Initial(), r, c.decided, controlroom.Facts{Room: room})
		switch {
		case c.want == 0 && (out.Refusal == nil || out.Refusal.Code != controlroom.CodeAlreadyStepped):
			t.Errorf("%s: got %+v, want a refusal", name, out)
		case c.want != 0 && (len(out.Events) != 1 || out.Events[0].GetClockStepped().GetDeltaMs() != c.want):
			t.Errorf("%s: got %+v, want a step by %d", name, out, c.want)
		}
	}
}
