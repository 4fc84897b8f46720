// Package projector folds a topic into tables of package projection, a room at a time in order, rooms beside one another.
//
// A [Projector] is a watermill subscriber whose messages are batches of records, and their handler: give both to one router. How
// far it has come stands in Redis beside what it has written, and nowhere else: no consumer group, no offset of its own. After
// each failure it reads the table again, makes sure that the topic still holds the record that the table was marked with, and
// goes on from there; a table of another story is begun anew. One record at a time would be a write for each: a batch is what
// came within a tenth of a second.
//
// Callers owe: a fold that is the same function in all processes that project one schema.
package projector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow"
	"vigie/pkg/projection"
)

// Fold makes entries of a room's records. It is used by one goroutine at a time.
type Fold interface {
	// Restore begins anew with what is stored, or with nothing.
	Restore(entries map[string][]byte) error
	// Take folds a record in and says what it changes. Taking the same record again changes nothing.
	Take(r eventlog.Record, c projection.Changes)
}

// Config says what is folded, and into what.
type Config struct {
	Client *projection.Client
	Log    *kafkalog.Log
	// Topic is what is folded; a room's records are in its partition.
	Topic string
	// Schema names the tables.
	Schema string
	// NewFold makes the fold of a room.
	NewFold func(eventlog.RoomEntry) Fold
	// Logger hears of tables that are begun anew, and of interruptions; nil means nobody does.
	Logger *slog.Logger

	// Batch is how many records are folded into one change, at most.
	Batch int
	// Linger is how long records are collected, so that a busy room writes often a second and not for each record.
	Linger time.Duration
	// Touch is how often a table is looked after when nothing is new.
	Touch time.Duration
	// RetryMin and RetryMax bound the pause after a failure, for this room alone; it doubles in between.
	RetryMin, RetryMax time.Duration
	// Drain is how long a message under way is waited for at the end.
	Drain time.Duration
}

// Default returns the limits, and nothing to fold.
func Default() Config {
	return Config{
		Batch: 1000, Linger: 100 * time.Millisecond, Touch: time.Second, RetryMin: 100 * time.Millisecond, RetryMax: 2 * time.Second, Drain: 3 * time.Second,
	}
}

// Projector folds a topic. It is safe for concurrent use. As a prometheus.Collector it tells how far it has come.
type Projector struct {
	cfg  Config
	slog *slog.Logger

	mu    sync.Mutex // guards what follows
	lanes []*lane    // by partition; nil before Subscribe
	stop  context.CancelFunc
	wait  sync.WaitGroup
}

// New returns a projector that has read nothing yet.
func New(cfg Config) *Projector {
	p := &Projector{cfg: cfg, slog: cfg.Logger, stop: func() {}}
	if p.slog == nil {
		p.slog = slog.New(slog.DiscardHandler)
	}
	p.slog = p.slog.With("projection", cfg.Schema)
	return p
}

// errSubscribed says that there is a subscription already: two would write the same tables.
var errSubscribed = errors.New("a projector is subscribed to once")

// Subscribe reads the table of rooms and hands out the records of all rooms until ctx ends. Where Redis is off it hands out
// nothing. It is called once.
func (p *Projector) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	if topic != p.cfg.Topic {
		return nil, fmt.Errorf("subscribe to %s: the projector is one of %s", topic, p.cfg.Topic)
	}
	table, err := follow.Table(ctx, p.cfg.Log)
	if err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", topic, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lanes != nil {
		return nil, errSubscribed
	}
	running, stop := context.WithCancel(ctx)
	p.stop = stop
	out := make(chan *message.Message)
	var lanes sync.WaitGroup
	for _, room := range table {
		l := p.newLane(room, out)
		p.lanes = append(p.lanes, l)
		if !p.cfg.Client.Off() {
			lanes.Go(func() { l.run(running) })
		}
	}
	p.wait.Go(func() {
		<-running.Done()
		lanes.Wait()
		close(out)
	})
	return out, nil
}

// Close ends the subscription and waits for it.
func (p *Projector) Close() error {
	p.mu.Lock()
	p.stop()
	p.mu.Unlock()
	p.wait.Wait()
	return nil
}

// Handle folds the records of a message in and writes what they change. An error brings them again.
func (p *Projector) Handle(msg *message.Message) error {
	b, err := unpack(msg)
	if err != nil {
		return err
	}
	l := p.lane(func(l *lane) bool { return l.room.Partition == b.partition })
	if l == nil {
		return fmt.Errorf("partition %d: there is no such room", b.partition)
	}
	return l.take(msg.Context(), b)
}

// Table gives the table of a room, or nil when there is no such room. There are none before Subscribe.
func (p *Projector) Table(room string) *projection.Table {
	if l := p.lane(func(l *lane) bool { return l.room.Room == room }); l != nil {
		return l.table
	}
	return nil
}

func (p *Projector) lane(is func(*lane) bool) *lane {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.lanes {
		if is(l) {
			return l
		}
	}
	return nil
}
