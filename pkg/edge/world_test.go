package edge_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"vigie/pkg/edge"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow/livetest"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	"vigie/pkg/wire"
)

// A gate lets appends through, or does not.
type weather int

const (
	fine   weather = iota
	away           // nothing is stored and nobody answers
	lossy          // it is stored, and the answer is lost
	refuse         // the log takes nothing
	full           // it says that it is not written
)

// gate is a log in changing weather.
type gate struct {
	log *kafkalog.Log

	mu      sync.Mutex // guards what follows
	weather weather
	changed chan struct{}
	appends int
}

func newGate(l *kafkalog.Log) *gate { return &gate{log: l, changed: make(chan struct{})} }

func (g *gate) set(w weather) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.weather = w
	close(g.changed)
	g.changed = make(chan struct{})
}

func (g *gate) now() (weather, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.appends++
	return g.weather, g.changed
}

func (g *gate) Append(ctx context.Context, topic string, partition int, values [][]byte) (int64, error) {
	w, changed := g.now()
	switch w {
	case away:
		select {
		case <-changed: // a connection that breaks
		case <-ctx.Done():
		}
		return 0, fmt.Errorf("away: %w", eventlog.ErrUnknownOutcome)
	case lossy:
		if _, err := g.log.Append(ctx, topic, partition, values); err != nil {
			return 0, err
		}
		return 0, fmt.Errorf("answer lost: %w", eventlog.ErrUnknownOutcome)
	case refuse:
		return 0, fmt.Errorf("not authorised: %w", eventlog.ErrRefused)
	case full:
		return 0, fmt.Errorf("not enough replicas: %w", eventlog.ErrNotWritten)
	case fine:
	}
	return g.log.Append(ctx, topic, partition, values)
}

// tester is testing.TB and rapid's T alike.
type tester interface {
	Helper()
	Fatal(args ...any)
	Errorf(format string, args ...any)
}

// station is a process with an edge, over its runs.
type station struct {
	t      tester
	world  *livetest.World
	gate   *gate
	cfg    edge.Config
	bounds kafkalog.WriterConfig
	writer *kafkalog.Writer
	*edge.Edge
}

func newStation(t tester, w *livetest.World, settings edge.Settings) *station {
	t.Helper()
	s := &station{t: t, world: w, gate: newGate(w.Log), cfg: edge.Config{Settings: settings, Logger: slog.New(slog.DiscardHandler)}}
	s.bounds = kafkalog.DefaultWriter()
	s.bounds.ProduceTimeout = 100 * time.Millisecond
	return s
}

func (s *station) start() *station {
	s.t.Helper()
	var err error
	if s.writer, err = kafkalog.NewWriter(s.gate, s.bounds); err != nil {
		s.t.Fatal(err)
	}
	s.cfg.Writer = s.writer
	s.Edge = edge.New(s.cfg)
	if err := s.Start(context.Background(), s.world.Table); err != nil {
		s.t.Fatal(err)
	}
	return s
}

func (s *station) end() {
	s.t.Helper()
	if err := s.Stop(); err != nil {
		s.t.Fatal(err)
	}
	s.writer.Close()
}

func request(t tester, room, source, id, code string) (*intakev1.Request, []byte) {
	t.Helper()
	q := &intakev1.Request{
		Room: room, Principal: "source/" + source, Id: id, ReceivedAtMs: 1,
		Body: &intakev1.Request_RaiseAlarm{RaiseAlarm: &intakev1.RaiseAlarm{AlarmId: id, Source: source, Code: code, Site: room + "-1"}},
	}
	value, err := wire.EncodeRequest(q)
	if err != nil {
		t.Fatal(err)
	}
	return q, value
}

// patience is for what is due at once, on a busy machine.
const patience = 30 * time.Second

func (s *station) write(room, source, id, code string) (edge.Receipt, error) {
	s.t.Helper()
	q, value := request(s.t, room, source, id, code)
	ctx, done := context.WithTimeout(context.Background(), patience)
	defer done()
	return s.Write(ctx, q, value)
}

func (s *station) must(room, source, id string, provisional bool) edge.Receipt {
	s.t.Helper()
	got, err := s.write(room, source, id, "PB")
	if err != nil || got.Provisional != provisional {
		s.t.Errorf("%s of %s: %+v, %v; provisional %v wanted", id, source, got, err, provisional)
	}
	return got
}

// stored gives the ids of a room's intake.
func stored(w *livetest.World, room string) (ids []string) {
	for _, q := range w.Requests(room) {
		ids = append(ids, q.Cause.ID)
	}
	return ids
}

func drained(t *testing.T, s *station) {
	t.Helper()
	livetest.Await(t, "the journal is empty", func() bool { return s.Entries() == 0 })
}
