// Package undecided watches intake beside the deciders: an alarm or an SOS that is stored and has no outcome after 2 s is
// told to whoever watches the room, whatever the deciders do (protocol §6). It knows nothing of why.
package undecided

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
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
	// atMost bounds what is told apart; a room that far behind needs no list to know that it is.
	atMost = 1000
)

// Config of a watch.
type Config struct {
	Rooms *follow.Rooms
	Log   *kafkalog.Log
	// Notify tells everybody who watches a room.
	Notify func(room string, notice *watchv1.Notice)
	Logger *slog.Logger
}

// Watch is over all rooms.
type Watch struct {
	Config
	stop context.CancelFunc
	wait sync.WaitGroup

	mu    sync.Mutex // guards open
	rooms map[string][]open
}

// open is an alarm or SOS without an outcome.
type open struct {
	notice *watchv1.Notice
	seen   time.Time
	told   bool
}

// New returns a watch that looks at nothing yet.
func New(c Config) *Watch { return &Watch{Config: c, stop: func() {}, rooms: map[string][]open{}} }

// Start begins to watch; the rooms have been started.
func (w *Watch) Start(ctx context.Context) {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	w.stop = stop
	for _, board := range w.Rooms.All() {
		back := make(chan struct{}, 1)
		w.wait.Go(func() { w.read(run, board, back) })
		w.wait.Go(func() { w.look(run, board, back) })
	}
}

// Stop ends it and waits.
func (w *Watch) Stop() {
	w.stop()
	w.wait.Wait()
}

// Open gives the notices that somebody who begins to watch a room has missed.
func (w *Watch) Open(room string) []*watchv1.Notice {
	w.mu.Lock()
	defer w.mu.Unlock()
	var told []*watchv1.Notice
	for _, o := range w.rooms[room] {
		if o.told {
			told = append(told, o.notice)
		}
	}
	return told
}

// Count is how many alarms of all rooms are told as undecided.
func (w *Watch) Count() int {
	n := 0
	for _, board := range w.Rooms.All() {
		n += len(w.Open(board.Room.Room))
	}
	return n
}

// read enters what comes in, and begins again with what has no outcome any more when the room's log was reopened.
func (w *Watch) read(ctx context.Context, board *follow.Board, back <-chan struct{}) {
	if board.AwaitReady(ctx) != nil {
		// Ended, or halted: then nothing is decided, and reading begins where the fold has stopped.
		if ctx.Err() != nil {
			return
		}
	}
	for {
		run, stop := context.WithCancel(ctx)
		waiting := make(chan struct{})
		go func() {
			defer close(waiting)
			select {
			case <-back:
				stop()
			case <-run.Done():
			}
		}()
		err := w.readFrom(run, board, intakeNext(board))
		again := run.Err() != nil && ctx.Err() == nil
		stop()
		<-waiting
		switch {
		case again:
			w.forget(board.Room.Room)
			continue
		case ctx.Err() == nil:
			w.Logger.ErrorContext(ctx, "intake not watched any more", "room", board.Room.Room, "err", err)
		}
		return
	}
}

func (w *Watch) readFrom(ctx context.Context, board *follow.Board, from int64) error {
	return follow.Partition(ctx, w.Log, eventlog.TopicIntake, board.Room.Partition, from, func(r eventlog.Record) error {
		if n := about(board.Room.Room, wire.DecodeRequest(r.Offset, r.Value)); n != nil {
			w.enter(board.Room.Room, n)
		}
		return nil
	}, func(int64, int64) {})
}

func (w *Watch) forget(room string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rooms[room] = nil
}

func (w *Watch) enter(room string, n *watchv1.Notice) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.rooms[room]) < atMost {
		w.rooms[room] = append(w.rooms[room], open{notice: n, seen: time.Now()})
	}
}

func intakeNext(board *follow.Board) (next int64) {
	board.Look(func(f *controlroom.Fold) { next = f.IntakeNext })
	return next
}

// about is what there is to tell of a request, or nil when it is neither an alarm nor an SOS. What cannot be read may be one.
func about(room string, r wire.Request) *watchv1.Notice {
	n := notice.Of(notice.Undecided, r.Body)
	if n == nil && r.Unreadable != "" {
		n = &watchv1.Notice{
			Kind: notice.Undecided, Key: fmt.Sprint("request-", r.Offset),
			Message: "A request that cannot be read is stored and nobody has decided on it yet: it may be an alarm.",
		}
	}
	if n != nil {
		n.Room, n.Offset = room, r.Offset
	}
	return n
}

func (w *Watch) look(ctx context.Context, board *follow.Board, back chan<- struct{}) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for last := int64(0); ; {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		next := intakeNext(board)
		if next < last {
			select {
			case back <- struct{}{}:
			default: // it is told already
			}
		}
		last = next
		for _, n := range w.due(board.Room.Room, next, time.Now()) {
			w.Notify(board.Room.Room, n)
		}
	}
}

// due forgets what has been answered and gives what is to be told now, that something told is over included.
func (w *Watch) due(room string, next int64, now time.Time) []*watchv1.Notice {
	w.mu.Lock()
	defer w.mu.Unlock()
	var tell []*watchv1.Notice
	list := slices.DeleteFunc(w.rooms[room], func(o open) bool {
		over := o.notice.GetOffset() < next
		if over && o.told {
			tell = append(tell, notice.Over(o.notice))
		}
		return over
	})
	w.rooms[room] = list
	for k := range list {
		if !list[k].told && now.Sub(list[k].seen) >= After {
			list[k].told = true
			tell = append(tell, list[k].notice)
		}
	}
	return tell
}
