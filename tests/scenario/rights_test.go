package scenario_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// hangUp sends frames on a fresh socket, and gives the code with which the server ends it.
func (n *Night) hangUp(kind int, frames ...string) int {
	n.t.Helper()
	conn, _, err := n.dial(inJSON, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }() // it has ended
	for _, f := range frames {
		if err := conn.WriteMessage(kind, []byte(f)); err != nil {
			break // it has hung up already
		}
	}
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		if _, _, err := conn.ReadMessage(); err != nil {
			return closeCode(err)
		}
	}
}

func hello(token, watch string) string {
	return `{"hello":{"token":"` + token + `","now":"2026-11-22T20:00:00Z","watch":"` + watch + `"}}`
}

func TestASocketThatMayNotOrCannotIsClosedWithItsCode(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	guard, _ := night.DeviceToken("north-1", "guard-1", 0)
	silence := make(chan int, 1)
	go func() { silence <- night.hangUp(websocket.TextMessage) }()
	unknown := "vgd_" + strings.Repeat("A", 43)
	for name, c := range map[string]struct {
		want   int
		kind   int
		frames []string
	}{
		"a guard who watches the room":         {4502, websocket.TextMessage, []string{hello(guard, "room/alpha")}},
		"a guard who watches another team":     {4502, websocket.TextMessage, []string{hello(guard, "team/north-2")}},
		"a guard who watches another room":     {4502, websocket.TextMessage, []string{hello(guard, "team/east-1")}},
		"an auditor who watches the room":      {4502, websocket.TextMessage, []string{hello(night.as("auditor"), "room/alpha")}},
		"an admin who watches the room":        {4502, websocket.TextMessage, []string{hello(night.as("admin"), "room/alpha")}},
		"a room that is not there":             {4502, websocket.TextMessage, []string{hello(night.as("dispatcher"), "room/moon")}},
		"an unknown token":                     {4501, websocket.TextMessage, []string{hello(unknown, "team/north-1")}},
		"a token that is none":                 {4501, websocket.TextMessage, []string{hello("open sesame", "team/north-1")}},
		"a watch that is none":                 {4503, websocket.TextMessage, []string{hello(guard, "moon/1")}},
		"a command before hello":               {4503, websocket.TextMessage, []string{`{"command":{"id":"1","type":"sos"}}`}},
		"a frame that is no JSON":              {4503, websocket.TextMessage, []string{`{"hello":`}},
		"a frame of unknown fields":            {4503, websocket.TextMessage, []string{`{"hallo":{}}`}},
		"an empty frame":                       {4503, websocket.TextMessage, []string{`{}`}},
		"a binary frame where text was agreed": {4503, websocket.BinaryMessage, []string{hello(guard, "team/north-1")}},
		"hello twice":                          {4503, websocket.TextMessage, []string{hello(guard, "team/north-1"), hello(guard, "team/north-1")}},
	} {
		if got := night.hangUp(c.kind, c.frames...); got != c.want {
			t.Errorf("%s: closed with %d, want %d", name, got, c.want)
		}
	}
	if got := <-silence; got != 4004 {
		t.Errorf("no hello: closed with %d, want 4004", got)
	}
}

func TestAPageOfAnotherOriginIsNotLetIn(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	conn, status, err := night.dial(inJSON, http.Header{"Origin": {"https://elsewhere.example"}})
	if err == nil {
		_ = conn.Close()
		t.Fatal("a page of another origin opened a socket")
	}
	if status != http.StatusForbidden {
		t.Errorf("a page of another origin: status %d, %v", status, err)
	}
	conn, _, err = night.dial(inJSON, http.Header{"Origin": {night.at.URL}})
	if err != nil {
		t.Fatalf("its own page: %v", err)
	}
	_ = conn.Close()
}

func TestNobodyCommandsBeyondTheirRights(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	desk, supervisor := night.Console("alpha", "dispatcher"), night.Console("alpha", "supervisor")
	guard, other := night.Guard("north-1").OnDuty(), night.Guard("north-2")
	incident := desk.Opens("north", "HALL", "access", 1)
	offer := guard.ExpectOffer()

	for name, c := range map[string]struct {
		who   *watcher
		room  string
		token string
		asks  *watchv1.Command
	}{
		"a guard accepts for another team": {other.watcher, "alpha", other.token, &watchv1.Command{Type: "mission.accept", Mission: offer.GetMission()}},
		"a guard signs another team off":   {other.watcher, "alpha", other.token, &watchv1.Command{Type: "team.off_duty", Team: "north-1"}},
		"a guard raises another's SOS":     {other.watcher, "alpha", other.token, &watchv1.Command{Type: "sos", Team: "north-1"}},
		"a guard closes the incident":      {guard.watcher, "alpha", guard.token, &watchv1.Command{Type: "incident.close", Incident: incident, Disposition: "test"}},
		"a guard recalls its own mission":  {guard.watcher, "alpha", guard.token, &watchv1.Command{Type: "mission.cancel", Mission: offer.GetMission()}},
		"a supervisor claims":              {supervisor.watcher, "alpha", supervisor.token, &watchv1.Command{Type: "incident.claim", Incident: incident}},
		"a supervisor sends a team":        {supervisor.watcher, "alpha", supervisor.token, &watchv1.Command{Type: "mission.assign", Incident: incident, Team: "north-2"}},
		"a supervisor signs a team on":     {supervisor.watcher, "alpha", supervisor.token, &watchv1.Command{Type: "team.on_duty", Team: "north-2"}},
	} {
		if o := c.who.ask(c.asks); o.GetOutcome() != "refused" || o.GetCode() != "forbidden" {
			t.Errorf("%s on the socket: %v", name, o)
		}
		c.asks.Id = uuid.NewString()
		got, err := night.put(c.room, c.token, c.asks)
		if err != nil || got.status != http.StatusForbidden || decode[problem](night, got.body).Code != "forbidden" {
			t.Errorf("%s over HTTP: %v %d %s", name, err, got.status, got.body)
		}
	}
	for _, path := range []string{"state", "log", "incidents/" + incident + "/timeline"} {
		for name, token := range map[string]string{"a guard": guard.token, "an admin": night.as("admin")} {
			if got, err := night.call(http.MethodGet, "/v1/rooms/alpha/"+path, token, nil); err != nil || got.status != http.StatusForbidden {
				t.Errorf("%s reads %s: %v %d %s", name, path, err, got.status, got.body)
			}
		}
	}
	if m := night.Mission(night.State("alpha"), offer.GetMission()); m.State != "delivered" {
		t.Errorf("the mission, after all these: %+v", m)
	}
	guard.Accept(offer)
	guard.Finish(offer.GetMission())
}

// soon is how long a revocation may take on a live socket, with a margin for a busy machine.
const soon = 5*time.Second + time.Second

func TestARevokedOrExpiredTokenEndsItsSocketSoon(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	short, _ := night.DeviceToken("north-1", "guard-1", 2*time.Second)
	expiring := night.watcher("expiring", "team/north-1", short, inJSON)
	expiring.connect()
	expires := time.Now().Add(2 * time.Second)
	signedOut := night.watcher("signed out", "room/alpha", night.Session("dispatcher"), inJSON)
	signedOut.connect()
	lost := night.Handheld("north-2", "guard-2")
	lost.ComeBack()
	reset := night.watcher("reset", "room/alpha", night.Session("chief"), inProto)
	reset.connect()

	night.must(http.StatusNoContent, http.MethodDelete, "/v1/sessions", signedOut.token, nil)
	night.must(http.StatusNoContent, http.MethodDelete, "/v1/sessions", lost.token, nil)
	if got := vigie(t, "account", "reset", "chief", "--data", night.data); got.status != 0 {
		t.Fatal(got)
	}
	revoked := time.Now()
	for _, w := range []*watcher{signedOut, lost.watcher, reset} {
		if code := w.closed(soon - time.Since(revoked)); code != 4504 {
			t.Errorf("%s: closed with %d, want 4504", w.name, code)
		}
	}
	if code := expiring.closed(time.Until(expires) + soon); code != 4501 {
		t.Errorf("expired: closed with %d, want 4501", code)
	}
	for _, w := range []*watcher{signedOut, lost.watcher, reset, expiring} {
		if got, err := night.call(http.MethodGet, "/v1/rooms", w.token, nil); err != nil || got.status != http.StatusUnauthorized {
			t.Errorf("%s: its token still opens HTTP: %v %d", w.name, err, got.status)
		}
	}
}
