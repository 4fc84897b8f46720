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
	rooms map[string]*room
}

// room is the last fixes of one room's teams.
type room struct {
	fixes map[string]choose.Fix
	// read is closed when telemetry has been read to its end once.
	read     chan struct{}
	readOnce sync.Once
}

// NewTable returns an empty table.
func NewTable() *Table { return &Table{rooms: map[string]*room{}} }

// of gives a room of the table. The table is held for writing.
func (t *Table) of(name string) *room {
	r := t.rooms[name]
	if r == nil {
		r = &room{fixes: map[string]choose.Fix{}, read: make(chan struct{})}
		t.rooms[name] = r
	}
	return r
}

// Of gives a copy of the last fixes of a room's teams.
func (t *Table) Of(name string) map[string]choose.Fix {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if r := t.rooms[name]; r != nil {
		return maps.Clone(r.fixes)
	}
	return nil
}

// Teams counts the teams of a room with a fix.
func (t *Table) Teams(name string) int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if r := t.rooms[name]; r != nil {
		return len(r.fixes)
	}
	return 0
}

// Read is closed once a room has been CaughtUp.
func (t *Table) Read(name string) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.of(name).read
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
	}, func() { t.CaughtUp(room.Room) }, logger)
}

// CaughtUp says that all that was known of a room is in the table.
func (t *Table) CaughtUp(name string) {
	t.mu.Lock()
	r := t.of(name)
	t.mu.Unlock()
	r.readOnce.Do(func() { close(r.read) })
}

// Take enters a fix, unless a later one is known. One that its own device calls simulated sends nobody anywhere.
func (t *Table) Take(name string, f *positionsv1.Fix) {
	at := geo.Point{LatE7: f.GetLatE7(), LonE7: f.GetLonE7()}
	if !at.Valid() || f.GetMock() || f.GetAccuracyM() > blurred {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	teams := t.of(name).fixes
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
