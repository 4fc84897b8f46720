package session

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"vigie/pkg/authz"
	"vigie/pkg/directory"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/domain/watch"
	"vigie/pkg/es"
	"vigie/pkg/follow"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/pkg/wire"
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
	hub  *Hub
	conn *websocket.Conn
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

func newSession(h *Hub, conn *websocket.Conn) *session {
	s := &session{
		hub: h, conn: conn, codec: codecOf(conn.Subprotocol()), id: newID(),
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

// begin waits for the hello and says where the story starts: behind the client's cursor, or at a snapshot.
func (s *session) begin(ctx context.Context) (*follow.Board, follow.Position, error) {
	none := follow.Position{}
	s.conn.SetReadLimit(largestFrame)
	_ = s.conn.SetReadDeadline(time.Now().Add(s.hub.Timers.Hello))
	// The end of the gateway does not wait for those who have not said hello.
	listening := context.AfterFunc(ctx, func() { _ = s.conn.SetReadDeadline(time.Now()) })
	defer listening()
	frame, err := s.next()
	if err != nil {
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			return nil, none, errNoHello
		}
		return nil, none, err
	}
	hello := frame.GetHello()
	if hello == nil {
		return nil, none, fmt.Errorf("%w: the first frame must be hello", errBadFrame)
	}
	board, err := s.authenticate(ctx, hello)
	if err != nil {
		return nil, none, err
	}
	if now := hello.GetNow(); now != nil {
		s.clockOffset.Store(int64(s.hub.Clock.Now().Sub(now.AsTime())))
	}
	if at, ok := position(hello.GetCursor()); ok && s.recovers(board, at) {
		return board, at, s.send(welcomeFrame(s.id, at, s.hub.Clock.Now()))
	}
	at, err := s.snapshot(ctx, board)
	return board, at, err
}

// recovers says whether all that the client has missed since a position can still be told to it.
func (s *session) recovers(board *follow.Board, at follow.Position) bool {
	records, known := board.Since(at)
	target := *s.watching.Load()
	board.Look(func(f *controlroom.Fold) {
		for _, r := range records {
			known = known && target.Remembers(f.State, r.Events)
		}
	})
	return known
}

func (s *session) authenticate(ctx context.Context, hello *watchv1.Hello) (*follow.Board, error) {
	token := hello.GetToken()
	p, err := s.hub.principal(ctx, token)
	if err != nil {
		return nil, err
	}
	target, err := watch.ParseTarget(hello.GetWatch(), p.Room)
	if err != nil {
		return nil, err
	}
	board := s.hub.Rooms.Board(target.Room)
	if board == nil || !mayWatch(p, target) {
		return nil, errForbidden
	}
	s.principal.Store(&p)
	s.token.Store(&token)
	s.watching.Store(&target)
	s.beside = s.hub.room(target.Room).join(target)
	s.hub.admit(s)
	return board, nil
}

func mayWatch(p authz.Principal, t watch.Target) bool {
	if t.Team != "" {
		return authz.Allow(p, authz.ActAsTeam, authz.Object{Room: t.Room, Team: t.Team})
	}
	return authz.Allow(p, authz.ReadRoom, authz.Object{Room: t.Room})
}

func position(c *watchv1.Cursor) (follow.Position, bool) {
	hash, err := hex.DecodeString(c.GetHash())
	if c == nil || err != nil || len(hash) != len(es.Hash{}) {
		return follow.Position{}, false
	}
	return follow.Position{LogID: c.GetLogId(), Offset: c.GetOffset(), Hash: es.Hash(hash)}, true
}

func (s *session) snapshot(ctx context.Context, board *follow.Board) (follow.Position, error) {
	var at follow.Position
	var frame *watchv1.ServerFrame
	var err error
	board.LookAt(func(f *controlroom.Fold, head follow.Position) {
		at = head
		frame, err = snapshotFrame(s.id, head, s.hub.Clock.Now(), *s.watching.Load(), board.Room.Room, f)
	})
	if err != nil {
		return at, err
	}
	openTexts(ctx, s.hub.Directory, frame.GetSnapshot().GetState())
	return at, s.send(frame)
}

// send writes one frame; only begin and write call it, one after the other.
func (s *session) send(f *watchv1.ServerFrame) error {
	data, err := s.marshal(f)
	if err != nil {
		return fmt.Errorf("encode frame: %w", err)
	}
	return s.sendBytes(data)
}

func (s *session) sendBytes(data []byte) error {
	_ = s.conn.SetWriteDeadline(time.Now().Add(s.hub.Timers.Write))
	if err := s.conn.WriteMessage(s.message, data); err != nil {
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			return errSlow
		}
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return nil
}

// write tells the story until the session ends.
func (s *session) write(ctx context.Context, board *follow.Board, at follow.Position) error {
	ping, recheck := time.NewTicker(s.hub.Timers.Ping), time.NewTicker(s.hub.Timers.Recheck)
	defer ping.Stop()
	defer recheck.Stop()
	flow := flow{}
	for {
		changed := board.Changed()
		noticed, moved := s.beside.changed()
		records, ok := board.Since(at)
		if !ok {
			return errStateLost
		}
		if len(records) > stretch {
			records, changed = records[:stretch], s.hub.always // and on at once
		}
		if len(records) > 0 {
			if err := s.tell(ctx, board, records, &flow); err != nil {
				return err
			}
			last := records[len(records)-1]
			at.Offset, at.Hash = last.Offset, last.Hash
		}
		if more, err := s.tellBeside(board); err != nil {
			return err
		} else if more {
			changed = s.hub.always
		}
		select {
		case <-changed:
		case <-noticed:
		case <-moved:
		case f := <-s.answers:
			if err := s.send(f); err != nil {
				return err
			}
		case <-ping.C:
			if err := s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(s.hub.Timers.Write)); err != nil {
				return fmt.Errorf("%w: %w", errGone, err)
			}
		case <-recheck.C:
			if err := s.recheck(ctx); err != nil {
				return err
			}
		case <-s.over:
			return s.reason
		case <-ctx.Done():
			return errRestart
		}
	}
}

// tell writes what the session may see of some decisions. The right to see them is asked for each time.
func (s *session) tell(ctx context.Context, board *follow.Board, records []*wire.Stored, flow *flow) error {
	target := *s.watching.Load()
	if !mayWatch(s.principalNow(), target) {
		return errForbidden
	}
	seen, signs := make([][]*logv1.Event, len(records)), make([]map[string]string, len(records))
	var all []*logv1.Event
	var shown *watchv1.ServerFrame
	var err error
	board.Look(func(f *controlroom.Fold) {
		for k, r := range records {
			if !target.Remembers(f.State, r.Events) {
				err = errStateLost // it stood still for a day
				return
			}
			seen[k] = target.Events(f.State, r.Events)
			if target.Team != "" {
				signs[k] = watch.CallSigns(f.State, seen[k])
			}
			all = append(all, seen[k]...)
		}
		if len(all) > 0 {
			shown, err = boardFrame(target, f, all)
		}
	})
	if err != nil {
		return err
	}
	// The board goes first: a client that has a cursor, which comes with events, has what they changed.
	if shown != nil {
		openTexts(ctx, s.hub.Directory, shown.GetBoard().GetChanges())
		openTexts(ctx, s.hub.Directory, shown.GetBoard().GetState())
		if err := s.send(shown); err != nil {
			return err
		}
	}
	for k, r := range records {
		frame := decidedFrame(target, r, opened(ctx, s.hub.Directory, seen[k]), signs[k])
		if frame == nil {
			continue
		}
		data, err := s.marshal(frame)
		if err != nil {
			return fmt.Errorf("encode frame: %w", err)
		}
		if err := flow.sending(r.Offset, len(data), s.acked.Load()); err != nil {
			return err
		}
		if err := s.sendBytes(data); err != nil {
			return err
		}
	}
	return nil
}

// recheck asks again who holds the token: a revocation takes effect within 5 s on a live socket. A directory that cannot
// be asked says nothing about the client.
func (s *session) recheck(ctx context.Context) error {
	p, err := s.hub.principal(ctx, *s.token.Load())
	switch {
	case errors.Is(err, directory.ErrUnauthenticated), errors.Is(err, directory.ErrExpired), errors.Is(err, directory.ErrRevoked):
		return err
	case err != nil:
		return nil //nolint:nilerr // could not be asked: see above
	}
	s.principal.Store(&p)
	if !mayWatch(p, *s.watching.Load()) {
		return errForbidden
	}
	return nil
}
