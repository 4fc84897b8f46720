package summary_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/fx"
	"go.uber.org/goleak"

	"vigie/pkg/app"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow"
	"vigie/pkg/follow/followtest"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	"vigie/pkg/projection"
	"vigie/pkg/projection/projectiontest"
	"vigie/pkg/wire"
	"vigie/services/replay/internal/archive"
	"vigie/services/replay/internal/summary"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a room with a story, a Redis behind a relay, and what keeps the room's summary there.
type world struct {
	*followtest.Room
	t      *testing.T
	redis  *projectiontest.Miniredis
	relay  *projectiontest.Relay
	client *projection.Client
	table  *projection.Table
	asked  int
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, Room: followtest.Start(t), redis: projectiontest.StartMiniredis(t)}
	w.relay = projectiontest.NewRelay(t, w.redis.Addr())
	w.client = projectiontest.Open(t, projectiontest.Config(w.relay.Addr()))
	w.table = w.client.Table(summary.Schema, w.RoomEntry)
	w.Tell(nil)
	return w
}

// keeps keeps the summary until stop, or the end of the test: a process with a router, that follows the room.
func (w *world) keeps() (stop func()) {
	w.t.Helper()
	cfg := app.Default()
	cfg.Listen = "127.0.0.1:0"
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	module := fx.Module("replay",
		fx.Provide(app.NewParking, fx.Private),
		app.RouterModule(app.DefaultRouter()),
		fx.Invoke(func(lc fx.Lifecycle, r *app.Router, logger *slog.Logger) error {
			k, err := summary.NewKeeper(summary.Config{Store: w.client, Logger: logger, Add: r.AddConsumerHandler})
			room := archive.NewRoom(w.Log, w.RoomEntry, logger)
			lc.Append(fx.StartHook(func() {
				wait.Go(func() { room.Run(ctx) })
				wait.Go(func() { k.Keep(ctx, room) })
			}))
			return err
		}),
	)
	up, over := make(chan struct{}), make(chan error, 1)
	go func() {
		over <- app.Run(ctx, app.Module(cfg), fx.Supply(w.Log), module,
			fx.Decorate(func() *slog.Logger { return app.NewLogger(io.Discard, true, slog.LevelInfo) }),
			fx.Invoke(func(lc fx.Lifecycle) { lc.Append(fx.StartHook(func() { close(up) })) }))
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		wait.Wait()
		if err := <-over; err != nil {
			w.t.Errorf("the process ended badly: %v", err)
		}
	})
	w.t.Cleanup(stop)
	select {
	case <-up:
	case err := <-over:
		over <- err
		w.t.Fatal("the process has not started")
	}
	return stop
}

// alarms lets some alarms come in, with a void record among their outcomes.
func (w *world) alarms(n int) {
	w.t.Helper()
	for range n {
		w.asked++
		id := fmt.Sprint("more-", w.asked)
		w.Ask("panel", id, &intakev1.Request{Body: &intakev1.Request_RaiseAlarm{RaiseAlarm: &intakev1.RaiseAlarm{
			AlarmId: id, Source: "panel", Code: "PB", Site: followtest.Site, Zone: fmt.Sprint("Z", w.asked),
		}}})
	}
	w.Lose()
}

// check compares snapshots with the fold of the log up to each of them (I22).
func (w *world) check(snapshots ...projection.Snapshot) {
	w.t.Helper()
	at := map[int64]projection.Snapshot{}
	for _, s := range snapshots {
		at[s.Offset] = s
	}
	f := controlroom.NewFold(w.RoomEntry.Room)
	err := w.Log.Scan(projectiontest.Bound(w.t), eventlog.TopicLog, w.Partition, 0, w.Next(), func(r eventlog.Record) error {
		s := wire.Decode(r.Offset, r.Value)
		if _, err := follow.Fold(f, w.RoomEntry, &s); err != nil {
			return err
		}
		if stored, ok := at[r.Offset]; ok {
			if diff := cmp.Diff(summary.Entries(f), stored.Entries); diff != "" || stored.Mark != summary.Mark(f) {
				w.t.Errorf("at offset %d, %+v, fold and summary (-want +got):\n%s", r.Offset, stored.Mark, diff)
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// whole waits until the summary is that of the whole log.
func (w *world) whole() {
	w.t.Helper()
	var s projection.Snapshot
	projectiontest.Await(w.t, "the summary is that of the whole log", func() (whole bool) {
		var err error
		s, err = w.table.All(projectiontest.Bound(w.t))
		return err == nil && s.Offset == w.Next()-1
	})
	w.check(s)
}

// watch looks all the time; what it sees must be a fold of the log.
func (w *world) watch() (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	seen := map[int64]projection.Snapshot{}
	var looking sync.WaitGroup
	looking.Go(func() {
		for ctx.Err() == nil {
			s, err := w.table.All(ctx)
			switch {
			case err == nil:
				seen[s.Offset] = s
			case ctx.Err() == nil && !errors.Is(err, projection.ErrCold) && !errors.Is(err, projection.ErrAway):
				w.t.Errorf("nobody expects %v", err)
			}
			select {
			case <-time.After(time.Millisecond):
			case <-ctx.Done():
			}
		}
	})
	return func() {
		cancel()
		looking.Wait()
		for _, s := range seen {
			w.check(s)
		}
	}
}

func TestWhateverHappensToRedisASummaryIsTheFoldOfTheLogUpToItsOffsetOrCold(t *testing.T) {
	t.Parallel()
	for name, hurt := range map[string]func(*world){
		"nothing":   func(*world) {},
		"FLUSHALL":  func(w *world) { w.redis.Flush(w.t) },
		"a restart": func(w *world) { w.redis.Restart(w.t) },
		"a cut":     func(w *world) { w.relay.Cut() },
		"half open": func(w *world) { w.relay.HalfOpen() },
		"no answer": func(w *world) { w.relay.Mute() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			w.keeps()
			w.whole()
			end := w.watch()
			w.alarms(5)
			hurt(w)
			w.alarms(5)
			w.relay.Heal()
			w.relay.Drop()
			w.alarms(2)
			w.whole()
			end()
		})
	}
}

func TestAfterAFailOverThatLostTheTailTheSummaryGoesOn(t *testing.T) {
	t.Parallel()
	w := start(t)
	stop := w.keeps()
	w.whole()
	stop()
	w.redis.Keep(t)
	w.keeps()
	w.alarms(5)
	w.whole()
	end := w.watch()
	w.redis.Revert(t)
	w.whole()
	end()
}

func TestTwoThatKeepASummaryTellOneStory(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.keeps()
	w.keeps()
	end := w.watch()
	for range 5 {
		w.alarms(2)
	}
	w.whole()
	end()
}

func TestASummaryAheadOfTheLogIsOfAnotherAndBegunAnew(t *testing.T) {
	t.Parallel()
	w := start(t)
	ghost := projection.Changes{}
	ghost.Put(projection.Entry{Name: "team/ghost", Value: []byte(`{"id":"ghost"}`)})
	foreign := projection.Mark{Offset: w.Next() + 1000, Hash: "h"}
	if err := w.table.Apply(t.Context(), projection.Batch{To: foreign, AtEnd: time.Now(), Changes: ghost}); err != nil {
		t.Fatal(err)
	}
	w.keeps()
	w.whole()
}
