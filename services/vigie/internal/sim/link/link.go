// Package link keeps a client on its socket: it connects and reconnects, goes on from its cursor, keeps what has no outcome
// yet and sends it again under the same ids, and wakes the client when something is due. The client itself, a handheld or a
// console, is a pure [Client]; Run calls it from one goroutine.
package link

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/services/vigie/internal/sim/chance"
	"vigie/services/vigie/internal/sim/client"
)

// Client is who uses the link. All times are domain times.
type Client interface {
	// Tick does what is due and gives what is to be sent: commands are kept until they have an outcome, fixes are not.
	Tick(now time.Time) []*watchv1.ClientFrame
	// Next is when Tick has something to do again.
	Next() time.Time
	// Online says whether the client wants its link; lost, why it has none: the network's fault, so that nobody says goodbye.
	Online(now time.Time) (online, lost bool)
	// Linked and Unlinked bound a connection.
	Linked(now time.Time, at *watchv1.Cursor)
	Unlinked(now time.Time)
	// Restart takes a snapshot, Hear what follows.
	Restart(now time.Time, state *structpb.Struct) error
	Hear(now time.Time, d *watchv1.Decided)
	// Answered tells the outcome of a command; an empty code is done.
	Answered(now time.Time, c *watchv1.Command, code string)
}

// Link is one client's. Only Run touches what is unexported.
type Link struct {
	API   *client.API
	Clock *client.Clock
	// Name of the client in errors; the rhythm of its reconnecting comes from it too.
	Name string
	Seed chance.Seed
	// Subprotocol is client.JSON or client.Proto; Watch is "team/T" or "room/R".
	Subprotocol, Watch string
	// Token gives the token to connect with; fresh, when the server would not have the last one.
	Token func(ctx context.Context, fresh bool) (string, error)

	client  Client
	socket  *client.Socket
	frames  <-chan *watchv1.ServerFrame
	linked  bool
	cursor  *watchv1.Cursor
	tries   int
	retryAt time.Time // of real time
	fresh   bool
	refused int // terminal closes in a row
	outbox  []*sending
	acked   int64
}

const (
	// patience is how many terminal closes in a row end a link: a client that is refused for good proves nothing.
	patience = 3
	// ackEvery so many offsets.
	ackEvery = 50
)

// errRefused ends a link.
var errRefused = errors.New("the server keeps refusing the connection")

// Run lives until ctx ends. Its error, if any, is one that no reconnecting cures.
func (l *Link) Run(ctx context.Context, c Client) error {
	l.client = c
	defer l.hangUp(true)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case f, open := <-l.frames:
			if err := l.heard(f, open); err != nil {
				return fmt.Errorf("%s: %w", l.Name, err)
			}
		case <-timer.C:
		}
		if err := l.turn(ctx); err != nil {
			return fmt.Errorf("%s: %w", l.Name, err)
		}
		timer.Reset(l.wait())
	}
}

// turn lets the client do what is due, connects or hangs up as it wants, and sends.
func (l *Link) turn(ctx context.Context) error {
	now := l.Clock.Now()
	frames := l.client.Tick(now)
	online, lost := l.client.Online(now)
	switch {
	case online && l.socket == nil && !time.Now().Before(l.retryAt):
		if err := l.connect(ctx); err != nil {
			return err
		}
	case !online && l.socket != nil:
		l.flush(frames)
		l.hangUp(!lost)
		return nil
	}
	return l.queue(frames)
}

// wait is how long nothing has to be done.
func (l *Link) wait() time.Duration {
	wait, now := l.Clock.Until(l.client.Next()), time.Now()
	if online, _ := l.client.Online(l.Clock.Now()); online && l.socket == nil {
		wait = min(wait, l.retryAt.Sub(now))
	}
	if l.linked {
		for _, s := range l.outbox {
			wait = min(wait, s.again.Sub(now))
		}
	}
	return max(wait, time.Millisecond)
}

// connect opens the socket; what fails is tried again a little later, as long as it may help.
func (l *Link) connect(ctx context.Context) error {
	token, err := l.Token(ctx, l.fresh)
	if err != nil {
		if client.Final(err) {
			return err
		}
		l.retryLater()
		return nil
	}
	l.fresh = false
	s, err := l.API.Watch(ctx, client.Hello{
		Subprotocol: l.Subprotocol, Token: token, Watch: l.Watch, Now: l.Clock.Now(), Cursor: l.cursor,
	})
	if err != nil {
		l.retryLater()
		return nil //nolint:nilerr // tried again until the end: a network that is away is what a client lives with
	}
	l.socket, l.frames = s, s.Frames
	return nil
}

// retryLater backs off from 0.1 to 5 s of real time, each client in its own rhythm.
func (l *Link) retryLater() {
	l.tries++
	longest := min(100*time.Millisecond<<min(l.tries, 6), 5*time.Second)
	l.retryAt = time.Now().Add(l.Seed.Of("reconnects after", l.Name, time.Duration(l.tries).String()).Between(longest/2, longest))
}

// hangUp ends the connection: politely, or as a lost link does. What was sent without an outcome is sent again later.
func (l *Link) hangUp(politely bool) {
	if l.socket == nil {
		return
	}
	if politely {
		l.socket.Leave()
	} else {
		l.socket.Close()
	}
	if l.linked {
		l.client.Unlinked(l.Clock.Now())
	}
	l.socket, l.frames, l.linked = nil, nil, false
	for _, s := range l.outbox {
		s.again = time.Time{}
	}
}

// heard takes in a frame, or the end of the connection.
func (l *Link) heard(f *watchv1.ServerFrame, open bool) error {
	if !open {
		return l.ended()
	}
	now := l.Clock.Now()
	switch b := f.GetBody().(type) {
	case *watchv1.ServerFrame_Welcome:
		l.link(now, b.Welcome.GetCursor())
	case *watchv1.ServerFrame_Snapshot:
		l.cursor = nil
		l.link(now, b.Snapshot.GetCursor())
		return l.client.Restart(now, b.Snapshot.GetState())
	case *watchv1.ServerFrame_Event:
		l.cursor = &watchv1.Cursor{LogId: l.cursor.GetLogId(), Offset: b.Event.GetOffset(), Hash: b.Event.GetHash()}
		l.client.Hear(now, b.Event)
		l.ack(b.Event.GetOffset())
	case *watchv1.ServerFrame_Outcome:
		l.outcome(now, b.Outcome)
	case *watchv1.ServerFrame_Position, *watchv1.ServerFrame_Notice:
	}
	return nil
}

func (l *Link) ended() error {
	err := l.socket.Err()
	l.hangUp(false)
	l.retryLater()
	if _, terminal := client.Terminal(err); terminal {
		l.fresh = true
		if l.refused++; l.refused >= patience {
			return fmt.Errorf("%w: %w", errRefused, err)
		}
	}
	return nil
}

func (l *Link) link(now time.Time, c *watchv1.Cursor) {
	if l.cursor == nil {
		l.cursor = proto.CloneOf(c)
	}
	l.linked, l.tries, l.refused, l.acked = true, 0, 0, l.cursor.GetOffset()
	l.client.Linked(now, c)
}
