// Package past folds a room as it was: as of an offset of its log, or as of an instant of its domain clock. It
// guarantees that the service and the command line say the same, byte for byte, and the same as a live board says at that
// offset. Callers owe a pace where others wait for the processor or the broker.
package past

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow"
	"vigie/pkg/wire"
)

// Point is a moment of a room's story.
type Point struct {
	// offset of the last record that counts, unless byTime.
	offset int64
	// at is the last instant that counts, in milliseconds.
	at     int64
	byTime bool
}

// AtOffset is after the record at an offset.
func AtOffset(offset int64) Point { return Point{offset: offset} }

// AtInstant is after the last effective record that is not later than t.
func AtInstant(t time.Time) Point { return Point{at: t.UnixMilli(), byTime: true} }

// ParseInstant reads an instant as people give it.
func ParseInstant(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, fmt.Errorf("%q is not an instant: write it as 2026-11-22T21:30:00Z or 2026-11-22T22:30:00+01:00", s)
	}
	return t, nil
}

// Ahead says whether the point can be reached by reading on from a fold.
func (p Point) Ahead(f *controlroom.Fold) bool {
	if p.byTime {
		return f.At <= p.at
	}
	return f.Next-1 <= p.offset
}

// BeyondEndError says that the log has no such record yet.
type BeyondEndError struct {
	// Offset was asked for; End is the offset that the next record will get.
	Offset, End int64
}

func (e *BeyondEndError) Error() string {
	return fmt.Sprintf("there is no record %d: the log ends before offset %d", e.Offset, e.End)
}

// errPassed ends a scan that has met the first record after the instant.
var errPassed = errors.New("the point was passed")

// Show reads on from a fold of the room to a point ahead of it, and gives the view there. pace is called before each
// record and may wait; its error ends the reading. After an error of its or of ctx the fold can be read on from; after an
// instant it may be one record past it. The error is [follow.ErrHalted] when the log up to there cannot be trusted, and
// [BeyondEndError] for an offset that is not there.
func Show(
	ctx context.Context, log *kafkalog.Log, room eventlog.RoomEntry, fold *controlroom.Fold, p Point, pace func() error,
) (controlroom.View, error) {
	_, to, err := log.Bounds(ctx, eventlog.TopicLog, room.Partition)
	if err != nil {
		return controlroom.View{}, fmt.Errorf("end of the log: %w", err)
	}
	if !p.byTime {
		if p.offset >= to {
			return controlroom.View{}, &BeyondEndError{Offset: p.offset, End: to}
		}
		to = p.offset + 1
	}
	r := reader{room: room, fold: fold, point: p, pace: pace}
	err = log.Scan(ctx, eventlog.TopicLog, room.Partition, fold.Next, to, r.read)
	var damage *eventlog.DamageError
	if errors.As(err, &damage) {
		err = fmt.Errorf("%w: %w", follow.ErrHalted, err)
	}
	if errors.Is(err, follow.ErrHalted) {
		err = r.around(ctx, log, to, err)
	}
	switch {
	case errors.Is(err, errPassed):
		return *r.before, nil
	case err != nil:
		return controlroom.View{}, err
	}
	return controlroom.Show(room.Room, fold), nil
}

// around reads from the beginning again, over what is dead because the log was reopened before the point; halted is what is
// wrong when it was not.
func (r *reader) around(ctx context.Context, log *kafkalog.Log, to int64, halted error) error {
	expected, err := follow.Reopenings(r.room.Room, func(each func(eventlog.Record) error) error {
		return follow.Through(ctx, log, r.room.Partition, 0, to, func(record eventlog.Record) error {
			return errors.Join(r.pace(), each(record))
		})
	})
	if err != nil {
		return err
	}
	fresh := controlroom.NewFold(r.room.Room)
	fresh.Expect(expected...)
	stopped := *r.fold
	*r.fold = *fresh
	err = follow.Through(ctx, log, r.room.Partition, 0, to, func(record eventlog.Record) error {
		if err := r.read(record); !errors.Is(err, follow.ErrHalted) {
			return err
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case r.fold.Halted() != "", r.fold.Next < to:
		return halted
	case r.fold.Reopened() == stopped.Reopened() && stopped.Overtaken() == nil:
		return halted // it reads well this time: that the log was whole before has to be said by somebody
	}
	return nil
}

type reader struct {
	room   eventlog.RoomEntry
	fold   *controlroom.Fold
	point  Point
	pace   func() error
	before *controlroom.View
}

func (r *reader) read(record eventlog.Record) error {
	if err := r.pace(); err != nil {
		return err
	}
	s := wire.Decode(record.Offset, record.Value)
	r.before = nil
	// Only judging tells whether a record counts, and judging folds it: look before the leap.
	if r.point.byTime && s.At > r.point.at && s.Version == r.fold.Version+1 && s.PrevHash == r.fold.Hash {
		view := controlroom.Show(r.room.Room, r.fold)
		r.before = &view
	}
	j, err := follow.Fold(r.fold, r.room, &s)
	if err == nil && j.Verdict == es.Effective && r.before != nil {
		return errPassed
	}
	return err
}

// Encode gives the bytes of a view, one line with its end: those of GET /v1/rooms/{room}/state and of vigie replay.
func Encode(v controlroom.View) ([]byte, error) {
	encoded, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode state: %w", err)
	}
	return append(encoded, '\n'), nil
}
