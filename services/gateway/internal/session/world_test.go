package session_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"vigie/pkg/authz"
	"vigie/pkg/directory"
	"vigie/pkg/edge"
	"vigie/pkg/follow"
	"vigie/pkg/follow/livetest"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/pkg/wire"
	"vigie/services/gateway/internal/command"
	"vigie/services/gateway/internal/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	protocolJSON  = "vigie.v1.json"
	protocolProto = "vigie.v1.proto"
)

// world is a hub before two rooms that are decided.
type world struct {
	*livetest.World
	t     *testing.T
	dir   *directory.Directory
	rooms *follow.Rooms
	hub   *session.Hub
	url   string
}

// start runs a hub; adjust may change its configuration. With no room named both are decided.
func start(t *testing.T, adjust func(*session.Config), decided ...string) *world {
	t.Helper()
	w := &world{World: livetest.Start(t, "north", "south"), t: t, dir: livetest.Directory(t)}
	if decided == nil {
		decided = []string{"north", "south"}
	}
	w.Decide(decided...)
	logger := slog.New(slog.DiscardHandler)
	w.rooms = follow.NewRooms(w.Log, logger)
	if err := w.rooms.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.rooms.Stop)
	w.Ready(w.rooms)
	intake := w.Writer()
	way := edge.New(edge.Config{Writer: intake, Logger: logger})
	if err := way.Start(t.Context(), w.Table); err != nil {
		t.Fatal(err)
	}
	cfg := session.Config{
		Rooms: w.rooms, Log: w.Log, Positions: intake, Directory: w.dir, Clock: w.Clock, Instance: "gate/1",
		Desk:    &command.Desk{Rooms: w.rooms, Log: w.Log, Intake: intake, Edge: way, Directory: w.dir, Clock: w.Clock},
		Origins: []string{"https://console.example"}, Timers: session.DefaultTimers(), Logger: logger,
	}
	if adjust != nil {
		adjust(&cfg)
	}
	w.hub = session.NewHub(cfg)
	w.hub.Start()
	server := httptest.NewUnstartedServer(w.hub)
	// Small buffers: a client that does not read is noticed after kilobytes and not after megabytes.
	server.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		_ = c.(*net.TCPConn).SetWriteBuffer(4 << 10)
		return ctx
	}
	server.Start()
	t.Cleanup(func() {
		if err := w.hub.Close(context.Background()); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	w.url = "ws" + strings.TrimPrefix(server.URL, "http")
	return w
}

func (w *world) chief(name string) string {
	w.t.Helper()
	return livetest.Token(w.t, w.dir, name, authz.Grant{Role: authz.Chief, Scope: authz.RegionScope})
}

func (w *world) device(team string, ttl time.Duration) directory.DeviceToken {
	w.t.Helper()
	token, err := w.dir.NewDeviceToken(w.t.Context(), "north", team, "g-"+team, ttl)
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

// client is one socket.
type client struct {
	*websocket.Conn
	t     *testing.T
	proto bool
}

func (w *world) dial(subprotocol string, header http.Header) (*client, *http.Response, error) {
	w.t.Helper()
	d := websocket.Dialer{
		Subprotocols: []string{subprotocol}, EnableCompression: true, HandshakeTimeout: 5 * time.Second,
		NetDialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, address)
			if err == nil {
				_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
			}
			return c, err
		},
	}
	conn, res, err := d.DialContext(w.t.Context(), w.url, header)
	if err != nil {
		return nil, res, err
	}
	_ = res.Body.Close()
	w.t.Cleanup(func() { _ = conn.Close() })
	return &client{Conn: conn, t: w.t, proto: subprotocol == protocolProto}, res, nil
}

func (w *world) connect(subprotocol string) *client {
	w.t.Helper()
	c, res, err := w.dial(subprotocol, nil) //nolint:bodyclose // dial has closed it
	if err != nil {
		w.t.Fatalf("dial: %v, %v", err, res)
	}
	return c
}

// watch connects, says hello and gives the first answer.
func (w *world) watch(subprotocol, token, what string, from *watchv1.Cursor) (*client, *watchv1.ServerFrame) {
	w.t.Helper()
	c := w.connect(subprotocol)
	c.hello(token, what, from)
	return c, c.must()
}

func (c *client) hello(token, what string, from *watchv1.Cursor) {
	c.t.Helper()
	c.send(&watchv1.ClientFrame{Body: &watchv1.ClientFrame_Hello{Hello: &watchv1.Hello{
		Token: token, Now: timestamppb.Now(), Watch: what, Cursor: from,
	}}})
}

func (c *client) send(f *watchv1.ClientFrame) {
	c.t.Helper()
	kind, encode := websocket.TextMessage, protojson.Marshal
	if c.proto {
		kind, encode = websocket.BinaryMessage, proto.Marshal
	}
	data, err := encode(f)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.WriteMessage(kind, data); err != nil {
		c.t.Logf("write: %v", err) // the reader learns why
	}
}

func (c *client) command(typ string, fill func(*watchv1.Command)) string {
	c.t.Helper()
	cmd := &watchv1.Command{Id: uuid.NewString(), Type: typ}
	fill(cmd)
	c.send(&watchv1.ClientFrame{Body: &watchv1.ClientFrame_Command{Command: cmd}})
	return cmd.GetId()
}

// next reads a frame.
func (c *client) next() (*watchv1.ServerFrame, error) {
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
	_, data, err := c.ReadMessage()
	if err != nil {
		return nil, err
	}
	f := &watchv1.ServerFrame{}
	if c.proto {
		return f, proto.Unmarshal(data, f)
	}
	return f, protojson.Unmarshal(data, f)
}

func (c *client) must() *watchv1.ServerFrame {
	c.t.Helper()
	f, err := c.next()
	if err != nil {
		c.t.Fatal(err)
	}
	return f
}

// until reads frames until one is as wanted, and gives it.
func (c *client) until(what string, wanted func(*watchv1.ServerFrame) bool) *watchv1.ServerFrame {
	c.t.Helper()
	for {
		f, err := c.next()
		if err != nil {
			c.t.Fatalf("%s: %v", what, err)
		}
		if wanted(f) {
			return f
		}
	}
}

// outcome reads until the outcome of a command.
func (c *client) outcome(id string) *watchv1.Outcome {
	c.t.Helper()
	return c.until("outcome", func(f *watchv1.ServerFrame) bool { return f.GetOutcome().GetId() == id }).GetOutcome()
}

// closed reads until the end and gives the close code, 0 when there was none.
func (c *client) closed() int {
	c.t.Helper()
	for {
		if _, err := c.next(); err != nil {
			var end *websocket.CloseError
			if errors.As(err, &end) {
				return end.Code
			}
			return 0
		}
	}
}

func expectClosed(t *testing.T, c *client, code int) {
	t.Helper()
	if got := c.closed(); got != code {
		t.Errorf("closed with %d, want %d", got, code)
	}
}

type requestOf = wire.Request

func stamp(at time.Time) *timestamppb.Timestamp { return timestamppb.New(at) }
