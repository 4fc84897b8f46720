package archive

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/follow/past"
	"vigie/pkg/wait"
)

// ErrBusy says that too many look back already.
var ErrBusy = errors.New("others are looking back already: try again in some seconds")

const (
	// stretch is how many records a reading goes through between pauses: short enough that an alarm which comes meanwhile
	// hardly waits.
	stretch = 128
	// longestWork keeps a reading that waited for the broker from waiting for as long again.
	longestWork = time.Second
	// patience is how long somebody waits for their turn.
	patience = 5 * time.Second
	// shelved folds are ready to be read on from. One of a room with a million remembered causes takes 100 MB.
	shelved = 2
)

// Reading bounds and shares what it costs to look back. It is safe for concurrent use.
type Reading struct {
	slots     chan struct{}
	perSecond int
	line      line

	mu    sync.Mutex // guards shelf
	shelf []*shelf   // least recently used first
}

// shelf is a fold left by an earlier reading: whoever asks for a later point, as one does who plays a day back, reads on
// from there.
type shelf struct {
	room *Room
	fold *controlroom.Fold
}

// NewReading lets so many look back at a time, and all of them together read so many records a second.
func NewReading(atATime, perSecond int) *Reading {
	return &Reading{slots: make(chan struct{}, atATime), perSecond: perSecond}
}

// turn waits for a free place; leave gives it back.
func (g *Reading) turn(ctx context.Context) (leave func(), err error) {
	impatient := time.NewTimer(patience)
	defer impatient.Stop()
	select {
	case g.slots <- struct{}{}:
		return func() { <-g.slots }, nil
	case <-impatient.C:
		return nil, ErrBusy
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// State is a room as it was.
func (g *Reading) State(ctx context.Context, room *Room, p past.Point) (controlroom.View, error) {
	leave, err := g.turn(ctx)
	if err != nil {
		return controlroom.View{}, err
	}
	defer leave()
	fold := g.take(room, p)
	view, err := past.Show(ctx, room.log, room.RoomEntry, fold, p, g.newPace(ctx).step)
	if fold.Halted() == "" {
		// Also when time ran out: the next try goes on from here.
		g.put(room, fold)
	}
	return view, err
}

// take gives the fold that is nearest before a point, or a new one.
func (g *Reading) take(room *Room, p past.Point) *controlroom.Fold {
	g.mu.Lock()
	defer g.mu.Unlock()
	best := -1
	for i, s := range g.shelf {
		if s.room == room && p.Ahead(s.fold) && (best < 0 || s.fold.Next > g.shelf[best].fold.Next) {
			best = i
		}
	}
	if best < 0 {
		return controlroom.NewFold(room.Room)
	}
	fold := g.shelf[best].fold
	g.shelf = slices.Delete(g.shelf, best, best+1)
	return fold
}

func (g *Reading) put(room *Room, fold *controlroom.Fold) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shelf = append(g.shelf, &shelf{room, fold})
	if len(g.shelf) > shelved {
		g.shelf = slices.Delete(g.shelf, 0, 1)
	}
}

// line is where all readings take turns: each stretch moves its end.
type line struct {
	mu  sync.Mutex // guards end
	end time.Time
}

// book moves the end of the line for a stretch that began at a time, and says when the next one may begin.
func (l *line) book(began time.Time, cost time.Duration) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end.Before(began) {
		l.end = began
	}
	l.end = l.end.Add(cost)
	return l.end
}

// pace pauses a reading after every stretch: for as long as the stretch took, as long as the rate of all readings wants, and
// until those are through that were before it in the line.
type pace struct {
	ctx     context.Context //nolint:containedctx // of the one reading whose pace it is
	line    *line
	least   time.Duration // for a stretch
	records int
	since   time.Time
}

func (g *Reading) newPace(ctx context.Context) *pace {
	return &pace{ctx: ctx, line: &g.line, least: stretch * time.Second / time.Duration(g.perSecond), since: time.Now()}
}

func (p *pace) step() error {
	if p.records++; p.records%stretch != 0 {
		return nil
	}
	worked := min(time.Since(p.since), longestWork)
	next := p.line.book(time.Now().Add(-worked), max(2*worked, p.least))
	if err := wait.For(p.ctx, time.Until(next)); err != nil {
		return err
	}
	p.since = time.Now()
	return nil
}
