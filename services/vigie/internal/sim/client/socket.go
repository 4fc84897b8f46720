package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// The subprotocols of the socket.
const (
	JSON  = "vigie.v1.json"
	Proto = "vigie.v1.proto"
)

// Hello is what a socket begins with.
type Hello struct {
	// Subprotocol is JSON or Proto.
	Subprotocol string
	Token       string
	// Watch is "team/T" or "room/R".
	Watch string
	// Now is the client's clock.
	Now time.Time
	// Cursor is what the client has applied; nil: nothing.
	Cursor *watchv1.Cursor
}

// Socket is one connection. One goroutine sends; whoever has it must call Close, and drain Frames until it is closed.
type Socket struct {
	// Frames come in order; the channel is closed when the connection has ended, and Err then says why.
	Frames <-chan *watchv1.ServerFrame

	conn  *websocket.Conn
	json  bool
	quit  chan struct{}
	close sync.Once
	read  sync.WaitGroup
	err   error // of the reader, readable once Frames is closed
}

// Real bounds of the network (the server's own: ping every 10 s, dead after 25 s).
const (
	dialBound  = 5 * time.Second
	writeBound = 2 * time.Second
	silence    = 25 * time.Second
	// heard frames wait here; beyond it the reader waits, and the server will call the client slow.
	buffered = 256
	// A snapshot of a whole room is the largest frame.
	largestFrame = 32 << 20
)

// Watch opens a socket and says hello.
func (a *API) Watch(ctx context.Context, h Hello) (*Socket, error) {
	ctx, cancel := context.WithTimeout(ctx, dialBound)
	defer cancel()
	dialer := websocket.Dialer{Subprotocols: []string{h.Subprotocol}, HandshakeTimeout: dialBound, WriteBufferSize: 1024, ReadBufferSize: 4096}
	conn, res, err := dialer.DialContext(ctx, "ws"+strings.TrimPrefix(a.base, "http")+"/v1/watch", http.Header{})
	if err != nil {
		if res != nil {
			_ = res.Body.Close() // of a refused handshake; gorilla has read it
		}
		return nil, fmt.Errorf("socket: %w", err)
	}
	if conn.Subprotocol() != h.Subprotocol {
		_ = conn.Close() // of no use
		return nil, fmt.Errorf("socket: the server does not speak %s", h.Subprotocol)
	}
	frames := make(chan *watchv1.ServerFrame, buffered)
	s := &Socket{Frames: frames, conn: conn, json: h.Subprotocol == JSON, quit: make(chan struct{})}
	err = s.Send(&watchv1.ClientFrame{Body: &watchv1.ClientFrame_Hello{Hello: &watchv1.Hello{
		Token: h.Token, Now: timestamppb.New(h.Now), Watch: h.Watch, Cursor: h.Cursor,
	}}})
	if err != nil {
		_ = conn.Close() // of no use
		return nil, err
	}
	s.read.Go(func() { s.receive(frames) })
	return s, nil
}

// Send writes one frame.
func (s *Socket) Send(f *watchv1.ClientFrame) error {
	kind, encode := websocket.BinaryMessage, proto.Marshal
	if s.json {
		kind, encode = websocket.TextMessage, protojson.MarshalOptions{UseProtoNames: true}.Marshal
	}
	data, err := encode(f)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(writeBound)); err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	if err := s.conn.WriteMessage(kind, data); err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	return nil
}

func (s *Socket) receive(frames chan<- *watchv1.ServerFrame) {
	defer close(frames)
	s.conn.SetReadLimit(largestFrame)
	alive := func() error { return s.conn.SetReadDeadline(time.Now().Add(silence)) }
	s.conn.SetPingHandler(func(data string) error {
		// A pong that cannot be written shows as a read error soon enough.
		_ = s.conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeBound))
		return alive()
	})
	for {
		if s.err = alive(); s.err != nil {
			return
		}
		_, data, err := s.conn.ReadMessage()
		if err != nil {
			s.err = err
			return
		}
		f := &watchv1.ServerFrame{}
		if s.json {
			err = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(data, f)
		} else {
			err = proto.Unmarshal(data, f)
		}
		if err != nil {
			s.err = fmt.Errorf("socket: read frame: %w", err)
			return
		}
		select {
		case frames <- f:
		case <-s.quit:
			return
		}
	}
}

// Err says why the connection ended, once Frames is closed.
func (s *Socket) Err() error { return s.err }

// Leave says goodbye and closes.
func (s *Socket) Leave() {
	goodbye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	_ = s.conn.WriteControl(websocket.CloseMessage, goodbye, time.Now().Add(writeBound)) // the connection ends in any case
	s.Close()
}

// Close ends the connection as a lost link does, without a word, and waits for the reader.
func (s *Socket) Close() {
	s.close.Do(func() {
		close(s.quit)
		_ = s.conn.Close() // nothing was promised
	})
	s.read.Wait()
}

// firstTerminal is the first close code that means: do not reconnect.
const firstTerminal = 4500

// Terminal says that a connection was closed for good, and how: with 4501 a new token may help.
func Terminal(err error) (code int, terminal bool) {
	var c *websocket.CloseError
	if errors.As(err, &c) && c.Code >= firstTerminal {
		return c.Code, true
	}
	return 0, false
}
