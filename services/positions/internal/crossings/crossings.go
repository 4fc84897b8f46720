// Package crossings follows the positions of teams on duty and asks the room to take note where one has crossed the border
// of a site or of an outdoor zone. What it asks with is a fact under an id that any other process would give it too, and
// the room alone says what it already knows: a crossing that is reported twice counts once, and one that is not in the log
// yet is reported again with the next position, by whoever lives.
//
// Of several processes each follows all rooms, and for each room one of those heard of late asks, picked by a hash of room
// and process: so that a crossing is one request and not as many as there are processes. Nothing depends on that pick, which
// is why it takes no group of consumers and no lease: two that take themselves for it are heard as one, and where the one
// has died another takes its place with positions that it has followed all along.
//
// A crossing that was found is a message to the router's handler, which stores the request. Positions themselves are followed
// without it: thousands a second, of which a few are crossings.
package crossings

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/prometheus/client_golang/prometheus"

	"vigie/pkg/app"
	"vigie/pkg/beat"
	"vigie/pkg/clock"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/feed"
	"vigie/pkg/follow"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	positionsv1 "vigie/pkg/gen/vigie/positions/v1"
	regionv1 "vigie/pkg/gen/vigie/region/v1"
	"vigie/pkg/geo"
	"vigie/pkg/wire"
	"vigie/services/positions/internal/fence"
)

const (
	// lookBack is how old positions are read at start: a crossing that nobody was there to see shows in them.
	lookBack = 5 * time.Minute
	// handler is for people.
	handler = "positions.crossings"
	// metaRoom is the metadata of a message that says which room is asked.
	metaRoom = "room"
	// principal asks: the same in every process, so that the same crossing is the same cause.
	principal = "service/positions"
)

// Config of a watch.
type Config struct {
	Rooms  *follow.Rooms
	Log    *kafkalog.Log
	Intake *kafkalog.Writer
	Clock  *clock.Clock
	// Process is what this one beats as.
	Process string
	Logger  *slog.Logger
	// Reported counts the requests that were stored; nil: nobody counts.
	Reported prometheus.Counter
	// Add gives messages to a handler: (*app.Router).AddConsumerHandler.
	Add func(name, topic string, sub message.Subscriber, handle message.NoPublishHandlerFunc) error
}

// Watch follows all rooms.
type Watch struct {
	Config
	feed *feed.Feed
	stop context.CancelFunc
	wait sync.WaitGroup
}

// New returns a watch that follows nothing yet.
func New(c Config) (*Watch, error) {
	w := &Watch{Config: c, feed: feed.New(eventlog.TopicPositions), stop: func() {}}
	if err := c.Add(handler, eventlog.TopicPositions, w.feed, w.handle); err != nil {
		return nil, fmt.Errorf("crossings: %w", err)
	}
	return w, nil
}

// Start begins to follow; the rooms have been started.
func (w *Watch) Start(ctx context.Context) {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	w.stop = stop
	for _, b := range w.Rooms.All() {
		room := &room{
			Watch: w, board: b, heard: beat.NewHeard(w.Clock.Rate(), time.Now()), teams: map[string]*team{},
		}
		w.wait.Go(func() {
			if b.AwaitReady(run) != nil {
				return // it has halted, or all is over
			}
			follow.Telemetry(run, w.Log, b.Room, w.Clock.Now().Add(-lookBack).UnixMilli(),
				func(m *positionsv1.Telemetry, isNew bool) { room.take(run, m, isNew) }, func() {}, w.Logger)
		})
	}
}

// Stop ends following and waits for it.
func (w *Watch) Stop() {
	w.stop()
	w.wait.Wait()
}

// room is one room as followed by one goroutine.
type room struct {
	*Watch
	board *follow.Board
	heard *beat.Heard
	teams map[string]*team

	conf   *regionv1.RoomConfiguration
	places *fence.Map
}

// team is what is remembered of one team, in one shift.
type team struct {
	since int64
	track fence.Track
	// stored are the requests that are in intake, until the room has counted another crossing.
	stored    map[string]bool
	crossings int64
}

// known is what the room knows of a team.
type known struct {
	onDuty                      bool
	since, crossings, crossedAt int64
	inside                      []controlroom.Place
}

func (r *room) take(ctx context.Context, m *positionsv1.Telemetry, isNew bool) {
	switch {
	case m.GetBeat() != nil && isNew:
		r.heard.Take(m.GetBeat(), time.Now())
	case m.GetFix() != nil:
		r.fix(ctx, m.GetFix(), isNew)
	}
}

// fix hears one position. One that its device calls simulated proves nothing.
func (r *room) fix(ctx context.Context, f *positionsv1.Fix, isNew bool) {
	at := geo.Point{LatE7: f.GetLatE7(), LonE7: f.GetLonE7()}
	k := r.look(f.GetTeam())
	if !k.onDuty && isNew && r.board.CatchUp(ctx) == nil {
		k = r.look(f.GetTeam()) // it was kept by somebody who has read that its shift began
	}
	if !k.onDuty {
		delete(r.teams, f.GetTeam()) // positions are followed on shift only (domain §1)
		return
	}
	if f.GetAtMs() < max(k.since, k.crossedAt) || f.GetMock() || !at.Valid() {
		return // what the room knows is newer: read again at a start, the way to a place would be told backwards
	}
	t := r.teams[f.GetTeam()]
	if t == nil || t.since != k.since {
		t = &team{since: k.since}
		r.teams[f.GetTeam()] = t
	}
	if t.stored == nil || t.crossings != k.crossings {
		t.stored, t.crossings = map[string]bool{}, k.crossings
	}
	fix := fence.Fix{Point: at, AccuracyM: int64(f.GetAccuracyM()), At: f.GetAtMs()}
	for _, c := range t.track.Take(r.places, fix, k.inside) {
		if id := requestID(f.GetTeam(), k, c); !t.stored[id] && r.mine() {
			t.stored[id] = r.report(ctx, f, c, id)
		}
	}
}

// look asks the board about a team, and draws the map anew when the region has changed.
func (r *room) look(id string) (k known) {
	r.board.Look(func(f *controlroom.Fold) {
		if conf := f.State.Region().RoomConfiguration; conf != r.conf || r.places == nil {
			r.conf, r.places = conf, fence.NewMap(conf)
		}
		if t := f.State.Teams[id]; t != nil {
			k = known{t.OnDuty, t.Since, t.Crossings, t.CrossedAt, append([]controlroom.Place(nil), t.Inside...)}
		}
	})
	return k
}

// requestID names a crossing by what the room knew before it: the same in every process that has read the same.
func requestID(team string, k known, c fence.Crossing) string {
	way := "left"
	if c.Entered {
		way = "entered"
	}
	return fmt.Sprintf("%s/%d/%d/%s/%s/%s", team, k.since, k.crossings, way, c.Site, c.Zone)
}

// mine says whether this process is the one that asks for this room: the highest of those heard of late.
func (r *room) mine() bool {
	own := rank(r.board.Room.Room, r.Process)
	for _, other := range r.heard.Processes(beat.Positions, time.Now()) {
		if rank(r.board.Room.Room, other) > own {
			return false
		}
	}
	return true
}

func rank(room, process string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(room + "\x00" + process)) // never fails
	return h.Sum64()
}

// report asks the room to take note. What cannot be stored now is brought again by the next position.
func (r *room) report(ctx context.Context, f *positionsv1.Fix, c fence.Crossing, id string) (stored bool) {
	q := &intakev1.Request{
		Room: r.board.Room.Room, Principal: principal, Id: id,
		ReceivedAtMs: r.Clock.Now().UnixMilli(), DeviceAtMs: c.At,
		Actor: &intakev1.Actor{Id: f.GetDevice(), Role: "guard"},
		Body: &intakev1.Request_ReportCrossing{ReportCrossing: &intakev1.ReportCrossing{
			Team: f.GetTeam(), Site: c.Site, Zone: c.Zone, Entered: c.Entered,
		}},
	}
	value, err := wire.EncodeRequest(q)
	if err != nil {
		r.Logger.ErrorContext(ctx, "crossing cannot be encoded", "room", q.GetRoom(), "err", err)
		return true // nor later
	}
	msg := message.NewMessage(id, value)
	msg.Metadata.Set(metaRoom, q.GetRoom())
	return r.feed.Offer(ctx, msg) == nil
}

// handle stores a request. One that is refused for good is parked, and counts as stored: each further position would bring the
// same again.
func (w *Watch) handle(msg *message.Message) error {
	b := w.Rooms.Board(msg.Metadata.Get(metaRoom))
	if b == nil {
		return app.Permanent(fmt.Errorf("crossing in %q: there is no such room", msg.Metadata.Get(metaRoom)))
	}
	_, err := w.Intake.Write(msg.Context(), eventlog.TopicIntake, b.Room.Partition, msg.Payload)
	switch {
	case errors.Is(err, eventlog.ErrRefused):
		return app.Permanent(fmt.Errorf("crossing in %s: %w", b.Room.Room, err))
	case err != nil:
		return fmt.Errorf("crossing in %s: %w", b.Room.Room, err)
	}
	if w.Reported != nil {
		w.Reported.Inc()
	}
	return nil
}
