// Package fixes keeps the last position of every team, as told by telemetry, for choosing. It is a cache: nothing is
// decided by its absence, and it fills again by itself.
package fixes

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"vigie/pkg/domain/controlroom/choose"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow"
	positionsv1 "vigie/pkg/gen/vigie/positions/v1"
	"vigie/pkg/geo"
)

const (
	// lookBack is how many records before the end are read at start: a few minutes of a busy room.
	lookBack = 20_000
	// walking is the least speed, in millimetres a second, that counts as moving: slower is the noise of a receiver.
	walking = 500
	// retryEvery is how long positions that could not be read are left alone.
	retryEvery = time.Second
)

// Table is the last fix of every team of every room. It is safe for concurrent use.
type Table struct {
	mu    sync.RWMutex
	rooms map[string]map[string]choose.Fix
}

// NewTable returns an empty table.
func NewTable() *Table { return &Table{rooms: map[string]map[string]choose.Fix{}} }

// Of gives a copy of the last fixes of a room's teams.
func (t *Table) Of(room string) map[string]choose.Fix {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return maps.Clone(t.rooms[room])
}

// Follow keeps the table up to date for one room until ctx ends, and passes on the beats that it meets. Telemetry that cannot be read is passed over: the next
// fix is seconds away, and no alarm waits for it.
func (t *Table) Follow(
	ctx context.Context, log *kafkalog.Log, room eventlog.RoomEntry, beats func(*positionsv1.Beat), logger *slog.Logger,
) {
	for ctx.Err() == nil {
		err := t.follow(ctx, log, room, beats)
		if ctx.Err() != nil {
			return
		}
		logger.WarnContext(ctx, "positions interrupted", "room", room.Room, "err", err)
		select {
		case <-time.After(retryEvery):
		case <-ctx.Done():
		}
	}
}

func (t *Table) follow(ctx context.Context, log *kafkalog.Log, room eventlog.RoomEntry, beats func(*positionsv1.Beat)) error {
	start, end, err := log.Bounds(ctx, eventlog.TopicPositions, room.Partition)
	if err != nil {
		return err
	}
	return follow.Partition(ctx, log, eventlog.TopicPositions, room.Partition, max(start, end-lookBack),
		func(r eventlog.Record) error {
			var m positionsv1.Telemetry
			readable := proto.Unmarshal(r.Value, &m) == nil && m.GetRoom() == room.Room
			switch {
			case readable && m.GetFix() != nil:
				t.Take(room.Room, m.GetFix())
			case readable && m.GetBeat() != nil && r.Offset >= end: // an old beat says nothing of now
				beats(m.GetBeat())
			}
			return nil
		}, func(int64, int64) {})
}

// Take enters a fix, unless a later one is known.
func (t *Table) Take(room string, f *positionsv1.Fix) {
	at := geo.Point{LatE7: f.GetLatE7(), LonE7: f.GetLonE7()}
	if !at.Valid() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	teams := t.rooms[room]
	if teams == nil {
		teams = map[string]choose.Fix{}
		t.rooms[room] = teams
	}
	last, known := teams[f.GetTeam()]
	if known && last.At >= f.GetAtMs() {
		return
	}
	fix := choose.Fix{LatE7: f.GetLatE7(), LonE7: f.GetLonE7(), At: f.GetAtMs()}
	if known {
		moved := geo.Distance(at, geo.Point{LatE7: last.LatE7, LonE7: last.LonE7})
		fix.Moving = moved*1_000_000/(fix.At-last.At) >= walking
	}
	teams[f.GetTeam()] = fix
}
