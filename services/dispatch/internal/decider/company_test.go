package decider_test

import (
	"fmt"
	"slices"
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

// hears gives a table in which processes of a service are heard with a clock that is off by so much.
func hears(w *livetest.World, service string, off time.Duration, processes ...string) *beat.Heard {
	now := time.Now()
	h := beat.NewHeard(1, now.Add(-time.Minute))
	for _, process := range processes {
		h.Take(&positionsv1.Beat{Process: process, Service: service, ClockMs: w.Clock.Now().Add(off).UnixMilli(), Level: 1}, now)
	}
	return h
}

func TestAClockAnHourOffWritesNothingWhileAnotherDeciderIsThere(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	decide(t, w, "north", "off", func(c *decider.Config) {
		c.Heard = hears(w, beat.Dispatch, -time.Hour, "well", "other")
	})
	decide(t, w, "north", "well", nil)
	w.Configure("north")
	last := int64(0)
	for k := range 20 {
		last = w.Ask("north", "account/dora", fmt.Sprint(k), open("north-1"))
	}
	for k, outcomes := range answered(t, w, "north", last+1).outcomes {
		if author := outcomes[0].Decider; author != "well" {
			t.Errorf("request %d was answered by %s", k, author)
		}
	}
}

func TestAClockThatIsOffAndAloneDecidesAndLetsNothingExpire(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	alone := func(c *decider.Config) { c.Heard = hears(w, beat.Gateway, -time.Hour, "g1", "g2") }
	first := decide(t, w, "north", "off", alone)
	w.Configure("north")
	asked := w.Ask("north", "account/dora", "a", open("north-1"))
	answered(t, w, "north", asked+1)
	if err := first.end(); err != nil {
		t.Fatal(err)
	}
	// An hour later the neglect is long due; the same wrong clock still answers, and takes nothing away.
	forward(t, w, time.Hour)
	decide(t, w, "north", "off-again", alone)
	asked = w.Ask("north", "account/dora", "b", open("north-1"))
	log := answered(t, w, "north", asked+1)
	if slices.Contains(log.events, "incident_neglected") {
		t.Error("something was told by a clock that is not trusted")
	}
}

// forward lets a decider whose clock is ahead write one decision.
func forward(t *testing.T, w *livetest.World, ahead time.Duration) {
	t.Helper()
	writer := es.NewWriter("north", "ahead", controlroom.Rules(), es.DefaultLimits(), wire.Encode)
	for k, value := range w.Read(eventlog.TopicLog, "north") {
		s := wire.Decode(int64(k), value)
		if j := writer.Read(&s); j.Verdict == es.Halting {
			t.Fatal(j.Reason)
		}
	}
	w.Ask("north", "account/dora", "ahead", open("north-1"))
	for _, r := range w.Requests("north") {
		writer.Request(r)
	}
	now := w.Clock.Now().Add(ahead).UnixMilli()
	step := writer.Step(es.Tick{Now: now, Mono: 1, NoExpiry: true}, controlroom.Facts{Room: "north", LogID: w.Entry("north").LogID})
	w.Append(eventlog.TopicLog, "north", step.Batch...)
}

func TestARoomWhoseClockWasAheadIsSetBackAndItsDeadlinesWithIt(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	early := decide(t, w, "north", "early", nil)
	w.Configure("north")
	answered(t, w, "north", 1)
	if err := early.end(); err != nil {
		t.Fatal(err)
	}
	forward(t, w, time.Hour)
	decide(t, w, "north", "well", func(c *decider.Config) {
		c.Heard, c.Intake = hears(w, beat.Dispatch, 0, "well"), w.Writer()
	})
	// It becomes first by answering, and then finds that the room lives an hour ahead.
	w.Ask("north", "account/dora", "now", open("north-1"))
	livetest.Await(t, "the clock is set back", func() bool { return tell(t, w, "north").State.ClockSteps == 1 })
	log := tell(t, w, "north")
	now := w.Clock.Now().UnixMilli()
	if log.At > now {
		t.Errorf("the room is still %d ms ahead", log.At-now)
	}
	for id, timer := range log.State.Deadlines {
		if timer.Due > now+10*60_000 {
			t.Errorf("%s is due in %d min", id, (timer.Due-now)/60_000)
		}
	}
}

func TestAGatewayThatIsNotHeardHasItsLinksEnded(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	decide(t, w, "north", "well", func(c *decider.Config) {
		c.Heard, c.Intake = hears(w, beat.Dispatch, 0, "well"), w.Writer()
		c.Heard.Take(&positionsv1.Beat{Process: "alive/1", Service: beat.Gateway, ClockMs: w.Clock.Now().UnixMilli(), Level: 1}, time.Now())
	})
	w.Configure("north")
	for _, gateway := range []string{"alive/1", "gone/1"} {
		w.Ask("north", "gateway/"+gateway, gateway, &intakev1.Request{Body: &intakev1.Request_LinkBack{LinkBack: &intakev1.LinkBack{
			Device: "d-" + gateway, Team: "T-north-1", Gateway: gateway, Session: "s",
		}}})
	}
	livetest.Await(t, "the gateway has disappeared", func() bool {
		return slices.Contains(tell(t, w, "north").events, "gateway_disappeared")
	})
	links := tell(t, w, "north").State.Teams["T-north-1"].Links
	if _, alive := links["d-alive/1"]; !alive || len(links) != 1 {
		t.Errorf("links left: %v", links)
	}
}
