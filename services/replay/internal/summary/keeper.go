package summary

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/projection"
	"vigie/services/replay/internal/archive"
)

const (
	// linger is how long changes are collected.
	linger = 200 * time.Millisecond
	// touch is how often a summary is looked after when nothing changes.
	touch = time.Second
	// fresh is how long ago the end of the log may have been seen: it is looked for four times a second.
	fresh = 2 * time.Second
	// retryMin and retryMax bound the pause after a failure; it doubles in between.
	retryMin, retryMax = 100 * time.Millisecond, 2 * time.Second
)

// Keep keeps the summary of a room up to date until ctx ends. A Redis that is away costs this room's summary, and nothing else.
func Keep(ctx context.Context, client *projection.Client, room *archive.Room, logger *slog.Logger) {
	if client.Off() {
		return
	}
	k := keeper{room: room, table: client.Table(schema, room.RoomEntry), slog: logger.With("projection", schema, "room", room.Room)}
	pause, told := retryMin, false
	for ctx.Err() == nil {
		err := k.once(ctx)
		if ctx.Err() != nil {
			return
		}
		if k.wrote {
			pause, told = retryMin, false
		}
		// Another process that keeps the same summary is the usual cause of the others, and no trouble.
		if errors.Is(err, projection.ErrAway) && !told {
			k.slog.WarnContext(ctx, "summary interrupted", "err", err)
			told = true
		}
		rest(ctx, nil, pause/2+rand.N(pause/2+1)) //nolint:gosec // jitter needs no secrecy
		pause = min(2*pause, retryMax)
	}
}

// rest waits until something happens, or for a while.
func rest(ctx context.Context, happens <-chan struct{}, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-happens:
	case <-t.C:
	case <-ctx.Done():
	}
}

type keeper struct {
	room  *archive.Room
	table *projection.Table
	slog  *slog.Logger
	wrote bool
}

// once reads what is stored and makes it what the room is, again and again, until something fails.
func (k *keeper) once(ctx context.Context) error {
	k.wrote = false
	stored, err := k.table.Load(ctx)
	mark := &stored.Mark
	switch {
	case errors.Is(err, projection.ErrCold):
		mark = nil
	case err != nil:
		return err
	}
	entries := stored.Entries
	for ctx.Err() == nil {
		var to projection.Mark
		var now map[string][]byte
		var seenEnd time.Time
		changed, halted := k.room.Look(func(f *controlroom.Fold, seen time.Time) { to, now, seenEnd = Mark(f), Entries(f), seen })
		atEnd := time.Since(seenEnd) < fresh
		switch {
		case halted != nil: // what is stored grows old, and says so
		case mark != nil && mark.Offset > to.Offset && !atEnd: // another process has read more of the log than this one
		case mark != nil && mark.Offset > to.Offset: // of a log that has more than ours, which ends here
			return k.begunAnew(ctx, *mark, to)
		default:
			err := k.table.Apply(ctx, projection.Batch{After: mark, To: to, AtEnd: seenEnd, Changes: changes(entries, now)})
			if err != nil {
				return err
			}
			mark, entries, k.wrote = &to, now, true
		}
		rest(ctx, changed, touch)
		rest(ctx, nil, linger)
	}
	return ctx.Err()
}

// errForeign says that the summary was one of another log.
var errForeign = errors.New("the summary was of another log")

// begunAnew takes a summary away that is ahead of a log which has been read to its end, unless somebody reads faster.
func (k *keeper) begunAnew(ctx context.Context, stored, to projection.Mark) error {
	end, err := k.room.End(ctx)
	if err != nil {
		return err
	}
	if stored.Offset < end {
		return projection.ErrMoved // it was not the end any more
	}
	k.slog.WarnContext(ctx, "summary begun anew: it was of a log that has more than this one", "offset", stored.Offset, "read", to.Offset)
	if err := k.table.Clear(ctx); err != nil {
		return err
	}
	return errForeign
}

// changes are what makes one set of entries the other.
func changes(from, to map[string][]byte) projection.Changes {
	c := projection.Changes{}
	for name := range from {
		if _, kept := to[name]; !kept {
			c.Drop(name)
		}
	}
	for name, value := range to {
		if !bytes.Equal(from[name], value) {
			c.Put(projection.Entry{Name: name, Value: value})
		}
	}
	return c
}
