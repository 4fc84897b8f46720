package session

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"vigie/pkg/authz"
	"vigie/pkg/domain/watch"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// Timers of a socket, all in real time.
type Timers struct {
	// Ping is how often the client is pinged, Dead how long nothing at all may be heard of it.
	Ping, Dead time.Duration
	// Hello is how long a client may take to say who it is.
	Hello time.Duration
	// Write bounds one write: a client that does not read for so long is closed as slow.
	Write time.Duration
	// Recheck is how often the token is asked about again.
	Recheck time.Duration
}

// DefaultTimers are those of architecture §6: a lone worker must not be "online" for a minute after the lift door closes.
func DefaultTimers() Timers {
	return Timers{
		Ping: 10 * time.Second, Dead: 25 * time.Second, Hello: 15 * time.Second, Write: time.Second, Recheck: 2 * time.Second,
	}
}

// Limits of a socket.
const (
	largestFrame = 64 << 10
	// answersAhead bounds the outcomes that wait to be written.
	answersAhead = 32
	// unacked bounds what may be under way to a client that acknowledges.
	unacked = 1 << 20
	// commandsAhead bounds the commands of one socket that wait for their turn.
	commandsAhead = 32
	// alarmsAhead bounds the SOS of one socket that are under way past that queue.
	alarmsAhead = 4
	// stretch bounds what is told in one go, of decisions and of what is beside them: between two of them a slow client is
	// pinged, and asked about.
	stretch = 64
	// lookUpBound is how long the directory may take to say who somebody is.
	lookUpBound = 2 * time.Second
)

// session is one socket. One goroutine reads, one writes, and one carries out commands while there are any.
type session struct {
	hub   *Hub
	conn  *websocket.Conn
	below *gathered // what conn writes to
	codec
	id string
	// holder is under what the hub counts it; the hub's lock guards it.
	holder string

	watching  atomic.Pointer[watch.Target]
	principal atomic.Pointer[authz.Principal]
	token     atomic.Pointer[string]
	// clockOffset is what to add to the client's times, in nanoseconds.
	clockOffset atomic.Int64

	beside   beside                    // of the writer
	answers  chan *watchv1.ServerFrame // outcomes, and whatever else a client has asked for
	commands chan *watchv1.Command
	working  atomic.Bool
	alarms   chan struct{} // holds one for each SOS under way
	lastFix  atomic.Pointer[watchv1.Fix]
	// lastStatus waits for the fixes before it.
	lastStatus atomic.Pointer[watchv1.Status]
	fixing     atomic.Bool
	acked      atomic.Int64 // highest offset acknowledged; -1: never

	over    chan struct{}
	endOnce sync.Once
	reason  error
}

func newSession(h *Hub, conn *websocket.Conn, below *gathered) *session {
	s := &session{
		hub: h, conn: conn, below: below, codec: codecOf(conn.Subprotocol()), id: newID(),
		answers: make(chan *watchv1.ServerFrame, answersAhead), commands: make(chan *watchv1.Command, commandsAhead),
		alarms: make(chan struct{}, alarmsAhead), over: make(chan struct{}),
	}
	s.acked.Store(-1)
	return s
}

func (s *session) principalNow() authz.Principal {
	if p := s.principal.Load(); p != nil {
		return *p
	}
	return authz.Principal{}
}

func (s *session) principalID() string {
	p := s.principalNow()
	return string(p.Kind) + "/" + p.ID
}

// end is the one way out: the first reason counts. It never blocks.
func (s *session) end(reason error) {
	s.endOnce.Do(func() {
		s.reason = reason
		close(s.over)
	})
}

// part says why, and closes the socket once the client has left, too. What a client is still sending when its socket is
// closed makes the network throw away what it has not read, the reason included; so it has a moment to read it. Not so who is
// not let in any more.
func (s *session) part(unheard <-chan struct{}) {
	code := closeCode(s.reason)
	deadline := time.Now().Add(s.hub.Timers.Write)
	err := s.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, closeText(s.reason)), deadline)
	if err == nil && code < firstFinal {
		select {
		case <-unheard:
		case <-time.After(time.Until(deadline)):
		}
	}
	_ = s.conn.Close() // whoever is gone has closed it
}

// refuse closes a socket that is not served.
func (s *session) refuse(reason error) {
	deadline := time.Now().Add(s.hub.Timers.Write)
	_ = s.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(closeCode(reason), closeText(reason)), deadline)
	_ = s.conn.Close()
}

// closeText is the reason, within the 123 bytes that a close frame holds.
func closeText(err error) string {
	const most = 123
	text := err.Error()
	return strings.ToValidUTF8(text[:min(len(text), most)], "") // the client's own words may be in it
}

// serve runs the session to its end.
func (s *session) serve(ctx context.Context) {
	var goroutines sync.WaitGroup
	ctx, stop := context.WithCancel(ctx)
	board, from, err := s.begin(ctx)
	unheard := make(chan struct{}) // closed when nothing more is read
	if err != nil {
		s.end(err)
		close(unheard)
	} else {
		goroutines.Go(func() {
			defer close(unheard)
			s.end(s.read(ctx, &goroutines))
		})
		goroutines.Go(func() { s.end(s.write(ctx, board, from)) })
		if s.watching.Load().Team != "" && s.principalNow().Kind == authz.KindDevice {
			s.hub.links.keep(s, s.over) //nolint:contextcheck // what is said of a link outlives the session
		}
	}
	select {
	case <-s.over:
	case <-ctx.Done():
		s.end(errRestart)
	}
	s.part(unheard) // also ends the read that is under way
	stop()
	goroutines.Wait()
	s.hub.Logger.DebugContext(ctx, "session ended", "session", s.id, "reason", s.reason)
}
