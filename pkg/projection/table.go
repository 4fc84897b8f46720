package projection

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"vigie/pkg/geo"
)

// Table is a projection of a room. It is safe for concurrent use.
type Table struct {
	client          *Client
	logID           string
	meta, data, geo string
}

// LogID is the log that the table is a fold of.
func (t *Table) LogID() string { return t.logID }

// Batch is a change of a table.
type Batch struct {
	// After is the mark that it was made for; nil: there is no table yet.
	After *Mark
	// To is the mark from then on, not below After.
	To Mark
	// AtEnd is when the topic was seen to hold nothing after To; zero: it was not.
	AtEnd   time.Time
	Changes Changes
}

// Apply makes a change. [ErrMoved] says that the table is another one than the change was made for; after [ErrAway] it may
// have been made, and reading says so.
func (t *Table) Apply(ctx context.Context, b Batch) error {
	args := make([]any, 0, 6+5*len(b.Changes))
	if b.After == nil {
		args = append(args, "", "")
	} else {
		args = append(args, b.After.Offset, b.After.Hash)
	}
	args = append(args, b.To.Offset, b.To.Hash)
	if b.AtEnd.IsZero() {
		args = append(args, "")
	} else {
		args = append(args, b.AtEnd.UnixMilli())
	}
	args = append(args, t.client.cfg.Keep.Milliseconds())
	for name, e := range b.Changes {
		switch {
		case e == nil:
			args = append(args, "drop", name)
		case e.Place == nil:
			args = append(args, "put", name, e.Value)
		default:
			lat, lon := e.Place.Degrees()
			args = append(args, "place", name, e.Value, lon, lat)
		}
	}
	made := false
	err := t.client.do(ctx, func(ctx context.Context) (err error) {
		made, err = write.Run(ctx, t.client.redis, t.keys(), args...).Bool()
		return err
	})
	switch {
	case err != nil:
		return fmt.Errorf("write projection: %w", err)
	case !made:
		return ErrMoved
	}
	return nil
}

func (t *Table) keys() []string { return []string{t.meta, t.data, t.geo} }

// Clear takes the table away: it is cold until it has been folded again.
func (t *Table) Clear(ctx context.Context) error {
	err := t.client.do(ctx, func(ctx context.Context) error { return t.client.redis.Del(ctx, t.keys()...).Err() })
	if err != nil {
		return fmt.Errorf("clear projection: %w", err)
	}
	return nil
}

// All gives the whole table, or [ErrCold].
func (t *Table) All(ctx context.Context) (Snapshot, error) {
	s, err := t.look(ctx, nil)
	return s, served(s, err)
}

// Near gives what is within a radius of a place, nearest first, or [ErrCold].
func (t *Table) Near(ctx context.Context, at geo.Point, radiusM int64) (Snapshot, []Hit, error) {
	var near *redis.GeoSearchLocationCmd
	lat, lon := at.Degrees()
	s, err := t.look(ctx, func(ctx context.Context, p redis.Pipeliner) {
		near = p.GeoSearchLocation(ctx, t.geo, &redis.GeoSearchLocationQuery{
			GeoSearchQuery: redis.GeoSearchQuery{
				Longitude: lon, Latitude: lat, Radius: float64(radiusM), RadiusUnit: "m", Sort: "ASC",
			},
			WithDist: true,
		})
	})
	if err := served(s, err); err != nil {
		return Snapshot{}, nil, err
	}
	hits := make([]Hit, 0, len(near.Val()))
	for _, l := range near.Val() {
		if value, ok := s.Entries[l.Name]; ok {
			hits = append(hits, Hit{Name: l.Name, Value: value, DistanceM: l.Dist})
		}
	}
	return s, hits, nil
}

// served hides what is not whole from those who only read.
func served(s Snapshot, err error) error {
	switch {
	case errors.Is(err, errTorn):
		return ErrCold
	case err != nil:
		return err
	case s.AtEnd.IsZero():
		return fmt.Errorf("%w: it has come to offset %d", ErrCold, s.Offset)
	}
	return nil
}

// look reads mark and entries as of one moment, and what more is asked for.
func (t *Table) look(ctx context.Context, more func(context.Context, redis.Pipeliner)) (Snapshot, error) {
	var meta *redis.SliceCmd
	var data *redis.MapStringStringCmd
	var places *redis.IntCmd
	err := t.client.do(ctx, func(ctx context.Context) error {
		// Not a script: whoever only reads needs no right to run one.
		_, err := t.client.redis.TxPipelined(ctx, func(p redis.Pipeliner) error {
			meta = p.HMGet(ctx, t.meta, "offset", "hash", "entries", "at_end", "places")
			data = p.HGetAll(ctx, t.data)
			places = p.ZCard(ctx, t.geo)
			if more != nil {
				more(ctx, p)
			}
			return nil
		})
		return err // the first of all commands
	})
	if err != nil {
		return Snapshot{}, fmt.Errorf("read projection: %w", err)
	}
	return snapshot(meta.Val(), data.Val(), places.Val())
}

// snapshot makes sense of what is stored.
func snapshot(meta []any, data map[string]string, places int64) (Snapshot, error) {
	field := func(i int) (string, bool) {
		s, ok := meta[i].(string)
		return s, ok
	}
	offset, ok := field(0)
	if !ok {
		return Snapshot{}, ErrCold
	}
	var s Snapshot
	var err error
	s.Hash, _ = field(1)
	if s.Offset, err = strconv.ParseInt(offset, 10, 64); err != nil {
		return Snapshot{}, errTorn
	}
	if n, _ := field(2); n != strconv.Itoa(len(data)) {
		return Snapshot{}, errTorn
	}
	if n, _ := field(4); n != strconv.FormatInt(places, 10) {
		return Snapshot{}, errTorn
	}
	if at, ok := field(3); ok {
		ms, err := strconv.ParseInt(at, 10, 64)
		if err != nil {
			return Snapshot{}, errTorn
		}
		s.AtEnd = time.UnixMilli(ms)
	}
	s.Entries = make(map[string][]byte, len(data))
	for name, value := range data {
		s.Entries[name] = []byte(value)
	}
	return s, nil
}

// Load gives the table to whoever writes it, whether it has reached the end of its topic or not. One in pieces is taken away;
// then, and when there is none, it is [ErrCold].
func (t *Table) Load(ctx context.Context) (Snapshot, error) {
	s, err := t.look(ctx, nil)
	if !errors.Is(err, errTorn) {
		return s, err
	}
	if err := t.Clear(ctx); err != nil {
		return Snapshot{}, err
	}
	return Snapshot{}, ErrCold
}
