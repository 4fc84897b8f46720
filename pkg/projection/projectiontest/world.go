package projectiontest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow/livetest"
	"vigie/pkg/geo"
	"vigie/pkg/projection"
	"vigie/pkg/projection/projector"
)

// world is a topic with a room, a Redis behind a relay, and one who projects the one into the other.
type world struct {
	tb     testing.TB
	kafka  *livetest.World
	room   eventlog.RoomEntry
	server Server
	relay  *Relay
	client *projection.Client
	table  *projection.Table
	random *rand.Rand

	written   int
	logged    records
	projector *projector.Projector // the last one begun
}

const (
	room   = "alpha"
	schema = "tally.1"
	topic  = eventlog.TopicPositions
)

func begin(tb testing.TB, s Server) *world {
	tb.Helper()
	w := &world{tb: tb, kafka: livetest.Start(tb, room), server: s, relay: NewRelay(tb, s.Addr()), random: rand.New(rand.NewPCG(1, 2))} //nolint:gosec // the same each time
	w.room = w.kafka.Entry(room)
	w.client = Open(tb, Config(w.relay.Addr()))
	w.table = w.client.Table(schema, w.room)
	return w
}

// project runs a projector until stop, or the end of the test.
func (w *world) project() (stop func()) {
	w.tb.Helper()
	cfg := projector.Default()
	cfg.Client, cfg.Log, cfg.Topic, cfg.Schema, cfg.NewFold = w.client, w.kafka.Log, topic, schema, NewTally
	cfg.Logger = slog.New(&w.logged)
	cfg.Linger, cfg.Touch, cfg.RetryMin, cfg.RetryMax = time.Millisecond, 20*time.Millisecond, 5*time.Millisecond, 50*time.Millisecond
	p := projector.New(cfg)
	w.projector = p
	messages, err := p.Subscribe(context.Background(), topic)
	if err != nil {
		w.tb.Fatal(err)
	}
	var pump sync.WaitGroup
	pump.Go(func() {
		for msg := range messages {
			if p.Handle(msg) == nil {
				msg.Ack()
			} else {
				msg.Nack()
			}
		}
	})
	stop = sync.OnceFunc(func() {
		_ = p.Close()
		pump.Wait()
	})
	w.tb.Cleanup(stop)
	return stop
}

// writes appends some notes about few names, so that they are counted, moved and dropped.
func (w *world) writes(n int) {
	w.tb.Helper()
	values := make([][]byte, n)
	for i := range values {
		note := Note{Name: fmt.Sprint("team-", w.random.IntN(12)), Text: fmt.Sprint(w.written)}
		switch w.random.IntN(8) {
		case 0:
			note.Drop = true
		case 1: // without a place
		default:
			at := geo.FromDegrees(48.8+w.random.Float64()/10, 2.3+w.random.Float64()/10)
			note.Place = &at
		}
		var err error
		if values[i], err = json.Marshal(note); err != nil {
			w.tb.Fatal(err)
		}
		w.written++
	}
	w.kafka.Append(topic, room, values...)
}

// whole waits until the table holds everything, and compares it.
func (w *world) whole() {
	w.tb.Helper()
	var s projection.Snapshot
	var err error
	Await(w.tb, "the table holds everything", func() bool {
		s, err = w.table.All(Bound(w.tb))
		return err == nil && s.Offset == int64(w.written)-1
	})
	w.check(s)
	w.places(s)
}

func (w *world) check(s ...projection.Snapshot) {
	w.tb.Helper()
	Check(w.tb, w.log(), topic, w.room.Partition, NewTally(w.room), s...)
}

func (w *world) log() *kafkalog.Log { return w.kafka.Log }

// places: whoever has a place is found, and nobody else.
func (w *world) places(want projection.Snapshot) {
	w.tb.Helper()
	s, hits, err := w.table.Near(Bound(w.tb), geo.FromDegrees(48.85, 2.35), 100_000)
	if err != nil || s.Mark != want.Mark {
		w.tb.Fatalf("near: %v, at %v", err, s.Mark)
	}
	placed := map[string]bool{}
	err = w.log().Scan(Bound(w.tb), topic, w.room.Partition, 0, s.Offset+1, func(r eventlog.Record) error {
		var n Note
		if err := json.Unmarshal(r.Value, &n); err != nil {
			return err
		}
		delete(placed, n.Name)
		if n.Place != nil && !n.Drop {
			placed[n.Name] = true
		}
		return nil
	})
	if err != nil {
		w.tb.Fatal(err)
	}
	last := 0.0
	for _, h := range hits {
		if !placed[h.Name] || h.DistanceM < last {
			w.tb.Errorf("%s at %.1f m: it has no place, or is out of order", h.Name, h.DistanceM)
		}
		delete(placed, h.Name)
		last = h.DistanceM
	}
	if len(placed) > 0 {
		w.tb.Errorf("not found: %v", placed)
	}
}

// watch looks at the table all the time, as people do. What it has seen must be the fold at each moment; what else it may be
// told is that the table is cold or Redis away.
func (w *world) watch() (end func()) {
	client := Open(w.tb, Config(w.relay.Addr()))
	table := client.Table(schema, w.room)
	ctx, stop := context.WithCancel(context.Background())
	var looking sync.WaitGroup
	seen := map[projection.Mark]projection.Snapshot{}
	var odd []error
	looking.Go(func() {
		for ctx.Err() == nil {
			s, err := table.All(ctx)
			switch {
			case err == nil:
				seen[s.Mark] = s
			case !errors.Is(err, projection.ErrCold) && !errors.Is(err, projection.ErrAway) && ctx.Err() == nil:
				odd = append(odd, err)
			}
			select {
			case <-time.After(time.Millisecond):
			case <-ctx.Done():
			}
		}
	})
	end = sync.OnceFunc(func() {
		stop()
		looking.Wait()
		if len(odd) > 0 {
			w.tb.Errorf("%d answers that nobody expects, such as: %v", len(odd), odd[0])
		}
		all := make([]projection.Snapshot, 0, len(seen))
		for _, s := range seen {
			all = append(all, s)
		}
		w.check(all...)
	})
	w.tb.Cleanup(end)
	return end
}

// interruptions is how often the projector has begun anew, as its metrics say.
func (w *world) interruptions() (n int) {
	w.tb.Helper()
	registry := prometheus.NewRegistry()
	if err := registry.Register(w.projector); err != nil {
		w.tb.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		w.tb.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "vigie_projection_interruptions_total" {
			n += int(f.GetMetric()[0].GetCounter().GetValue())
		}
	}
	return n
}

// records counts what is logged at each message.
type records struct {
	mu   sync.Mutex
	seen map[string]int
}

func (r *records) Enabled(context.Context, slog.Level) bool { return true }

func (r *records) Handle(_ context.Context, rec slog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen == nil {
		r.seen = map[string]int{}
	}
	r.seen[rec.Message]++
	return nil
}

func (r *records) WithAttrs([]slog.Attr) slog.Handler { return r }
func (r *records) WithGroup(string) slog.Handler      { return r }

func (r *records) count(message string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen[message]
}
