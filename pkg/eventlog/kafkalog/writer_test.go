package kafkalog_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
)

// gate is a log whose appends wait to be let through, each with an outcome of
// the test's choosing.
type gate struct {
	*kafkalog.Log
	begun   chan [][]byte
	outcome chan error
}

func gated(tb testing.TB, l *kafkalog.Log) gate {
	tb.Helper()
	return gate{Log: l, begun: make(chan [][]byte, 100), outcome: make(chan error, 100)}
}

func (g gate) Append(ctx context.Context, topic string, partition int, values [][]byte) (int64, error) {
	g.begun <- values
	if err := <-g.outcome; err != nil {
		return 0, err
	}
	return g.Log.Append(ctx, topic, partition, values)
}

func strings(values [][]byte) []string {
	var s []string
	for _, v := range values {
		s = append(s, string(v))
	}
	return s
}

type result struct {
	offset int64
	err    error
}

// write starts a write and returns where its result will be.
func write(ctx context.Context, w *kafkalog.Writer, value string) <-chan result {
	done := make(chan result, 1)
	go func() {
		offset, err := w.Write(ctx, topic, 0, []byte(value))
		done <- result{offset, err}
	}()
	return done
}

func TestWritesThatGatherGoAsOneBatch(t *testing.T) {
	t.Parallel()
	_, l := single(t)
	ctx := deadline(t)
	g := gated(t, l)
	cfg := kafkalog.DefaultWriter()
	cfg.MaxQueued = 3
	w, err := kafkalog.NewWriter(g, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	results := []<-chan result{write(ctx, w, "first")}
	if diff := cmp.Diff([]string{"first"}, strings(<-g.begun)); diff != "" {
		t.Error(diff)
	}
	// One is under way and three fill the queue: one of four more is refused.
	const more = 4
	refused := make(chan error, more)
	var group sync.WaitGroup
	for i := range more {
		group.Go(func() {
			if _, err := w.Write(ctx, topic, 0, fmt.Append(nil, i)); err != nil {
				refused <- err
			}
		})
	}
	if err := <-refused; !errors.Is(err, kafkalog.ErrQueueFull) || !errors.Is(err, eventlog.ErrNotWritten) {
		t.Errorf("got %v, want ErrQueueFull and ErrNotWritten", err)
	}
	g.outcome <- nil
	if got := <-g.begun; len(got) != 3 {
		t.Errorf("the second batch has %d records, want 3", len(got))
	}
	g.outcome <- nil
	group.Wait()
	if r := <-results[0]; r.err != nil || r.offset != 0 {
		t.Errorf("first is at %d, %v", r.offset, r.err)
	}
	if got := stored(ctx, t, l); len(got) != 4 {
		t.Errorf("stored %q, want 4 records", got)
	}
}

func TestACallerThatLeavesLearnsWhatIsKnown(t *testing.T) {
	t.Parallel()
	unknown := fmt.Errorf("cut: %w", eventlog.ErrUnknownOutcome)
	notWritten := fmt.Errorf("no leader: %w", eventlog.ErrNotWritten)
	for _, c := range []struct {
		name     string
		outcomes []error // of the produces before the caller leaves
		inFlight bool    // it leaves while one more is under way
		want     error
	}{
		{"every try was refused", []error{notWritten, notWritten}, false, eventlog.ErrNotWritten},
		{"one try was unknown", []error{notWritten, unknown, notWritten}, false, eventlog.ErrUnknownOutcome},
		{"a try is under way", nil, true, eventlog.ErrUnknownOutcome},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, l := single(t)
			ctx, leave := context.WithCancel(deadline(t))
			defer leave()
			g := gated(t, l)
			w := writer(t, g)
			done := write(ctx, w, "x")
			<-g.begun
			for i, outcome := range c.outcomes {
				g.outcome <- outcome
				if i < len(c.outcomes)-1 {
					<-g.begun
				}
			}
			if !c.inFlight {
				// The write rests after its last try, or is about to repeat it:
				// let it be repeated, refused, until the caller has left.
				go func() {
					for range g.begun {
						g.outcome <- notWritten
					}
				}()
				defer close(g.begun)
				defer w.Close()
			}
			leave()
			r := <-done
			if c.inFlight {
				g.outcome <- unknown
			}
			// A try that happens to be under way makes a refused write unknown.
			if !errors.Is(r.err, c.want) && !errors.Is(r.err, eventlog.ErrUnknownOutcome) {
				t.Errorf("got %v, want %v", r.err, c.want)
			}
			if !errors.Is(r.err, context.Canceled) {
				t.Errorf("got %v, want the context's error too", r.err)
			}
		})
	}
}

func TestARecordWhoseCallerLeftIsNotSentLater(t *testing.T) {
	t.Parallel()
	_, l := single(t)
	ctx := deadline(t)
	g := gated(t, l)
	w := writer(t, g)
	first := write(ctx, w, "first")
	<-g.begun
	leaving, leave := context.WithCancel(ctx)
	leave()
	queued, cancel := context.WithCancel(ctx)
	second := write(queued, w, "second")
	if r := <-write(leaving, w, "never"); !errors.Is(r.err, eventlog.ErrNotWritten) {
		t.Errorf("got %v, want ErrNotWritten", r.err)
	}
	cancel()
	if r := <-second; !errors.Is(r.err, eventlog.ErrNotWritten) {
		t.Errorf("got %v, want ErrNotWritten", r.err)
	}
	g.outcome <- nil
	if r := <-first; r.err != nil {
		t.Errorf("first: %v", r.err)
	}
	third := write(ctx, w, "third")
	g.outcome <- nil
	if r := <-third; r.err != nil {
		t.Errorf("third: %v", r.err)
	}
	if diff := cmp.Diff([]string{"first", "third"}, stored(ctx, t, l)); diff != "" {
		t.Error(diff)
	}
}

func TestOneUnacceptableRecordDoesNotSpoilItsBatch(t *testing.T) {
	t.Parallel()
	_, l := single(t)
	ctx := deadline(t)
	g := gated(t, l)
	w := writer(t, g)
	first := write(ctx, w, "first")
	<-g.begun
	gathered := map[string]<-chan result{"a": write(ctx, w, "a"), "b": write(ctx, w, "b")}
	refused := fmt.Errorf("too large: %w", eventlog.ErrRefused)
	g.outcome <- nil
	if r := <-first; r.err != nil {
		t.Fatal(r.err)
	}
	// However they were batched, "a" is refused and "b" is not.
	for open := 2; open > 0; {
		batch := strings(<-g.begun)
		switch {
		case len(batch) == 2:
			g.outcome <- refused
			continue
		case batch[0] == "a":
			g.outcome <- refused
		default:
			g.outcome <- nil
		}
		open--
	}
	if r := <-gathered["a"]; !errors.Is(r.err, eventlog.ErrRefused) {
		t.Errorf("a: got %v, want ErrRefused", r.err)
	}
	if r := <-gathered["b"]; r.err != nil {
		t.Errorf("b: %v", r.err)
	}
}

func TestAClosedWriterRefusesAndSettlesWhatItHas(t *testing.T) {
	t.Parallel()
	_, l := single(t)
	ctx := deadline(t)
	g := gated(t, l)
	cfg := kafkalog.DefaultWriter()
	cfg.MaxQueued = 1
	w, err := kafkalog.NewWriter(g, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	first := write(ctx, w, "first")
	<-g.begun
	// Two behind the one under way: the queue holds one, and the other's refusal says so.
	second, other := write(ctx, w, "second"), write(ctx, w, "other")
	var refused result
	select {
	case refused = <-second:
		second = other
	case refused = <-other:
	}
	if !errors.Is(refused.err, kafkalog.ErrQueueFull) {
		t.Fatalf("a third write: got %v", refused.err)
	}
	closed := make(chan struct{})
	go func() {
		w.Close()
		close(closed)
	}()
	for err := kafkalog.ErrQueueFull; !errors.Is(err, kafkalog.ErrWriterClosed); {
		_, err = w.Write(ctx, topic, 0, nil)
	}
	g.outcome <- fmt.Errorf("cut: %w", eventlog.ErrUnknownOutcome)
	<-closed
	if r := <-first; !errors.Is(r.err, eventlog.ErrUnknownOutcome) || !errors.Is(r.err, kafkalog.ErrWriterClosed) {
		t.Errorf("first: got %v", r.err)
	}
	if r := <-second; !errors.Is(r.err, eventlog.ErrNotWritten) || !errors.Is(r.err, kafkalog.ErrWriterClosed) {
		t.Errorf("second: got %v", r.err)
	}
}

func BenchmarkWriter(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("%d callers", callers), func(b *testing.B) {
			_, l := single(b)
			w := writer(b, l)
			value := make([]byte, 200)
			tickets := make(chan struct{}, callers)
			ctx := context.Background()
			var group sync.WaitGroup
			for range callers {
				group.Go(func() {
					for range tickets {
						if _, err := w.Write(ctx, topic, 0, value); err != nil {
							b.Error(err)
						}
					}
				})
			}
			b.ReportAllocs()
			for b.Loop() {
				tickets <- struct{}{}
			}
			close(tickets)
			group.Wait()
		})
	}
}

func BenchmarkScan(b *testing.B) {
	_, l := single(b)
	ctx := context.Background()
	const batches, each = 300, 1000
	values := make([][]byte, each)
	for i := range values {
		values[i] = make([]byte, 200)
	}
	for range batches {
		if _, err := l.Append(ctx, topic, 0, values); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		err := l.Scan(ctx, topic, 0, 0, batches*each, func(eventlog.Record) error { n++; return nil })
		if err != nil || n != batches*each {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(b.N)*batches*each/b.Elapsed().Seconds(), "records/s")
}
