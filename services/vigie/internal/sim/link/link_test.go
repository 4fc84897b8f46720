package link_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/services/vigie/internal/sim/client"
	"vigie/services/vigie/internal/sim/link"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gateway is the server's side: each connection is handled by the next of the scripts.
type gateway struct {
	t       *testing.T
	scripts chan func(*peer)
	done    sync.WaitGroup
}

// peer is one connection as the gateway sees it, after its hello.
type peer struct {
	t     *testing.T
	conn  *websocket.Conn
	json  bool
	hello *watchv1.Hello
}

func serve(t *testing.T, scripts ...func(*peer)) *client.API {
	t.Helper()
	g := &gateway{t: t, scripts: make(chan func(*peer), len(scripts))}
	for _, s := range scripts {
		g.scripts <- s
	}
	server := httptest.NewServer(g)
	api := client.New(server.URL)
	t.Cleanup(func() {
		api.Close()
		server.Close()
		g.done.Wait()
	})
	return api
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.done.Add(1)
	defer g.done.Done()
	if r.URL.Path != "/v1/watch" {
		http.NotFound(w, r)
		return
	}
	up := websocket.Upgrader{Subprotocols: []string{client.Proto, client.JSON}}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	p := &peer{t: g.t, conn: conn, json: conn.Subprotocol() == client.JSON}
	f := p.read()
	if f.GetHello() == nil {
		g.t.Error("the first frame is no hello")
		return
	}
	p.hello = f.GetHello()
	select {
	case script := <-g.scripts:
		script(p)
	default: // no more than the test is about: the line just fails
	}
}

// read gives the next frame of the client, nil when it has gone.
func (p *peer) read() *watchv1.ClientFrame {
	_, data, err := p.conn.ReadMessage()
	if err != nil {
		return nil
	}
	f := &watchv1.ClientFrame{}
	if p.json {
		err = protojson.Unmarshal(data, f)
	} else {
		err = proto.Unmarshal(data, f)
	}
	if err != nil {
		p.t.Errorf("read frame: %v", err)
	}
	return f
}

// command gives the next command, past fixes and acks.
func (p *peer) command() *watchv1.Command {
	for {
		f := p.read()
		if f == nil || f.GetCommand() != nil {
			return f.GetCommand()
		}
	}
}

func (p *peer) send(f *watchv1.ServerFrame) {
	kind, encode := websocket.BinaryMessage, proto.Marshal
	if p.json {
		kind, encode = websocket.TextMessage, protojson.MarshalOptions{UseProtoNames: true, EmitDefaultValues: true}.Marshal
	}
	data, err := encode(f)
	if err == nil {
		err = p.conn.WriteMessage(kind, data)
	}
	if err != nil {
		p.t.Errorf("send frame: %v", err)
	}
}

func (p *peer) snapshot(offset int64) {
	p.send(&watchv1.ServerFrame{Body: &watchv1.ServerFrame_Snapshot{Snapshot: &watchv1.Snapshot{
		Cursor: &watchv1.Cursor{LogId: "log", Offset: offset, Hash: "aa"}, State: &structpb.Struct{},
	}}})
}

func (p *peer) event(offset int64) {
	p.send(&watchv1.ServerFrame{Body: &watchv1.ServerFrame_Event{Event: &watchv1.Decided{Offset: offset, Hash: "bb"}}})
}

func (p *peer) outcome(id, outcome, code string) {
	p.send(&watchv1.ServerFrame{Body: &watchv1.ServerFrame_Outcome{Outcome: &watchv1.Outcome{Id: id, Outcome: outcome, Code: code}}})
}

func (p *peer) closes(code int) {
	message := websocket.FormatCloseMessage(code, "")
	if err := p.conn.WriteControl(websocket.CloseMessage, message, time.Now().Add(time.Second)); err != nil {
		p.t.Errorf("close: %v", err)
	}
	p.read()
}

// asker is a client that sends one command as soon as it lives, and ends the test with its outcome.
type asker struct {
	sent     bool
	restarts int
	heard    []int64
	answers  chan string
	// hearsFirst holds the command back until an event has come.
	hearsFirst bool
}

func (a *asker) Tick(time.Time) []*watchv1.ClientFrame {
	if a.sent || a.hearsFirst && len(a.heard) == 0 {
		return nil
	}
	a.sent = true
	return []*watchv1.ClientFrame{
		{Body: &watchv1.ClientFrame_Fix{Fix: &watchv1.Fix{Lat: 1}}},
		{Body: &watchv1.ClientFrame_Command{Command: &watchv1.Command{Id: "c1", Type: "mission.accept"}}},
	}
}
func (a *asker) Next() time.Time                           { return time.Now().Add(time.Hour) }
func (a *asker) Online(time.Time) (online, lost bool)      { return true, false }
func (a *asker) Linked(time.Time, *watchv1.Cursor)         {}
func (a *asker) Unlinked(time.Time)                        {}
func (a *asker) Restart(time.Time, *structpb.Struct) error { a.restarts++; return nil }
func (a *asker) Hear(_ time.Time, d *watchv1.Decided)      { a.heard = append(a.heard, d.GetOffset()) }
func (a *asker) Answered(_ time.Time, c *watchv1.Command, code string) {
	a.answers <- c.GetId() + " " + code
}

// run runs a link until the client has its answer, or for good.
func run(t *testing.T, l *link.Link, a *asker) (answer string, err error) {
	t.Helper()
	a.answers = make(chan string, 4)
	l.Clock = client.NewClock(time.Now(), time.Now(), 1)
	l.Name, l.Watch = "test", "team/t1"
	if l.Token == nil {
		l.Token = func(context.Context, bool) (string, error) { return "token", nil }
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx, a) }()
	select {
	case answer = <-a.answers:
		stop()
		err = <-ended
	case err = <-ended:
		stop()
	case <-time.After(20 * time.Second):
		stop()
		<-ended
		t.Fatal("no answer")
	}
	return answer, err
}

func TestWhatHadNoOutcomeIsSentAgainUnderTheSameId(t *testing.T) {
	t.Parallel()
	for _, subprotocol := range []string{client.JSON, client.Proto} {
		t.Run(subprotocol, func(t *testing.T) {
			t.Parallel()
			var second *watchv1.Hello
			api := serve(t, func(p *peer) {
				p.snapshot(7)
				p.event(9)
				if c := p.command(); c.GetId() != "c1" {
					t.Errorf("command %v", c)
				}
				// Gone without a word, the outcome unsaid.
			}, func(p *peer) {
				second = p.hello
				p.send(&watchv1.ServerFrame{Body: &watchv1.ServerFrame_Welcome{Welcome: &watchv1.Welcome{Cursor: second.GetCursor(), Recovered: true}}})
				if c := p.command(); c.GetId() != "c1" {
					t.Errorf("command %v", c)
				}
				p.outcome("c1", "done", "")
				p.read()
			})
			a := &asker{hearsFirst: true}
			answer, err := run(t, &link.Link{API: api, Subprotocol: subprotocol}, a)
			if answer != "c1 " || err != nil {
				t.Fatalf("answer %q, err %v", answer, err)
			}
			if c := second.GetCursor(); c.GetLogId() != "log" || c.GetOffset() != 9 || c.GetHash() != "bb" {
				t.Errorf("came back with the cursor %v", c)
			}
			if a.restarts != 1 {
				t.Errorf("%d snapshots", a.restarts)
			}
		})
	}
}

func TestAnUnknownOutcomeIsAskedForAgain(t *testing.T) {
	t.Parallel()
	api := serve(t, func(p *peer) {
		p.snapshot(1)
		c := p.command()
		p.outcome(c.GetId(), "refused", "outcome_unknown")
		if again := p.command(); again.GetId() != c.GetId() {
			t.Errorf("asked for %v", again)
		}
		p.outcome(c.GetId(), "refused", "stand_down")
		p.read()
	})
	if answer, err := run(t, &link.Link{API: api, Subprotocol: client.JSON}, &asker{}); answer != "c1 stand_down" || err != nil {
		t.Errorf("answer %q, err %v", answer, err)
	}
}

func TestCloseCodesSayWhetherToComeBack(t *testing.T) {
	t.Parallel()
	closing := func(code int) func(*peer) { return func(p *peer) { p.closes(code) } }
	answering := func(p *peer) {
		p.snapshot(1)
		p.outcome(p.command().GetId(), "done", "")
		p.read()
	}
	t.Run("a restart and a slow client do", func(t *testing.T) {
		t.Parallel()
		api := serve(t, closing(1012), closing(4001), closing(4002), closing(4003), answering)
		if answer, err := run(t, &link.Link{API: api, Subprotocol: client.JSON}, &asker{}); answer != "c1 " || err != nil {
			t.Errorf("answer %q, err %v", answer, err)
		}
	})
	t.Run("an old token is replaced", func(t *testing.T) {
		t.Parallel()
		asked := 0
		api := serve(t, closing(4501), func(p *peer) {
			if p.hello.GetToken() != "fresh" {
				t.Errorf("came back with %q", p.hello.GetToken())
			}
			answering(p)
		})
		answer, err := run(t, &link.Link{API: api, Subprotocol: client.JSON, Token: func(_ context.Context, fresh bool) (string, error) {
			asked++
			if fresh {
				return "fresh", nil
			}
			return "old", nil
		}}, &asker{})
		if answer != "c1 " || err != nil || asked != 2 {
			t.Errorf("answer %q, err %v, %d tokens", answer, err, asked)
		}
	})
	t.Run("who is refused for good gives up", func(t *testing.T) {
		t.Parallel()
		api := serve(t, closing(4502), closing(4502), closing(4502))
		if _, err := run(t, &link.Link{API: api, Subprotocol: client.JSON}, &asker{}); err == nil || !strings.Contains(err.Error(), "keeps refusing") {
			t.Errorf("err = %v", err)
		}
	})
}

func TestALinkEndsWithItsContextWhateverTheServerDoes(t *testing.T) {
	t.Parallel()
	api := serve(t, func(p *peer) {
		p.snapshot(1)
		p.read() // and says nothing more
		p.read()
		p.read()
	})
	ctx, stop := context.WithCancel(t.Context())
	a := &asker{answers: make(chan string, 1)}
	l := &link.Link{
		API: api, Clock: client.NewClock(time.Now(), time.Now(), 1), Subprotocol: client.Proto,
		Token: func(context.Context, bool) (string, error) {
			time.AfterFunc(50*time.Millisecond, stop)
			return "token", nil
		},
	}
	if err := l.Run(ctx, a); err != nil {
		t.Error(err)
	}
}
