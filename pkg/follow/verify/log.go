package verify

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"

	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow"
	"vigie/pkg/wire"
)

// errBad ends a scan at the first bad record.
var errBad = errors.New("bad record")

// Log walks one room's log, side by side with its intake. progress is told how far it has come. The error is one of
// reading, never a verdict.
func Log(ctx context.Context, log *kafkalog.Log, room eventlog.RoomEntry, progress func(next, end int64)) (Room, error) {
	_, end, err := log.Bounds(ctx, eventlog.TopicLog, room.Partition)
	if err != nil {
		return Room{}, fmt.Errorf("end of the log: %w", err)
	}
	v := verification{log: log, room: room, end: end, progress: progress}
	first, err := v.walk(ctx, NewWalk(room), func(each func(eventlog.Record) error) error {
		return log.Scan(ctx, eventlog.TopicLog, room.Partition, 0, end, each)
	})
	if err != nil || first.OK {
		return first, err
	}
	through := func(each func(eventlog.Record) error) error {
		return follow.Through(ctx, log, room.Partition, 0, end, each)
	}
	expected, err := follow.Reopenings(room.Room, through)
	if err != nil {
		return Room{}, fmt.Errorf("look for what reopens the log: %w", err)
	}
	again, err := v.walk(ctx, Around(room, expected), through)
	if err != nil || again.Reopened == first.Reopened && len(expected) == 0 {
		return first, err
	}
	return again, nil
}

type verification struct {
	log      *kafkalog.Log
	room     eventlog.RoomEntry
	end      int64
	progress func(next, end int64)
}

func (v verification) walk(ctx context.Context, w *Walk, pass func(each func(eventlog.Record) error) error) (Room, error) {
	// After the end of the log: what the log answers is then below the end of intake.
	start, intakeEnd, err := v.log.Bounds(ctx, eventlog.TopicIntake, v.room.Partition)
	if err != nil {
		return Room{}, fmt.Errorf("end of intake: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	requests := intake{log: v.log, room: v.room, next: start, end: intakeEnd, hashes: make(chan request, buffered)}
	var reading sync.WaitGroup
	reading.Go(func() { requests.read(ctx) })
	defer reading.Wait()
	defer cancel()

	err = pass(func(r eventlog.Record) error {
		if s := w.Read(r); s != nil && s.Intake >= start {
			if err := requests.check(ctx, w, s); err != nil {
				return err
			}
		}
		if w.IsBad() && !w.looks {
			return errBad
		}
		v.progress(w.Next(), v.end)
		return nil
	})
	var damage *eventlog.DamageError
	switch {
	case errors.As(err, &damage):
		w.Bad(damage.Offset, damage.Reason)
	case err != nil && !errors.Is(err, errBad):
		return Room{}, fmt.Errorf("read the log: %w", err)
	}
	if w.Next() < v.end {
		w.Bad(w.Next(), "it cannot be read, nor what follows it")
	}
	result := w.Finish(intakeEnd)
	if start > result.IntakeNext && result.OK {
		w.Bad(result.HeadOffset, fmt.Sprintf("vigie.intake begins at %d, and request %d has no outcome: it was deleted undecided",
			start, result.IntakeNext))
		result = w.Finish(intakeEnd)
	}
	return result, nil
}

// buffered bounds how far intake is read ahead of the log.
const buffered = 1024

// intake hands out the hashes of stored requests, in order.
type intake struct {
	log       *kafkalog.Log
	room      eventlog.RoomEntry
	next, end int64
	hashes    chan request
	// at is the last one taken.
	at request
	// err is why there are no more; read it after hashes was closed.
	err error
}

type request struct {
	offset int64
	hash   es.Hash
	taken  bool
}

func (i *intake) read(ctx context.Context) {
	defer close(i.hashes)
	for {
		i.err = i.log.Scan(ctx, eventlog.TopicIntake, i.room.Partition, i.next, i.end, func(r eventlog.Record) error {
			select {
			case i.hashes <- request{r.Offset, sha256.Sum256(r.Value), true}:
				i.next = r.Offset + 1
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		var damage *eventlog.DamageError
		if !errors.As(i.err, &damage) {
			return
		}
		// Retention may have moved the start meanwhile: that is no damage.
		start, _, err := i.log.Bounds(ctx, eventlog.TopicIntake, i.room.Partition)
		if err != nil || start <= i.next {
			return
		}
		i.next = min(start, i.end)
	}
}

// check compares the decision at a log offset with its request, if intake still has it.
func (i *intake) check(ctx context.Context, w *Walk, s *wire.Stored) error {
	if s.Intake >= i.end {
		return nil // cut: Finish says so
	}
	for !i.at.taken || i.at.offset < s.Intake {
		var more bool
		if i.at, more = <-i.hashes; more {
			continue
		}
		var damage *eventlog.DamageError
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(i.err, &damage):
			w.Bad(s.Offset, fmt.Sprintf("the request it answers cannot be read: %v", i.err))
		case i.err != nil:
			return fmt.Errorf("read intake: %w", i.err)
		}
		return nil
	}
	if i.at.offset == s.Intake {
		w.answered(s, i.at.hash)
	}
	return nil
}
