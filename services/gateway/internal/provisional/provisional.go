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
	"vigie/pkg/es"
	"vigie/pkg/follow"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	peerv1 "vigie/pkg/gen/vigie/peer/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/services/gateway/internal/notice"
)

// Config of a watch.
type Config struct {
	Rooms *follow.Rooms
	// Notify tells an audience. It is called in order, and must not block or call back.
	Notify func(notice.Audience, *watchv1.Notice)
	// Bounds are the usual ones, but for tests of them.
	Bounds notice.Bounds
	Logger *slog.Logger
}

// Watch is over all rooms. It is safe for concurrent use.
type Watch struct {
	Config
	stop context.CancelFunc
	wait sync.WaitGroup

	mu    sync.Mutex // guards what follows, and the order of what is told
	rooms map[string]*room
}

// New returns a watch that shows nothing yet.
func New(c Config) *Watch {
	c.Bounds = c.Bounds.OrDefault()
	return &Watch{Config: c, stop: func() {}, rooms: map[string]*room{}}
}

// Start begins to look for decisions; the rooms have been started. Before it nothing is taken.
func (w *Watch) Start(ctx context.Context) {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	w.stop = stop
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, board := range w.Rooms.All() {
		w.rooms[board.Room.Room] = newRoom(w.Config, board.Room.Room)
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

// Add shows a request, unless it is known already, was decided on, or is nothing to be shown. One that finds no place is
// shown when it is told of again and there is one.
func (w *Watch) Add(q *intakev1.Request) {
	n, board := notice.Of(notice.Provisional, q), w.Rooms.Board(q.GetRoom())
	if n == nil || board == nil {
		return
	}
	o := open{cause: es.Cause{Principal: q.GetPrincipal(), ID: q.GetId()}, notice: n, audience: notice.Audience{Site: n.GetSite()}}
	var urgency controlroom.Urgency
	decided := false
	board.Look(func(f *controlroom.Fold) {
		_, decided = f.Outcome(o.cause)
		urgency = f.State.Region().Urgency(q)
		if sos := q.GetRaiseSos(); sos != nil {
			if o.audience.Site == "" {
				o.audience.Site = f.State.Region().Team(sos.GetTeam()).GetHomeSite()
			}
			if sos.GetSilent() {
				o.audience.Spared = sos.GetTeam()
			}
		}
	})
	if decided {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if r := w.rooms[q.GetRoom()]; r != nil {
		r.enter(o, urgency)
	}
}

// Replaced takes back what is known under a key: it is in intake, and shown as undecided from here on.
func (w *Watch) Replaced(room, key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r := w.rooms[room]; r != nil {
		r.replace(func(o open) bool { return o.notice.GetKey() == key })
	}
}

// Count is how much is known in all rooms.
func (w *Watch) Count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, r := range w.rooms {
		n += len(r.known)
	}
	return n
}

// look takes back what the room has decided on, and shows what finds a place by that.
func (w *Watch) look(ctx context.Context, board *follow.Board) {
	for {
		decided := board.Changed()
		changed, some := w.settle(board)
		if !some {
			decided = nil // nothing to take back: the room may decide what it likes
		}
		select {
		case <-decided:
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// settle brings what is shown of a room up to date. It gives a signal of more, and says whether anything is left.
func (w *Watch) settle(board *follow.Board) (changed <-chan struct{}, some bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.rooms[board.Room.Room]
	board.Look(func(f *controlroom.Fold) {
		decided := func(o open) bool {
			_, known := f.Outcome(o.cause)
			return known
		}
		r.end(decided)
		r.fill(decided)
	})
	r.sayMore()
	return r.changed, len(r.known) > 0
}

// room is what is open of one. The lock of the watch guards it.
type room struct {
	Config
	name  string
	known map[es.Cause]struct{}
	lines [controlroom.Urgencies]line
	// more is what was told last of how many are not shown.
	more    *watchv1.Notice
	changed chan struct{} // closed and replaced when something was added, or has gone
}

// line is what is open of one urgency, in the order in which it was told: what is shown, and what waits for a place.
type line struct {
	shown, waiting []open
}

type open struct {
	cause    es.Cause
	audience notice.Audience
	notice   *watchv1.Notice
}

func newRoom(c Config, name string) *room {
	return &room{
		Config: c, name: name, known: map[es.Cause]struct{}{}, changed: make(chan struct{}),
		more: notice.More(notice.Provisional, name, 0, false),
	}
}

func (r *room) enter(o open, urgency controlroom.Urgency) {
	l := &r.lines[urgency]
	if _, known := r.known[o.cause]; known || len(l.shown)+len(l.waiting) >= r.Bounds.Held {
		return
	}
	r.known[o.cause] = struct{}{}
	if len(l.shown) < r.Bounds.Shown && len(l.waiting) == 0 {
		l.shown = append(l.shown, o)
		r.Notify(o.audience, o.notice)
	} else {
		l.waiting = append(l.waiting, o)
	}
	r.announce() // the decision may have been read between the look and this
}

// announce has the watch look again.
func (r *room) announce() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// end takes back what is over of what is shown.
func (r *room) end(over func(open) bool) {
	for u := range r.lines {
		l, before := &r.lines[u], len(r.lines[u].shown)
		l.shown = slices.DeleteFunc(l.shown, func(o open) bool {
			if !over(o) {
				return false
			}
			delete(r.known, o.cause)
			r.Notify(o.audience, notice.Over(o.notice))
			return true
		})
		if len(l.shown) < before && len(l.waiting) > 0 {
			r.announce()
		}
	}
}

// replace takes back what is shown in another place, be it that it waits for one here.
func (r *room) replace(there func(open) bool) {
	r.end(there)
	for u := range r.lines {
		l := &r.lines[u]
		l.waiting = slices.DeleteFunc(l.waiting, func(o open) bool {
			if there(o) {
				delete(r.known, o.cause)
				r.announce()
				return true
			}
			return false
		})
	}
}

// fill shows what has waited, as far as there is room, the most urgent first.
func (r *room) fill(over func(open) bool) {
	for u := len(r.lines) - 1; u >= 0; u-- {
		l := &r.lines[u]
		for len(l.waiting) > 0 && len(l.shown) < r.Bounds.Shown {
			next := l.waiting[0]
			l.waiting = l.waiting[1:]
			if over(next) {
				delete(r.known, next.cause)
				continue
			}
			l.shown = append(l.shown, next)
			r.Notify(next.audience, next.notice)
		}
	}
}

// sayMore tells the consoles how many are not shown, when that has changed.
func (r *room) sayMore() {
	n, full := 0, false
	for _, l := range r.lines {
		n += len(l.waiting)
		full = full || len(l.shown)+len(l.waiting) >= r.Bounds.Held
	}
	if more := notice.More(notice.Provisional, r.name, n, full); !proto.Equal(more, r.more) {
		r.more = more
		r.Notify(notice.Audience{}, more)
	}
}
