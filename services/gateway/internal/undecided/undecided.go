// Package undecided watches intake beside the deciders: an alarm or an SOS that is stored and has no outcome after 2 s is
// told to whoever watches the room, whatever the deciders do (protocol §6). It knows nothing of why.
package undecided

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/pkg/wire"
	"vigie/services/gateway/internal/notice"
)

const (
	// After is how long an alarm may be without an outcome, in real time.
	After = 2 * time.Second
	// lookEvery bounds how much later it is told.
	lookEvery = 250 * time.Millisecond
)

// Config of a watch.
type Config struct {
	Rooms *follow.Rooms
	Log   *kafkalog.Log
	// Notify tells the consoles of a room. It is called in order, and must not block or call back.
	Notify func(*watchv1.Notice)
	// Bounds are the usual ones, but for tests of them.
	Bounds notice.Bounds
	Logger *slog.Logger
}

// Watch is over all rooms.
type Watch struct {
	Config
	stop context.CancelFunc
	wait sync.WaitGroup

	mu    sync.Mutex // guards rooms, and the order of what is told
	rooms map[string]*room
}

// New returns a watch that looks at nothing yet.
func New(c Config) *Watch {
	c.Bounds = c.Bounds.OrDefault()
	return &Watch{Config: c, stop: func() {}, rooms: map[string]*room{}}
}

// Start begins to watch; the rooms have been started.
func (w *Watch) Start(ctx context.Context) {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	w.stop = stop
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, board := range w.Rooms.All() {
		again := make(chan struct{}, 1)
		w.rooms[board.Room.Room] = newRoom(w.Config, board.Room.Room)
		w.wait.Go(func() { w.read(run, board, again) })
		w.wait.Go(func() { w.look(run, board, again) })
	}
}

// Stop ends it and waits.
func (w *Watch) Stop() {
	w.stop()
	w.wait.Wait()
}

// Count is how many alarms of all rooms are told as undecided.
func (w *Watch) Count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, r := range w.rooms {
		n += r.told()
	}
	return n
}

// read enters what comes in. It begins again when it is asked to: where the room's log was reopened, or where something
// found no place for which there is one now.
func (w *Watch) read(ctx context.Context, board *follow.Board, again <-chan struct{}) {
	if board.AwaitReady(ctx) != nil {
		// Ended, or halted: then nothing is decided, and reading begins where the fold has stopped.
		if ctx.Err() != nil {
			return
		}
	}
	for from := intakeNext(board); ; from = w.anew(board) {
		err := w.readUntil(ctx, board, from, again)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			w.Logger.ErrorContext(ctx, "intake not watched any more", "room", board.Room.Room, "err", err)
			return
		}
	}
}

// readUntil ends without an error when it is asked to begin again.
func (w *Watch) readUntil(ctx context.Context, board *follow.Board, from int64, again <-chan struct{}) error {
	run, stop := context.WithCancel(ctx)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		select {
		case <-again:
			stop()
		case <-run.Done():
		}
	})
	err := follow.Partition(run, w.Log.Unhurried(), eventlog.TopicIntake, board.Room.Partition, from, func(r eventlog.Record) error {
		w.enter(board, wire.DecodeRequest(r.Offset, r.Value))
		return nil
	}, func(int64, int64) {})
	if run.Err() != nil {
		err = nil
	}
	stop()
	waiting.Wait()
	return err
}

// enter takes in a request that was read.
func (w *Watch) enter(board *follow.Board, q wire.Request) {
	n, urgency := about(board, q)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rooms[board.Room.Room].enter(q.Offset, n, urgency, time.Now())
}

// anew says where to begin again.
func (w *Watch) anew(board *follow.Board) int64 {
	next := intakeNext(board)
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rooms[board.Room.Room].anew(next)
}

func intakeNext(board *follow.Board) (next int64) {
	board.Look(func(f *controlroom.Fold) { next = f.IntakeNext })
	return next
}

// about is what there is to tell of a request, and how urgent it is; nil when it is neither an alarm nor an SOS. What
// cannot be read may be one, of somebody in danger.
func about(board *follow.Board, r wire.Request) (*watchv1.Notice, controlroom.Urgency) {
	n, urgency := notice.Of(notice.Undecided, r.Body), controlroom.UrgencyDanger
	switch {
	case n != nil:
		board.Look(func(f *controlroom.Fold) { urgency = f.State.Region().Urgency(r.Body) })
	case r.Unreadable != "":
		n = &watchv1.Notice{
			Kind: notice.Undecided, Key: fmt.Sprint("request-", r.Offset),
			Message: "A request that cannot be read is stored and nobody has decided on it yet: it may be an alarm.",
		}
	default:
		return nil, controlroom.UrgencyNone
	}
	n.Room, n.Offset = board.Room.Room, r.Offset
	return n, urgency
}

// look tells what is due, and has intake read again where that is called for.
func (w *Watch) look(ctx context.Context, board *follow.Board, again chan<- struct{}) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		if w.settle(board) {
			select {
			case again <- struct{}{}:
			default: // it is asked already
			}
		}
	}
}

func (w *Watch) settle(board *follow.Board) (again bool) {
	next := intakeNext(board)
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rooms[board.Room.Room].settle(next, time.Now())
}
