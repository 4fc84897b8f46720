// Package decider is the loop around the rules of a room: it reads intake and the log, lets the kernel's writer decide,
// and appends what comes out. It owns I/O, clocks and goroutines; what is true it leaves to the log. A decider that is
// slow, doubled or wrong about the time costs void records, never a wrong decision.
package decider

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"vigie/pkg/beat"
	"vigie/pkg/clock"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/domain/controlroom/choose"
	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/eventlog/witness"
	"vigie/pkg/follow"
	"vigie/pkg/snapshot"
	"vigie/pkg/wire"
)

// Positions are the last fixes of a room's teams.
type Positions interface {
	Of(room string) map[string]choose.Fix
	// Read is closed once those that were known before are in.
	Read(room string) <-chan struct{}
}

// Config of one decider.
type Config struct {
	Room      eventlog.RoomEntry
	Name      string
	Log       *kafkalog.Log
	Clock     *clock.Clock
	Positions Positions
	// Rules are those of the domain, but for tests of a level that is yet to come; nil: the present ones.
	Rules *controlroom.Domain
	// Limits of the writer; their waiting decides whether it stands by while another is first.
	Limits es.Limits
	// Heard are the beats of the room's processes; nil: nobody else is known. Intake takes what a decider asks for itself.
	Heard  *beat.Heard
	Intake *kafkalog.Writer
	// Witness is told how far the log has come; nil: nobody is.
	Witness *witness.Keeper
	// Witnessed is where an earlier run of this node had seen the log; its zero value: nowhere.
	Witnessed witness.Head
	// Snapshots take the room after every SnapshotEvery effective records and at an orderly stop, and give it back at the
	// start; nil: the log is read from its beginning.
	Snapshots     *snapshot.Dir
	SnapshotEvery uint64
	Logger        *slog.Logger
}

// Decider decides for one room. Make it with New, run it once.
type Decider struct {
	Config
	writer  *controlroom.Writer
	log     *slog.Logger
	started time.Time

	records    chan stretch
	requests   chan []wire.Request
	appended   chan es.Appended
	watermarks chan int64

	company  company
	inIntake bool
	waits    sync.WaitGroup
	zone     zone
	saving   saving

	ready   atomic.Bool
	halted  atomic.Pointer[string]
	backlog atomic.Int64
	voids   atomic.Int64
	decided atomic.Int64
	// clockOff is a duration.
	clockOff atomic.Int64
}

// stretch is some records of the log, in order, and whether the log ended behind them when it was looked at. Both come by
// one channel: what is done at the end must not be done before the records have been folded.
type stretch struct {
	records []wire.Stored
	atEnd   bool
}

// ErrHalted says that the room's log or intake cannot be trusted.
var ErrHalted = errors.New("the room is halted")

const (
	// buffered bounds what readers may be ahead of the loop, in batches.
	buffered = 64
	// batchSize bounds one batch, in records.
	batchSize = 256
)

// New returns a decider that has read nothing yet.
func New(c Config) *Decider {
	if c.Rules == nil {
		c.Rules = controlroom.Rules()
	}
	return &Decider{
		Config:  c,
		writer:  es.NewWriterAt(es.NewFold(c.Room.Room, c.Rules), c.Name, c.Limits, wire.Encode),
		log:     c.Logger.With("room", c.Room.Room),
		started: time.Now(),
		company: company{Company: beat.NewCompany(c.Heard, c.Name)},
		saving:  saving{busy: make(chan struct{}, 1)},

		records: make(chan stretch, buffered), requests: make(chan []wire.Request, buffered),
		appended: make(chan es.Appended, 1), watermarks: make(chan int64, 1),
	}
}

// Run decides until ctx ends. A room that cannot go on is halted until its log is reopened; then it is decided from there.
// Run returns nil when ctx ends, or ErrHalted with its reason when the room was halted at that time.
func (d *Decider) Run(ctx context.Context) error {
	for resume := d.resume; ; resume = func(context.Context) error { return nil } {
		err := d.decide(ctx, resume)
		d.waits.Wait()
		if err == nil || errors.Is(err, context.Canceled) {
			d.saveLast(ctx)
			return nil
		}
		var damage *eventlog.DamageError
		if errors.As(err, &damage) {
			err = fmt.Errorf("%w: %w", ErrHalted, err)
		}
		if !errors.Is(err, ErrHalted) {
			d.halt(ctx, err)
			return err
		}
		if !d.reopened(ctx, err) {
			return err
		}
	}
}

func (d *Decider) decide(ctx context.Context, resume func(context.Context) error) error {
	if err := resume(ctx); err != nil {
		return err
	}
	from := d.writer.Next
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return d.readLog(ctx, from) })
	group.Go(func() error { return d.loop(ctx, group) })
	return group.Wait()
}

// Ready is nil when the decider has read everything and decides.
func (d *Decider) Ready() error {
	if reason := d.halted.Load(); reason != nil {
		return errors.New(*reason)
	}
	if !d.ready.Load() {
		return fmt.Errorf("room %s: the decider is reading its log", d.Room.Room)
	}
	return nil
}

// Halted says whether the room has stopped for good.
func (d *Decider) Halted() bool { return d.halted.Load() != nil }

// Figures of a decider, for metrics.
type Figures struct {
	// Backlog counts requests read and not yet answered in the log: the first alert of the product.
	Backlog, Voids, Decided int64
	// ClockOff is how far this clock is from what the processes agree on, in real time: the alert for a wrong clock.
	ClockOff time.Duration
}

// Figures gives the present ones.
func (d *Decider) Figures() Figures {
	return Figures{Backlog: d.backlog.Load(), Voids: d.voids.Load(), Decided: d.decided.Load(), ClockOff: time.Duration(d.clockOff.Load())}
}

func (d *Decider) readLog(ctx context.Context, from int64) error {
	var batch []wire.Stored // one record as a rule: room for many would be a tenth of a megabyte for each
	flush := func(atEnd bool) error {
		if len(batch) == 0 && !atEnd {
			return nil
		}
		full := batch
		batch = nil
		return send(ctx, d.records, stretch{full, atEnd})
	}
	return follow.Decisions(ctx, d.Log, d.Room.Partition, from,
		func(s *wire.Stored) error {
			batch = append(batch, *s)
			if len(batch) < batchSize {
				return nil
			}
			return flush(false)
		},
		// It fails only when ctx has ended, which the reader sees next.
		func(next, highWatermark int64) { _ = flush(next >= highWatermark) })
}

// positionsBound is how long the first request waits for the positions that are known. A node that starts with alarms in its
// backlog would send teams as if they sat at their bases; but no alarm waits for telemetry that does not come.
const positionsBound = 500 * time.Millisecond

func (d *Decider) awaitPositions(ctx context.Context) {
	select {
	case <-d.Positions.Read(d.Room.Room):
	case <-time.After(positionsBound):
		d.log.WarnContext(ctx, "positions are not read yet: teams are taken to be where they were last entered")
	case <-ctx.Done():
	}
}

func (d *Decider) readIntake(ctx context.Context, from int64) error {
	d.awaitPositions(ctx)
	var batch []wire.Request
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		full := batch
		batch = nil
		return send(ctx, d.requests, full)
	}
	return follow.Partition(ctx, d.Log, eventlog.TopicIntake, d.Room.Partition, from,
		func(r eventlog.Record) error {
			batch = append(batch, wire.DecodeRequest(r.Offset, r.Value))
			if len(batch) < batchSize {
				return nil
			}
			return flush()
		},
		func(int64, int64) { _ = flush() }) // fails only when ctx has ended, which the reader sees next
}

func send[T any](ctx context.Context, to chan<- T, v T) error {
	select {
	case to <- v:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
