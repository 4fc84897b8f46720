package decider

import (
	"context"
	"time"

	"github.com/google/uuid"

	"vigie/pkg/beat"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	"vigie/pkg/wire"
)

// What a decider makes of the beats that it hears (protocol §3, §4): whether its clock is to be trusted, whether the room's
// is far ahead of what all agree on, and whose links are gone.

const (
	// clockOff is how far, in real time, a clock may be from the agreed one.
	clockOff = time.Second
	// stepAfter is how far the agreed time may lie behind the last decision.
	stepAfter = 5 * time.Second
	// lookEvery is how often it looks around, and askEvery how long it leaves alone what it has asked for.
	lookEvery = time.Second
	askEvery  = 10 * time.Second
)

// company is what a decider knows of the others.
type company struct {
	lookedAt time.Time
	asked    map[string]time.Time
	// off is set while the clock is not trusted, so that it is said once.
	off bool
}

// trusted judges the own clock. A wrong one keeps a decider from writing while another is there; alone it goes on with
// requests, since an alarm does not wait for a clock, but lets nothing expire.
func (d *Decider) trusted(ctx context.Context, t es.Tick) (write, expire bool) {
	if d.Heard == nil {
		return true, true
	}
	agreed, others := d.Heard.Agreed(d.Name, beat.Dispatch, t.Now, time.Now())
	off := d.Clock.Real(time.Duration(max(t.Now-agreed, agreed-t.Now)) * time.Millisecond)
	if off <= clockOff {
		d.company.off = false
		return true, true
	}
	if !d.company.off {
		d.company.off = true
		d.log.ErrorContext(ctx, "this clock differs from what the processes agree on: set it right", "off", off, "others_decide", others)
	}
	return !others, false
}

// lookAround asks the room for what only a request can change: a clock that was set back, a gateway that is gone.
func (d *Decider) lookAround(ctx context.Context, t es.Tick) {
	now := time.Now()
	if d.Heard == nil || d.Intake == nil || now.Sub(d.company.lookedAt) < lookEvery || !d.writer.First() {
		return
	}
	d.company.lookedAt = now
	if d.Heard.Silent(d.Name, now) {
		return // not even itself is heard: it is the telemetry that is away, not the others
	}
	if agreed, _ := d.Heard.Agreed(d.Name, beat.Dispatch, t.Now, now); agreed < d.writer.At-d.Clock.Domain(stepAfter).Milliseconds() {
		d.ask(ctx, "clock", &intakev1.Request{Body: &intakev1.Request_StepClock{StepClock: &intakev1.StepClock{
			DeltaMs: agreed - d.writer.At, Step: d.writer.State.ClockSteps + 1,
		}}})
	}
	for _, gateway := range linkedGateways(d.writer.State) {
		if d.Heard.Silent(gateway, now) {
			d.ask(ctx, gateway, &intakev1.Request{Body: &intakev1.Request_GatewayLost{GatewayLost: &intakev1.GatewayLost{Gateway: gateway}}})
		}
	}
}

func linkedGateways(s controlroom.State) []string {
	seen := map[string]bool{}
	var gateways []string
	for _, team := range s.Teams {
		for _, link := range team.Links {
			if !seen[link.Gateway] {
				seen[link.Gateway] = true
				gateways = append(gateways, link.Gateway)
			}
		}
	}
	return gateways
}

// ask writes a request into intake, beside the deciding. What is not stored is asked for again.
func (d *Decider) ask(ctx context.Context, about string, q *intakev1.Request) {
	now := time.Now()
	if now.Sub(d.company.asked[about]) < askEvery {
		return
	}
	d.company.asked[about] = now
	q.Room, q.Principal, q.Id = d.Room.Room, "dispatch/"+d.Name, uuid.NewString()
	q.ReceivedAtMs = d.Clock.Now().UnixMilli()
	value, err := wire.EncodeRequest(q)
	if err != nil {
		d.log.ErrorContext(ctx, "request cannot be encoded", "about", about, "err", err)
		return
	}
	d.waits.Go(func() {
		bounded, done := context.WithTimeout(ctx, appendBound)
		defer done()
		if _, err := d.Intake.Write(bounded, eventlog.TopicIntake, d.Room.Partition, value); err != nil && ctx.Err() == nil {
			d.log.WarnContext(ctx, "request not stored", "about", about, "err", err)
		}
	})
}
