package kafkalog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"vigie/pkg/eventlog"
)

// Errors of [Writer.Write] besides those of appending, in whose company they come.
var (
	// ErrQueueFull says that too much waits for the same partition already.
	ErrQueueFull = errors.New("too many writes wait for this partition; slow down or try later")
	// ErrWriterClosed says that the writer was closed before it was done.
	ErrWriterClosed = errors.New("writer is closed")
)

// WriterConfig bounds a [Writer].
type WriterConfig struct {
	// MaxBatchBytes and MaxBatchRecords bound one produce. A broker takes
	// batches of 1 MiB by default.
	MaxBatchBytes   int `koanf:"max_batch_bytes"`
	MaxBatchRecords int `koanf:"max_batch_records"`
	// MaxQueued and MaxQueuedBytes bound what waits per partition.
	MaxQueued      int `koanf:"max_queued"`
	MaxQueuedBytes int `koanf:"max_queued_bytes"`
	// ProduceTimeout bounds one try.
	ProduceTimeout time.Duration `koanf:"produce_timeout"`
}

// DefaultWriter returns bounds for requests and positions.
func DefaultWriter() WriterConfig {
	return WriterConfig{
		MaxBatchBytes:   768 << 10,
		MaxBatchRecords: 1000,
		MaxQueued:       20_000,
		MaxQueuedBytes:  32 << 20,
		ProduceTimeout:  2 * time.Second,
	}
}

// Validate says all that is wrong with c.
func (c WriterConfig) Validate() error {
	var errs []error
	for _, v := range []struct {
		name  string
		value int64
	}{
		{"max_batch_bytes", int64(c.MaxBatchBytes)},
		{"max_batch_records", int64(c.MaxBatchRecords)},
		{"max_queued", int64(c.MaxQueued)},
		{"max_queued_bytes", int64(c.MaxQueuedBytes)},
		{"produce_timeout", int64(c.ProduceTimeout)},
	} {
		if v.value <= 0 {
			errs = append(errs, fmt.Errorf("%s: must be above zero", v.name))
		}
	}
	return errors.Join(errs...)
}

// Appender is the part of a [Log] that a [Writer] needs.
type Appender interface {
	Append(ctx context.Context, topic string, partition int, values [][]byte) (base int64, err error)
}

// Writer gathers the writes of many goroutines: one produce is under way per
// partition, and what arrives meanwhile goes as the next batch, so that one
// caller alone never waits for company. A write is repeated, with the same
// bytes, for as long as its caller's context lives; the same record can
// therefore be stored twice.
type Writer struct {
	log Appender
	cfg WriterConfig

	stop    chan struct{} // closed by Close: ends the retries
	senders sync.WaitGroup

	mu     sync.Mutex // guards what follows
	closed bool
	lanes  map[laneKey]*lane
}

type laneKey struct {
	topic     string
	partition int
}

// NewWriter returns a writer on log. Close it before the log.
func NewWriter(log Appender, cfg WriterConfig) (*Writer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("writer configuration: %w", err)
	}
	return &Writer{log: log, cfg: cfg, stop: make(chan struct{}), lanes: make(map[laneKey]*lane)}, nil
}

// Close refuses further writes, lets the produces under way end and waits for
// them. Writes that are not stored by then fail.
func (w *Writer) Close() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.stop)
	}
	w.mu.Unlock()
	w.senders.Wait()
}

// Write stores value and returns its offset. It waits until ctx ends; its
// error wraps [eventlog.ErrUnknownOutcome] if a try may have stored the value
// and [eventlog.ErrNotWritten] if none has; [eventlog.ErrRefused] at once if
// the log will never take it. value must not be changed before Write returns,
// nor after an unknown outcome.
func (w *Writer) Write(ctx context.Context, topic string, partition int, value []byte) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("write to %s/%d: %w: %w", topic, partition, eventlog.ErrNotWritten, err)
	}
	p, err := w.Send(topic, partition, value)
	if err != nil {
		return 0, err
	}
	return p.Wait(ctx)
}

// Pending is a value that was sent: it keeps its place among those of its
// partition until it is stored, refused, left, or the writer is closed.
type Pending struct {
	lane *lane
	e    *entry
}

// Send queues value behind all that were sent to its partition before it, and
// does not wait. value must not be changed any more.
func (w *Writer) Send(topic string, partition int, value []byte) (*Pending, error) {
	e := &entry{value: value, done: make(chan struct{})}
	l, err := w.enqueue(laneKey{topic, partition}, e)
	if err != nil {
		return nil, fmt.Errorf("write to %s/%d: %w: %w", topic, partition, eventlog.ErrNotWritten, err)
	}
	return &Pending{lane: l, e: e}, nil
}

// Done is closed when the outcome is known.
func (p *Pending) Done() <-chan struct{} { return p.e.done }

// Result is the outcome, as [Writer.Write] returns it; not before Done.
func (p *Pending) Result() (int64, error) {
	if p.e.err != nil {
		return 0, fmt.Errorf("write to %s/%d: %w", p.lane.key.topic, p.lane.key.partition, p.e.err)
	}
	return p.e.offset, nil
}

// Wait waits for the outcome until ctx ends, and gives the value up then.
func (p *Pending) Wait(ctx context.Context) (int64, error) {
	select {
	case <-p.Done():
	case <-ctx.Done():
		p.Leave(ctx.Err())
	}
	return p.Result()
}

// Leave gives the value up: it is not sent again, and its outcome, unless one
// is known, is what is known of it now. cause is told in the error.
func (p *Pending) Leave(cause error) { p.lane.abandon(p.e, cause) }

// enqueue puts e into its lane and sees to it that somebody sends it.
func (w *Writer) enqueue(key laneKey, e *entry) (*lane, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, ErrWriterClosed
	}
	l := w.lanes[key]
	if l == nil {
		l = &lane{w: w, key: key}
		w.lanes[key] = l
	}
	idle, err := l.add(e)
	if err != nil {
		return nil, err
	}
	if idle {
		w.senders.Go(l.send)
	}
	return l, nil
}
