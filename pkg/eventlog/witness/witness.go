// Package witness keeps, outside the broker's directory, how far the logs of
// this node's rooms had come: a log that is cut short at a record's boundary
// is a valid log, and only somebody who saw it longer can tell.
//
// Guarantees: the file is replaced as a whole and synced, at most once a
// second; a room's head never moves back while the log's identity stays the
// same. Callers owe heads of records that are durable, and one Close.
package witness

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/google/renameio/v2"

	"vigie/pkg/es"
)

// Head is how far one room's log has been folded.
type Head struct {
	Room       string `json:"room"`
	LogID      string `json:"log_id"`
	Offset     int64  `json:"offset"` // in vigie.log, of the last record that was folded
	Version    uint64 `json:"version"`
	Hash       []byte `json:"hash"`
	IntakeNext int64  `json:"intake_next"`
	// Reopened is the number of the last reopening of the log, with the hash of its record.
	Reopened     uint64 `json:"reopened,omitempty"`
	ReopenedHash []byte `json:"reopened_hash,omitempty"`
}

// LastReopened names the last reopening of the log that this head is behind.
func (h *Head) LastReopened() es.Reopened {
	r := es.Reopened{Number: h.Reopened}
	copy(r.Hash[:], h.ReopenedHash)
	return r
}

// OutdatedBy says that the log was reopened since: what this head saw may be dead.
func (h *Head) OutdatedBy(reopened es.Reopened) bool { return reopened.After(h.LastReopened()) }

type file struct {
	Heads []Head `json:"heads"`
}

// Load reads the heads in the file at path. Without a file there are none.
func Load(path string) ([]Head, error) {
	data, err := os.ReadFile(path) //nolint:gosec // the operator's own path
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("head witness: %w", err)
	}
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("head witness %s cannot be read; verify the log and then move this file away: %w", path, err)
	}
	return f.Heads, nil
}

// interval is the least time between two writes.
const interval = time.Second

// Keeper writes the heads it is told to the file.
type Keeper struct {
	path string
	log  *slog.Logger
	wake chan struct{}
	stop chan struct{}
	done chan struct{}

	mu    sync.Mutex // guards what follows
	heads map[string]Head
	dirty bool
}

// Keep starts a keeper that goes on from the heads in the file at path.
func Keep(path string, log *slog.Logger) (*Keeper, error) {
	heads, err := Load(path)
	if err != nil {
		return nil, err
	}
	k := &Keeper{
		path: path, log: log,
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
		heads: make(map[string]Head, len(heads)),
	}
	for _, h := range heads {
		k.heads[h.Room] = h
	}
	go k.run()
	return k, nil
}

// Set tells the keeper the head of a room. A head behind the one it knows of
// the same log is a reader that is still catching up, and is ignored, unless
// the log was reopened meanwhile.
func (k *Keeper) Set(h Head) {
	h.Hash, h.ReopenedHash = slices.Clone(h.Hash), slices.Clone(h.ReopenedHash)
	k.mu.Lock()
	defer k.mu.Unlock()
	old, known := k.heads[h.Room]
	if known && old.LogID == h.LogID && h.Offset <= old.Offset && !old.OutdatedBy(h.LastReopened()) {
		return
	}
	k.heads[h.Room] = h
	k.dirty = true
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// Close writes what is not written yet and stops the keeper.
func (k *Keeper) Close() error {
	close(k.stop)
	<-k.done
	return k.write()
}

func (k *Keeper) run() {
	defer close(k.done)
	ctx := context.Background()
	failing := false
	for {
		select {
		case <-k.wake:
		case <-k.stop:
			return
		}
		err := k.write()
		if err != nil && !failing {
			k.log.ErrorContext(ctx, "head witness cannot be written, trying again", "error", err)
		}
		failing = err != nil
		select {
		case <-time.After(interval):
		case <-k.stop:
			return
		}
	}
}

// write replaces the file if anything has changed. After a failure it leaves
// a wake-up for the next round.
func (k *Keeper) write() error {
	k.mu.Lock()
	if !k.dirty {
		k.mu.Unlock()
		return nil
	}
	k.dirty = false
	heads := slices.Collect(maps.Values(k.heads))
	k.mu.Unlock()

	err := Write(k.path, heads)
	if err == nil {
		return nil
	}
	k.mu.Lock()
	k.dirty = true
	k.mu.Unlock()
	select {
	case k.wake <- struct{}{}:
	default:
	}
	return fmt.Errorf("head witness: %w", err)
}

// Write replaces the heads in the file at path, which no keeper may keep.
func Write(path string, heads []Head) error {
	slices.SortFunc(heads, func(a, b Head) int { return cmp.Compare(a.Room, b.Room) })
	data, err := json.Marshal(file{Heads: heads})
	if err != nil {
		return err
	}
	return renameio.WriteFile(path, append(data, '\n'), 0o600)
}
