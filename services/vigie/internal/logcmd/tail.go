package logcmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow"
	"vigie/pkg/wire"
	"vigie/pkg/wire/line"
)

var (
	// errEnough ends a reading at its limit.
	errEnough = errors.New("limit reached")
	// errOvertaken ends one at a record that may reopen the log at what was read before.
	errOvertaken = errors.New("the log was reopened")
)

// tailReader tells of records as they are judged.
type tailReader struct {
	tailing
	each func(line.Record, *time.Location) error
	fold *controlroom.Fold
	told int64
	zone zone
	// held are records from one on that halts: dead when the log was reopened behind them, else the end of what can be told.
	held []heldRecord
	// warned says that the first of them was told.
	warned bool
}

type heldRecord struct {
	record wire.Stored
	reason string
}

func (r *tailReader) read(record eventlog.Record) error {
	s := wire.Decode(record.Offset, record.Value)
	j := r.fold.Read(&s)
	if j.Verdict == es.Halting {
		r.held = append(r.held, heldRecord{s, j.Reason})
		if r.tailing.follow && r.fold.Overtaken() != nil {
			return errOvertaken
		}
		return nil
	}
	if err := r.flush(); err != nil {
		return err
	}
	return r.tell(&s, j)
}

// flush tells of what was held: it is dead.
func (r *tailReader) flush() error {
	held := r.held
	if r.warned {
		held = held[1:]
	}
	r.held, r.warned = nil, false
	for k := range held {
		if err := r.tell(&held[k].record, es.Judgement{Verdict: es.Void, Reason: "dead"}); err != nil {
			return err
		}
	}
	return nil
}

func (r *tailReader) tell(s *wire.Stored, j es.Judgement) error {
	if s.Offset < r.from {
		return nil
	}
	r.told++
	at := r.zone.of(r.fold.State.Region().GetTimezone())
	if err := r.each(line.Of(r.room, s, j), at); err != nil {
		return err
	}
	if r.limit > 0 && r.told == r.limit {
		return errEnough
	}
	return nil
}

// end tells of the record on which the log halts, if it does before an offset.
func (r *tailReader) end(offset int64) error {
	switch {
	case len(r.held) == 0 && r.fold.Halted() == "" && r.fold.Next < offset:
		return fmt.Errorf("%w at offset %d: it cannot be read; run vigie log verify", follow.ErrHalted, r.fold.Next)
	case len(r.held) == 0 && r.fold.Halted() == "":
		return nil
	case len(r.held) == 0:
		return fmt.Errorf("%w: %s; run vigie log verify", follow.ErrHalted, r.fold.Halted())
	}
	if err := r.warn(); err != nil {
		return err
	}
	return fmt.Errorf("%w at offset %d: %s; run vigie log verify", follow.ErrHalted, r.held[0].record.Offset, r.held[0].reason)
}

func (r *tailReader) warn() error {
	if r.warned || len(r.held) == 0 {
		return nil
	}
	r.warned = true
	return r.tell(&r.held[0].record, es.Judgement{Verdict: es.Halting, Reason: r.held[0].reason})
}

// follow goes on for as long as ctx lives: behind a record that halts, for one that reopens the log.
func (r *tailReader) follow(ctx context.Context, log *kafkalog.Log, room eventlog.RoomEntry) error {
	var failed error
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for {
		err := follow.Over(ctx, log, room.Partition, r.fold.Next, r.read, func(next, highWatermark int64) {
			if next >= highWatermark && failed == nil {
				if failed = r.warn(); failed != nil {
					stop()
				}
			}
		})
		if !errors.Is(err, errOvertaken) {
			return errors.Join(failed, err)
		}
		fold, reopening, err := follow.Reopened(ctx, log, room, r.fold, r.fold.Reopened(), follow.Watching{})
		if err != nil {
			return err
		}
		r.fold, r.held, r.warned = fold, nil, false
		if reopening == nil {
			continue
		}
		if err := r.tell(reopening, es.Judgement{Verdict: es.Effective}); err != nil {
			return err
		}
	}
}
