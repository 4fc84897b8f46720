package logcmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow"
	"vigie/pkg/wire"
)

// kafkaPatient is the log of a group, with everything running.
type kafkaPatient struct{ *kafkaSource }

// appendBound is how long the record may take to be written and read back.
const appendBound = 30 * time.Second

func (k kafkaPatient) entry(ctx context.Context, room string) (eventlog.RoomEntry, error) {
	return k.room(ctx, room)
}

func (k kafkaPatient) records(ctx context.Context, room eventlog.RoomEntry) pass {
	return func(each func(eventlog.Record) error) error {
		_, end, err := k.log.Bounds(ctx, eventlog.TopicLog, room.Partition)
		if err != nil {
			return fmt.Errorf("end of the log: %w", err)
		}
		return follow.Through(ctx, k.log, room.Partition, 0, end, each)
	}
}

func (k kafkaPatient) intake(ctx context.Context, room eventlog.RoomEntry) (start, end int64, err error) {
	start, end, err = k.log.Bounds(ctx, eventlog.TopicIntake, room.Partition)
	if err != nil {
		err = fmt.Errorf("end of intake: %w", err)
	}
	return start, end, err
}

// reopen appends the record, reads the log as everybody does, and says whether it counts. One that somebody else's record
// came before is void, and so are copies of it.
func (k kafkaPatient) reopen(ctx context.Context, p *plan, by controlroom.ReopenedBy) (written, error) {
	ctx, done := context.WithTimeout(ctx, appendBound)
	defer done()
	_, end, err := k.log.Bounds(ctx, eventlog.TopicLog, p.room.Partition)
	if err != nil {
		return written{}, fmt.Errorf("end of the log: %w", err)
	}
	if err := k.asPlanned(ctx, p, end); err != nil {
		return written{}, err
	}
	p.dead.Records = end - 1 - p.good.Offset
	value, hash := p.record(end, by)
	for {
		if _, err = k.log.Append(ctx, eventlog.TopicLog, p.room.Partition, [][]byte{value}); err == nil {
			break
		}
		if errors.Is(err, eventlog.ErrRefused) || ctx.Err() != nil {
			return written{}, fmt.Errorf("write the record: %w: this needs the rights of dispatch", err)
		}
	}
	return k.readBack(ctx, p, hash)
}

// asPlanned checks that nothing was written behind what was looked at. What cannot be read at the very end was agreed to.
func (k kafkaPatient) asPlanned(ctx context.Context, p *plan, end int64) error {
	if end < p.end {
		return errMoved
	}
	return follow.Through(ctx, k.log, p.room.Partition, p.end, end, func(eventlog.Record) error { return errMoved })
}

// readBack looks for the record among those that count. A copy of it may follow it.
func (k kafkaPatient) readBack(ctx context.Context, p *plan, hash es.Hash) (written, error) {
	records := k.records(ctx, p.room)
	expected, err := follow.Reopenings(p.room.Room, records)
	if err != nil {
		return written{}, err
	}
	fold := controlroom.NewFold(p.room.Room)
	fold.Expect(expected...)
	w := written{Offset: -1}
	err = records(func(r eventlog.Record) error {
		s := wire.Decode(r.Offset, r.Value)
		if j := fold.Read(&s); j.Verdict == es.Effective && s.Hash == hash {
			w = written{Offset: s.Offset, Version: s.Version, Hash: controlroom.Hex(hash)}
		}
		return nil
	})
	if err == nil && w.Offset < 0 {
		err = fmt.Errorf("%w (the record was written and is void)", errMoved)
	}
	return w, err
}
