package projector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"vigie/pkg/eventlog"
	"vigie/pkg/feed"
	"vigie/pkg/follow"
	"vigie/pkg/projection"
	"vigie/pkg/wait"
)

// lane is one room of a projector: its reader, which is alone while no message of it is under way, and its handler, which is
// called only while one is.
type lane struct {
	cfg   *Config
	slog  *slog.Logger
	room  eventlog.RoomEntry
	table *projection.Table
	out   chan<- *message.Message

	fold    Fold
	mark    *projection.Mark   // of the table, as far as is known; nil: there is none
	last    projection.Mark    // of the last record folded in
	pending projection.Changes // folded in and not yet written
	moved   bool               // the table is not what it was when it was read
	wrote   bool               // something was written since it was read

	// For the metrics.
	offset atomic.Int64
	cold   atomic.Bool
	broken atomic.Int64
}

func (p *Projector) newLane(room eventlog.RoomEntry, out chan<- *message.Message) *lane {
	l := &lane{
		cfg: &p.cfg, slog: p.slog.With("room", room.Room), room: room, out: out,
		table: p.cfg.Client.Table(p.cfg.Schema, room), fold: p.cfg.NewFold(room),
	}
	l.offset.Store(-1)
	l.cold.Store(true)
	return l
}

// run keeps the table up to date until ctx ends: each time anew from what is stored.
func (l *lane) run(ctx context.Context) {
	pause, told := l.cfg.RetryMin, ""
	for ctx.Err() == nil {
		err := l.once(ctx)
		if ctx.Err() != nil {
			return
		}
		l.broken.Add(1)
		if l.wrote {
			pause, told = l.cfg.RetryMin, ""
		}
		// Another process that projects the same room is the usual cause of the others, and no trouble.
		if cause := causeOf(err); !errors.Is(err, projection.ErrMoved) && cause != told {
			l.slog.WarnContext(ctx, "projection interrupted", "err", err)
			told = cause
		}
		_ = wait.About(ctx, pause) // the loop looks whether it goes on
		pause = min(2*pause, l.cfg.RetryMax)
	}
}

// causeOf is what is told once: each failed attempt to reach Redis has words of its own.
func causeOf(err error) string {
	if errors.Is(err, projection.ErrAway) {
		return projection.ErrAway.Error()
	}
	return err.Error()
}

// once reads the table and goes on from it until something fails.
func (l *lane) once(ctx context.Context) error {
	l.wrote = false
	from, err := l.resume(ctx)
	if err != nil {
		return err
	}
	reading, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	f := batcher{lane: l, next: from}
	err = follow.Partition(reading, l.cfg.Log, l.cfg.Topic, l.room.Partition, from,
		func(r eventlog.Record) error { return f.add(ctx, r) },
		func(next, highWatermark int64) {
			if err := f.look(ctx, next >= highWatermark); err != nil {
				stop(err)
			}
		})
	if cause := context.Cause(reading); cause != nil && ctx.Err() == nil {
		return cause
	}
	return err
}

// batcher makes messages of the records that are read.
type batcher struct {
	*lane
	records []eventlog.Record
	next    int64     // offset after the last of them
	sent    time.Time // of the last message
}

func (f *batcher) add(ctx context.Context, r eventlog.Record) error {
	f.records, f.next = append(f.records, r), r.Offset+1
	if len(f.records) < f.cfg.Batch {
		return nil
	}
	return f.flush(ctx, time.Time{})
}

// look is called whenever all that the broker gave has been added.
func (f *batcher) look(ctx context.Context, atEnd bool) error {
	due := f.cfg.Linger
	if len(f.records) == 0 {
		due = f.cfg.Touch
	}
	if time.Since(f.sent) < due {
		return nil
	}
	if atEnd {
		return f.flush(ctx, time.Now())
	}
	return f.flush(ctx, time.Time{})
}

func (f *batcher) flush(ctx context.Context, atEnd time.Time) error {
	err := feed.Hand(ctx, f.out, pack(f.room.Partition, f.records, f.next, atEnd), f.cfg.Drain)
	f.records, f.sent = f.records[:0], time.Now()
	if err == nil && f.moved {
		return projection.ErrMoved
	}
	return err
}

// resume learns from Redis how far the table has come, and from the topic whether that is the same story. It gives the offset
// to go on from.
func (l *lane) resume(ctx context.Context) (int64, error) {
	stored, err := l.table.Load(ctx)
	cold := errors.Is(err, projection.ErrCold)
	if err != nil && !cold {
		return 0, err
	}
	start, end, err := follow.Bounds(ctx, l.cfg.Log, l.cfg.Topic, l.room.Partition)
	if err != nil {
		return 0, err
	}
	if !cold {
		same, err := l.same(ctx, stored.Mark, start, end)
		if err != nil {
			return 0, err
		}
		if same {
			err = l.fold.Restore(stored.Entries)
			same = err == nil
		}
		if !same {
			l.slog.InfoContext(ctx, "projection begun anew: its topic does not hold what it was made of", "offset", stored.Offset, "start", start, "end", end, "err", err)
			if err := l.table.Clear(ctx); err != nil {
				return 0, err
			}
			cold = true
		}
	}
	l.moved, l.pending = false, projection.Changes{}
	l.cold.Store(cold || stored.AtEnd.IsZero())
	if cold {
		l.mark, l.last = nil, projection.Mark{Offset: start - 1}
		l.offset.Store(start - 1)
		return start, l.fold.Restore(nil)
	}
	l.mark, l.last = &stored.Mark, stored.Mark
	l.offset.Store(stored.Offset)
	return stored.Offset + 1, nil
}

// same says whether the topic still has the record that the table was last marked with.
func (l *lane) same(ctx context.Context, m projection.Mark, start, end int64) (same bool, err error) {
	switch {
	case m.Hash == "":
		return m.Offset == start-1, nil
	case m.Offset < start || m.Offset >= end:
		return false, nil
	}
	err = l.cfg.Log.Scan(ctx, l.cfg.Topic, l.room.Partition, m.Offset, m.Offset+1, func(r eventlog.Record) error {
		same = projection.Digest(r.Value) == m.Hash
		return nil
	})
	return same, err
}

// take folds records in, unless that was done when they came before, and writes what is not written yet.
func (l *lane) take(ctx context.Context, b batch) error {
	for _, r := range b.records {
		switch {
		case r.Offset <= l.last.Offset:
			continue
		case r.Offset > l.last.Offset+1:
			return fmt.Errorf("record %d comes after %d", r.Offset, l.last.Offset)
		}
		l.fold.Take(r, l.pending)
		l.last.Offset = r.Offset
	}
	if n := len(b.records); n > 0 && b.records[n-1].Offset == l.last.Offset {
		l.last.Hash = projection.Digest(b.records[n-1].Value)
	}
	err := l.table.Apply(ctx, projection.Batch{After: l.mark, To: l.last, AtEnd: b.atEnd, Changes: l.pending})
	switch {
	case errors.Is(err, projection.ErrMoved):
		l.moved = true // a repetition would change nothing
		return nil
	case err != nil:
		return err
	}
	mark := l.last
	l.mark, l.pending, l.wrote = &mark, projection.Changes{}, true
	l.offset.Store(mark.Offset)
	l.cold.Store(l.cold.Load() && b.atEnd.IsZero())
	return nil
}
