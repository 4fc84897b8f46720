package decider

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"vigie/pkg/beat"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	"vigie/pkg/wire"
)

// company is what a decider makes of the others: the rules are those of [beat.Company].
type company struct {
	*beat.Company
	// off is set while the clock is not trusted, so that it is said once.
	off bool
}

// trusted judges the own clock.
func (d *Decider) trusted(ctx context.Context, t es.Tick) (write, expire bool) {
	if d.Heard == nil {
		return true, true
	}
	trust := d.company.Trust(t.Now, time.Now())
	d.clockOff.Store(int64(trust.Off))
	if trust.Wrong && !d.company.off {
		d.log.ErrorContext(ctx, "this clock differs from what the processes agree on: set it right", "off", trust.Off, "others_decide", trust.Others)
	}
	d.company.off = trust.Wrong
	return trust.Write, trust.Expire
}

// lookAround asks the room for what only a request can change.
func (d *Decider) lookAround(ctx context.Context, t es.Tick) {
	now := time.Now()
	if d.Heard == nil || d.Intake == nil || !d.company.Due(now) {
		return
	}
	for _, q := range d.company.Asks(beat.Room{
		First: d.writer.First(), At: d.writer.At, ClockSteps: d.writer.State.ClockSteps, Gateways: linkedGateways(d.writer.State),
	}, t.Now, now) {
		d.ask(ctx, q)
	}
}

func linkedGateways(s controlroom.State) []string {
	seen := map[string]bool{}
	for _, team := range s.Teams {
		for _, link := range team.Links {
			seen[link.Gateway] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// ask writes a request into intake, beside the deciding. What is not stored is asked for again.
func (d *Decider) ask(ctx context.Context, q *intakev1.Request) {
	q.Room, q.Principal, q.Id = d.Room.Room, "dispatch/"+d.Name, uuid.NewString()
	q.ReceivedAtMs = d.Clock.Now().UnixMilli()
	value, err := wire.EncodeRequest(q)
	if err != nil {
		d.log.ErrorContext(ctx, "request cannot be encoded", "err", err)
		return
	}
	d.waits.Go(func() {
		bounded, done := context.WithTimeout(ctx, appendBound)
		defer done()
		if _, err := d.Intake.Write(bounded, eventlog.TopicIntake, d.Room.Partition, value); err != nil && ctx.Err() == nil {
			d.log.WarnContext(ctx, "request not stored", "err", err)
		}
	})
}
