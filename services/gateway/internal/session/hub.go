// Package session carries the story of a room to handhelds and consoles: list, then watch. Each session pulls what it may
// see from its room's board, in order and without a hole, or is told to start over from a snapshot; never a part. A slow
// client is a closed client, and a socket of which nothing is heard for 25 s is dead (architecture §6).
package session

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	"google.golang.org/protobuf/proto"

	"vigie/pkg/authz"
	"vigie/pkg/clock"
	"vigie/pkg/directory"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow"
	positionsv1 "vigie/pkg/gen/vigie/positions/v1"
	"vigie/pkg/wait"
	"vigie/services/gateway/internal/command"
)

// Config of the sessions of one gateway.
type Config struct {
	Rooms     *follow.Rooms
	Desk      *command.Desk
	Directory *directory.Directory
	Log       *kafkalog.Log
	// Positions writes telemetry.
	Positions *kafkalog.Writer
	Clock     *clock.Clock
	// Instance is this run of this gateway.
	Instance string
	// Origins are the browser origins let in beside the gateway's own.
	Origins []string
	// Timers are DefaultTimers but for tests of them.
	Timers Timers
	Logger *slog.Logger
}

// Hub owns all sessions of a gateway.
type Hub struct {
	Config
	upgrader websocket.Upgrader
	views    views
	links    *links
	always   chan struct{} // closed: whoever waits for it need not

	mu       sync.Mutex // guards what follows
	sessions map[*session]struct{}
	holders  map[string][]*session // those that are admitted, the oldest first
	rooms    map[string]*room
	closing  bool

	stop context.CancelFunc
	run  context.Context //nolint:containedctx // the life of the hub: sessions outlive the request that began them
	wait sync.WaitGroup
}

// socketsPerPrincipal bounds what one account or device may hold open: one more ends the oldest.
const socketsPerPrincipal = 8

// NewHub returns a hub that accepts sessions until Close.
func NewHub(c Config) *Hub {
	run, stop := context.WithCancel(context.Background())
	h := &Hub{
		Config: c, sessions: map[*session]struct{}{}, holders: map[string][]*session{}, rooms: map[string]*room{},
		run: run, stop: stop, always: make(chan struct{}), views: newViews(),
	}
	close(h.always)
	h.links = newLinks(c)
	h.upgrader = websocket.Upgrader{
		HandshakeTimeout: 10 * time.Second,
		ReadBufferSize:   1024, WriteBufferSize: 4096,
		WriteBufferPool: &sync.Pool{},
		Subprotocols:    []string{protocolProto, protocolJSON},
		CheckOrigin:     h.originAllowed,
	}
	return h
}

// Start begins to pass positions on; the rooms have been started.
func (h *Hub) Start() {
	for _, b := range h.Rooms.All() {
		h.wait.Go(func() { h.followPositions(h.run, b.Room) })
	}
}

// originAllowed lets in pages of this gateway and of the origins configured. Whoever sends none is no browser, and is
// held to its token in the first frame like everybody else.
func (h *Hub) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(h.Origins, origin) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host == r.Host
}

// ServeHTTP takes over the connection. The session goes on in goroutines of its own: the one of the request would keep
// twice the memory (17 instead of 7 KiB a connection).
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	taken := &gathering{ResponseWriter: w}
	conn, err := h.upgrader.Upgrade(taken, r, nil)
	if err != nil {
		return // answered by the upgrader
	}
	s := newSession(h, conn, taken.conn)
	if !h.enter(s) {
		s.refuse(errRestart)
	}
}

// enter begins a session, unless the hub is closing.
func (h *Hub) enter(s *session) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing {
		return false
	}
	h.sessions[s] = struct{}{}
	h.wait.Go(func() {
		s.serve(h.run)
		h.leave(s)
	})
	return true
}

func (h *Hub) leave(s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sessions, s)
	held := slices.DeleteFunc(h.holders[s.holder], func(other *session) bool { return other == s })
	if h.holders[s.holder] = held; len(held) == 0 {
		delete(h.holders, s.holder)
	}
}

// principal says who holds a token.
func (h *Hub) principal(ctx context.Context, token string) (authz.Principal, error) {
	bounded, done := context.WithTimeout(ctx, lookUpBound)
	defer done()
	p, _, err := h.Directory.SocketPrincipal(bounded, token)
	return p, err
}

// admit makes room for a session by ending the oldest of its principal when there are too many: a handheld that flips
// between networks leaves dead sockets behind faster than they are found to be dead.
func (h *Hub) admit(s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.holder = s.principalID()
	h.holders[s.holder] = append(h.holders[s.holder], s)
	if held := h.holders[s.holder]; len(held) > socketsPerPrincipal {
		held[0].end(errCrowded)
		h.holders[s.holder] = slices.Delete(held, 0, 1)
	}
}

// Sessions counts the open sockets.
func (h *Hub) Sessions() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.sessions)
}

// Close tells all clients to reconnect and waits for their sessions, and for what is known of their links to be stored.
func (h *Hub) Close(ctx context.Context) error {
	h.mu.Lock()
	h.closing = true
	for s := range h.sessions {
		s.end(errRestart)
	}
	h.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		h.stop()
		h.wait.Wait()
		h.links.close()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close sessions: %w", ctx.Err())
	}
}

// followPositions passes the fixes of a room's teams, and how their handhelds are, on to its consoles.
func (h *Hub) followPositions(ctx context.Context, room eventlog.RoomEntry) {
	moves := h.room(room.Room).moves
	for ctx.Err() == nil {
		_, end, err := h.Log.Bounds(ctx, eventlog.TopicPositions, room.Partition)
		if err == nil {
			err = h.Log.Tail(ctx, eventlog.TopicPositions, room.Partition, end, func(records []eventlog.Record, _ int64) error {
				for _, r := range records {
					var m positionsv1.Telemetry
					if proto.Unmarshal(r.Value, &m) != nil || m.GetRoom() != room.Room {
						continue
					}
					if f := m.GetFix(); f != nil {
						moves.Put("team/"+f.GetTeam(), positionFrame(f))
					}
					if d := m.GetDeviceStatus(); d != nil {
						moves.Put("device/"+d.GetDevice(), deviceFrame(d))
					}
				}
				return nil
			})
		}
		if ctx.Err() != nil {
			return
		}
		h.Logger.WarnContext(ctx, "positions interrupted", "room", room.Room, "err", err)
		_ = wait.For(ctx, retryEvery) // the loop looks whether it goes on
	}
}

// retryEvery is how long what failed at once is left alone.
const retryEvery = 200 * time.Millisecond

func newID() string { return uuid.NewString() }
