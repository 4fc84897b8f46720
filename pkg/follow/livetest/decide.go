package livetest

import (
	"context"
	"sync"
	"time"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow"
	"vigie/pkg/wire"
)

// Decide configures these rooms and decides all that is asked of them until the test ends, or until the stop that it
// returns. A room is decided once.
func (w *World) Decide(rooms ...string) (stop func()) {
	w.tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	for _, room := range rooms {
		d := &decider{
			world: w, entry: w.Entry(room),
			writer: es.NewWriter(room, "livetest", controlroom.Rules(), es.DefaultLimits(), wire.Encode),
		}
		if err := d.settle(w.context()); err != nil { // opens the log, before any request is heard
			w.tb.Fatalf("open the log of %s: %v", room, err)
		}
		wait.Go(func() { d.run(ctx) })
		w.Configure(room)
	}
	stop = sync.OnceFunc(func() {
		cancel()
		wait.Wait()
	})
	w.tb.Cleanup(stop)
	return stop
}

type decider struct {
	world  *World
	entry  eventlog.RoomEntry
	writer *controlroom.Writer
}

func (d *decider) run(ctx context.Context) {
	err := d.world.Log.Tail(ctx, eventlog.TopicIntake, d.entry.Partition, 0, func(records []eventlog.Record, _ int64) error {
		for _, r := range records {
			d.writer.Request(wire.DecodeRequest(r.Offset, r.Value))
		}
		return d.settle(ctx)
	})
	if ctx.Err() == nil {
		d.world.tb.Errorf("decider of %s: %v", d.entry.Room, err)
	}
}

// settle writes decisions until nothing is left to decide.
func (d *decider) settle(ctx context.Context) error {
	for {
		now := d.world.Clock.Now().UnixMilli()
		tick := es.Tick{Now: now, Mono: now}
		step := d.writer.Step(tick, controlroom.Facts{
			Room: d.entry.Room, LogID: d.entry.LogID, ReadLevel: controlroom.MaxLevel, MinuteOfDay: 600,
		})
		if step.AskWatermark {
			_, end, err := follow.Bounds(ctx, d.world.Log, eventlog.TopicIntake, d.entry.Partition)
			if err != nil {
				return err
			}
			d.writer.Watermark(end)
		}
		if len(step.Batch) == 0 {
			return nil
		}
		base, err := d.append(ctx, step.Batch)
		if err != nil {
			return err
		}
		d.writer.Appended(es.Written, tick)
		for k, value := range step.Batch {
			s := wire.Decode(base+int64(k), value)
			d.writer.Read(&s)
		}
	}
}

// append outlives the end of the test's deciding: what was begun is read by others.
func (d *decider) append(ctx context.Context, batch [][]byte) (int64, error) {
	bounded, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer done()
	return d.world.Log.Append(bounded, eventlog.TopicLog, d.entry.Partition, batch)
}
