// Package archive is a room for those who look back: its present as a fold that follows the log, an index of which
// records concern which incident and which are void, and its past, folded again from the log when somebody asks. It reads
// the log and writes nothing.
//
// The past must not slow the present: [Reading] bounds how many look back at a time and how many records they read in a
// second, and all of them together pause for as long as they have worked, so that they take at most half of one processor
// and of the broker's time.
package archive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow"
	"vigie/pkg/wire"
)

// Room is one room. It is safe for concurrent use.
type Room struct {
	eventlog.RoomEntry
	log  *kafkalog.Log
	slog *slog.Logger

	mu      sync.RWMutex // guards what follows
	fold    *controlroom.Fold
	index   index
	caught  bool
	halted  error
	changed chan struct{} // closed and replaced when anything above changed
	seenEnd time.Time     // when the log was last known to hold nothing more
}

// NewRoom returns a room of which nothing is read before Run. Its log is followed in no hurry.
func NewRoom(log *kafkalog.Log, entry eventlog.RoomEntry, logger *slog.Logger) *Room {
	return &Room{
		RoomEntry: entry, log: log, slog: logger,
		fold: controlroom.NewFold(entry.Room), index: newIndex(), changed: make(chan struct{}),
	}
}

// CatchUp reads on to where the log ends now: the log is followed in no hurry, and whoever asks two processes by turns, or
// has been told of a decision elsewhere, is not to be answered from before. While Kafka is away, or once the room has
// halted, what is known is all there is.
func (r *Room) CatchUp(ctx context.Context) {
	ctx, done := context.WithTimeout(ctx, follow.CatchUpBound)
	defer done()
	if end, err := r.End(ctx); err == nil {
		_ = r.Await(ctx, end-1) // halted, or too slow: what is known
	}
}

// Run follows the log until ctx ends. Damage halts this room and no other, until its log is reopened.
func (r *Room) Run(ctx context.Context) {
	for {
		err := follow.Decisions(ctx, r.log.Unhurried(), r.Partition, r.fold.Next, r.read, r.progress)
		if err == nil || ctx.Err() != nil {
			return
		}
		fresh := newIndex()
		// In a hurry: whoever is told elsewhere that the room goes on is not to be told here that it is halted.
		fold, _, searching := follow.Reopened(ctx, r.log, r.RoomEntry, r.fold, r.fold.Reopened(), follow.Watching{
			Halted: func() { r.halt(ctx, err) },
			Begin:  func() { fresh = newIndex() },
			Each: func(s *wire.Stored, j es.Judgement, f *controlroom.Fold) {
				if j.Verdict == es.Halting { // what stopped others lies in what is dead by now
					j = es.Judgement{Verdict: es.Void, Reason: "dead"}
				}
				fresh.add(s, j, f.State)
			},
		})
		if searching != nil {
			if ctx.Err() == nil {
				r.halt(ctx, searching)
			}
			return
		}
		r.goOn(ctx, fold, fresh)
	}
}

func (r *Room) halt(ctx context.Context, err error) {
	r.slog.ErrorContext(ctx, "room halted", "room", r.Room, "err", err)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.halted = err
	if !errors.Is(err, follow.ErrHalted) {
		r.halted = fmt.Errorf("%w: %w", follow.ErrHalted, err)
	}
	r.announceLocked()
}

// goOn takes the story as it is told since the log was reopened, with what is dead in it.
func (r *Room) goOn(ctx context.Context, fold *controlroom.Fold, fresh index) {
	r.slog.WarnContext(ctx, "room goes on: its log was reopened", "room", r.Room, "next", fold.Next)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fold, r.index, r.halted = fold, fresh, nil
	r.announceLocked()
}

func (r *Room) read(s *wire.Stored) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	j, err := follow.Fold(r.fold, r.RoomEntry, s)
	if err != nil {
		return err
	}
	r.index.add(s, j, r.fold.State)
	r.announceLocked()
	return nil
}

func (r *Room) progress(next, highWatermark int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if next >= highWatermark {
		r.seenEnd = time.Now()
	}
	if !r.caught && next >= highWatermark {
		r.caught = true
		r.announceLocked()
	}
}

func (r *Room) announceLocked() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// Ready is nil once the room has been read to the end of its log.
func (r *Room) Ready() error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	switch {
	case r.halted != nil:
		return fmt.Errorf("room %s: %w", r.Room, r.halted)
	case !r.caught:
		return fmt.Errorf("room %s: reading its log, at offset %d", r.Room, r.fold.Next)
	}
	return nil
}

// Halted is why the room has stopped, or nil; it wraps [follow.ErrHalted].
func (r *Room) Halted() error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.halted
}

// Live is the room now.
func (r *Room) Live() (controlroom.View, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.halted != nil {
		return controlroom.View{}, r.halted
	}
	return controlroom.Show(r.Room, r.fold), nil
}

// Look calls see with the room now, which must not be kept or changed, and when the log was last known to hold nothing more;
// changed is closed at the next change.
func (r *Room) Look(see func(f *controlroom.Fold, seenEnd time.Time)) (changed <-chan struct{}, err error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.halted == nil {
		see(r.fold, r.seenEnd)
	}
	return r.changed, r.halted
}

// Read is how far the room has been read: the offset of the next record.
func (r *Room) Read() int64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.fold.Next
}

// Voids counts the void records read.
func (r *Room) Voids() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.index.voids)
}

// Await waits until the record at an offset has been read, the room halts or ctx ends.
func (r *Room) Await(ctx context.Context, offset int64) error {
	for {
		r.mu.RLock()
		next, halted, changed := r.fold.Next, r.halted, r.changed
		r.mu.RUnlock()
		switch {
		case next > offset:
			return nil
		case halted != nil:
			return halted
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
