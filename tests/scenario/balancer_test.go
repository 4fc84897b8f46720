package scenario_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// balancer is the plainest thing that an operator may put before gateways: it passes bytes to whichever answers, in turn,
// and knows nothing of what they mean.
type balancer struct {
	listener net.Listener
	backends []*process
	turn     atomic.Uint64
	busy     sync.WaitGroup
}

// Balancer stands before all gateways until the night ends.
func (n *Night) Balancer() *balancer {
	n.t.Helper()
	l, err := new(net.ListenConfig).Listen(n.life, "tcp", "127.0.0.1:0")
	if err != nil {
		n.t.Fatal(err)
	}
	b := &balancer{listener: l, backends: n.apart().named("gateway")}
	ctx, cut := context.WithCancel(n.life)
	b.busy.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			b.busy.Go(func() { b.pass(ctx, client) })
		}
	})
	n.t.Cleanup(func() {
		_ = l.Close() // it only closes
		cut()
		b.busy.Wait()
	})
	return b
}

func (b *balancer) url() string { return "http://" + b.listener.Addr().String() }

// pass carries one connection for as long as both ends hold it.
func (b *balancer) pass(ctx context.Context, client net.Conn) {
	defer func() { _ = client.Close() }()
	server := b.dial(ctx)
	if server == nil {
		return
	}
	defer func() { _ = server.Close() }()
	ended := context.AfterFunc(ctx, func() { _, _ = client.Close(), server.Close() })
	defer ended()
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	})
	_, _ = io.Copy(server, client)
	_ = server.Close()
	back.Wait()
}

// dial connects to the next gateway that answers.
func (b *balancer) dial(ctx context.Context) net.Conn {
	first := b.turn.Add(1)
	for k := range uint64(len(b.backends)) {
		s := b.backends[(first+k)%uint64(len(b.backends))]
		address, up := strings.CutPrefix(s.at(), "http://")
		if !up {
			continue
		}
		if conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", address); err == nil {
			return conn
		}
	}
	return nil
}

// gateway at which a handheld is connected.
func (g *Guard) gateway() string {
	g.n.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	begun := g.begun[len(g.begun)-1]
	session := begun.GetWelcome().GetSession() + begun.GetSnapshot().GetSession()
	linked, ok := about(g.watcher, (*logv1.Event).GetDeviceLinked, func(e *logv1.DeviceLinked) bool { return e.GetSession() == session })
	if !ok {
		g.n.t.Fatalf("%s is not linked", g.name)
	}
	name, _, _ := strings.Cut(linked.GetGateway(), "/")
	return name
}

// between gives what a handheld was told after an offset, up to another.
func (g *Guard) between(after, last int64) (list []*watchv1.Decided) {
	for _, e := range g.since(after) {
		if e.GetOffset() <= last {
			list = append(list, e)
		}
	}
	return list
}

func TestADeviceThatComesBackThroughABalancerGetsExactlyWhatItMissed(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	night.Joins("gateway-3")
	at := map[string]*Guard{}
	night.sockets = night.Balancer().url()
	for _, team := range []string{"north-1", "north-2", "south-1"} { // in turn, each at a gateway of its own
		g := night.Guard(team).OnDuty()
		at[g.gateway()] = g
	}
	moves, stays := at["gateway-3"], at["gateway-2"]
	if len(at) != 3 || moves == nil || stays == nil {
		t.Fatalf("three devices in turn are at %d of three gateways", len(at))
	}
	// The first gateway stays, with a desk and with a handheld that hears all that the team is told.
	direct := func(connect func()) {
		balanced := night.sockets
		night.sockets = night.apart().named("gateway-1")[0].at()
		connect()
		night.sockets = balanced
	}
	var desk *Console
	listener := night.Handheld(moves.team, "guard-listener")
	direct(func() { desk = night.Console("alpha", "dispatcher") })
	direct(func() { listener.ComeBack() })
	assign := func(g *Guard) {
		incident := desk.Opens("north", "HALL", "terrorism", 1) // nobody is sent there but by hand
		desk.do(&watchv1.Command{Type: "mission.assign", Incident: incident, Team: g.team, Reason: "they are on the spot"})
	}

	moves.await("all that its team was told", func() bool { return moves.cursor.GetOffset() >= listener.reached() })
	before := moves.reached()
	night.Loses("gateway-3")
	moves.await("the end of its connection", func() bool { return moves.ended != nil })
	assign(moves)
	offer := listener.Rings()
	listener.Reports("seen", offer.GetMission())
	moves.ComeBack()
	if now := moves.gateway(); now == "gateway-3" || moves.snapshot() {
		t.Errorf("it is at %s, with a snapshot: %v", now, moves.snapshot())
	}
	last := listener.reached()
	moves.await("what it missed", func() bool { return moves.cursor.GetOffset() >= last })
	if diff := cmp.Diff(listener.between(before, last), moves.between(before, last), protocmp.Transform()); diff != "" {
		t.Errorf("what it was told of the time it missed (-its team +it):\n%s", diff)
	}
	moves.Accept(offer)
	moves.Finish(offer.GetMission())
	night.GetsBack("gateway-3")

	// One that stays away is not to be sent anywhere, from when its gateway is missed until it is back.
	night.Loses("gateway-2")
	stays.await("the end of its connection", func() bool { return stays.ended != nil })
	desk.awaitWithin(missed, "that the dead gateway's links are gone", func() bool {
		_, ok := about(desk.watcher, (*logv1.Event).GetGatewayDisappeared, func(e *logv1.GatewayDisappeared) bool {
			return strings.HasPrefix(e.GetGateway(), "gateway-2/")
		})
		return ok
	})
	if team := night.Team(night.State("alpha"), stays.team); team.Reachable || team.Status != "unreachable" {
		t.Errorf("the team that stayed away: %+v", team)
	}
	night.GetsBack("gateway-2")
	stays.ComeBack()
	night.Eventually("the team that is back can be sent", func() (bool, string) {
		team := night.Team(night.State("alpha"), stays.team)
		return team.Reachable, fmt.Sprintf("%+v", team)
	})
	if stays.snapshot() {
		t.Error("a place in the log is as good at one gateway as at another")
	}
	assign(stays)
	again := stays.ExpectOffer()
	stays.Accept(again)
	stays.Finish(again.GetMission())
}
