package follow

import (
	"context"
	"errors"
	"fmt"

	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/wait"
)

// errShorter says that a log ends before what was read of it.
var errShorter = errors.New("the log ends before what was read of it")

// Over reads a room's log as [Partition] does, over holes and over what no broker can read. It is for those who look for
// the record that reopens a damaged log; nobody else reads around damage.
func Over(
	ctx context.Context, log *kafkalog.Log, partition int, from int64,
	deliver func(eventlog.Record) error, progress func(next, highWatermark int64),
) error {
	next := from
	each := func(r eventlog.Record) error {
		next = r.Offset + 1
		return deliver(r)
	}
	for {
		err := Partition(ctx, log, eventlog.TopicLog, partition, next, each, progress)
		var damage *eventlog.DamageError
		if !errors.As(err, &damage) {
			return err
		}
		if next, err = beyond(ctx, log, partition, next); err != nil {
			return err
		}
	}
}

// Through hands out the records [from, to) of a room's log that can be read.
func Through(ctx context.Context, log *kafkalog.Log, partition int, from, to int64, deliver func(eventlog.Record) error) error {
	next := from
	for next < to {
		err := log.Scan(ctx, eventlog.TopicLog, partition, next, to, func(r eventlog.Record) error {
			next = r.Offset + 1
			return deliver(r)
		})
		var damage *eventlog.DamageError
		if !errors.As(err, &damage) {
			return err
		}
		if next, err = beyond(ctx, log, partition, next); err != nil {
			return err
		}
	}
	return nil
}

// beyond is the first offset from one that cannot be read on which can, or the end.
func beyond(ctx context.Context, log *kafkalog.Log, partition int, bad int64) (int64, error) {
	start, end, err := Bounds(ctx, log, eventlog.TopicLog, partition)
	switch {
	case err != nil:
		return 0, err
	case start > bad:
		return start, nil
	case bad > end:
		return 0, errShorter
	case bad == end: // it was cut meanwhile, or the damage has gone: it is looked at again
		return bad, wait.For(ctx, askAgain)
	}
	// What cannot be read is a batch: it begins at or before bad and ends within some hundred records.
	low, step := bad, int64(1)
	for low+step < end {
		ok, err := readable(ctx, log, partition, low+step)
		switch {
		case err != nil:
			return 0, err
		case ok:
			return bisect(ctx, log, partition, low, low+step)
		}
		low, step = low+step, 2*step
	}
	ok, err := readable(ctx, log, partition, end-1)
	if err != nil || !ok || low >= end-1 {
		return end, err
	}
	return bisect(ctx, log, partition, low, end-1)
}

// bisect is the first offset that can be read, above one that cannot and not above one that can.
func bisect(ctx context.Context, log *kafkalog.Log, partition int, low, high int64) (int64, error) {
	for high-low > 1 {
		middle := low + (high-low)/2
		ok, err := readable(ctx, log, partition, middle)
		if err != nil {
			return 0, err
		}
		if ok {
			high = middle
		} else {
			low = middle
		}
	}
	return high, nil
}

func readable(ctx context.Context, log *kafkalog.Log, partition int, offset int64) (bool, error) {
	err := log.Scan(ctx, eventlog.TopicLog, partition, offset, offset+1, func(eventlog.Record) error { return nil })
	var damage *eventlog.DamageError
	if errors.As(err, &damage) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at record %d: %w", offset, err)
	}
	return true, nil
}
