package scenario_test

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

const (
	inJSON  = "vigie.v1.json"
	inProto = "vigie.v1.proto"
)

// watcher is one client of the socket, over all its connections. It holds the server to what a stream promises: in order,
// each version once.
type watcher struct {
	n                          *Night
	name, watch, token, spoken string

	conn   *websocket.Conn
	reader sync.WaitGroup
	quit   chan struct{}

	mu      sync.Mutex // guards what follows
	changed chan struct{}
	cursor  *watchv1.Cursor
	// begun are the first frames of the connections, welcome or snapshot.
	begun    []*watchv1.ServerFrame
	events   []*watchv1.Decided
	outcomes map[string]*watchv1.Outcome
	places   []*watchv1.Position
	notices  []*watchv1.Notice
	ended    error
	broken   string
	frozen   chan struct{}
}

func (n *Night) watcher(name, watch, token, spoken string) *watcher {
	w := &watcher{
		n: n, name: name, watch: watch, token: token, spoken: spoken,
		changed: make(chan struct{}), outcomes: map[string]*watchv1.Outcome{},
	}
	n.watchers = append(n.watchers, w)
	return w
}

// dial opens a socket and says nothing; of a handshake that was refused it gives the status.
func (n *Night) dial(spoken string, header http.Header) (conn *websocket.Conn, status int, err error) {
	d := websocket.Dialer{Subprotocols: []string{spoken}, HandshakeTimeout: patience}
	conn, res, err := d.DialContext(n.life, "ws"+strings.TrimPrefix(cmp.Or(n.sockets, n.at.URL), "http")+"/v1/watch", header)
	if res != nil {
		status = res.StatusCode
		_ = res.Body.Close() // the library has read it
	}
	return conn, status, err
}

// connect says hello with what has been applied, and waits until the story begins or the server hangs up.
func (w *watcher) connect() {
	w.n.t.Helper()
	w.cut() // what is left of a connection that the server has ended
	before := len(w.begun)
	if err := w.hello(); err != nil {
		w.n.t.Fatalf("%s: %v", w.name, err)
	}
	w.await("the first frame of the server", func() bool { return len(w.begun) > before || w.ended != nil })
}

// hello opens a connection and asks for what comes after what has been applied.
func (w *watcher) hello() error {
	conn, _, err := w.n.dial(w.spoken, nil)
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.conn, w.quit, w.ended = conn, make(chan struct{}), nil
	hello := &watchv1.Hello{Token: w.token, Now: timestamppb.New(w.n.Now()), Watch: w.watch, Cursor: w.cursor}
	w.mu.Unlock()
	if err := w.write(&watchv1.ClientFrame{Body: &watchv1.ClientFrame_Hello{Hello: hello}}); err != nil {
		return err
	}
	w.reader.Go(func() { w.read(conn, w.quit) })
	return nil
}

// cut ends the connection without a word.
func (w *watcher) cut() {
	if w.conn == nil {
		return
	}
	close(w.quit)
	_ = w.conn.Close() // nothing was promised
	w.reader.Wait()
	w.conn = nil
}

func (w *watcher) send(f *watchv1.ClientFrame) {
	w.n.t.Helper()
	if w.conn == nil {
		w.n.t.Fatalf("%s is offline and cannot send", w.name)
	}
	if err := w.write(f); err != nil {
		w.n.t.Fatalf("%s: %v", w.name, err)
	}
}

func (w *watcher) write(f *watchv1.ClientFrame) error {
	kind, encode := websocket.TextMessage, protojson.MarshalOptions{UseProtoNames: true}.Marshal
	if w.spoken == inProto {
		kind, encode = websocket.BinaryMessage, proto.Marshal
	}
	data, err := encode(f)
	if err != nil {
		return err
	}
	_ = w.conn.SetWriteDeadline(time.Now().Add(patience)) // a connection without one is no worse
	return w.conn.WriteMessage(kind, data)
}

func (w *watcher) read(conn *websocket.Conn, quit <-chan struct{}) {
	for {
		_, data, err := conn.ReadMessage()
		f := &watchv1.ServerFrame{}
		if err == nil && w.spoken == inProto {
			err = proto.Unmarshal(data, f)
		} else if err == nil {
			err = protojson.Unmarshal(data, f)
		}
		if err == nil && !w.awake(quit) {
			return // what a dead device had in its buffers is gone with it
		}
		w.mu.Lock()
		if err == nil {
			w.apply(f)
		} else {
			w.ended = err
		}
		close(w.changed)
		w.changed = make(chan struct{})
		w.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// awake waits while the device is frozen.
func (w *watcher) awake(quit <-chan struct{}) bool {
	w.mu.Lock()
	frozen := w.frozen
	w.mu.Unlock()
	if frozen == nil {
		return true
	}
	select {
	case <-frozen:
		return true
	case <-quit:
		return false
	}
}

// freeze is a device that the network still holds and that does nothing; thaw wakes it.
func (w *watcher) freeze() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.frozen = make(chan struct{})
}

func (w *watcher) thaw() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.frozen)
	w.frozen = nil
}

func (w *watcher) apply(f *watchv1.ServerFrame) {
	switch b := f.GetBody().(type) {
	case *watchv1.ServerFrame_Welcome:
		w.begun, w.cursor = append(w.begun, f), b.Welcome.GetCursor()
	case *watchv1.ServerFrame_Snapshot:
		w.begun, w.cursor = append(w.begun, f), b.Snapshot.GetCursor()
	case *watchv1.ServerFrame_Event:
		e := b.Event
		if e.GetOffset() <= w.cursor.GetOffset() {
			w.broken = fmt.Sprintf("offset %d came after %d", e.GetOffset(), w.cursor.GetOffset())
		}
		if k := len(w.events); k > 0 && e.GetVersion() <= w.events[k-1].GetVersion() {
			w.broken = fmt.Sprintf("version %d came after %d", e.GetVersion(), w.events[k-1].GetVersion())
		}
		w.cursor = &watchv1.Cursor{LogId: w.cursor.GetLogId(), Offset: e.GetOffset(), Hash: e.GetHash()}
		w.events = append(w.events, e)
	case *watchv1.ServerFrame_Outcome:
		w.outcomes[b.Outcome.GetId()] = b.Outcome
	case *watchv1.ServerFrame_Position:
		w.places = append(w.places, b.Position)
	case *watchv1.ServerFrame_Notice:
		w.notices = append(w.notices, b.Notice)
	}
}

// await waits until look, under the lock, says yes.
func (w *watcher) await(what string, look func() bool) {
	w.n.t.Helper()
	w.awaitWithin(patience, what, look)
}

func (w *watcher) awaitWithin(bound time.Duration, what string, look func() bool) {
	w.n.t.Helper()
	deadline := time.After(bound)
	for {
		w.mu.Lock()
		ok, changed := look(), w.changed
		w.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			w.n.t.Fatalf("%s did not get within %v: %s\nwhat came: %s", w.name, bound, what, w.seen())
		}
	}
}

// seen says in short what has come.
func (w *watcher) seen() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	for _, e := range w.events {
		fmt.Fprintf(&b, "\n  #%d", e.GetOffset())
		for _, x := range e.GetEvents() {
			m := x.ProtoReflect()
			if f := m.WhichOneof(m.Descriptor().Oneofs().ByName("body")); f != nil {
				fmt.Fprintf(&b, " %s{%s}", f.Name(), short(fmt.Sprint(m.Get(f).Message().Interface())))
			}
		}
		if r := e.GetRefusal(); r != nil {
			fmt.Fprintf(&b, " refused %s: %s", r.GetCode(), r.GetMessage())
		}
	}
	if w.ended != nil {
		fmt.Fprintf(&b, "\n  then the connection ended: %v", w.ended)
	}
	return b.String()
}

func short(s string) string {
	const most = 160
	return s[:min(len(s), most)]
}

// ask sends a command and waits for its outcome.
func (w *watcher) ask(c *watchv1.Command) *watchv1.Outcome {
	w.n.t.Helper()
	if c.GetId() == "" {
		c.Id = uuid.NewString()
	}
	w.mu.Lock()
	delete(w.outcomes, c.GetId())
	w.mu.Unlock()
	w.n.claims.asks(c.GetId())
	w.send(&watchv1.ClientFrame{Body: &watchv1.ClientFrame_Command{Command: c}})
	var o *watchv1.Outcome
	w.await("the outcome of "+c.GetType(), func() bool {
		o = w.outcomes[c.GetId()]
		return o != nil || w.ended != nil
	})
	if o == nil {
		w.n.t.Fatalf("%s: no outcome of %s: %v", w.name, c.GetType(), w.ended)
	}
	if o.GetOutcome() == "provisional" {
		w.n.claims.add(promise{alarm: true, provisional: true, room: o.GetRoom(), id: c.GetId()})
	}
	if o.GetVersion() != 0 {
		w.n.claims.add(promise{
			room: o.GetRoom(), id: c.GetId(), outcome: o.GetOutcome(), code: o.GetCode(), log: o.GetOffset(), version: o.GetVersion(),
		})
	}
	return o
}

// do is ask for what has to be done.
func (w *watcher) do(c *watchv1.Command) *watchv1.Outcome {
	w.n.t.Helper()
	o := w.ask(c)
	for o.GetOutcome() == "provisional" && pause(w.n.life) == nil { // a busy disk; the decision follows
		o = w.ask(c)
	}
	if o.GetOutcome() != "done" {
		w.n.t.Fatalf("%s: %s was %s (%s): %s\nwhat came: %s", w.name, c.GetType(), o.GetOutcome(), o.GetCode(), o.GetMessage(), w.seen())
	}
	return o
}

// closed waits until the server has hung up, and gives its code.
func (w *watcher) closed(within time.Duration) int {
	w.n.t.Helper()
	w.awaitWithin(within, "the end of the connection", func() bool { return w.ended != nil })
	return closeCode(w.ended)
}

func closeCode(err error) int {
	var c *websocket.CloseError
	if errors.As(err, &c) {
		return c.Code
	}
	return 0
}

// snapshot says whether the latest connection began with one.
func (w *watcher) snapshot() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.begun) > 0 && w.begun[len(w.begun)-1].GetSnapshot() != nil
}

// since gives the events after an offset.
func (w *watcher) since(offset int64) []*watchv1.Decided {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []*watchv1.Decided
	for _, e := range w.events {
		if e.GetOffset() > offset {
			list = append(list, e)
		}
	}
	return list
}

// last is the latest record of a room that was shown.
func (w *watcher) last(room string) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.events) == 0 || w.watch != "room/"+room {
		return 0
	}
	return w.events[len(w.events)-1].GetOffset()
}

// about gives the first event of a kind that matches, if it has come.
func about[E comparable](w *watcher, pick func(*logv1.Event) E, match func(E) bool) (found E, ok bool) {
	var none E
	for _, d := range w.events {
		for _, e := range d.GetEvents() {
			if x := pick(e); x != none && match(x) {
				return x, true
			}
		}
	}
	return none, false
}

// hear waits for an event of a kind.
func hear[E comparable](w *watcher, what string, pick func(*logv1.Event) E, match func(E) bool) E {
	w.n.t.Helper()
	var found E
	w.await(what, func() (ok bool) {
		found, ok = about(w, pick, match)
		return ok
	})
	return found
}

// heard says whether an event of a kind has come.
func heard[E comparable](w *watcher, pick func(*logv1.Event) E, match func(E) bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, ok := about(w, pick, match)
	return ok
}
