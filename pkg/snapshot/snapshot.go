// Package snapshot keeps rooms as they were folded at one place of their log, one file a room, so that a decider reads
// the tail of a log and not years of it.
//
// Guarantees: a file is replaced as a whole and synced, and the one before it is kept; what is damaged, of another log or
// of another program is passed over with a warning, for the log tells the same story from its beginning. A room from a
// snapshot goes on byte for byte as one that was read from the first record.
//
// Callers owe a directory of their own to each process, one [Dir.Save] of a room at a time, and [InLog] before a loaded
// room is used: a snapshot that its log does not contain says that the log was cut or rewritten (protocol §1).
package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/wire"
)

// ErrCut says that a log is not the one that a snapshot was taken of.
var ErrCut = errors.New("the log was cut or rewritten")

// Dir is a directory of snapshots.
type Dir struct {
	path string
	log  *slog.Logger
}

const (
	latest   = ".snapshot"
	previous = ".snapshot.old"
)

// Open makes the directory if need be, and clears away what a crash has left half written.
func Open(path string, logger *slog.Logger) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("directory of snapshots: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(path, ".room-*"+latest+"*"))
	for _, half := range left {
		err = errors.Join(err, os.Remove(half))
	}
	if err != nil {
		return nil, fmt.Errorf("directory of snapshots: %w", err)
	}
	return &Dir{path: path, log: logger}, nil
}

// Save writes a room's snapshot and keeps the one before it.
func (d *Dir) Save(room string, s *controlroom.Saved) error {
	data, err := Encode(room, s)
	if err != nil {
		return fmt.Errorf("snapshot of %s: %w", room, err)
	}
	if err := d.write(room, data); err != nil {
		return fmt.Errorf("snapshot of %s: %w", room, err)
	}
	return nil
}

// write has the new file whole on the disk before anything is moved: at every moment one of the two names bears a
// snapshot, if there ever was one.
func (d *Dir) write(room string, data []byte) (err error) {
	path := d.file(room, latest)
	f, err := renameio.NewPendingFile(path, renameio.WithTempDir(d.path), renameio.WithStaticPermissions(0o600))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Cleanup()) }()
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(path, d.file(room, previous)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return err
	}
	return syncDir(d.path) // the names are durable only when the directory is
}

func syncDir(path string) error {
	f, err := os.Open(path) //nolint:gosec // the operator's own path
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// file is where a room's snapshot is; a room may be named as no file can be.
func (d *Dir) file(room, generation string) string {
	return filepath.Join(d.path, "room-"+url.PathEscape(room)+generation)
}

// Load gives the room as the latest snapshot of this log has it, or nil when there is none to be trusted.
func (d *Dir) Load(ctx context.Context, room eventlog.RoomEntry) *controlroom.Fold {
	for _, generation := range []string{latest, previous} {
		path := d.file(room.Room, generation)
		f, err := load(path, room)
		switch {
		case err == nil:
			return f
		case !errors.Is(err, fs.ErrNotExist):
			d.log.WarnContext(ctx, "snapshot ignored", "room", room.Room, "path", path, "err", err)
		}
	}
	return nil
}

func load(path string, room eventlog.RoomEntry) (*controlroom.Fold, error) {
	data, err := os.ReadFile(path) //nolint:gosec // the operator's own path
	if err != nil {
		return nil, err
	}
	saved, err := Decode(room.Room, data)
	if err != nil {
		return nil, err
	}
	if saved.State.LogID != room.LogID {
		return nil, fmt.Errorf("it is of log %s, the room table says %s", saved.State.LogID, room.LogID)
	}
	return es.Restore(room.Room, controlroom.Rules(), saved)
}

// InLog compares the record that a loaded room was saved at with the one in the log, and gives [ErrCut] when it is
// another or none. Brokers that are away are waited for until ctx ends.
func InLog(ctx context.Context, log *kafkalog.Log, room eventlog.RoomEntry, f *controlroom.Fold) error {
	start, end, err := log.AwaitBounds(ctx, eventlog.TopicLog, room.Partition)
	if err != nil {
		return fmt.Errorf("bounds of %s/%d: %w", eventlog.TopicLog, room.Partition, err)
	}
	offset, hash := f.LastRead()
	if end <= offset {
		return fmt.Errorf("%w: %s ends at %d, the snapshot of room %s has record %d", ErrCut, eventlog.TopicLog, end, room.Room, offset)
	}
	if start > 0 {
		return fmt.Errorf("%w: %s of room %s begins at %d and is kept for ever", ErrCut, eventlog.TopicLog, room.Room, start)
	}
	return log.Scan(ctx, eventlog.TopicLog, room.Partition, offset, offset+1, func(r eventlog.Record) error {
		if s := wire.Decode(r.Offset, r.Value); s.Hash != hash || s.Damage != "" {
			return fmt.Errorf("%w: record %d of %s is not the one that the snapshot of room %s was taken at", ErrCut, offset, eventlog.TopicLog, room.Room)
		}
		return nil
	})
}
