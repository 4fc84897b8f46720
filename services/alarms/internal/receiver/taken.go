package receiver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"vigie/pkg/authz"
	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow"
	"vigie/pkg/wire"
)

// remembered is how long the same key gets the same answer (interface.md), by the domain clock.
const remembered = 24 * time.Hour

// entry is what intake holds of a cause.
type entry struct {
	content    [32]byte
	offset     int64
	receivedAt int64
	// provisional: the journal holds it, not intake yet.
	provisional bool
}

// taken folds intake into cause → entry for the last day.
type taken struct {
	Config
	stop context.CancelFunc
	wait sync.WaitGroup

	mu      sync.RWMutex // guards what follows
	entries map[es.Cause]entry
	// order holds causes as they came, so that old ones can go.
	order   []es.Cause
	reading map[string]bool
}

func newTaken(c Config) *taken {
	return &taken{Config: c, stop: func() {}, entries: map[es.Cause]entry{}, reading: map[string]bool{}}
}

func (t *taken) start(ctx context.Context) {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	t.stop = stop
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, b := range t.Rooms.All() {
		t.reading[b.Room.Room] = true
		t.wait.Go(func() { t.follow(run, b.Room) })
	}
}

func (t *taken) close() {
	t.stop()
	t.wait.Wait()
}

func (t *taken) ready() error {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for room, reading := range t.reading {
		if reading {
			return fmt.Errorf("room %s: reading the alarms of the last day", room)
		}
	}
	return nil
}

func (t *taken) get(principal, id string) (entry, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	e, ok := t.entries[es.Cause{Principal: principal, ID: id}]
	return e, ok
}

func (t *taken) put(principal, id string, e entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	cause := es.Cause{Principal: principal, ID: id}
	if _, known := t.entries[cause]; known {
		return // the first one counts
	}
	t.entries[cause] = e
	t.order = append(t.order, cause)
	oldest := t.Clock.Now().Add(-remembered).UnixMilli()
	for len(t.order) > 0 && t.entries[t.order[0]].receivedAt < oldest {
		delete(t.entries, t.order[0])
		t.order = t.order[1:]
	}
}

// retryEvery is how long a partition that could not be read is left alone.
const retryEvery = time.Second

func (t *taken) follow(ctx context.Context, room eventlog.RoomEntry) {
	for {
		err := t.followOnce(ctx, room)
		var damage *eventlog.DamageError
		if ctx.Err() != nil || errors.As(err, &damage) {
			t.caughtUp(room) // its dispatch halts the room; alarms go on, and what repeats is settled there
			return
		}
		t.Logger.WarnContext(ctx, "intake interrupted", "room", room.Room, "err", err)
		select {
		case <-time.After(retryEvery):
		case <-ctx.Done():
		}
	}
}

func (t *taken) followOnce(ctx context.Context, room eventlog.RoomEntry) error {
	from, err := t.dayAgo(ctx, room)
	if err != nil {
		return err
	}
	return follow.Partition(ctx, t.Log.Unhurried(), eventlog.TopicIntake, room.Partition, from,
		func(r eventlog.Record) error {
			q := wire.DecodeRequest(r.Offset, r.Value)
			if strings.HasPrefix(q.Cause.Principal, string(authz.KindSource)+"/") {
				t.put(q.Cause.Principal, q.Cause.ID, entry{content: q.ContentHash, offset: r.Offset, receivedAt: q.ReceivedAt})
			}
			return nil
		},
		func(next, highWatermark int64) {
			if next >= highWatermark {
				t.caughtUp(room)
			}
		})
}

func (t *taken) caughtUp(room eventlog.RoomEntry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reading[room.Room] = false
}

// dayAgo searches intake for the first request of the last day: times of receipt grow with offsets but for the clocks of
// the edges, for which an hour is added.
func (t *taken) dayAgo(ctx context.Context, room eventlog.RoomEntry) (int64, error) {
	low, high, err := t.Log.Bounds(ctx, eventlog.TopicIntake, room.Partition)
	if err != nil {
		return 0, err
	}
	oldest := t.Clock.Now().Add(-remembered - time.Hour).UnixMilli()
	for low < high {
		middle := low + (high-low)/2
		var receivedAt int64
		err := t.Log.Scan(ctx, eventlog.TopicIntake, room.Partition, middle, middle+1, func(r eventlog.Record) error {
			receivedAt = wire.DecodeRequest(r.Offset, r.Value).ReceivedAt
			return nil
		})
		if err != nil {
			return 0, err
		}
		// One that cannot be read, or says no time, says nothing of its neighbours: rather read too much than too little.
		if receivedAt != 0 && receivedAt < oldest {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, nil
}
