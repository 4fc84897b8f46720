package summary

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/eventlog"
	"vigie/pkg/feed"
	"vigie/pkg/projection"
	"vigie/pkg/wait"
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

// handler is for people.
const handler = "replay.summary"

// metaRoom is the metadata of a message that says whose summary is to be written.
const metaRoom = "room"

// Config says what summaries are kept with.
type Config struct {
	Store  *projection.Client
	Logger *slog.Logger
	// Add gives messages to a handler: (*app.Router).AddConsumerHandler.
	Add func(name, topic string, sub message.Subscriber, handle message.NoPublishHandlerFunc) error
}

// Keeper keeps the summaries of rooms up to date. It asks for one to be written whenever its room has changed, a few times a
// second at most, and the router's handler writes it. It is safe for concurrent use.
type Keeper struct {
	cfg  Config
	feed *feed.Feed

	mu    sync.Mutex // guards what follows
	lanes map[string]*lane
}

// NewKeeper returns a keeper of no room yet.
func NewKeeper(cfg Config) (*Keeper, error) {
	k := &Keeper{cfg: cfg, feed: feed.New(eventlog.TopicLog), lanes: map[string]*lane{}}
	if err := cfg.Add(handler, eventlog.TopicLog, k.feed, k.handle); err != nil {
		return nil, fmt.Errorf("summaries: %w", err)
	}
	return k, nil
}

// Keep keeps the summary of a room up to date until ctx ends. A Redis that is away costs this room's summary, and nothing else.
func (k *Keeper) Keep(ctx context.Context, room *archive.Room) {
	if k.cfg.Store.Off() {
		return
	}
	l := &lane{
		room: room, table: k.cfg.Store.Table(schema, room.RoomEntry), feed: k.feed,
		slog: k.cfg.Logger.With("projection", schema, "room", room.Room),
	}
	k.mu.Lock()
	k.lanes[room.Room] = l
	k.mu.Unlock()
	l.run(ctx)
}

// handle writes the summary of a room as it is by now. An error brings the room again.
func (k *Keeper) handle(msg *message.Message) error {
	name := msg.Metadata.Get(metaRoom)
	k.mu.Lock()
	l := k.lanes[name]
	k.mu.Unlock()
	if l == nil {
		return fmt.Errorf("summary of %q: there is no such room", name)
	}
	return l.write(msg.Context())
}

// lane is one room: its own goroutine, which is alone while no message of it is under way, and its handler, which is called
// only while one is.
type lane struct {
	room  *archive.Room
	table *projection.Table
	feed  *feed.Feed
	slog  *slog.Logger

	mark    *projection.Mark // of what is stored, as far as is known; nil: there is nothing
	entries map[string][]byte
	changed <-chan struct{} // closed at the next change of the room
	moved   error           // why what is stored must be read again
	wrote   bool            // something was written since it was read
}

func (l *lane) run(ctx context.Context) {
	pause, told := retryMin, false
	for ctx.Err() == nil {
		err := l.once(ctx)
		if ctx.Err() != nil {
			return
		}
		if l.wrote {
			pause, told = retryMin, false
		}
		// Another process that keeps the same summary is the usual cause of the others, and no trouble.
		if errors.Is(err, projection.ErrAway) && !told {
			l.slog.WarnContext(ctx, "summary interrupted", "err", err)
			told = true
		}
		_ = wait.About(ctx, pause) // the loop looks whether it goes on
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

// once reads what is stored and has it made what the room is, again and again, until something fails.
func (l *lane) once(ctx context.Context) error {
	stored, err := l.table.Load(ctx)
	l.mark, l.entries, l.moved, l.wrote = &stored.Mark, stored.Entries, nil, false
	switch {
	case errors.Is(err, projection.ErrCold):
		l.mark = nil
	case err != nil:
		return err
	}
	for ctx.Err() == nil {
		msg := message.NewMessage(watermill.NewUUID(), nil)
		msg.Metadata.Set(metaRoom, l.room.Room)
		if err := l.feed.Offer(ctx, msg); err != nil {
			return err
		}
		if l.moved != nil {
			return l.moved
		}
		rest(ctx, l.changed, touch)
		rest(ctx, nil, linger)
	}
	return ctx.Err()
}

// write makes what is stored what the room is.
func (l *lane) write(ctx context.Context) error {
	var to projection.Mark
	var now map[string][]byte
	var seenEnd time.Time
	var halted error
	l.changed, halted = l.room.Look(func(f *controlroom.Fold, seen time.Time) { to, now, seenEnd = Mark(f), Entries(f), seen })
	atEnd := time.Since(seenEnd) < fresh
	switch {
	case halted != nil:
		return nil //nolint:nilerr // what is stored grows old, and says so
	case l.mark != nil && l.mark.Offset > to.Offset && !atEnd: // another process has read more of the log than this one
		return nil
	case l.mark != nil && l.mark.Offset > to.Offset: // of a log that has more than ours, which ends here
		return l.begunAnew(ctx, to)
	}
	err := l.table.Apply(ctx, projection.Batch{After: l.mark, To: to, AtEnd: seenEnd, Changes: changes(l.entries, now)})
	switch {
	case errors.Is(err, projection.ErrMoved):
		l.moved = err // a repetition would change nothing
		return nil
	case err != nil:
		return err
	}
	l.mark, l.entries, l.wrote = &to, now, true
	return nil
}

// errForeign says that the summary was one of another log.
var errForeign = errors.New("the summary was of another log")

// begunAnew takes a summary away that is ahead of a log which has been read to its end, unless somebody reads faster.
func (l *lane) begunAnew(ctx context.Context, to projection.Mark) error {
	end, err := l.room.End(ctx)
	if err != nil {
		return err
	}
	if l.mark.Offset < end {
		l.moved = projection.ErrMoved // it was not the end any more
		return nil
	}
	l.slog.WarnContext(ctx, "summary begun anew: it was of a log that has more than this one", "offset", l.mark.Offset, "read", to.Offset)
	if err := l.table.Clear(ctx); err != nil {
		return err
	}
	l.moved = errForeign
	return nil
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
