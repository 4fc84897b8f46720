// Package lastknown keeps on this machine's disk what is needed of Kafka to take an alarm: which rooms there are, and which
// sites each has. A process that starts while Kafka is away begins with that, takes alarms into its journal, and lets
// nothing out of it before Kafka has confirmed the room table.
package lastknown

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/google/renameio/v2"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow"
)

const (
	// startBound is how long Kafka may take to give the room table, withoutBound to a process that can do without it for now.
	startBound   = 30 * time.Second
	withoutBound = 5 * time.Second
	// askAgain is how long a Kafka that did not give it is left alone.
	askAgain = time.Second
)

// Config of a keeper.
type Config struct {
	// Path of the file; empty: nothing is kept, and without Kafka nothing starts.
	Path string
	Log  *kafkalog.Log
	// Fail ends the process, which has begun with what is not so.
	Fail   func(error)
	Logger *slog.Logger
}

// Keeper is one process's. Callers owe one Table before all else, one Start with the rooms of that table, one Stop.
type Keeper struct {
	Config
	table     []eventlog.RoomEntry
	confirmed chan struct{}
	over      chan struct{}
	stopOnce  sync.Once
	stop      context.CancelFunc
	wait      sync.WaitGroup

	mu    sync.Mutex // guards what follows
	rooms map[string]room
}

// room is a line of the room table with the sites of the room.
type room struct {
	Room      string   `json:"room"`
	Partition int      `json:"partition"`
	LogID     string   `json:"log_id"`
	Sites     []string `json:"sites"`
}

type file struct {
	Rooms []room `json:"rooms"`
}

// New returns a keeper that knows nothing yet.
func New(c Config) *Keeper {
	return &Keeper{Config: c, confirmed: make(chan struct{}), over: make(chan struct{}), stop: func() {}, rooms: map[string]room{}}
}

// Table gives the room table: Kafka's or, while that is away, the one it had when it was last seen.
func (k *Keeper) Table(ctx context.Context) ([]eventlog.RoomEntry, error) {
	kept, bound := k.load(ctx), startBound
	if len(kept) > 0 {
		bound = withoutBound
	}
	bounded, done := context.WithTimeout(ctx, bound)
	defer done()
	table, err := follow.Table(bounded, k.Log)
	switch {
	case err == nil:
		close(k.confirmed)
	case len(kept) == 0 || lasting(err):
		return nil, err
	default:
		k.Logger.WarnContext(ctx, "kafka is away: starting with the rooms that were last known; alarms are kept in the journal", "err", err)
		for _, r := range kept {
			table = append(table, eventlog.RoomEntry{Room: r.Room, Partition: r.Partition, LogID: r.LogID})
		}
	}
	k.table = table
	for _, r := range kept {
		if slices.Contains(table, eventlog.RoomEntry{Room: r.Room, Partition: r.Partition, LogID: r.LogID}) {
			k.rooms[r.Room] = r
		}
	}
	return table, nil
}

// lasting says that waiting does not mend an error.
func lasting(err error) bool {
	var topics *kafkalog.TopicsError
	var access *kafkalog.AccessError
	var damage *eventlog.DamageError
	return errors.Is(err, follow.ErrNoRooms) || errors.As(err, &topics) || errors.As(err, &access) || errors.As(err, &damage)
}

func (k *Keeper) load(ctx context.Context) []room {
	if k.Path == "" {
		return nil
	}
	var f file
	raw, err := os.ReadFile(k.Path)
	if err == nil {
		err = json.Unmarshal(raw, &f)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		k.Logger.ErrorContext(ctx, "rooms that were last known cannot be read", "file", k.Path, "err", err)
	}
	return f.Rooms
}

// Start begins to keep what the rooms say, and to have the table confirmed.
func (k *Keeper) Start(ctx context.Context, boards []*follow.Board) {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	k.stop = stop
	if !k.Confirmed() {
		k.wait.Go(func() { k.confirm(run) })
	}
	if k.Path == "" {
		return
	}
	for _, b := range boards {
		k.wait.Go(func() { k.follow(run, b) })
	}
}

// Stop ends it and waits.
func (k *Keeper) Stop() {
	k.stopOnce.Do(func() { close(k.over) })
	k.stop()
	k.wait.Wait()
}

// Confirmed says that Kafka has given the room table.
func (k *Keeper) Confirmed() bool {
	select {
	case <-k.confirmed:
		return true
	default:
		return false
	}
}

// Append is the log's once the table is confirmed. Before, nothing is written to where a room was last known to be.
func (k *Keeper) Append(ctx context.Context, topic string, partition int, values [][]byte) (int64, error) {
	if !k.Confirmed() {
		select {
		case <-k.confirmed:
		case <-k.over:
			return 0, fmt.Errorf("the room table was not confirmed: %w", eventlog.ErrNotWritten)
		case <-ctx.Done():
			return 0, fmt.Errorf("the room table is not confirmed: %w: %w", eventlog.ErrNotWritten, ctx.Err())
		}
	}
	return k.Log.Append(ctx, topic, partition, values)
}

// RoomOf gives the room that a site was last known to belong to, or "".
func (k *Keeper) RoomOf(site string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	for name, r := range k.rooms {
		if slices.Contains(r.Sites, site) {
			return name
		}
	}
	return ""
}

// errChanged says that what this process has begun with is not so.
var errChanged = errors.New("the room table is not the one that was last known when this process started without Kafka: start it again; what is in the journal is sent on then")

func (k *Keeper) confirm(ctx context.Context) {
	for {
		table, err := follow.Table(ctx, k.Log)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && slices.Equal(table, k.table):
			close(k.confirmed)
			k.Logger.InfoContext(ctx, "kafka is back and the room table is the one that was known")
			return
		case err == nil:
			k.Fail(errChanged)
			return
		case lasting(err):
			k.Fail(err)
			return
		}
		select {
		case <-time.After(askAgain):
		case <-ctx.Done():
			return
		}
	}
}

// follow keeps the sites of a room, whenever it is configured anew.
func (k *Keeper) follow(ctx context.Context, b *follow.Board) {
	if b.AwaitReady(ctx) != nil {
		return // it has halted, or all is over: what was known of it stays
	}
	for hash, first := "", true; ; first = false {
		changed := b.Changed()
		var sites []string
		before := hash
		b.Look(func(f *controlroom.Fold) {
			if hash = f.State.RegionHash; hash == before {
				return
			}
			for _, s := range f.State.Region().GetSites() {
				sites = append(sites, s.GetId())
			}
		})
		if first || hash != before {
			k.keep(ctx, b.Room, sites)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

func (k *Keeper) keep(ctx context.Context, entry eventlog.RoomEntry, sites []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.rooms[entry.Room] = room{Room: entry.Room, Partition: entry.Partition, LogID: entry.LogID, Sites: sites}
	var f file
	for _, e := range k.table {
		r, known := k.rooms[e.Room]
		if !known {
			r = room{Room: e.Room, Partition: e.Partition, LogID: e.LogID}
		}
		f.Rooms = append(f.Rooms, r)
	}
	raw, err := json.MarshalIndent(f, "", "  ")
	if err == nil {
		err = renameio.WriteFile(k.Path, append(raw, '\n'), 0o600)
	}
	if err != nil {
		k.Logger.ErrorContext(ctx, "rooms not kept for a start without kafka", "file", k.Path, "err", err)
	}
}
