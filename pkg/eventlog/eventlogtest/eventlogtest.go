// Package eventlogtest is the contract of the event log, as tests: what
// appending, tailing and scanning promise, whichever brokers are behind them.
// It runs on a broker in the same process and on real Kafka alike. Faults that
// only a fake broker can inject are tested where that broker is.
package eventlogtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigie/pkg/eventlog"
)

// Log is what is under test.
type Log interface {
	Append(ctx context.Context, topic string, partition int, values [][]byte) (base int64, err error)
	Bounds(ctx context.Context, topic string, partition int) (start, end int64, err error)
	Tail(ctx context.Context, topic string, partition int, from int64,
		deliver func(records []eventlog.Record, highWatermark int64) error) error
	Scan(ctx context.Context, topic string, partition int, from, to int64,
		deliver func(eventlog.Record) error) error
}

// Writer is the group commit under test.
type Writer interface {
	Write(ctx context.Context, topic string, partition int, value []byte) (offset int64, err error)
}

// Subject is one log with an empty topic of two partitions, fresh for each test.
type Subject struct {
	Log    Log
	Writer Writer
	Topic  string
	// DropBefore deletes the records before offset, as retention does.
	DropBefore func(ctx context.Context, partition int, offset int64) error
}

// patience bounds every wait of the suite; a slow machine is not a failure.
const patience = 2 * time.Minute

var errEnough = errors.New("enough")

// Run runs the contract.
func Run(t *testing.T, newSubject func(t *testing.T) Subject) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(ctx context.Context, t *testing.T, s Subject)
	}{
		{"what is appended is read back in order", readBack},
		{"an empty partition has bounds zero and zero", emptyBounds},
		{"partitions do not see each other's records", partitionsApart},
		{"a tail sees what is appended later", tailFollows},
		{"a tail with nothing new still learns the high watermark", tailHighWatermark},
		{"a tail returns what its receiver returned", tailReceiverError},
		{"a tail ends with its context", tailContext},
		{"a tail may begin inside a batch", tailInsideBatch},
		{"a scan ends where it was told to", scanRange},
		{"a scan returns what its receiver returned", scanReceiverError},
		{"tail and scan agree", tailAndScanAgree},
		{"scanned values stay what they were", scanValuesStay},
		{"an empty value is a record", emptyValue},
		{"appending nothing is refused", appendNothing},
		{"a record that is too large is refused", appendTooLarge},
		{"tailing past the end is damage", tailPastEnd},
		{"scanning past the end is damage", scanPastEnd},
		{"tailing below a moved start is damage", tailBelowStart},
		{"scanning below a moved start is damage", scanBelowStart},
		{"concurrent writers get distinct offsets without a hole", writersDistinct},
		{"a write whose caller has left already is not written", writeCallerGone},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			c.test(ctx, t, newSubject(t))
		})
	}
}

// values makes n distinct values.
func values(n int) [][]byte {
	vs := make([][]byte, n)
	for i := range vs {
		vs[i] = fmt.Appendf(nil, "value %d", i)
	}
	return vs
}

// fill appends values in batches of size and returns what a reader must see.
func fill(ctx context.Context, t *testing.T, s Subject, vs [][]byte, size int) []eventlog.Record {
	t.Helper()
	var want []eventlog.Record
	for len(vs) > 0 {
		n := min(size, len(vs))
		base, err := s.Log.Append(ctx, s.Topic, 0, vs[:n])
		if err != nil {
			t.Fatalf("append: %v", err)
		}
		for i, v := range vs[:n] {
			want = append(want, eventlog.Record{Offset: base + int64(i), Value: v})
		}
		vs = vs[n:]
	}
	return want
}

// tailed reads n records from offset from on.
func tailed(ctx context.Context, t *testing.T, s Subject, from int64, n int) []eventlog.Record {
	t.Helper()
	var got []eventlog.Record
	err := s.Log.Tail(ctx, s.Topic, 0, from, func(records []eventlog.Record, _ int64) error {
		if got = append(got, records...); len(got) >= n {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatalf("tail: %v", err)
	}
	return got
}

func scanned(ctx context.Context, t *testing.T, s Subject, from, to int64) []eventlog.Record {
	t.Helper()
	var got []eventlog.Record
	err := s.Log.Scan(ctx, s.Topic, 0, from, to, func(r eventlog.Record) error {
		got = append(got, r)
		return nil
	})
	if err != nil {
		t.Fatalf("scan: %v", err)
	}
	return got
}

func same(t *testing.T, got, want []eventlog.Record) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records differ (-want +got):\n%s", diff)
	}
}

func damaged(t *testing.T, err error, offset int64) {
	t.Helper()
	var damage *eventlog.DamageError
	if !errors.As(err, &damage) {
		t.Fatalf("got %v, want a DamageError", err)
	}
	if damage.Offset != offset {
		t.Errorf("damage at offset %d, want %d (%v)", damage.Offset, offset, err)
	}
}

func readBack(ctx context.Context, t *testing.T, s Subject) {
	t.Helper()
	want := fill(ctx, t, s, values(50), 7)
	start, end, err := s.Log.Bounds(ctx, s.Topic, 0)
	if err != nil || start != 0 || end != 50 {
		t.Fatalf("bounds are %d, %d, %v; want 0, 50", start, end, err)
	}
	same(t, scanned(ctx, t, s, 0, 50), want)
}

func emptyBounds(ctx context.Context, t *testing.T, s Subject) {
	t.Helper()
	start, end, err := s.Log.Bounds(ctx, s.Topic, 0)
	if err != nil || start != 0 || end != 0 {
		t.Fatalf("bounds are %d, %d, %v; want 0, 0", start, end, err)
	}
	same(t, scanned(ctx, t, s, 0, 0), nil)
}

func partitionsApart(ctx context.Context, t *testing.T, s Subject) {
	t.Helper()
	want := fill(ctx, t, s, values(3), 1)
	base, err := s.Log.Append(ctx, s.Topic, 1, [][]byte{[]byte("elsewhere")})
	if err != nil || base != 0 {
		t.Fatalf("append to the other partition: offset %d, %v; want 0", base, err)
	}
	same(t, scanned(ctx, t, s, 0, 3), want)
}

func emptyValue(ctx context.Context, t *testing.T, s Subject) {
	t.Helper()
	fill(ctx, t, s, [][]byte{{}, []byte("x")}, 2)
	for _, got := range [][]eventlog.Record{tailed(ctx, t, s, 0, 2), scanned(ctx, t, s, 0, 2)} {
		if len(got) != 2 || len(got[0].Value) != 0 || string(got[1].Value) != "x" {
			t.Errorf("got %v", got)
		}
	}
}

func appendNothing(ctx context.Context, t *testing.T, s Subject) {
	t.Helper()
	if _, err := s.Log.Append(ctx, s.Topic, 0, nil); !errors.Is(err, eventlog.ErrRefused) {
		t.Errorf("got %v, want ErrRefused", err)
	}
}

func appendTooLarge(ctx context.Context, t *testing.T, s Subject) {
	t.Helper()
	large := make([]byte, 2<<20)
	if _, err := s.Log.Append(ctx, s.Topic, 0, [][]byte{large}); !errors.Is(err, eventlog.ErrRefused) {
		t.Errorf("append: got %v, want ErrRefused", err)
	}
	if _, err := s.Writer.Write(ctx, s.Topic, 0, large); !errors.Is(err, eventlog.ErrRefused) {
		t.Errorf("write: got %v, want ErrRefused", err)
	}
}

func writersDistinct(ctx context.Context, t *testing.T, s Subject) {
	t.Helper()
	const writers, each = 16, 25
	offsets := make([][]int64, writers)
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range each {
				offset, err := s.Writer.Write(ctx, s.Topic, 0, fmt.Appendf(nil, "%d/%d", w, i))
				if err != nil {
					t.Errorf("write: %v", err)
					return
				}
				offsets[w] = append(offsets[w], offset)
			}
		})
	}
	group.Wait()
	if t.Failed() {
		return
	}
	// Not the number of writes: one that was repeated is there twice.
	_, end, err := s.Log.Bounds(ctx, s.Topic, 0)
	if err != nil {
		t.Fatal(err)
	}
	got := scanned(ctx, t, s, 0, end)
	taken := map[int64]string{}
	for w := range writers {
		for i, offset := range offsets[w] {
			want := fmt.Sprintf("%d/%d", w, i)
			if other, ok := taken[offset]; ok {
				t.Errorf("offset %d was given to %s and to %s", offset, other, want)
			}
			taken[offset] = want
			if offset < 0 || offset >= end {
				t.Errorf("%s was given offset %d, and the log ends at %d", want, offset, end)
			} else if value := string(got[offset].Value); value != want {
				t.Errorf("offset %d holds %q, want %q", offset, value, want)
			}
		}
	}
}

func writeCallerGone(ctx context.Context, t *testing.T, s Subject) {
	t.Helper()
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Writer.Write(gone, s.Topic, 0, []byte("x")); !errors.Is(err, eventlog.ErrNotWritten) {
		t.Errorf("got %v, want ErrNotWritten", err)
	}
}
