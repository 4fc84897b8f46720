package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
)

// rewriteBatch is how many records are written at a time.
const rewriteBatch = 256

// RewriteLog puts other records in the place of those of a room's log, numbered
// from 0. The files there are now are moved into aside, a new directory of the
// same disk, and never deleted. The new ones are written by a broker of their
// own and moved into place as a whole.
func (s *Stopped) RewriteLog(ctx context.Context, room eventlog.RoomEntry, aside string, values func(write func([]byte) error) error) (err error) {
	table, err := s.Rooms()
	if err != nil {
		return err
	}
	fresh := filepath.Join(aside, "rewritten")
	if err := os.MkdirAll(fresh, 0o700); err != nil {
		return fmt.Errorf("set aside: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(fresh)) }()
	cfg := Default()
	cfg.Dir, cfg.MinFree, cfg.Logger = fresh, s.cfg.MinFree, s.cfg.Logger
	for range kafkalog.Partitions(table) { // as many partitions, whatever they are of
		cfg.Rooms = append(cfg.Rooms, fmt.Sprint("room-", len(cfg.Rooms)))
	}
	if err := rewrite(ctx, cfg, room.Partition, values); err != nil {
		return fmt.Errorf("rewrite the log of room %s: %w", room.Room, err)
	}
	name := partitionName(eventlog.TopicLog, room.Partition)
	from, to := filepath.Join(cfg.mainDir(), partitionsDir, name), s.dir(eventlog.TopicLog, room.Partition)
	// Found by reading what is there; the broker's own notes are of another directory.
	if err := os.Remove(filepath.Join(from, "snapshot.json")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("rewrite the log of room %s: %w", room.Room, err)
	}
	return s.exchange(from, to, filepath.Join(aside, name))
}

// exchange moves what is at to aside, and what is at from to its place.
func (s *Stopped) exchange(from, to, aside string) error {
	if err := os.Rename(to, aside); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("set aside: %w", err)
	}
	if err := os.Rename(from, to); err != nil {
		return errors.Join(fmt.Errorf("put the rewritten log in place: %w", err), os.Rename(aside, to))
	}
	for _, dir := range []string{to, filepath.Dir(to), filepath.Dir(aside)} {
		if err := syncDir(dir); err != nil {
			return fmt.Errorf("sync %s: %w", dir, err)
		}
	}
	return nil
}

// rewrite writes values to a partition of the log of a new broker.
func rewrite(ctx context.Context, cfg Config, partition int, values func(write func([]byte) error) error) (err error) {
	b, err := Start(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Stop()) }()
	log, err := kafkalog.New(b.Config())
	if err != nil {
		return err
	}
	defer log.Close()
	var batch [][]byte
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		bounded, done := context.WithTimeout(ctx, applyTimeout)
		defer done()
		_, err := log.Append(bounded, eventlog.TopicLog, partition, batch)
		batch = nil
		return err
	}
	size := 0
	err = values(func(value []byte) error {
		batch, size = append(batch, value), size+len(value)
		if len(batch) < rewriteBatch && size < 256<<10 {
			return nil
		}
		size = 0
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}
