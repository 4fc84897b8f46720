package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"vigie/pkg/app"
	"vigie/pkg/wait"
	"vigie/services/vigie/internal/sim/chance"
	"vigie/services/vigie/internal/sim/client"
	"vigie/services/vigie/internal/sim/desk"
	"vigie/services/vigie/internal/sim/guard"
	"vigie/services/vigie/internal/sim/link"
	"vigie/services/vigie/internal/sim/load"
)

// simulation is one run.
type simulation struct {
	options
	at       place
	progress io.Writer
	began    time.Time

	api      *client.API
	accounts *client.Accounts
	rooms    []client.Room
	clock    *client.Clock
	id       string
	start    time.Time
	observer *observer
	signOns  chan struct{} // bounds the sign-ons under way
}

// errInterrupted is how a run ends that was stopped from outside.
var errInterrupted = errors.New("interrupted")

// Bounds in real time.
const (
	regionBound = 60 * time.Second
	signOnBound = 90 * time.Second
	// headStart lets desks and panels be ready when the night begins.
	headStart = 2 * time.Second
	auditWait = 2 * time.Minute
	// The grace for what is open when the time is over: two hours of domain time, but no more than ten real minutes.
	graceDomain = 2 * time.Hour
	graceReal   = 10 * time.Minute
)

// run lets the night happen and audits it. A result may come with an error.
func (s *simulation) run(ctx context.Context) (*Result, error) {
	s.api = client.New(s.at.url)
	defer s.api.Close()
	s.observer, s.signOns = newObserver(), make(chan struct{}, 8)
	if err := s.meet(ctx); err != nil {
		return nil, s.orInterrupted(ctx, err)
	}
	until, err := s.live(ctx)
	err = s.orInterrupted(ctx, err)
	if s.start.IsZero() {
		return nil, err
	}
	// What has happened so far is told even after an interruption.
	reading, done := context.WithTimeout(context.WithoutCancel(ctx), auditWait)
	defer done()
	result, auditErr := s.audit(reading, until)
	return result, errors.Join(err, auditErr)
}

// orInterrupted gives the reason for which a run was stopped, where it was stopped.
func (s *simulation) orInterrupted(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return errInterrupted
}

// meet learns the accounts, the rooms and the clock.
func (s *simulation) meet(ctx context.Context) error {
	var err error
	if s.accounts, err = client.ReadAccounts(s.at.accounts); err != nil {
		return err
	}
	who, err := s.accounts.WithRole("dispatcher", "chief")
	if err != nil {
		return err
	}
	account := s.api.SignIn(who)
	// The clock is the one of the shortest of some calls: the doubt is the call's time, times the rate.
	deadline := time.Now().Add(regionBound)
	for calls := 0; calls < 8; calls++ {
		rooms, clock, err := account.Rooms(ctx)
		switch {
		case err != nil && (client.Final(err) || ctx.Err() != nil || time.Now().After(deadline)):
			return fmt.Errorf("meet the server at %s: %w", s.at.url, err)
		case err != nil, !configured(rooms):
			if time.Now().After(deadline) {
				return fmt.Errorf("the server at %s has no region yet: start it with --region", s.at.url)
			}
			calls = -1
			if err := wait.For(ctx, 100*time.Millisecond); err != nil {
				return err
			}
		default:
			s.rooms, s.clock = rooms, s.clock.Better(clock)
		}
	}
	for _, r := range s.rooms {
		if r.Halted != "" {
			return fmt.Errorf("room %s has stopped (%s): run vigie log verify", r.Room, r.Halted)
		}
	}
	s.id = "sim" + strconv.FormatInt(s.clock.Now().UnixMilli(), 36)
	return nil
}

func configured(rooms []client.Room) bool {
	for _, r := range rooms {
		if len(r.Sites) == 0 {
			return false
		}
	}
	return len(rooms) > 0
}

// live starts everybody, lets the time pass and ends everybody. It gives the domain time at which the end began.
func (s *simulation) live(ctx context.Context) (time.Time, error) {
	people, peopleCtx := errgroup.WithContext(ctx)
	leave, stop := context.WithCancel(peopleCtx)
	defer stop()
	expected, err := s.guards(leave, people)
	if err == nil {
		err = s.night(peopleCtx, leave, people, expected)
	}
	until := s.clock.Now()
	stop()
	if left := people.Wait(); left != nil {
		err = left // whoever fails for good is why the rest was stopped
	}
	return until, err
}

// night waits for the teams, then lets desks and panels work until the time and its grace are over.
func (s *simulation) night(ctx, leave context.Context, people *errgroup.Group, expected int) error {
	if err := s.await(ctx, signOnBound, "teams signed on", expected, func(f figures) int { return f.onDuty }); err != nil {
		return err
	}
	s.start = s.clock.Now().Add(s.clock.Domain(headStart))
	night, err := s.happens()
	if err != nil {
		return err
	}
	if err := s.desks(leave, people, night.Reports); err != nil {
		return err
	}
	if err := s.await(ctx, signOnBound, "desks manned", len(s.rooms), func(f figures) int { return f.began }); err != nil {
		return err
	}
	keys, err := s.keys()
	if err != nil {
		return err
	}
	telling, told := context.WithCancel(leave)
	people.Go(func() error { return s.tell(telling) })
	defer told()
	p := &panels{api: s.api, clock: s.clock, keys: keys, run: s.id, start: s.start, observer: s.observer}
	if err := p.raise(ctx, night.Alarms); err != nil {
		return err
	}
	if wait.For(ctx, s.clock.Until(s.start.Add(s.length))) != nil {
		return nil
	}
	return s.grace(ctx)
}

// grace waits until no incident is open, for a bounded time.
func (s *simulation) grace(ctx context.Context) error {
	ctx, done := context.WithTimeout(ctx, min(s.clock.Real(graceDomain), graceReal))
	defer done()
	for quiet := 0; quiet < 5; {
		if wait.For(ctx, 200*time.Millisecond) != nil {
			return nil
		}
		quiet++
		if s.observer.figures().live > 0 {
			quiet = 0
		}
	}
	return nil
}

// await waits until so many of something are there.
func (s *simulation) await(ctx context.Context, bound time.Duration, what string, want int, have func(figures) int) error {
	deadline := time.Now().Add(bound)
	for {
		n := have(s.observer.figures())
		if n >= want {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("after %v there are %d of %d %s: the server is too slow for this clock rate, or does not answer", bound, n, want, what)
		}
		select {
		case <-s.observer.changed:
		case <-time.After(time.Second):
			_, _ = fmt.Fprintf(s.progress, "%d of %d %s\n", n, want, what) // of no consequence
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// happens is the night: invented, or of a file.
func (s *simulation) happens() (*load.Night, error) {
	seed := chance.Seed(s.seed)
	if s.calls == "" {
		return load.Generate(s.rooms, seed, s.start, s.length)
	}
	f, err := os.Open(s.calls)
	if err != nil {
		return nil, app.Exit(app.Usage, fmt.Errorf("calls: %w", err))
	}
	defer func() { _ = f.Close() }() // only read
	calls, err := load.ReadCalls(f)
	if err != nil {
		return nil, app.Exit(app.Usage, err)
	}
	n, err := load.FromCalls(calls, s.day, s.rooms, seed, s.length)
	if err != nil {
		return nil, app.Exit(app.Usage, err)
	}
	return n, nil
}

func (s *simulation) keys() (map[string]string, error) {
	keys := map[string]string{}
	for _, r := range s.rooms {
		key, err := s.accounts.Key(r.Room)
		if err != nil {
			return nil, err
		}
		keys[r.Room] = key
	}
	return keys, nil
}

// guards starts the teams that have shifts, and says how many are on duty now.
func (s *simulation) guards(ctx context.Context, people *errgroup.Group) (onDuty int, err error) {
	who, err := s.accounts.WithRole("chief", "supervisor", "admin")
	if err != nil {
		return 0, err
	}
	issuer := s.api.SignIn(who)
	for i := range s.rooms {
		room := &s.rooms[i]
		for _, team := range room.Teams {
			agent, err := guard.New(guard.Config{
				Run: s.id, Room: room, Team: team, Seed: chance.Seed(s.seed), FixGap: s.clock.Domain(1100 * time.Millisecond),
				Stay: func(incident string) time.Duration { return s.observer.stay(room.Room, incident) }, Watcher: s.observer,
			})
			if err != nil {
				return 0, err
			}
			if online, _ := agent.Online(s.clock.Now()); online {
				onDuty++
			}
			l := s.link("team/" + team.Team)
			l.Token = s.deviceToken(issuer, room.Room, team.Team)
			people.Go(func() error { return l.Run(ctx, agent) })
		}
	}
	return onDuty, nil
}

// deviceToken signs a handheld on when it has no token, or none that the server would have.
func (s *simulation) deviceToken(issuer *client.Account, room, team string) func(context.Context, bool) (string, error) {
	token := ""
	return func(ctx context.Context, fresh bool) (string, error) {
		if token != "" && !fresh {
			return token, nil
		}
		select {
		case s.signOns <- struct{}{}:
			defer func() { <-s.signOns }()
		case <-ctx.Done():
			return "", ctx.Err()
		}
		d, err := issuer.SignOnDevice(ctx, room, team, team+"-g1", tokenLife)
		token = d.Token
		return token, err
	}
}

// tokenLife is the longest that a server grants; a longer simulation signs on again.
const tokenLife = 24 * time.Hour

// link is what guards and desks have in common; both encodings are used.
func (s *simulation) link(watch string) *link.Link {
	subprotocol := client.JSON
	if chance.Seed(s.seed).Of("subprotocol", watch).Happens(0.5) {
		subprotocol = client.Proto
	}
	return &link.Link{API: s.api, Clock: s.clock, Name: watch, Seed: chance.Seed(s.seed), Subprotocol: subprotocol, Watch: watch}
}

// desksPerAccount stays below what one account may have open.
const desksPerAccount = 6

// desks mans every room.
func (s *simulation) desks(ctx context.Context, people *errgroup.Group, reports []load.Report) error {
	roles := [][]string{{"dispatcher", "chief"}, {"chief"}}
	if len(s.rooms) > desksPerAccount*len(roles) {
		return fmt.Errorf("%d rooms are more than the accounts can watch at once: simulate a region of at most %d", len(s.rooms), desksPerAccount*len(roles))
	}
	for i := range s.rooms {
		room := &s.rooms[i]
		who, err := s.accounts.WithRole(roles[i/desksPerAccount]...)
		if err != nil {
			return err
		}
		account := s.api.SignIn(who)
		var told []load.Report
		for _, r := range reports {
			if r.Room == room.Room {
				told = append(told, r)
			}
		}
		d := desk.New(desk.Config{Run: s.id, Room: room, Seed: chance.Seed(s.seed), Reports: told, Start: s.start, Watcher: s.observer})
		l := s.link("room/" + room.Room)
		l.Token = func(ctx context.Context, _ bool) (string, error) { return account.Token(ctx) }
		people.Go(func() error { return l.Run(ctx, d) })
	}
	return nil
}
