// Package arrival is what a gateway has to say when it starts: that the links of its earlier run are gone, and which
// region the rooms are to work under.
package arrival

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"vigie/pkg/app"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/follow"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	"vigie/pkg/region"
	"vigie/services/gateway/internal/command"
)

// Config of an arrival.
type Config struct {
	Desk *command.Desk
	// Name is this gateway over all its runs, Instance this one.
	Name, Instance string
	// Region is a file, or empty.
	Region string
	Logger *slog.Logger
}

// Arrival is under way until every room has heard it.
type Arrival struct {
	Config
	region *region.Region
	stop   context.CancelFunc
	wait   sync.WaitGroup

	mu      sync.Mutex // guards pending
	pending map[string]error
}

// New returns an arrival of which nobody has heard.
func New(c Config) *Arrival {
	return &Arrival{Config: c, pending: map[string]error{}, stop: func() {}}
}

// Begin reads the region file and tells the rooms in the background; their deciders may come up later than the gateway.
func (a *Arrival) Begin(ctx context.Context) error {
	if a.Region != "" {
		r, err := region.Load(a.Region)
		if err != nil {
			return app.Exit(app.BadRegion, err)
		}
		a.region = r
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	a.stop = stop
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, board := range a.Desk.Rooms.All() {
		a.pending[board.Room.Room] = errors.New("not told yet")
		a.wait.Go(func() { a.tell(run, board) })
	}
	return nil
}

// End stops telling and waits for it.
func (a *Arrival) End() {
	a.stop()
	a.wait.Wait()
}

// Ready is nil when every room has heard.
func (a *Arrival) Ready() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for room, err := range a.pending {
		if err != nil {
			return fmt.Errorf("room %s: %w", room, err)
		}
	}
	return nil
}

// tryAgain is how long a room that could not be told is left alone.
const tryAgain = 200 * time.Millisecond

func (a *Arrival) tell(ctx context.Context, board *follow.Board) {
	for a.open(ctx, board) {
		err := a.tellOnce(ctx, board)
		if err != nil && board.Halted() != "" {
			continue
		}
		a.note(board, err)
		if err == nil {
			return
		}
		a.Logger.WarnContext(ctx, "room not told yet", "room", board.Room.Room, "err", err)
		select {
		case <-time.After(tryAgain):
		case <-ctx.Done():
			return
		}
	}
}

// open waits while a room is halted: there is nobody to tell until its log is reopened, and others do not wait for that. It
// is false when ctx has ended.
func (a *Arrival) open(ctx context.Context, board *follow.Board) bool {
	for ctx.Err() == nil {
		changed := board.Changed()
		if board.Halted() == "" {
			return true
		}
		a.note(board, nil)
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
	return false
}

func (a *Arrival) note(board *follow.Board, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending[board.Room.Room] = err
}

func (a *Arrival) tellOnce(ctx context.Context, board *follow.Board) error {
	// The story so far first: it says which links are left over, and what the region was.
	if err := board.AwaitReady(ctx); err != nil {
		return err
	}
	var leftOver []string
	var hash string
	board.Look(func(f *controlroom.Fold) {
		leftOver, hash = a.earlier(f.State), f.State.RegionHash
	})
	for _, gateway := range leftOver {
		if err := a.ask(ctx, board, &intakev1.Request{Body: &intakev1.Request_GatewayLost{
			GatewayLost: &intakev1.GatewayLost{Gateway: gateway},
		}}); err != nil {
			return fmt.Errorf("earlier run: %w", err)
		}
	}
	if a.region == nil {
		return nil
	}
	k := slices.IndexFunc(a.region.Rooms, func(r region.Room) bool { return r.ID == board.Room.Room })
	if k < 0 {
		return nil // a room that the file does not know keeps what it has
	}
	content := a.region.Rooms[k].Configuration
	if region.Hash(content) == hash {
		return nil
	}
	return a.ask(ctx, board, &intakev1.Request{Body: &intakev1.Request_ConfigureRegion{
		ConfigureRegion: &intakev1.ConfigureRegion{Content: content, Hash: region.Hash(content)},
	}})
}

// earlier gives the runs of this gateway that still have links.
func (a *Arrival) earlier(s controlroom.State) []string {
	found := map[string]bool{}
	for _, t := range s.Teams {
		for _, l := range t.Links {
			if strings.HasPrefix(l.Gateway, a.Name+"/") && l.Gateway != a.Instance {
				found[l.Gateway] = true
			}
		}
	}
	runs := make([]string, 0, len(found))
	for run := range found {
		runs = append(runs, run)
	}
	slices.Sort(runs)
	return runs
}

func (a *Arrival) ask(ctx context.Context, board *follow.Board, q *intakev1.Request) error {
	q.Room, q.Principal, q.Id = board.Room.Room, "gateway/"+a.Instance, uuid.NewString()
	q.ReceivedAtMs = a.Desk.Clock.Now().UnixMilli()
	o, err := a.Desk.Submit(ctx, board, q)
	if err != nil {
		return err
	}
	if o.Refusal != nil {
		return fmt.Errorf("refused (%s): %s", o.Refusal.Code, o.Refusal.Message)
	}
	return nil
}
