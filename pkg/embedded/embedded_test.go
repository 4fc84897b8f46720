package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/fx"
	"go.uber.org/goleak"

	"vigie/pkg/app"
	"vigie/pkg/embedded"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(child(dir, os.Getenv(childTask)))
	}
	goleak.VerifyTestMain(m)
}

func config(dir string, rooms ...string) embedded.Config {
	cfg := embedded.Default()
	cfg.Dir, cfg.Rooms, cfg.MinFree = dir, rooms, 0
	return cfg
}

func deadline(tb testing.TB) context.Context {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	tb.Cleanup(cancel)
	return ctx
}

// running is a broker and a log connected to it.
type running struct {
	*kafkalog.Log
	broker *embedded.Broker
}

func start(tb testing.TB, cfg embedded.Config) running {
	tb.Helper()
	b, err := embedded.Start(deadline(tb), cfg)
	if err != nil {
		tb.Fatalf("start: %v", err)
	}
	l, err := kafkalog.New(b.Config())
	if err != nil {
		tb.Fatalf("connect: %v", err)
	}
	return running{l, b}
}

func (r running) stop(tb testing.TB) {
	tb.Helper()
	r.Close()
	if err := r.broker.Stop(); err != nil {
		tb.Errorf("stop: %v", err)
	}
}

func (r running) rooms(tb testing.TB) []eventlog.RoomEntry {
	tb.Helper()
	rooms, err := r.Rooms(deadline(tb))
	if err != nil {
		tb.Fatal(err)
	}
	return rooms
}

// fill appends n records one by one to each of the topics.
func (r running) fill(tb testing.TB, partition, n int, topics ...string) {
	tb.Helper()
	for _, topic := range topics {
		for i := range n {
			if _, err := r.Append(deadline(tb), topic, partition, [][]byte{fmt.Appendf(nil, "%s %d", topic, i)}); err != nil {
				tb.Fatal(err)
			}
		}
	}
}

func (r running) values(tb testing.TB, topic string, partition int) []string {
	tb.Helper()
	_, end, err := r.Bounds(deadline(tb), topic, partition)
	if err != nil {
		tb.Fatal(err)
	}
	var values []string
	err = r.Scan(deadline(tb), topic, partition, 0, end, func(rec eventlog.Record) error {
		values = append(values, string(rec.Value))
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return values
}

var all = []string{eventlog.TopicIntake, eventlog.TopicLog, eventlog.TopicPositions}

func TestARestartKeepsRecordsTopicsAndRooms(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := start(t, config(dir, "north", "south"))
	r.fill(t, 1, 20, all...)
	rooms := r.rooms(t)
	before := map[string][]string{}
	for _, topic := range all {
		before[topic] = r.values(t, topic, 1)
	}
	r.stop(t)

	r = start(t, config(dir, "south", "north", "west"))
	defer func() { r.stop(t) }()
	again := r.rooms(t)
	if diff := cmp.Diff(rooms, again[:2]); diff != "" {
		t.Errorf("rooms changed: %s", diff)
	}
	if len(again) != 3 || again[2].Room != "west" || again[2].Partition != 2 || len(again[2].LogID) != 36 {
		t.Errorf("the new room: %+v", again[2:])
	}
	for _, topic := range all {
		if diff := cmp.Diff(before[topic], r.values(t, topic, 1)); diff != "" {
			t.Errorf("%s changed: %s", topic, diff)
		}
	}
	r.fill(t, 2, 1, all...)
}

func TestASecondBrokerOnTheSameDirectoryIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := start(t, config(dir, "north"))
	defer r.stop(t)
	_, err := embedded.Start(deadline(t), config(dir, "north"))
	if !errors.Is(err, embedded.ErrInUse) || app.Status(embedded.Exit(err)) != app.DataInUse {
		t.Errorf("got %v, want ErrInUse", err)
	}
	r.fill(t, 0, 1, all...)
}

func TestABusyPortIsRefused(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	cfg := config(t.TempDir(), "north")
	cfg.Listen = l.Addr().String()
	_, err = embedded.Start(deadline(t), cfg)
	if err == nil || app.Status(embedded.Exit(err)) != app.PortBusy {
		t.Errorf("got %v, want status %d", err, app.PortBusy)
	}
}

func TestAConfigurationThatCannotWorkIsRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*embedded.Config){
		"no directory":                   func(c *embedded.Config) { c.Dir = "" },
		"an address without port":        func(c *embedded.Config) { c.Listen = "localhost" },
		"every address":                  func(c *embedded.Config) { c.Listen = "0.0.0.0:9092" },
		"no address":                     func(c *embedded.Config) { c.Listen = ":9092" },
		"a witness inside the directory": func(c *embedded.Config) { c.WitnessFile = filepath.Join(c.Dir, "heads.json") },
	} {
		cfg := config(t.TempDir(), "north")
		spoil(&cfg)
		if _, err := embedded.Start(deadline(t), cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestTheModuleProvidesAddressesAndStopsWithTheProcess(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(deadline(t))
	defer cancel()
	var rooms []eventlog.RoomEntry
	err := app.Run(ctx,
		logging,
		embedded.Module(config(t.TempDir(), "north")),
		fx.Invoke(func(lc fx.Lifecycle, cfg kafkalog.Config) {
			lc.Append(fx.StartHook(func(ctx context.Context) error {
				defer cancel()
				l, err := kafkalog.New(cfg)
				if err != nil {
					return err
				}
				defer l.Close()
				rooms, err = l.Rooms(ctx)
				return err
			}))
		}),
	)
	if err != nil || len(rooms) != 1 {
		t.Errorf("%v, rooms %v", err, rooms)
	}
}
