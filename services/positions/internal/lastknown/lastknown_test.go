package lastknown_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.uber.org/fx"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"vigie/pkg/app"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/eventlog/kafkalog/pubsub"
	"vigie/pkg/follow/livetest"
	positionsv1 "vigie/pkg/gen/vigie/positions/v1"
	"vigie/pkg/geo"
	"vigie/pkg/projection"
	"vigie/pkg/projection/projectiontest"
	"vigie/services/positions/internal/lastknown"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// begun is a domain time in milliseconds.
const begun = int64(1_795_000_000_000)

// world is telemetry of two rooms, and a process that projects it.
type world struct {
	*livetest.World
	tb     testing.TB
	redis  *projectiontest.Miniredis
	relay  *projectiontest.Relay
	client *projection.Client
	*lastknown.Projection

	ends map[string]int64
}

var (
	centre = geo.FromDegrees(48.85, 2.35)
	rooms  = []string{"alpha", "beta"}
)

func start(tb testing.TB) *world {
	tb.Helper()
	w := &world{World: livetest.Start(tb, rooms...), tb: tb, redis: projectiontest.StartMiniredis(tb), ends: map[string]int64{}}
	w.relay = projectiontest.NewRelay(tb, w.redis.Addr())
	w.client = projectiontest.Open(tb, projectiontest.Config(w.relay.Addr()))
	w.runs(w.client)
	return w
}

// runs runs the projection in a process with a router, until the end of the test.
func (w *world) runs(client *projection.Client) {
	w.tb.Helper()
	cfg := app.Default()
	cfg.Listen = "127.0.0.1:0"
	module := fx.Module("positions",
		fx.Provide(func(lc fx.Lifecycle, log *kafkalog.Log) (message.Publisher, error) {
			p, err := pubsub.NewPublisher(log, pubsub.DefaultPublisher())
			if err == nil {
				lc.Append(fx.StopHook(p.Close))
			}
			return p, err
		}, fx.Private),
		app.RouterModule(app.DefaultRouter()),
		fx.Invoke(func(r *app.Router, log *kafkalog.Log, logger *slog.Logger) (err error) {
			w.Projection, err = lastknown.New(lastknown.Config{Store: client, Log: log, Logger: logger, Add: r.AddConsumerHandler})
			return err
		}),
	)
	ctx, stop := context.WithCancel(context.Background())
	up, over := make(chan struct{}), make(chan error, 1)
	go func() {
		over <- app.Run(ctx, app.Module(cfg), fx.Supply(w.Log), module,
			fx.Decorate(func() *slog.Logger { return app.NewLogger(io.Discard, true, slog.LevelInfo) }),
			fx.Invoke(func(lc fx.Lifecycle) { lc.Append(fx.StartHook(func() { close(up) })) }))
	}()
	select {
	case <-up:
	case err := <-over:
		stop()
		w.tb.Fatalf("run: %v", err)
	}
	w.tb.Cleanup(func() {
		stop()
		if err := <-over; err != nil {
			w.tb.Errorf("the process ended badly: %v", err)
		}
	})
}

// told appends telemetry to a room.
func (w *world) told(room string, telemetry ...*positionsv1.Telemetry) {
	w.tb.Helper()
	values := make([][]byte, len(telemetry))
	for i, m := range telemetry {
		var err error
		if values[i], err = proto.Marshal(m); err != nil {
			w.tb.Fatal(err)
		}
	}
	w.Append(eventlog.TopicPositions, room, values...)
	w.ends[room] += int64(len(values))
}

func at(room, team string, p geo.Point, atMS int64) *positionsv1.Telemetry {
	return &positionsv1.Telemetry{Room: room, Body: &positionsv1.Telemetry_Fix{Fix: &positionsv1.Fix{
		Team: team, Device: "device-" + team, LatE7: p.LatE7, LonE7: p.LonE7, AccuracyM: 7, AtMs: atMS, ReceivedAtMs: atMS + 40, Source: "handheld",
	}}}
}

// whole waits until everything told of a room is known, and compares the table with the fold.
func (w *world) whole(room string) lastknown.Answer {
	w.tb.Helper()
	var a lastknown.Answer
	projectiontest.Await(w.tb, "everything told of "+room+" is known", func() bool {
		var err error
		a, err = w.Last(projectiontest.Bound(w.tb), room)
		return err == nil && a.Offset == w.ends[room]-1
	})
	s, err := w.Projection.Table(room).All(projectiontest.Bound(w.tb))
	if err != nil {
		w.tb.Fatal(err)
	}
	projectiontest.Check(w.tb, w.Log, eventlog.TopicPositions, w.Entry(room).Partition, lastknown.NewFold(w.Entry(room)), s)
	slices.SortFunc(a.Teams, func(x, y lastknown.Team) int { return int(x.GetAtMs() - y.GetAtMs()) })
	return a
}

func teams(a lastknown.Answer) (names []string) {
	for _, t := range a.Teams {
		names = append(names, t.GetTeam())
	}
	return names
}

func TestTheFixMeasuredLastIsTheTeamsPosition(t *testing.T) {
	t.Parallel()
	w := start(t)
	beat := &positionsv1.Telemetry{Room: "alpha", Body: &positionsv1.Telemetry_Beat{Beat: &positionsv1.Beat{Process: "p"}}}
	simulated := at("alpha", "mock", centre, begun+3)
	simulated.GetFix().Mock = true
	ahead := at("alpha", "ahead", centre, begun+4)
	ahead.GetFix().AtMs += 1_000_000_000
	w.told("alpha",
		at("alpha", "a", geo.FromDegrees(48.86, 2.35), begun+100), at("alpha", "a", centre, begun+2), at("alpha", "b", centre, begun+1), beat,
		simulated, ahead, at("beta", "stray", centre, begun), at("alpha", "", centre, begun), at("alpha", "null", geo.Point{}, begun),
		at("alpha", "pole", geo.FromDegrees(89.9, 0), begun),
	)
	w.Append(eventlog.TopicPositions, "alpha", []byte("noise"))
	w.ends["alpha"]++
	a := w.whole("alpha")
	if got := teams(a); !slices.Equal(got, []string{"b", "mock", "ahead", "a"}) {
		t.Fatalf("teams %v", got)
	}
	if b := a.Teams[0]; b.GetDevice() != "" || b.GetAccuracyM() != 7 || b.GetSource() != "handheld" || b.GetLatE7() != centre.LatE7 {
		t.Errorf("team b: %v", b.Fix)
	}
	if ahead := a.Teams[2]; ahead.GetAtMs() != ahead.GetReceivedAtMs() {
		t.Errorf("a device that is ahead: %v", ahead.Fix)
	}
	if a.LogID != w.Entry("alpha").LogID || a.AsOf.IsZero() {
		t.Errorf("log id %q, as of %v", a.LogID, a.AsOf)
	}

	near, err := w.Near(t.Context(), "alpha", centre, 5000)
	if err != nil || len(near.Teams) != 3 || near.Teams[2].GetTeam() != "a" {
		t.Fatalf("near: %v, %v", near, err)
	}
	if d := near.Teams[2].DistanceM; d < 1105 || d > 1120 {
		t.Errorf("a hundredth of a degree of latitude is %.0f m", d)
	}
	if near, err = w.Near(t.Context(), "alpha", centre, 500); err != nil || slices.Contains(teams(near), "a") || slices.Contains(teams(near), "mock") {
		t.Errorf("within 500 m: %v, %v", teams(near), err)
	}
}

func TestAPositionIsForgottenADayBehindTheNewest(t *testing.T) {
	t.Parallel()
	w := start(t)
	const day = 24 * 3600 * 1000
	w.told("beta", at("beta", "old", centre, begun), at("beta", "older", centre, begun-5), at("beta", "kept", centre, begun+100))
	w.whole("beta")
	w.told("beta", at("beta", "new", centre, begun+day+1), at("beta", "late", centre, begun-1))
	if got := teams(w.whole("beta")); !slices.Equal(got, []string{"kept", "new"}) {
		t.Errorf("teams %v", got)
	}
	if near, err := w.Near(t.Context(), "beta", centre, 100); err != nil || len(near.Teams) != 2 {
		t.Errorf("near: %v, %v", near, err)
	}
}

func TestARoomWithoutTelemetryHasNoPositionsAndAnUnknownOneIsAnError(t *testing.T) {
	t.Parallel()
	w := start(t)
	if a := w.whole("alpha"); len(a.Teams) != 0 {
		t.Errorf("%v", a)
	}
	_, last := w.Last(t.Context(), "gamma")
	_, near := w.Near(t.Context(), "gamma", centre, 100)
	if !errors.Is(last, lastknown.ErrUnknownRoom) || !errors.Is(near, lastknown.ErrUnknownRoom) {
		t.Errorf("%v, %v", last, near)
	}
}

func TestWithoutARedisThereAreNoPositionsAndTheProcessRuns(t *testing.T) {
	t.Parallel()
	w := &world{World: livetest.Start(t, rooms...), tb: t}
	w.runs(projectiontest.Open(t, projection.Default()))
	if _, err := w.Last(t.Context(), "alpha"); !errors.Is(err, projection.ErrOff) {
		t.Errorf("got %v", err)
	}
}

func TestWhateverHappensToRedisPositionsAreTheFoldOfTheirTopicOrColdAndComeBack(t *testing.T) {
	t.Parallel()
	for name, hurt := range map[string]func(*world){
		"cut off":   func(w *world) { w.relay.Cut() },
		"half open": func(w *world) { w.relay.HalfOpen() },
		"restarted": func(w *world) { w.redis.Restart(w.tb) },
		"flushed":   func(w *world) { w.redis.Flush(w.tb) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			w.walk(400)
			hurt(w)
			w.walk(400) // while it is so
			for range 50 {
				if _, err := w.Last(t.Context(), "alpha"); err != nil && !errors.Is(err, projection.ErrCold) && !errors.Is(err, projection.ErrAway) {
					t.Fatalf("got %v", err)
				}
			}
			w.relay.Heal()
			w.relay.Drop()
			w.walk(400)
			for _, room := range rooms {
				if got := len(w.whole(room).Teams); got != 40 {
					t.Errorf("%s: %d teams", room, got)
				}
			}
		})
	}
}

// walk lets the teams of both rooms tell n positions each room.
func (w *world) walk(n int) {
	w.tb.Helper()
	for _, room := range rooms {
		steps := make([]*positionsv1.Telemetry, n)
		for i := range steps {
			p := geo.FromDegrees(48.8+rand.Float64()/10, 2.3+rand.Float64()/10)
			steps[i] = at(room, fmt.Sprint("team-", i%40), p, begun+rand.Int64N(3_600_000))
		}
		w.told(room, steps...)
	}
}

// BenchmarkFixes is 5 000 fixes, the aim for a second, from their topic through the router into Redis.
func BenchmarkFixes(b *testing.B) {
	w := start(b)
	b.ReportAllocs()
	for b.Loop() {
		for range 10 {
			w.walk(500 / len(rooms))
		}
		for _, room := range rooms {
			projectiontest.Await(b, "everything is known", func() bool {
				a, err := w.Last(b.Context(), room)
				return err == nil && a.Offset == w.ends[room]-1
			})
		}
	}
}
