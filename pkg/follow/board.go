package follow

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
	"vigie/pkg/wire"
)

// kept is how many effective decisions a board remembers for clients that come back; who was away longer gets a snapshot.
const kept = 8192

// ErrHalted says that a room's log can no longer be trusted.
var ErrHalted = errors.New("the room's log is halted")

// Board is a room as folded by one process. It is safe for concurrent use.
type Board struct {
	Room eventlog.RoomEntry
	log  *kafkalog.Log
	slog *slog.Logger

	mu      sync.RWMutex
	fold    *controlroom.Fold
	recent  []*wire.Stored // effective, in order, at most kept
	voids   uint64
	caught  bool
	halted  string
	heard   time.Time
	changed chan struct{} // closed and replaced when anything above changed
}

// NewBoard returns the board of a room; nothing is read before Run.
func NewBoard(log *kafkalog.Log, room eventlog.RoomEntry, logger *slog.Logger) *Board {
	return &Board{
		Room: room, log: log, slog: logger, fold: controlroom.NewFold(room.Room), changed: make(chan struct{}),
	}
}

// Run follows the log until ctx ends. Damage halts the board and nothing else: other rooms go on, and so does this one
// once its log was reopened.
func (b *Board) Run(ctx context.Context) {
	for {
		err := Decisions(ctx, b.log, b.Room.Partition, b.fold.Next, b.read, b.progress)
		if err == nil || ctx.Err() != nil {
			return
		}
		fold, reopening, searching := Reopened(ctx, b.log, b.Room, b.fold, b.fold.Reopened(), Watching{
			Halted: func() { b.halt(ctx, err) },
		})
		if searching != nil {
			if ctx.Err() == nil {
				b.halt(ctx, searching)
			}
			return
		}
		b.goOn(ctx, fold, reopening)
	}
}

func (b *Board) halt(ctx context.Context, err error) {
	b.slog.ErrorContext(ctx, "room halted", "room", b.Room.Room, "err", err)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.halted = err.Error()
	b.announce()
}

// goOn begins anew behind the record that reopened the log. What was told before may be dead: nobody's position but that
// record's own is good any more. Without one, all of it was right.
func (b *Board) goOn(ctx context.Context, fold *controlroom.Fold, reopening *wire.Stored) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fold, b.halted = fold, ""
	if reopening != nil {
		b.recent, b.caught = []*wire.Stored{reopening}, false
		b.slog.WarnContext(ctx, "room goes on: its log was reopened", "room", b.Room.Room, "offset", reopening.Offset)
	}
	b.announce()
}

func (b *Board) read(s *wire.Stored) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	j, err := Fold(b.fold, b.Room, s)
	if err != nil {
		return err
	}
	if j.Verdict == es.Void {
		b.voids++
		return nil
	}
	if len(b.recent) == kept {
		b.recent = append(b.recent[:0:0], b.recent[kept/4:]...)
	}
	b.recent = append(b.recent, s)
	b.announce()
	return nil
}

func (b *Board) progress(next, highWatermark int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.heard = time.Now()
	if !b.caught && next >= highWatermark {
		b.caught = true
		b.announce()
	}
}

// announce wakes whoever waits; the caller holds mu.
func (b *Board) announce() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// Changed is closed at the next change. Take it before looking.
func (b *Board) Changed() <-chan struct{} {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.changed
}

// Look calls see with the folded room, which must not be kept or changed.
func (b *Board) Look(see func(*controlroom.Fold)) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	see(b.fold)
}

// LookAt is Look with the position of the last effective decision that is folded in.
func (b *Board) LookAt(see func(*controlroom.Fold, Position)) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	see(b.fold, b.headLocked())
}

// Ready is nil once the board has reached the end of the log, else it says why not.
func (b *Board) Ready() error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	switch {
	case b.halted != "":
		return fmt.Errorf("room %s: %s", b.Room.Room, b.halted)
	case !b.caught:
		return fmt.Errorf("room %s: reading its log, at offset %d", b.Room.Room, b.fold.Next)
	}
	return nil
}

// AwaitReady blocks until the board has reached the end of the log, ctx ends, or the room halts.
func (b *Board) AwaitReady(ctx context.Context) error {
	return b.Await(ctx, func(*controlroom.Fold) bool { return b.caught })
}

// Halted gives the reason why the room has stopped, or "".
func (b *Board) Halted() string {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.halted
}

// Heard is when the brokers last said where the log ends, in real time: what is shown is not younger.
func (b *Board) Heard() time.Time {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.heard
}

// CatchUpBound is how long somebody waits for a room to be read as it is now, while Kafka is away.
const CatchUpBound = 500 * time.Millisecond

// CatchUp blocks until the board shows all that the log held when it was called, for [CatchUpBound] at most. It fails, too, when
// the room halts or its brokers do not say where the log ends: then what is shown is all that is known.
func (b *Board) CatchUp(ctx context.Context) error {
	ctx, done := context.WithTimeout(ctx, CatchUpBound)
	defer done()
	end, err := End(ctx, b.log, b.Room)
	if err != nil {
		return err
	}
	return b.Await(ctx, func(f *controlroom.Fold) bool { return f.Next >= end })
}

// Voids counts void records read so far.
func (b *Board) Voids() uint64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.voids
}

// Position is a place in a room's log: a stored position is worth nothing without its hash (protocol §1).
type Position struct {
	LogID  string
	Offset int64
	Hash   es.Hash
}

// Head is the position of the last effective decision read, or offset -1 before the first.
func (b *Board) Head() Position {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.headLocked()
}

func (b *Board) headLocked() Position {
	p := Position{LogID: b.Room.LogID, Offset: -1}
	if n := len(b.recent); n > 0 {
		p.Offset, p.Hash = b.recent[n-1].Offset, b.recent[n-1].Hash
	}
	return p
}

// Since gives every effective decision after a position, or false when the position is not one of this log or too far
// back: then only a snapshot will do. Never a part.
func (b *Board) Since(p Position) ([]*wire.Stored, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if p.LogID != b.Room.LogID {
		return nil, false
	}
	if p.Offset < 0 && (len(b.recent) == 0 || b.recent[0].Version == 1) {
		return b.recent, true
	}
	k := searchOffset(b.recent, p.Offset)
	if k == len(b.recent) || b.recent[k].Offset != p.Offset || b.recent[k].Hash != p.Hash {
		return nil, false
	}
	return b.recent[k+1:], true
}

// Recent gives the effective decision at an offset if it is among the last, or nil.
func (b *Board) Recent(offset int64) *wire.Stored {
	b.mu.RLock()
	defer b.mu.RUnlock()
	k := searchOffset(b.recent, offset)
	if k == len(b.recent) || b.recent[k].Offset != offset {
		return nil
	}
	return b.recent[k]
}

// searchOffset is the index of the first record at or after an offset.
func searchOffset(records []*wire.Stored, offset int64) int {
	low, high := 0, len(records)
	for low < high {
		if mid := (low + high) / 2; records[mid].Offset < offset {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

// Await blocks until done says so, looking again at every change, or until ctx ends or the room halts. done is called
// while the board is held still.
func (b *Board) Await(ctx context.Context, done func(*controlroom.Fold) bool) error {
	for {
		changed, reached := b.Changed(), false
		b.Look(func(f *controlroom.Fold) { reached = done(f) })
		if reached {
			return nil
		}
		if reason := b.Halted(); reason != "" {
			return fmt.Errorf("%w: %s", ErrHalted, reason)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
