package lastknown

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"vigie/pkg/eventlog"
	positionsv1 "vigie/pkg/gen/vigie/positions/v1"
	"vigie/pkg/geo"
	"vigie/pkg/projection"
	"vigie/pkg/projection/projector"
)

// keep is how long a position outlives its time: as long as its topic keeps it, so that whether the table was folded once or
// many times makes no difference, and nothing is known for longer than it may be.
const keep = int64(24 * time.Hour / time.Millisecond)

// fold is a room's last fixes.
type fold struct {
	room string
	at   map[string]int64 // by team: when its fix was measured
	// newest is the time of the last fix of all, and oldest not above any.
	newest, oldest int64
}

func newFold(room eventlog.RoomEntry) projector.Fold { return &fold{room: room.Room} }

// Restore implements [projector.Fold].
func (f *fold) Restore(entries map[string][]byte) error {
	f.at, f.newest, f.oldest = make(map[string]int64, len(entries)), 0, 0
	for team, value := range entries {
		fix, err := decode(team, value)
		if err != nil {
			return err
		}
		f.enter(team, fix.GetAtMs())
	}
	return nil
}

func (f *fold) enter(team string, at int64) {
	if len(f.at) == 0 || at < f.oldest {
		f.oldest = at
	}
	f.at[team] = at
	f.newest = max(f.newest, at)
}

// Take implements [projector.Fold].
func (f *fold) Take(r eventlog.Record, c projection.Changes) {
	var m positionsv1.Telemetry
	if proto.Unmarshal(r.Value, &m) != nil || m.GetRoom() != f.room || m.GetFix() == nil {
		return // noise, another room's, or a beat
	}
	fix := m.GetFix()
	point := geo.Point{LatE7: fix.GetLatE7(), LonE7: fix.GetLonE7()}
	if fix.GetTeam() == "" || !point.Valid() || point.LatE7 > projection.MaxLat || point.LatE7 < -projection.MaxLat {
		return
	}
	if received := fix.GetReceivedAtMs(); received > 0 {
		fix.AtMs = min(fix.GetAtMs(), received) // no device knows the future
	}
	if last, known := f.at[fix.GetTeam()]; known && last >= fix.GetAtMs() || fix.GetAtMs() <= f.newest-keep {
		return
	}
	f.enter(fix.GetTeam(), fix.GetAtMs())
	fix.Device = "" // who carries it is nobody's business here
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(fix)
	if err != nil {
		panic(fmt.Sprintf("what was decoded cannot fail to encode: %v", err))
	}
	entry := projection.Entry{Name: fix.GetTeam(), Value: value}
	if !fix.GetMock() {
		entry.Place = &point
	}
	c.Put(entry)
	f.forget(c)
}

// forget drops the fixes that are too old beside the newest.
func (f *fold) forget(c projection.Changes) {
	horizon := f.newest - keep
	if f.oldest > horizon {
		return
	}
	f.oldest = f.newest
	for team, at := range f.at {
		if at <= horizon {
			delete(f.at, team)
			c.Drop(team)
			continue
		}
		f.oldest = min(f.oldest, at)
	}
}
