package decider_test

import (
	"fmt"
	"strings"
	"testing"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/follow/livetest"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	"vigie/pkg/wire"
)

// No request is known on which the rules fail. Should there be one, it is this: whatever comes from the broken panel.
func brokenRules() *controlroom.Domain {
	rules := controlroom.Rules()
	rules.Decide = func(s controlroom.State, r controlroom.Request, at int64, f controlroom.Facts) controlroom.Outcome {
		if strings.HasPrefix(r.Cause.ID, "poison") {
			panic("index out of range [3] with length 3")
		}
		return controlroom.Decide(s, r, at, f)
	}
	return rules
}

func TestARequestOnWhichTheRulesFailHasAnOutcomeAndOneThatWasAnAlarmOpensAnIncident(t *testing.T) {
	t.Parallel()
	w := es.NewWriter("north", "a", brokenRules(), es.DefaultLimits(), wire.Encode)
	reader, next := controlroom.NewFold("north"), int64(0)
	step := func() {
		for _, value := range w.Step(es.Tick{Now: 1000, Mono: 1}, controlroom.Facts{Room: "north", LogID: "log-1"}).Batch {
			s := wire.Decode(reader.Next, value)
			if j := w.Read(&s); j.Verdict != es.Effective {
				t.Fatal(j)
			}
			again := wire.Decode(reader.Next, value) // by the rules as everybody else has them
			if j := reader.Read(&again); j.Verdict != es.Effective {
				t.Fatal(j)
			}
		}
		w.Appended(es.Written, es.Tick{Now: 1000, Mono: 1})
	}
	step()
	for _, c := range []struct {
		id      string
		request *intakev1.Request
		opened  string
	}{
		{"configure", &intakev1.Request{Body: &intakev1.Request_ConfigureRegion{
			ConfigureRegion: &intakev1.ConfigureRegion{Hash: "h", Content: livetest.Configuration("north")},
		}}, ""},
		{"poison-alarm", alarm("north", "al-1"), "unclassified"},
		{"poison-sos", &intakev1.Request{Body: &intakev1.Request_RaiseSos{RaiseSos: &intakev1.RaiseSos{}}}, "unclassified"},
		{"poison-duty", &intakev1.Request{Body: &intakev1.Request_EndDuty{EndDuty: &intakev1.EndDuty{Team: "T-north-1"}}}, ""},
		{"the next", open("north-1"), "assistance"},
	} {
		c.request.Room, c.request.Principal, c.request.Id = "north", "source/panel", c.id
		value, err := wire.EncodeRequest(c.request)
		if err != nil {
			t.Fatal(err)
		}
		before := reader.State.LastIncident
		w.Request(wire.DecodeRequest(next, value))
		next++
		step()
		if reader.IntakeNext != next {
			t.Fatalf("%s has no outcome", c.id)
		}
		if got := reader.State.LastIncident - before; (got == 1) != (c.opened != "") {
			t.Errorf("%s has opened %d incidents", c.id, got)
		}
		if i := reader.State.Incidents[fmt.Sprint("I", reader.State.LastIncident)]; c.opened != "" && (i.Category != c.opened || c.opened == "unclassified" && i.Priority != 1) {
			t.Errorf("%s has opened %+v", c.id, i)
		}
	}
	if _, known := reader.Outcome(es.Cause{Principal: "source/panel", ID: "poison-alarm"}); !known {
		t.Error("the outcome of the poisoned alarm is not remembered")
	}
}
