package edge_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"vigie/pkg/edge"
	"vigie/pkg/follow/livetest"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	peerv1 "vigie/pkg/gen/vigie/peer/v1"
	"vigie/pkg/peer"
)

// gateway is somebody who is told.
type gateway struct {
	address string
	mu      sync.Mutex
	told    map[string]int
	deaf    bool
	stop    func()
}

func hear(t *testing.T, files peer.Credentials, l net.Listener) *gateway {
	t.Helper()
	g := &gateway{told: map[string]int{}, address: l.Addr().String()}
	s, err := peer.Listen(l, peer.ServerConfig{
		Credentials: files, Clients: []string{peer.Alarms}, Failed: func(err error) { t.Error(err) }, Logger: slog.New(slog.DiscardHandler),
		Handlers: map[string]peer.Handler{edge.TellProvisional: g.take},
	})
	if err != nil {
		t.Fatal(err)
	}
	g.stop = sync.OnceFunc(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(g.stop)
	return g
}

func (g *gateway) take(ctx context.Context, body []byte) ([]byte, error) {
	var said peerv1.Provisional
	if err := proto.Unmarshal(body, &said); err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.deaf {
		g.mu.Unlock()
		<-ctx.Done() // it hangs until the caller has had enough
		g.mu.Lock()
		return nil, errors.New("deaf")
	}
	for _, value := range said.GetRequests() {
		q := &intakev1.Request{}
		if err := proto.Unmarshal(value, q); err != nil {
			return nil, err
		}
		g.told[q.GetId()]++
	}
	return nil, nil
}

func (g *gateway) heard(ids ...string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, id := range ids {
		if g.told[id] == 0 {
			return false
		}
	}
	return len(g.told) == len(ids)
}

func (g *gateway) setDeaf(deaf bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.deaf = deaf
}

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestEveryGatewayIsToldAndNoneDelaysTheAcknowledgement(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	dir := t.TempDir()
	certs := map[string]peer.Credentials{}
	for _, name := range []string{peer.Alarms, peer.Gateway} {
		var err error
		if certs[name], err = peer.Issue(dir, name); err != nil {
			t.Fatal(err)
		}
	}
	fineOne, deaf := hear(t, certs[peer.Gateway], listen(t, "127.0.0.1:0")), hear(t, certs[peer.Gateway], listen(t, "127.0.0.1:0"))
	deaf.setDeaf(true)
	silent := listen(t, "127.0.0.1:0") // takes connections, and says nothing
	defer func() { _ = silent.Close() }()
	settings := edge.Settings{
		Credentials: certs[peer.Alarms], JournalDir: t.TempDir(),
		Gateways: []string{deaf.address, silent.Addr().String(), fineOne.address},
	}
	if err := settings.Validate(); err != nil {
		t.Fatal(err)
	}
	s := newStation(t, w, settings).start()
	s.gate.set(away)
	s.must("north", "panel", "a", true)
	s.must("north", "panel", "b", true)
	livetest.Await(t, "the gateway that hears is told", func() bool { return fineOne.heard("a", "b") })
	deaf.setDeaf(false)
	livetest.Await(t, "so is the other, once it hears", func() bool { return deaf.heard("a", "b") })

	// A new run tells what the one before has left.
	s.end()
	fineOne.mu.Lock()
	clear(fineOne.told)
	fineOne.mu.Unlock()
	s.start()
	livetest.Await(t, "what was left is told again", func() bool { return fineOne.heard("a", "b") })
	s.gate.set(fine)
	drained(t, s)
	s.must("north", "panel", "c", false)
	if fineOne.heard("a", "b", "c") {
		t.Error("told of what was stored at once")
	}
	s.end()
}
