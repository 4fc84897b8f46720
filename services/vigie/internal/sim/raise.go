package sim

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"vigie/services/vigie/internal/sim/client"
	"vigie/services/vigie/internal/sim/load"
)

// panels raise the alarms of a night, each with the key of its room's source.
type panels struct {
	api      *client.API
	clock    *client.Clock
	keys     map[string]string
	run      string
	start    time.Time
	observer *observer
}

const (
	// sendingAtOnce bounds the alarms under way; the next one waits for its turn.
	sendingAtOnce = 16
	// giveUpAfter is when, in real time, a panel stops trying to get an alarm through.
	giveUpAfter = 30 * time.Second
)

// message is one sending of an alarm.
type message struct {
	load.Alarm
	again bool
}

// messages are the alarms of a night, and those that are sent a second time, in order of time.
func messages(alarms []load.Alarm) []message {
	out := make([]message, 0, len(alarms))
	for _, a := range alarms {
		out = append(out, message{Alarm: a})
		if a.Again > 0 {
			twice := message{Alarm: a, again: true}
			twice.At += a.Again
			out = append(out, twice)
		}
	}
	slices.SortStableFunc(out, func(a, b message) int { return cmp.Compare(a.At, b.At) })
	return out
}

// raise sends all alarms at their times and returns when each has its answer, or never will have.
func (p *panels) raise(ctx context.Context, alarms []load.Alarm) error {
	sending, ctx := errgroup.WithContext(ctx)
	sending.SetLimit(sendingAtOnce)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for _, m := range messages(alarms) {
		timer.Reset(p.clock.Until(p.start.Add(m.At)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return sending.Wait()
		}
		sending.Go(func() error { return p.send(ctx, m) })
	}
	return sending.Wait()
}

// send gets one message through: as long as no answer comes the same is sent again.
func (p *panels) send(ctx context.Context, m message) error {
	if !m.again {
		p.observer.alarmSent()
	}
	at := p.start.Add(m.At)
	body := client.Alarm{Code: m.Code, Site: m.Site, Zone: m.Zone, Restore: m.Restore, DeviceTime: &at, Text: "Simulated " + m.Code}
	key := p.run + "-" + m.Key
	began, wait := time.Now(), 100*time.Millisecond
	for {
		id, err := p.api.Raise(ctx, p.keys[m.Room], key, body)
		switch {
		case err == nil:
			if !m.again {
				p.observer.alarmAnswered(m.Room, key, id, m.Restore, m.Stay)
			}
			return nil
		case client.Final(err):
			return fmt.Errorf("alarm %s: %w", key, err)
		case time.Since(began) > giveUpAfter:
			return nil // it shows as an alarm without an answer
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
		wait = min(2*wait, 2*time.Second)
	}
}
