package decider

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/witness"
	"vigie/pkg/follow"
	"vigie/pkg/region"
	"vigie/pkg/wire"
)

const (
	// longestWait bounds how late the loop notices that the domain clock has reached a deadline.
	longestWait = 250 * time.Millisecond
	// shortestWait keeps the loop from spinning on what is due and waits for an answer.
	shortestWait = 10 * time.Millisecond
	// appendBound is how long one append may take before its outcome counts as unknown.
	appendBound = 5 * time.Second
)

func (d *Decider) loop(ctx context.Context, group *errgroup.Group) error {
	timer := time.NewTimer(longestWait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case s := <-d.records:
			if err := d.read(ctx, s.records); err != nil {
				return err
			}
			if s.atEnd {
				if err := d.atEnd(ctx, group); err != nil {
					return err
				}
			}
		case batch := <-d.requests:
			for _, r := range batch {
				d.writer.Request(r)
			}
		case a := <-d.appended:
			d.writer.Appended(a, d.tick())
		case end := <-d.watermarks:
			d.writer.Watermark(end)
		case <-timer.C:
		}
		if d.inIntake && len(d.records) == 0 && len(d.requests) == 0 {
			d.step(ctx)
		}
		timer.Reset(d.untilNext())
	}
}

func (d *Decider) tick() es.Tick {
	return es.Tick{Now: d.Clock.Now().UnixMilli(), Mono: time.Since(d.started).Milliseconds() + 1}
}

func (d *Decider) read(ctx context.Context, batch []wire.Stored) error {
	for k := range batch {
		s := &batch[k]
		switch j := d.writer.Read(s); j.Verdict {
		case es.Halting:
			return fmt.Errorf("%w: record %d of vigie.log: %s; run vigie log verify", ErrHalted, s.Offset, j.Reason)
		case es.Void:
			d.voids.Add(1)
			d.log.WarnContext(ctx, "void record", "offset", s.Offset, "reason", j.Reason, "decider", s.Decider)
		case es.Effective:
			d.decided.Add(1)
		}
		if err := d.isWitnessed(s.Offset, s.Hash); err != nil {
			return err
		}
	}
	if d.Witness != nil && len(batch) > 0 && d.writer.Version > 0 {
		d.Witness.Set(d.head(batch[len(batch)-1].Hash))
	}
	if reason := d.writer.Halted(); reason != "" { // by the last record itself: a level above this program's
		return fmt.Errorf("%w: %s", ErrHalted, reason)
	}
	d.backlog.Store(int64(d.writer.Backlog()))
	d.saveNowAndThen(ctx)
	return nil
}

// head is how far the log has been read, with the hash of the last record, effective or not.
func (d *Decider) head(last es.Hash) witness.Head {
	h := witness.Head{
		Room: d.Room.Room, LogID: d.Room.LogID, Offset: d.writer.Next - 1, Version: d.writer.Version,
		Hash: last[:], IntakeNext: d.writer.IntakeNext,
	}
	if reopened := d.writer.Reopened(); reopened.Number > 0 {
		h.Reopened, h.ReopenedHash = reopened.Number, reopened.Hash[:]
	}
	return h
}

// isWitnessed compares the record that an earlier run had seen last: a cut tail of a hash chain is a valid chain, and one
// that was written on by another decider looks like any other.
func (d *Decider) isWitnessed(offset int64, hash es.Hash) error {
	w, ok := d.witnessed()
	if !ok || offset != w.Offset {
		return nil
	}
	if string(w.Hash) != string(hash[:]) {
		return fmt.Errorf("%w: record %d of vigie.log is not the one this node had seen there: the log was cut and written on", ErrHalted, offset)
	}
	return nil
}

// atEnd is called whenever the log has been read to its end; the first time it turns to intake.
func (d *Decider) atEnd(ctx context.Context, group *errgroup.Group) error {
	d.writer.CaughtUp(d.tick())
	if d.inIntake {
		return nil
	}
	if w, ok := d.witnessed(); ok && d.writer.Next <= w.Offset {
		return fmt.Errorf("%w: vigie.log ends at %d, this node had seen record %d: the log was cut", ErrHalted, d.writer.Next, w.Offset)
	}
	if d.writer.Version > 0 && d.writer.State.LogID != d.Room.LogID {
		return fmt.Errorf("%w: the log's id is %s, the room table says %s", ErrHalted, d.writer.State.LogID, d.Room.LogID)
	}
	if err := d.checkIntake(ctx); err != nil {
		return err
	}
	from := d.writer.IntakeNext
	d.step(ctx) // an empty log is opened before the first request is heard (protocol §1)
	group.Go(func() error { return d.readIntake(ctx, from) })
	d.inIntake = true
	d.saveNowAndThen(ctx)
	d.ready.Store(true)
	d.log.InfoContext(ctx, "deciding", "version", d.writer.Version, "intake_next", from)
	return nil
}

// checkIntake: a cut intake would lose alarms silently, so where the log leaves off intake must be what it was (§2).
func (d *Decider) checkIntake(ctx context.Context) error {
	next := d.writer.IntakeNext
	start, end, err := follow.Bounds(ctx, d.Log, eventlog.TopicIntake, d.Room.Partition)
	if err != nil {
		return err
	}
	if end < next {
		return fmt.Errorf("%w: intake ends at %d and request %d was answered: intake was cut", ErrHalted, end, next-1)
	}
	if start > next {
		return fmt.Errorf("%w: intake begins at %d and request %d has no outcome: it was deleted undecided", ErrHalted, start, next)
	}
	last, hash := d.writer.LastAnswered()
	if last < start {
		return nil // nothing answered yet, or no longer kept
	}
	return d.Log.Scan(ctx, eventlog.TopicIntake, d.Room.Partition, last, last+1, func(r eventlog.Record) error {
		if wire.DecodeRequest(r.Offset, r.Value).ValueHash != hash {
			return fmt.Errorf("%w: request %d of intake is not the one that was answered: intake was rewritten", ErrHalted, r.Offset)
		}
		return nil
	})
}

func (d *Decider) step(ctx context.Context) {
	t := d.tick()
	d.lookAround(ctx, t)
	write, expire := d.trusted(ctx, t)
	if !write {
		return
	}
	t.NoExpiry = !expire
	s := d.writer.Step(t, controlroom.Facts{
		Room: d.Room.Room, LogID: d.Room.LogID, ReadLevel: d.readLevel(),
		MinuteOfDay: d.zone.minuteOfDay(d.writer.State, t.Now),
		Positions:   d.Positions.Of(d.Room.Room),
	})
	for _, fault := range s.Faults {
		d.log.ErrorContext(ctx, "deadline cannot be decided", "fault", fault)
	}
	if s.AskWatermark {
		d.waits.Go(func() { d.fetchWatermark(ctx) })
	}
	if len(s.Batch) > 0 {
		d.waits.Go(func() { d.append(ctx, s.Batch) })
	}
}

func (d *Decider) append(ctx context.Context, batch [][]byte) {
	// The end of the service does not make a decision half sent: it is on its way, and reading settles it.
	bounded, done := context.WithTimeout(context.WithoutCancel(ctx), appendBound)
	defer done()
	_, err := d.Log.Append(bounded, eventlog.TopicLog, d.Room.Partition, batch)
	outcome := es.Written
	if err != nil {
		outcome = es.Unsettled
		level := d.log.WarnContext
		if errors.Is(err, eventlog.ErrRefused) {
			level = d.log.ErrorContext // it will not go away by itself
		}
		level(ctx, "append unsettled", "records", len(batch), "err", err)
	}
	d.appended <- outcome // one append at a time: there is room
}

func (d *Decider) fetchWatermark(ctx context.Context) {
	if _, end, err := follow.Bounds(ctx, d.Log, eventlog.TopicIntake, d.Room.Partition); err == nil {
		d.watermarks <- end // one is asked for at a time: there is room
	}
}

// readLevel is the highest level that every process is known to read, this one included.
func (d *Decider) readLevel() uint32 {
	if d.Heard == nil {
		return d.Rules.MaxLevel
	}
	return d.Heard.Level(d.Name, d.Rules.MaxLevel, d.writer.Level, time.Now())
}

// untilNext is how long to sleep: until the next deadline by the domain clock, within bounds.
func (d *Decider) untilNext() time.Duration {
	if d.writer.Backlog() > 0 {
		return shortestWait // standing by, or waiting for an answer
	}
	due, ok := d.writer.NextDue()
	if !ok {
		return longestWait
	}
	left := d.Clock.Real(time.Duration(due-d.Clock.Now().UnixMilli()) * time.Millisecond)
	return min(max(left, shortestWait), longestWait)
}

// zone keeps the time zone of the folded region.
type zone struct {
	name     string
	location *time.Location
}

func (z *zone) minuteOfDay(s controlroom.State, at int64) int32 {
	conf := s.Region().RoomConfiguration
	if z.location == nil || conf.GetTimezone() != z.name {
		z.name, z.location = conf.GetTimezone(), time.UTC
		if l, err := region.Location(conf); err == nil {
			z.location = l
		}
	}
	local := time.UnixMilli(at).In(z.location)
	return int32(local.Hour()*60 + local.Minute()) //nolint:gosec // below 1440
}
