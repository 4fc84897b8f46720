// Package follow reads a room's log from its beginning, judges and folds it, and goes on for as long as it is told to:
// in bulk up to where the log ends now, then as it grows. A [Board] is such a room for readers: boards of the gateway,
// the live state of replay, the look-ups of alarms. It guarantees that readers see only effective decisions, in order,
// and that a log that was cut, rewritten or damaged stops the board with a reason instead of showing half a story.
package follow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/wire"
)

// Partition reads all records of a partition from an offset on, until ctx ends or deliver fails. progress is told the
// offset reached and the high watermark whenever the end was looked at; the end is reached when they are equal.
func Partition(
	ctx context.Context, log *kafkalog.Log, topic string, partition int, from int64,
	deliver func(eventlog.Record) error, progress func(next, highWatermark int64),
) error {
	_, end, err := Bounds(ctx, log, topic, partition)
	if err != nil {
		return err
	}
	// Bulk first: fetching one-record batches is ten times slower (they are what the log is made of).
	if end > from {
		if err := log.Scan(ctx, topic, partition, from, end, deliver); err != nil {
			return fmt.Errorf("scan %s/%d: %w", topic, partition, err)
		}
	}
	next := max(from, end)
	progress(next, end)
	return grown(ctx, log, topic, partition, next, deliver, progress)
}

// Decisions is [Partition] of vigie.log, decoded: in bulk on all processors, since that is most of the work.
func Decisions(
	ctx context.Context, log *kafkalog.Log, partition int, from int64,
	deliver func(*wire.Stored) error, progress func(next, highWatermark int64),
) error {
	_, end, err := Bounds(ctx, log, eventlog.TopicLog, partition)
	if err != nil {
		return err
	}
	if end > from {
		scan := func(ctx context.Context, each func(eventlog.Record) error) error {
			return log.Scan(ctx, eventlog.TopicLog, partition, from, end, each)
		}
		if err := decodeAhead(ctx, scan, deliver); err != nil {
			return fmt.Errorf("scan %s/%d: %w", eventlog.TopicLog, partition, err)
		}
	}
	next := max(from, end)
	progress(next, end)
	return grown(ctx, log, eventlog.TopicLog, partition, next, func(r eventlog.Record) error {
		s := wire.Decode(r.Offset, r.Value)
		return deliver(&s)
	}, progress)
}

// grown reads on as the partition grows.
func grown(
	ctx context.Context, log *kafkalog.Log, topic string, partition int, next int64,
	deliver func(eventlog.Record) error, progress func(next, highWatermark int64),
) error {
	return log.Tail(ctx, topic, partition, next, func(records []eventlog.Record, highWatermark int64) error {
		for _, r := range records {
			if err := deliver(r); err != nil {
				return err
			}
			next = r.Offset + 1
		}
		progress(next, highWatermark)
		return nil
	})
}

// Fold judges the next record of a room and folds it when it is effective. It refuses, with ErrHalted, what no reader may go
// past: a record on which the room halts, and the first one of another log than the table's (protocol §1).
func Fold(f *controlroom.Fold, room eventlog.RoomEntry, s *wire.Stored) (es.Judgement, error) {
	j := judged(f, room, s)
	if j.Verdict == es.Halting {
		return j, fmt.Errorf("%w at offset %d: %s", ErrHalted, s.Offset, j.Reason)
	}
	return j, nil
}

// askAgain is how long a broker that did not say where a partition ends is left alone.
const askAgain = 100 * time.Millisecond

// Bounds gives the first offset of a partition and the one after its last. A broker that is away is waited for until ctx
// ends: that it cannot be asked says nothing about the log.
func Bounds(ctx context.Context, log *kafkalog.Log, topic string, partition int) (start, end int64, err error) {
	for {
		start, end, err = log.Bounds(ctx, topic, partition)
		if err == nil {
			return start, end, nil
		}
		select {
		case <-time.After(askAgain):
		case <-ctx.Done():
			return 0, 0, fmt.Errorf("bounds of %s/%d: %w", topic, partition, errors.Join(ctx.Err(), err))
		}
	}
}

// End asks where a room's log ends now, and has those who read it in no hurry read up to there at once.
func End(ctx context.Context, log *kafkalog.Log, room eventlog.RoomEntry) (int64, error) {
	_, end, err := log.Bounds(ctx, eventlog.TopicLog, room.Partition)
	if err != nil {
		return 0, fmt.Errorf("end of the log: %w", err)
	}
	log.Hurry(eventlog.TopicLog, room.Partition)
	return end, nil
}
