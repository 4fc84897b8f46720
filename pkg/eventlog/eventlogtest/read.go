package eventlogtest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"vigie/pkg/eventlog"
)

func tailFollows(ctx context.Context, t *testing.T, s Subject) {
	t.Helper()
	vs := values(20)
	want := fill(ctx, t, s, vs[:5], 5)
	var got []eventlog.Record
	err := s.Log.Tail(ctx, s.Topic, 0, 0, func(records []eventlog.Record, highWatermark int64) error {
		got = append(got, records...)
		if highWatermark < int64(len(got)) {
			t.Errorf("high watermark %d is below what was read, %d", highWatermark, len(got))
		}
		switch {
		case len(got) == len(vs):
			return errEnough
		case len(got) == len(want): // all of it is read: only now comes more
			next := fill(ctx, t, s, vs[len(want):len(want)+3], 2)
			want = append(want, next...)
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatalf("tail: %v", err)
	}
	same(t, got, want)
}

func tailHighWatermark(ctx context.Context, t *testing.T, s Subject) {
	t.Helper()
	fill(ctx, t, s, values(4), 4)
	var seen int64
	err := s.Log.Tail(ctx, s.Topic, 0, 4, func(records []eventlog.Record, highWatermark int64) error {
		if len(records) != 0 {
			t.Errorf("got %d records, want none", len(records))
		}
		seen = highWatermark
		return errEnough
	})
	if !errors.Is(err, errEnough) || seen != 4 {
		t.Fatalf("high watermark %d, %v; want 4", seen, err)
	}
}

func tailReceiverError(ctx context.Context, t *testing.T, s Subject) {
	t.Helper()
	boom := errors.New("boom")
	err := s.Log.Tail(ctx, s.Topic, 0, 0, func([]eventlog.Record, int64) error { return boom })
	if !errors.Is(err, boom) {
		t.Errorf("got %v, want the receiver's error", err)
	}
}

func tailContext(ctx context.Context, t *testing.T, s Subject) {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err := s.Log.Tail(ctx, s.Topic, 0, 0, func([]eventlog.Record, int64) error {
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func tailInsideBatch(ctx context.Context, t *testing.T, s Subject) {
	t.Helper()
	want := fill(ctx, t, s, values(10), 10)
	same(t, tailed(ctx, t, s, 6, 4), want[6:])
	same(t, scanned(ctx, t, s, 6, 10), want[6:])
}

func scanRange(ctx context.Context, t *testing.T, s Subject) {
	t.Helper()
	want := fill(ctx, t, s, values(30), 4)
	same(t, scanned(ctx, t, s, 3, 17), want[3:17])
	same(t, scanned(ctx, t, s, 29, 30), want[29:])
}

func scanReceiverError(ctx context.Context, t *testing.T, s Subject) {
	t.Helper()
	fill(ctx, t, s, values(3), 1)
	boom := errors.New("boom")
	n := 0
	err := s.Log.Scan(ctx, s.Topic, 0, 0, 3, func(eventlog.Record) error {
		if n++; n == 2 {
			return boom
		}
		return nil
	})
	if !errors.Is(err, boom) || n != 2 {
		t.Errorf("got %v after %d records, want the receiver's error after 2", err, n)
	}
}

func tailAndScanAgree(ctx context.Context, t *testing.T, s Subject) {
	t.Helper()
	vs := make([][]byte, 400)
	for i := range vs {
		vs[i] = slices.Repeat([]byte{byte(i)}, 1+37*i%997)
	}
	want := fill(ctx, t, s, vs[:100], 1)
	want = append(want, fill(ctx, t, s, vs[100:], 60)...)
	same(t, scanned(ctx, t, s, 0, 400), want)
	same(t, tailed(ctx, t, s, 0, 400), want)
}

func scanValuesStay(ctx context.Context, t *testing.T, s Subject) {
	t.Helper()
	want := fill(ctx, t, s, values(200), 10)
	kept := scanned(ctx, t, s, 0, 200)
	scanned(ctx, t, s, 0, 200)
	same(t, kept, want)
}

func tailPastEnd(ctx context.Context, t *testing.T, s Subject) {
	t.Helper()
	fill(ctx, t, s, values(3), 3)
	damaged(t, s.Log.Tail(ctx, s.Topic, 0, 9, func([]eventlog.Record, int64) error { return nil }), 9)
}

func scanPastEnd(ctx context.Context, t *testing.T, s Subject) {
	t.Helper()
	fill(ctx, t, s, values(3), 3)
	err := s.Log.Scan(ctx, s.Topic, 0, 0, 9, func(eventlog.Record) error { return nil })
	damaged(t, err, 3)
}

func tailBelowStart(ctx context.Context, t *testing.T, s Subject) {
	t.Helper()
	fill(ctx, t, s, values(8), 1)
	drop(ctx, t, s, 5)
	damaged(t, s.Log.Tail(ctx, s.Topic, 0, 2, func([]eventlog.Record, int64) error { return nil }), 2)
}

func scanBelowStart(ctx context.Context, t *testing.T, s Subject) {
	t.Helper()
	fill(ctx, t, s, values(8), 1)
	drop(ctx, t, s, 5)
	damaged(t, s.Log.Scan(ctx, s.Topic, 0, 2, 8, func(eventlog.Record) error { return nil }), 2)
}

func drop(ctx context.Context, t *testing.T, s Subject, before int64) {
	t.Helper()
	if err := s.DropBefore(ctx, 0, before); err != nil {
		t.Fatalf("drop the records before %d: %v", before, err)
	}
}
