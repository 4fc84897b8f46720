// Package edge is the way into intake of what must not be lost while Kafka is away: alarms and SOS. As long as Kafka
// answers it is the service's writer and nothing else. What is not stored after 500 ms is synced into a journal on this
// machine's disk and may be acknowledged; every gateway is told directly; and it goes on waiting for its turn at the
// writer, where it never loses its place (protocol §6).
//
// Guarantees: what was acknowledged is stored in intake sooner or later, a crash in between included, at least once and
// with the same bytes: causes make a second copy harmless. A writer's line is first in, first out, and all of a service
// goes through one: so nothing of a source overtakes what it said before, a restore never its alarm, for as long as the
// source stays with this process (docs/adr/0008).
//
// Callers owe: one Start before the first Write; the same writer for all else that they put into intake; one Stop, before
// the writer is closed.
package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	"vigie/pkg/journal"
	"vigie/pkg/peer"
)

// After is how long Kafka has, in real time, before the journal takes over (protocol §6).
const After = 500 * time.Millisecond

// ErrReused says that a source has used an id for something else, which still waits in the journal.
var ErrReused = errors.New("the id was used before for something else: use a new id")

// Settings are what an operator says.
type Settings struct {
	peer.Credentials `koanf:",squash"`
	// JournalDir is of one process alone.
	JournalDir string   `koanf:"journal_dir" help:"directory, of this process alone, for what is acknowledged while Kafka is away; empty: nothing is"`
	Gateways   []string `koanf:"gateways" help:"internal addresses of all gateways, told of what waits in the journal; host:port,..."`
}

// Validate says what cannot work.
func (s Settings) Validate() error {
	errs := []error{s.Credentials.Validate(), peer.ValidateAddresses("gateways", s.Gateways)}
	if len(s.Gateways) > 0 && !s.Set() {
		errs = append(errs, errors.New("gateways: they are told over internal_ca, internal_cert and internal_key only: give these, too"))
	}
	return errors.Join(errs...)
}

// Config of an edge.
type Config struct {
	Settings
	Writer *kafkalog.Writer
	// After is how long Kafka has before the journal takes over: [After], but for tests of it.
	After time.Duration
	// Kept is told what was acknowledged from the journal, and at the start what an earlier run has left there. It may be
	// told twice.
	Kept func(*intakev1.Request)
	// Urgency says of what gateways are told first; without it, what a request says itself.
	Urgency func(*intakev1.Request) controlroom.Urgency
	// Stored is told where in intake something is that was in the journal.
	Stored func(*intakev1.Request, int64)
	Logger *slog.Logger
}

// Edge is one process's. It is safe for concurrent use.
type Edge struct {
	Config
	journal  *journal.Journal // nil: there is none
	teller   *teller
	rooms    map[string]*room
	homeless atomic.Int64 // entries of rooms that are gone
	kept     atomic.Uint64
	stop     chan struct{}
	stopOnce sync.Once
	wait     sync.WaitGroup
}

// New returns an edge that is not open yet.
func New(c Config) *Edge {
	if c.After == 0 {
		c.After = After
	}
	if c.Kept == nil {
		c.Kept = func(*intakev1.Request) {}
	}
	if c.Urgency == nil {
		c.Urgency = new(controlroom.Region).Urgency
	}
	if c.Stored == nil {
		c.Stored = func(*intakev1.Request, int64) {}
	}
	return &Edge{Config: c, rooms: map[string]*room{}, stop: make(chan struct{})}
}

// Start opens the journal and sends on what an earlier run has left there, before anything new.
func (e *Edge) Start(ctx context.Context, table []eventlog.RoomEntry) error {
	for _, entry := range table {
		e.rooms[entry.Room] = newRoom(e, entry)
	}
	if e.JournalDir == "" {
		e.Logger.WarnContext(ctx, "no journal_dir: while Kafka is away nothing is acknowledged")
		return nil
	}
	if len(e.Gateways) == 0 {
		e.Logger.WarnContext(ctx, "no gateways given: what is acknowledged while Kafka is away is shown only once Kafka answers again")
	} else {
		var err error
		if e.teller, err = newTeller(ctx, e.Settings, e.Logger); err != nil {
			return err
		}
	}
	cfg := journal.Default(e.JournalDir)
	cfg.Logger = e.Logger
	j, entries, err := journal.Open(cfg)
	if err != nil {
		e.teller.close()
		return err
	}
	e.journal = j
	e.restore(ctx, entries)
	return nil
}

// restore puts what an earlier run has left in line.
func (e *Edge) restore(ctx context.Context, entries []*journal.Entry) {
	for _, kept := range entries {
		q := &intakev1.Request{}
		err := proto.Unmarshal(kept.Value(), q)
		r := e.rooms[q.GetRoom()]
		if err != nil || r == nil {
			e.homeless.Add(1)
			e.Logger.ErrorContext(ctx, "an entry of the journal belongs to no room; it stays there", "room", q.GetRoom(), "err", err)
			continue
		}
		e.Kept(q)
		r.restore(q, kept)
	}
	if len(entries) > 0 {
		e.Logger.WarnContext(ctx, "the journal of an earlier run is sent on", "entries", len(entries))
	}
}

// Stop leaves in the journal what is not stored, for the next start. No Write is under way any more.
func (e *Edge) Stop() error {
	e.stopOnce.Do(func() { close(e.stop) })
	e.wait.Wait()
	e.teller.close()
	if e.journal == nil {
		return nil
	}
	return e.journal.Close()
}

// Receipt is what is known of something that will not be lost.
type Receipt struct {
	// Provisional says that it is in the journal and has no offset yet.
	Provisional bool
	Offset      int64
}

// Write stores a request, in intake or, when that takes too long, in the journal. Its errors are those of
// [kafkalog.Writer.Write]; it waits no longer than ctx. value is request as it is stored, and neither may be changed.
func (e *Edge) Write(ctx context.Context, request *intakev1.Request, value []byte) (Receipt, error) {
	r := e.rooms[request.GetRoom()]
	if r == nil {
		return Receipt{}, fmt.Errorf("write to room %q, which is not in the room table: %w", request.GetRoom(), eventlog.ErrRefused)
	}
	return r.write(ctx, request, value)
}

// Find gives a request that waits in the journal, or nil.
func (e *Edge) Find(room, principal, id string) *intakev1.Request {
	r := e.rooms[room]
	if r == nil {
		return nil
	}
	return r.find(cause{principal, id})
}

// Entries counts what waits in the journal.
func (e *Edge) Entries() int {
	if e.journal == nil {
		return 0
	}
	return e.journal.Entries()
}

// Provisional counts what was acknowledged from the journal in this run.
func (e *Edge) Provisional() uint64 { return e.kept.Load() }

// Degraded says what an operator has to know although all goes on, or nothing.
func (e *Edge) Degraded() string {
	if e.journal == nil {
		return ""
	}
	var said []string
	if n := e.journal.Entries(); n > 0 {
		said = append(said, fmt.Sprintf("%d alarms and SOS wait in the journal for Kafka to take them", n))
	}
	if n := e.homeless.Load(); n > 0 {
		said = append(said, fmt.Sprintf("%d entries of the journal %s belong to rooms that are not in the room table: bring these back", n, e.JournalDir))
	}
	if files := e.journal.SetAside(); len(files) > 0 {
		said = append(said, fmt.Sprintf("damaged files of the journal were set aside: ask the sources what they sent, then move away %s", strings.Join(files, ", ")))
	}
	return strings.Join(said, "; ")
}
