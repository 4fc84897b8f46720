// Package fixes keeps the last position of every team, as told by telemetry, for choosing. It is a cache: nothing is
// decided by its absence, and it fills again by itself.
package fixes

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"vigie/pkg/clock"
	"vigie/pkg/domain/controlroom/choose"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow"
	positionsv1 "vigie/pkg/gen/vigie/positions/v1"
	"vigie/pkg/geo"
)

const (
	// lookBack is how old positions may be that are read at start: a fix of a team that stands still counts for 15 min, and
	// the clocks of those who received it differ by something.
	lookBack = 16 * time.Minute
	// walking is the least speed, in millimetres a second, that counts as moving: slower is the noise of a receiver.
	walking = 500
	// blurred is the accuracy, in metres, beyond which a fix does not even say at which site a team is.
	blurred = 400
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

// Follow keeps the table up to date for one room until ctx ends, and passes on the beats that it meets. Telemetry that
// cannot be read is passed over: the next fix is seconds away, and no alarm waits for it.
func (t *Table) Follow(
	ctx context.Context, log *kafkalog.Log, room eventlog.RoomEntry, c *clock.Clock, beats func(*positionsv1.Beat), logger *slog.Logger,
) {
	follow.Telemetry(ctx, log, room, c.Now().Add(-lookBack).UnixMilli(), func(m *positionsv1.Telemetry, isNew bool) {
		switch {
		case m.GetFix() != nil:
			t.Take(room.Room, m.GetFix())
		case m.GetBeat() != nil && isNew:
			beats(m.GetBeat())
		}
	}, logger)
}

// Take enters a fix, unless a later one is known. One that its own device calls simulated sends nobody anywhere.
func (t *Table) Take(room string, f *positionsv1.Fix) {
	at := geo.Point{LatE7: f.GetLatE7(), LonE7: f.GetLonE7()}
	if !at.Valid() || f.GetMock() || f.GetAccuracyM() > blurred {
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
	fix := choose.Fix{LatE7: f.GetLatE7(), LonE7: f.GetLonE7(), At: f.GetAtMs(), Moving: f.GetSpeedMmS() >= walking}
	if known && !fix.Moving {
		moved := geo.Distance(at, geo.Point{LatE7: last.LatE7, LonE7: last.LonE7})
		fix.Moving = moved*1_000_000/(fix.At-last.At) >= walking
	}
	teams[f.GetTeam()] = fix
}
