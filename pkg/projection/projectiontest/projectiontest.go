// Package projectiontest is the contract of projections, as tests: whatever happens to Redis, a table is the fold of its topic
// up to its mark, or cold. It runs on a Redis in this process ([Miniredis]) and on a real one, both behind a [Relay], and
// brings what the tests of other projections need: such a Redis, and [Check].
package projectiontest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/projection"
	"vigie/pkg/projection/projector"
)

// Server is a Redis that can be hurt.
type Server interface {
	Addr() string
	// Flush forgets everything.
	Flush(tb testing.TB)
	// Restart is an end without a farewell; it comes back with nothing.
	Restart(tb testing.TB)
	// Keep remembers what is stored, and Revert goes back to that, as a fail-over to a copy that was behind does.
	Keep(tb testing.TB)
	Revert(tb testing.TB)
}

// Patience bounds every wait: far longer than it takes on a machine that has other things to do.
const Patience = 90 * time.Second

// Await waits until something holds.
func Await(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	deadline := time.After(Patience)
	for !holds() {
		select {
		case <-time.After(2 * time.Millisecond):
		case <-deadline:
			tb.Fatalf("after %v still not so: %s", Patience, what)
		}
	}
}

// Bound gives a context for one look.
func Bound(tb testing.TB) context.Context {
	tb.Helper()
	ctx, done := context.WithTimeout(context.Background(), Patience)
	tb.Cleanup(done)
	return ctx
}

// Config is for tests that do not measure: it waits long, and tries again soon.
func Config(addr string) projection.Config {
	cfg := projection.Default()
	cfg.URL = "redis://" + addr
	cfg.Connect, cfg.IO, cfg.Wait = 5*time.Second, 5*time.Second, 10*time.Second
	cfg.RestMin, cfg.RestMax = 5*time.Millisecond, 50*time.Millisecond
	return cfg
}

// Open opens a client for the time of a test.
func Open(tb testing.TB, cfg projection.Config) *projection.Client {
	tb.Helper()
	c, err := projection.Open(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.Close(); err != nil {
			tb.Errorf("close the client: %v", err)
		}
	})
	return c
}

// Check compares snapshots, in any order of their offsets, with the fold of what the topic holds up to each of them.
func Check(tb testing.TB, log *kafkalog.Log, topic string, partition int, fold projector.Fold, snapshots ...projection.Snapshot) {
	tb.Helper()
	at := map[int64][]projection.Snapshot{}
	last := int64(-1)
	for _, s := range snapshots {
		at[s.Offset] = append(at[s.Offset], s)
		last = max(last, s.Offset)
	}
	if err := fold.Restore(nil); err != nil {
		tb.Fatal(err)
	}
	start, _, err := log.Bounds(Bound(tb), topic, partition)
	if err != nil {
		tb.Fatal(err)
	}
	entries := map[string][]byte{}
	same := func(offset int64, hash string) {
		for _, s := range at[offset] {
			if diff := cmp.Diff(entries, s.Entries); diff != "" || s.Hash != hash {
				tb.Errorf("at offset %d (hash %s, want %s), fold and table (-want +got):\n%s", offset, s.Hash, hash, diff)
			}
		}
	}
	same(start-1, "")
	if last < start {
		return
	}
	err = log.Scan(Bound(tb), topic, partition, start, last+1, func(r eventlog.Record) error {
		changes := projection.Changes{}
		fold.Take(r, changes)
		for name, e := range changes {
			if e == nil {
				delete(entries, name)
			} else {
				entries[name] = e.Value
			}
		}
		same(r.Offset, projection.Digest(r.Value))
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
}
