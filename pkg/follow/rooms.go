package follow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
)

// Rooms are the boards of all rooms of the table, followed together. The services of a process share them: the first that
// starts begins to follow, and the last that stops ends it. There are none before a Start.
type Rooms struct {
	log  *kafkalog.Log
	slog *slog.Logger

	mu     sync.Mutex // guards users, and all else until there is one
	users  int
	boards []*Board
	byName map[string]*Board
	stop   context.CancelFunc
	wait   sync.WaitGroup
}

// ErrNoRooms says that the room table is empty.
var ErrNoRooms = errors.New("the room table is empty: run vigie topics apply with the region file")

// startBound is how long the room table may take to be read.
const startBound = 30 * time.Second

// NewRooms returns the rooms of a log; nothing is read before Start.
func NewRooms(log *kafkalog.Log, logger *slog.Logger) *Rooms {
	return &Rooms{log: log, slog: logger, byName: map[string]*Board{}}
}

// Start reads the room table and follows every room until Stop. Each user calls it once, before anything else.
func (r *Rooms) Start(ctx context.Context) error {
	bounded, done := context.WithTimeout(ctx, startBound)
	defer done()
	table, err := Table(bounded, r.log)
	if err != nil {
		return err
	}
	r.Follow(ctx, table)
	return nil
}

// Follow is Start with a table that the caller has read, or knows from before.
func (r *Rooms) Follow(ctx context.Context, table []eventlog.RoomEntry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.users++; r.users > 1 {
		return
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	r.stop = stop
	for _, entry := range table {
		b := NewBoard(r.log, entry, r.slog)
		r.boards = append(r.boards, b)
		r.byName[entry.Room] = b
		r.wait.Go(func() { b.Run(run) })
	}
}

// Table reads the room table, in order of partitions, and refuses topics that would lose what is written to them.
func Table(ctx context.Context, log *kafkalog.Log) ([]eventlog.RoomEntry, error) {
	table, err := log.Rooms(ctx)
	if err != nil {
		return nil, fmt.Errorf("room table: %w", err)
	}
	if len(table) == 0 {
		return nil, ErrNoRooms
	}
	if err := log.CheckTopics(ctx, table); err != nil {
		return nil, err
	}
	slices.SortFunc(table, func(a, b eventlog.RoomEntry) int { return a.Partition - b.Partition })
	return table, nil
}

// Stop undoes one Start; the last one ends following and waits for it. Without a Start it does nothing.
func (r *Rooms) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.users == 0 {
		return
	}
	if r.users--; r.users == 0 {
		r.stop()
		r.wait.Wait()
	}
}

// All gives the boards in order of partitions.
func (r *Rooms) All() []*Board { return r.boards }

// Table gives the room table as it was read at the start.
func (r *Rooms) Table() []eventlog.RoomEntry {
	table := make([]eventlog.RoomEntry, len(r.boards))
	for k, b := range r.boards {
		table[k] = b.Room
	}
	return table
}

// Board gives the board of a room, or nil.
func (r *Rooms) Board(room string) *Board { return r.byName[room] }

// Urgency of a request by what its room knows of it.
func (r *Rooms) Urgency(q *intakev1.Request) controlroom.Urgency {
	region := new(controlroom.Region)
	if b := r.Board(q.GetRoom()); b != nil {
		b.Look(func(f *controlroom.Fold) { region = f.State.Region() })
	}
	return region.Urgency(q)
}

// Ready is nil once every room has been read to its end. A halted room is shown wherever it is asked for; it does not
// make the process unready for the others, unless none is left.
func (r *Rooms) Ready(context.Context) error {
	var reading, halted []error
	for _, b := range r.boards {
		err := b.Ready()
		if b.Halted() != "" {
			halted = append(halted, err)
		} else if err != nil {
			reading = append(reading, err)
		}
	}
	if len(halted) == len(r.boards) {
		return errors.Join(halted...)
	}
	return errors.Join(reading...)
}
