// Package provisional shows what was acknowledged while Kafka is away: alarms and SOS that the services which took them
// tell every gateway directly (protocol §6). Consoles of the room and handhelds of the site are told at once, and told
// again when the room has decided. Nothing here decides anything; whoever is told twice is told nothing new.
package provisional

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/domain/watch"
	"vigie/pkg/es"
	"vigie/pkg/follow"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	peerv1 "vigie/pkg/gen/vigie/peer/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/services/gateway/internal/notice"
)

// atMost bounds what is shown of a room; one with so many open alarms needs no list to know.
const atMost = 1000

// Audience is who is told: the consoles of a room, and the handhelds of teams at home at a site, but for one team.
type Audience struct {
	Room, Site string
	// Spared is a team that must not sound: its SOS is silent.
	Spared string
}

// Config of a watch.
type Config struct {
	Rooms *follow.Rooms
	// Notify tells an audience.
	Notify func(Audience, *watchv1.Notice)
	Logger *slog.Logger
}

// Watch is over all rooms. It is safe for concurrent use.
type Watch struct {
	Config
	stop context.CancelFunc
	wait sync.WaitGroup

	mu    sync.Mutex // guards what follows
	rooms map[string]*open
}

// open is what is shown of one room, in the order in which it was told.
type open struct {
	shown   []shown
	changed chan struct{} // closed and replaced when something was added
}

type shown struct {
	cause    es.Cause
	audience Audience
	notice   *watchv1.Notice
}

// New returns a watch that shows nothing yet.
func New(c Config) *Watch { return &Watch{Config: c, stop: func() {}, rooms: map[string]*open{}} }

// Start begins to look for decisions; the rooms have been started. Before it nothing is taken.
func (w *Watch) Start(ctx context.Context) {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	w.stop = stop
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, board := range w.Rooms.All() {
		w.rooms[board.Room.Room] = &open{changed: make(chan struct{})}
		w.wait.Go(func() { w.look(run, board) })
	}
}

// Stop ends it and waits.
func (w *Watch) Stop() {
	w.stop()
	w.wait.Wait()
}

// Take answers the call by which other services tell of requests.
func (w *Watch) Take(_ context.Context, body []byte) ([]byte, error) {
	var said peerv1.Provisional
	if err := proto.Unmarshal(body, &said); err != nil {
		return nil, fmt.Errorf("the call cannot be read: %w", err)
	}
	for _, value := range said.GetRequests() {
		q := &intakev1.Request{}
		if err := proto.Unmarshal(value, q); err != nil {
			return nil, fmt.Errorf("a request cannot be read: %w", err)
		}
		w.Add(q)
	}
	return proto.Marshal(&peerv1.Told{})
}

// Add shows a request, unless it is shown already, was decided on, or is nothing to be shown.
func (w *Watch) Add(q *intakev1.Request) {
	n, board := notice.Of(notice.Provisional, q), w.Rooms.Board(q.GetRoom())
	if n == nil || board == nil {
		return
	}
	s := shown{cause: es.Cause{Principal: q.GetPrincipal(), ID: q.GetId()}, notice: n, audience: Audience{Room: n.GetRoom(), Site: n.GetSite()}}
	decided := false
	board.Look(func(f *controlroom.Fold) {
		_, decided = f.Outcome(s.cause)
		if sos := q.GetRaiseSos(); sos != nil {
			if s.audience.Site == "" {
				s.audience.Site = f.State.Region().Team(sos.GetTeam()).GetHomeSite()
			}
			if sos.GetSilent() {
				s.audience.Spared = sos.GetTeam()
			}
		}
	})
	if !decided && w.enter(s) {
		w.Notify(s.audience, n)
	}
}

func (w *Watch) enter(s shown) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	room := w.rooms[s.audience.Room]
	if room == nil || len(room.shown) >= atMost || slices.ContainsFunc(room.shown, func(o shown) bool { return o.cause == s.cause }) {
		return false
	}
	room.shown = append(room.shown, s)
	close(room.changed) // the decision may have been read between the look and this
	room.changed = make(chan struct{})
	return true
}

// Replaced takes back what is shown under a key: it is in intake, and shown as undecided from here on.
func (w *Watch) Replaced(room, key string) {
	w.end(room, func(s shown) bool { return s.notice.GetKey() == key })
}

// end takes back what is over.
func (w *Watch) end(name string, over func(shown) bool) {
	var ended []shown
	w.mu.Lock()
	if room := w.rooms[name]; room != nil {
		room.shown = slices.DeleteFunc(room.shown, func(s shown) bool {
			if !over(s) {
				return false
			}
			ended = append(ended, s)
			return true
		})
	}
	w.mu.Unlock()
	for _, s := range ended {
		w.Notify(s.audience, notice.Over(s.notice))
	}
}

// Open gives the notices that somebody who begins to watch has missed.
func (w *Watch) Open(t watch.Target) []*watchv1.Notice {
	board := w.Rooms.Board(t.Room)
	if board == nil {
		return nil
	}
	home := ""
	if t.Team != "" {
		board.Look(func(f *controlroom.Fold) { home = f.State.Region().Team(t.Team).GetHomeSite() })
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	room := w.rooms[t.Room]
	if room == nil {
		return nil
	}
	var missed []*watchv1.Notice
	for _, s := range room.shown {
		if t.Team == "" || s.audience.Reaches(t.Team, home) {
			missed = append(missed, s.notice)
		}
	}
	return missed
}

// Reaches says whether the handhelds of a team at home at a site are among the audience.
func (a Audience) Reaches(team, home string) bool {
	return home != "" && home == a.Site && team != a.Spared
}

// Count is how much is shown in all rooms.
func (w *Watch) Count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, room := range w.rooms {
		n += len(room.shown)
	}
	return n
}

// look takes back what the room has decided on.
func (w *Watch) look(ctx context.Context, board *follow.Board) {
	for {
		decided := board.Changed()
		added, some := w.state(board.Room.Room)
		if some {
			w.end(board.Room.Room, func(s shown) (known bool) {
				board.Look(func(f *controlroom.Fold) { _, known = f.Outcome(s.cause) })
				return known
			})
		} else {
			decided = nil // nothing to take back: the room may decide what it likes
		}
		select {
		case <-decided:
		case <-added:
		case <-ctx.Done():
			return
		}
	}
}

func (w *Watch) state(name string) (added <-chan struct{}, some bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	room := w.rooms[name]
	return room.changed, len(room.shown) > 0
}
