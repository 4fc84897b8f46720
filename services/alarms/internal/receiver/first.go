package receiver

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

// lookBound is how long an old decision may take to be read. Beyond it the alarm is stored: the room knows what it is.
const lookBound = 2 * time.Second

// first is what was stored under a cause before. The room remembers longer than taken does: a source
// that begins to count anew after a day is told so, and its alarm is not acknowledged as the old one of that number.
func (r *Receiver) first(ctx context.Context, board *follow.Board, c es.Cause) (entry, bool) {
	if e, known := r.taken.get(c.Principal, c.ID); known {
		return e, true
	}
	var first es.First
	known := false
	board.Look(func(f *controlroom.Fold) { first, known = f.Outcome(c) })
	if !known {
		return entry{}, false
	}
	s, err := r.decision(ctx, board, first.Offset)
	if err != nil {
		r.Logger.WarnContext(ctx, "the decision on an earlier alarm of the same key was not read", "room", board.Room.Room, "err", err)
		return entry{}, false
	}
	return entry{content: s.ContentHash, offset: s.Intake, receivedAt: s.ReceivedAt}, true
}

// decision reads what stands at an offset of the room's log.
func (r *Receiver) decision(ctx context.Context, board *follow.Board, offset int64) (*wire.Stored, error) {
	if s := board.Recent(offset); s != nil {
		return s, nil
	}
	ctx, done := context.WithTimeout(ctx, lookBound)
	defer done()
	var found wire.Stored
	err := r.Log.Scan(ctx, eventlog.TopicLog, board.Room.Partition, offset, offset+1, func(record eventlog.Record) error {
		found = wire.Decode(record.Offset, record.Value)
		return nil
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("read decision: %w", err)
	case found.Damage != "" || found.Intake == es.NoIntake:
		return nil, errors.New("read decision: it answers no request that can be read")
	}
	return &found, nil
}
