package session_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"google.golang.org/protobuf/types/known/timestamppb"

	"vigie/pkg/authz"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow/livetest"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/services/gateway/internal/session"
)

func TestOriginsAreCheckedAndWhoeverSendsNoneNeedsItsTokenAllTheSame(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	token := w.chief("alice")
	for origin, want := range map[string]int{
		"":                                      http.StatusSwitchingProtocols,
		"https://console.example":               http.StatusSwitchingProtocols,
		strings.Replace(w.url, "ws", "http", 1): http.StatusSwitchingProtocols,
		"https://evil.example":                  http.StatusForbidden,
		"null":                                  http.StatusForbidden,
		"https://console.example.evil":          http.StatusForbidden,
	} {
		header := http.Header{}
		if origin != "" {
			header.Set("Origin", origin)
		}
		c, res, err := w.dial(protocolJSON, header)
		if res == nil || res.StatusCode != want {
			t.Errorf("origin %q: %v, %v, want %d", origin, res, err, want)
		}
		if c == nil {
			_ = res.Body.Close()
			continue
		}
		if c.hello(token, "room/north", nil); c.must().GetSnapshot() == nil {
			t.Errorf("origin %q: no snapshot", origin)
		}
	}
	c := w.connect(protocolJSON)
	c.hello("vgs_nothing", "room/north", nil)
	expectClosed(t, c, 4501)
}

func TestCompressionIsNotToBeHad(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	// The client offers it.
	_, res, err := w.dial(protocolJSON, nil) //nolint:bodyclose // dial has closed it
	if err != nil || res.Header.Get("Sec-Websocket-Extensions") != "" {
		t.Errorf("extensions %q, %v", res.Header.Get("Sec-Websocket-Extensions"), err)
	}
}

func TestAFrameBeyondTheLimitEndsTheSocket(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	c, _ := w.watch(protocolJSON, w.chief("alice"), "room/north", nil)
	_ = c.WriteMessage(websocket.TextMessage, []byte(`{"command":{"text":"`+strings.Repeat("x", 64<<10)+`"}}`))
	expectClosed(t, c, websocket.CloseMessageTooBig)
}

func TestWhoIsRefusedLearnsWhetherToComeAgain(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	chief := w.chief("alice")
	south := livetest.Token(t, w.dir, "sam", authz.Grant{Role: authz.Dispatcher, Scope: authz.RoomScope("south")})
	device := w.device("T-north-1", 0)
	text := func(s string) func(*client) {
		return func(c *client) { _ = c.WriteMessage(websocket.TextMessage, []byte(s)) }
	}
	hello := func(token, watch string) func(*client) {
		return func(c *client) { c.hello(token, watch, nil) }
	}
	for name, c := range map[string]struct {
		say  func(*client)
		code int
	}{
		"what is no frame":               {text(`{"hello":`), 4503},
		"an unknown field":               {text(`{"hello":{"tocken":"x"}}`), 4503},
		"an empty frame":                 {text(`{}`), 4503},
		"a binary frame on JSON":         {func(c *client) { _ = c.WriteMessage(websocket.BinaryMessage, []byte{10, 0}) }, 4503},
		"a command before the hello":     {text(`{"command":{"id":"x"}}`), 4503},
		"a watch that is neither":        {hello(chief, "planet/earth"), 4503},
		"a team of an account's":         {hello(chief, "team/T-north-1"), 4503},
		"no token":                       {hello("", "room/north"), 4501},
		"a room that is not there":       {hello(chief, "room/nowhere"), 4502},
		"another room":                   {hello(south, "room/north"), 4502},
		"a handheld that wants a room":   {hello(device.Token, "room/north"), 4502},
		"another team than its own":      {hello(device.Token, "team/T-north-2"), 4502},
		"a second hello":                 {func(c *client) { c.hello(chief, "room/north", nil); c.hello(chief, "room/north", nil) }, 4503},
		"an error text beyond a frame's": {text(`{"` + strings.Repeat("é", 300) + `":1}`), 4503},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			socket := w.connect(protocolJSON)
			c.say(socket)
			expectClosed(t, socket, c.code)
		})
	}
}

func TestTheNinthSocketOfAPrincipalTakesThePlaceOfTheFirst(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	token := w.chief("alice")
	var open []*client
	for range 8 {
		c, _ := w.watch(protocolProto, token, "room/north", nil)
		open = append(open, c)
	}
	if _, first := w.watch(protocolProto, w.chief("bob"), "room/north", nil); first.GetSnapshot() == nil {
		t.Error("somebody else is refused")
	}
	if _, ninth := w.watch(protocolProto, token, "room/north", nil); ninth.GetSnapshot() == nil {
		t.Error("the ninth is refused")
	}
	expectClosed(t, open[0], 4502)
	livetest.Await(t, "nobody else has gone", func() bool { return w.hub.Sessions() == 9 })
}

func TestWhoSaysNothingIsClosed(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *session.Config) {
		c.Timers.Hello, c.Timers.Ping, c.Timers.Dead = 100*time.Millisecond, 100*time.Millisecond, time.Second
	})
	token := w.chief("alice")
	expectClosed(t, w.connect(protocolJSON), 4004)

	dead, _ := w.watch(protocolJSON, token, "room/north", nil)
	dead.SetPingHandler(func(string) error { return nil }) // reads, and answers nothing
	live, _ := w.watch(protocolJSON, token, "room/north", nil)
	pings := 0
	answer := live.PingHandler()
	live.SetPingHandler(func(s string) error {
		pings++
		return answer(s)
	})
	heard := make(chan error, 1)
	go func() {
		for {
			if f, err := live.next(); err != nil || f.GetEvent() != nil {
				heard <- err
				return
			}
		}
	}()
	expectClosed(t, dead, 4002)
	// A socket that only answers pings outlives the other; it hears of the next decision.
	w.StartDuty("north", "T-north-1")
	if err := <-heard; err != nil || pings == 0 {
		t.Errorf("%v, after %d pings", err, pings)
	}
}

func TestAClientThatDoesNotReadIsClosedWhileOthersGoOn(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	blocked, _ := w.watch(protocolJSON, w.chief("alice"), "room/north", nil)
	reader, first := w.watch(protocolJSON, w.chief("bob"), "room/north", nil)
	if blocked == nil || first.GetSnapshot() == nil {
		t.Fatal("not watching")
	}
	// How much fits into the buffers of a socket that is not read is the kernel's affair: ask until they are full.
	opened := 0
	for k := 0; w.hub.Sessions() == 2; k++ {
		if k == 20_000 {
			t.Fatal("the blocked client is still open")
		}
		w.Ask("north", "account/x", fmt.Sprint("flood-", k), &intakev1.Request{Body: &intakev1.Request_OpenIncident{
			OpenIncident: &intakev1.OpenIncident{Site: "north-1", Category: "assistance"},
		}})
		opened++
		reader.until("the incident", func(f *watchv1.ServerFrame) bool {
			return slices.ContainsFunc(f.GetEvent().GetEvents(), func(e *logv1.Event) bool { return e.GetIncidentOpened() != nil })
		})
	}
	if opened == 0 {
		t.Error("closed before anything had happened")
	}
}

func TestARevokedTokenEndsItsSocketsWithin5sAndAnExpiredOneTellsToSignIn(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	token := w.chief("alice")
	revoked, _ := w.watch(protocolJSON, token, "room/north", nil)
	device := w.device("T-north-1", 1500*time.Millisecond)
	expired, _ := w.watch(protocolJSON, device.Token, "team/T-north-1", nil)
	stolen := w.device("T-north-2", 0)
	lost, _ := w.watch(protocolJSON, stolen.Token, "team/T-north-2", nil)
	begun := time.Now()
	// By another process, whose cache this one does not share.
	if err := w.dir.Revoke(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if err := w.dir.RevokeDevice(t.Context(), stolen.Device); err != nil {
		t.Fatal(err)
	}
	expectClosed(t, revoked, 4504)
	expectClosed(t, lost, 4504)
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	expectClosed(t, expired, 4501)
}

func TestARightThatIsTakenAwayEndsTheSocket(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *session.Config) { c.Timers.Recheck = 50 * time.Millisecond })
	c, _ := w.watch(protocolJSON, w.chief("alice"), "room/north", nil)
	if err := w.dir.SetGrants(t.Context(), "alice", authz.Grant{Role: authz.Admin, Scope: authz.RegionScope}); err != nil {
		t.Fatal(err)
	}
	expectClosed(t, c, 4502)
}

func TestASocketGoesOnUnderARenewedToken(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *session.Config) { c.Timers.Recheck = 50 * time.Millisecond })
	short, long := w.device("T-north-1", 1200*time.Millisecond), w.device("T-north-1", 0)
	other := w.device("T-north-2", 0)
	renew := func(token string) *watchv1.ClientFrame {
		return &watchv1.ClientFrame{Body: &watchv1.ClientFrame_Renew{Renew: &watchv1.Renew{Token: token}}}
	}
	c, _ := w.watch(protocolJSON, short.Token, "team/T-north-1", nil)
	c.send(renew(long.Token))
	taken, _ := w.watch(protocolJSON, short.Token, "team/T-north-1", nil)
	taken.send(renew(other.Token))
	expectClosed(t, taken, 4502)
	livetest.Await(t, "the first token has expired", func() bool { return time.Now().After(short.ExpiresAt.Add(200 * time.Millisecond)) })
	id := c.command("team.on_duty", func(*watchv1.Command) {})
	if o := c.outcome(id); o.GetOutcome() != "done" {
		t.Errorf("outcome %v", o)
	}
}

func TestTheEndOfTheGatewayTellsEverybodyToReconnectAndWaitsForNobody(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	silent := w.connect(protocolJSON)
	watching, _ := w.watch(protocolJSON, w.chief("alice"), "room/north", nil)
	livetest.Await(t, "both are there", func() bool { return w.hub.Sessions() == 2 })
	begun := time.Now()
	if err := w.hub.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	expectClosed(t, silent, websocket.CloseServiceRestart)
	expectClosed(t, watching, websocket.CloseServiceRestart)
	expectClosed(t, w.connect(protocolJSON), websocket.CloseServiceRestart)
}

func TestAHaltedRoomIsSaidToItsConsoles(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	c, _ := w.watch(protocolJSON, w.chief("alice"), "room/north", nil)
	w.Append(eventlog.TopicLog, "north", []byte("no record"))
	n := c.until("a notice", func(f *watchv1.ServerFrame) bool { return f.GetNotice() != nil }).GetNotice()
	if n.GetKind() != "halted" || n.GetRoom() != "north" || n.GetMessage() == "" {
		t.Errorf("notice %v", n)
	}
}

func TestPositionsOfADutyReachTheConsolesAndNonsenseDoesNot(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	console, _ := w.watch(protocolProto, w.chief("alice"), "room/north", nil)
	hand, _ := w.watch(protocolProto, w.device("T-north-1", 0).Token, "team/T-north-1", nil)
	if o := hand.outcome(hand.command("team.on_duty", func(*watchv1.Command) {})); o.GetOutcome() != "done" {
		t.Fatal(o)
	}
	nan := func() float64 { var zero float64; return zero / zero }()
	for _, f := range []*watchv1.Fix{{Lat: nan, Lon: 2}, {Lat: 48, Lon: 181}, {Lat: 48, Lon: 2, AccuracyM: nan}, {Lat: 48.5, Lon: 2.5, At: timestamppb.Now()}} {
		hand.send(&watchv1.ClientFrame{Body: &watchv1.ClientFrame_Fix{Fix: f}})
	}
	p := console.until("a position", func(f *watchv1.ServerFrame) bool { return f.GetPosition() != nil }).GetPosition()
	if p.GetTeam() != "T-north-1" || p.GetLat() != 48.5 || p.GetLon() != 2.5 || p.GetSource() != "handheld" {
		t.Errorf("position %v", p)
	}
}

func TestALinkIsAFactFromHelloToTheEnd(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	device := w.device("T-north-1", 0)
	c, _ := w.watch(protocolJSON, device.Token, "team/T-north-1", nil)
	facts := func() (facts []string) {
		for _, r := range w.Requests("north") {
			if b := r.Body.GetLinkBack(); b != nil {
				facts = append(facts, "back "+b.GetDevice()+" "+b.GetTeam()+" "+b.GetGateway())
			}
			if b := r.Body.GetLinkLost(); b != nil {
				facts = append(facts, "lost "+b.GetDevice()+" "+b.GetTeam()+" "+b.GetGateway())
			}
		}
		return facts
	}
	livetest.Await(t, "the link is known", func() bool { return len(facts()) == 1 })
	_ = c.Close()
	livetest.Await(t, "its loss is known", func() bool { return len(facts()) == 2 })
	who := device.Device + " T-north-1 gate/1"
	if got := facts(); got[0] != "back "+who || got[1] != "lost "+who {
		t.Errorf("facts %v", got)
	}
}
