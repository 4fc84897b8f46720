// Package projection keeps folds of the log in Redis, for whoever asks often and can do without. It is the only package that
// knows the Redis client. A projection is nothing that is known here alone: it can be thrown away at any moment, and is folded
// again from what its topic holds.
//
// A projection of a room is a [Table]: entries by name, some with a place on earth, and the [Mark] of the last record that is
// folded in. Guarantees: entries and mark change together or not at all, and only if the mark is still the one that the change
// was made for, so that a table is always the fold of its topic up to its mark; after a fail-over that has lost writes it goes
// on from the mark that is left. A table that is missing, in pieces, or has not once reached the end of its topic is cold
// ([ErrCold]), never empty. A Redis that is away, slow or half open costs one caller its deadline, and the others nothing
// ([ErrAway]).
//
// Callers owe: the same fold in all processes that write one schema, and a new schema when it changes; a Redis that evicts
// nothing (maxmemory-policy noeviction); nothing decided by what a projection says, and no alarm that waits for it.
package projection

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"vigie/pkg/geo"
)

var (
	// ErrCold says that there is no whole projection to answer from: it is being folded, or was lost and will be.
	ErrCold = errors.New("the projection is cold: it is folded again from the log; ask again in a moment")
	// ErrAway says that Redis does not answer, or refuses to. Nothing else is known: a write may have been made.
	ErrAway = errors.New("redis is away: ask again in a moment; alarms and missions do not need it")
	// ErrOff says that no Redis was configured.
	ErrOff = errors.New("there are no projections here: set VIGIE_REDIS_URL to have them")
	// ErrMoved says that a change was made for another state of the table than the one that is stored: nothing was written.
	ErrMoved = errors.New("the projection has moved: read it again")

	// errTorn is a table whose entries are not those that its mark was written with: somebody took some away.
	errTorn = errors.New("entries are missing")
)

// Mark is how far a projection has come: the offset of the last record folded in, and what tells it from a record that
// another log has there. A table of an empty topic is marked with the offset before its first.
type Mark struct {
	Offset int64
	Hash   string
}

// Digest is the hash of a record for a mark, where the record has none of its own.
func Digest(value []byte) string {
	sum := sha256.Sum256(value)
	return hex.EncodeToString(sum[:12])
}

// Entry is one line of a table.
type Entry struct {
	Name  string
	Value []byte
	// Place is where Near finds it; nil: nowhere. Latitudes beyond MaxLat cannot be stored.
	Place *geo.Point
}

// MaxLat is the greatest latitude that Redis can place, in degrees times ten million, north and south.
const MaxLat = 85_0000000

// Changes are entries to be written and taken away, the last word for each name.
type Changes map[string]*Entry

// Put writes an entry.
func (c Changes) Put(e Entry) { c[e.Name] = &e }

// Drop takes an entry away.
func (c Changes) Drop(name string) { c[name] = nil }

// Snapshot is a table as of one moment.
type Snapshot struct {
	Mark
	Entries map[string][]byte
	// AtEnd is when the table was last known to hold all that its topic held; zero: not since it was begun.
	AtEnd time.Time
}

// Hit is an entry that was found near a place.
type Hit struct {
	Name      string
	Value     []byte
	DistanceM float64
}
