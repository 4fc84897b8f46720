package follow

import (
	"context"
	"errors"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/wire"
)

// Watching is told how a reader that has stopped looks for the record that lets it go on. Every field may be nil.
type Watching struct {
	// Halted is called once the log has been looked through to its end and nothing reopens it.
	Halted func()
	// Begin is called whenever the log is read anew from its beginning, and Each for every record of that reading, with the
	// fold behind it.
	Begin func()
	Each  func(*wire.Stored, es.Judgement, *controlroom.Fold)
}

// Reopened waits until a room's log holds a record that reopens it and that its reader does not know of, and gives the room
// as it is behind that record: read from its beginning, over whatever is dead, by the same rule as ever. stopped is the fold
// that the reader cannot go on with, known the last reopening that it knows of. When stopped was only overtaken by a record
// that turns out to reopen nothing, the room comes back without one.
//
// It gives back an error only when ctx ends or reading is not allowed.
func Reopened(
	ctx context.Context, log *kafkalog.Log, room eventlog.RoomEntry, stopped *controlroom.Fold, known es.Reopened, w Watching,
) (*controlroom.Fold, *wire.Stored, error) {
	s := search{room: room, stopped: stopped, known: known, watching: w}
	if err := s.ahead(ctx, log); err != nil {
		return nil, nil, err
	}
	for {
		s.begin()
		err := Over(ctx, log, room.Partition, 0, s.read, s.progress)
		switch {
		case errors.Is(err, errFound):
			return s.fold, s.reopening, nil
		case errors.Is(err, errAgain), errors.Is(err, errShorter):
		default:
			return nil, nil, err
		}
	}
}

var (
	errFound = errors.New("the log was reopened")
	// errAgain begins again, with one more record that may reopen the log.
	errAgain = errors.New("read again")
)

type search struct {
	room     eventlog.RoomEntry
	stopped  *controlroom.Fold
	known    es.Reopened
	watching Watching

	expected  []*wire.Stored
	fold      *controlroom.Fold
	reopening *wire.Stored
	told      bool
}

// ahead looks at what follows, so that a reader that finds nothing there does not learn it only after a whole log.
func (s *search) ahead(ctx context.Context, log *kafkalog.Log) error {
	if r := s.stopped.Overtaken(); r != nil {
		s.expected = append(s.expected, r)
		return nil
	}
	_, end, err := Bounds(ctx, log, eventlog.TopicLog, s.room.Partition)
	if err != nil {
		return err
	}
	err = Through(ctx, log, s.room.Partition, s.stopped.Next, end, func(r eventlog.Record) error {
		d := wire.Decode(r.Offset, r.Value)
		if _, ok := s.stopped.Reopens(&d); ok {
			s.expected = append(s.expected, &d)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errShorter) {
		return err
	}
	if len(s.expected) == 0 {
		s.halted()
	}
	return nil
}

func (s *search) halted() {
	if !s.told && s.watching.Halted != nil {
		s.watching.Halted()
	}
	s.told = true
}

func (s *search) begin() {
	s.fold = controlroom.NewFold(s.room.Room)
	s.fold.Expect(s.expected...)
	if s.watching.Begin != nil {
		s.watching.Begin()
	}
}

func (s *search) progress(next, highWatermark int64) {
	if next >= highWatermark {
		s.halted()
	}
}

func (s *search) read(record eventlog.Record) error {
	r := wire.Decode(record.Offset, record.Value)
	j := judged(s.fold, s.room, &r)
	if s.watching.Each != nil {
		s.watching.Each(&r, j, s.fold)
	}
	if overtaken := s.fold.Overtaken(); overtaken != nil {
		s.expected = append(s.expected, overtaken)
		return errAgain
	}
	if s.fold.Halted() != "" {
		return nil
	}
	if _, reopens := s.fold.Reopens(&r); reopens && j.Verdict == es.Effective && s.fold.Reopened().After(s.known) {
		s.reopening = &r
		return errFound
	}
	// What was taken for a reopening is none: the story is the one that the reader knows.
	if o := s.stopped.Overtaken(); o != nil && o.Offset == r.Offset && s.fold.Hash == s.stopped.Hash {
		return errFound
	}
	return nil
}

// judged is [es.Fold.Read] for a log that must be that of the room table.
func judged(f *controlroom.Fold, room eventlog.RoomEntry, s *wire.Stored) es.Judgement {
	j := f.Read(s)
	if j.Verdict == es.Effective && s.Version == 1 && f.State.LogID != room.LogID {
		f.Halt("its log id is " + f.State.LogID + ", the room table says " + room.LogID)
		return es.Judgement{Verdict: es.Halting, Reason: f.Halted()}
	}
	return j
}

// Reopenings gives the records of a log that must be known beforehand to tell what counts in it, for [es.Fold.Expect]. pass
// gives the records that can be read, in order, as often as it is called; its errors end the search.
func Reopenings(room string, pass func(each func(eventlog.Record) error) error) ([]*wire.Stored, error) {
	var expected []*wire.Stored
	for {
		f := controlroom.NewFold(room)
		f.Expect(expected...)
		err := pass(func(record eventlog.Record) error {
			r := wire.Decode(record.Offset, record.Value)
			f.Read(&r)
			if f.Overtaken() != nil {
				return errAgain
			}
			return nil
		})
		if !errors.Is(err, errAgain) {
			return expected, err
		}
		expected = append(expected, f.Overtaken())
	}
}
