package positions_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"google.golang.org/protobuf/proto"

	"vigie/pkg/edge"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow/livetest"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	peerv1 "vigie/pkg/gen/vigie/peer/v1"
	"vigie/pkg/peer"
	"vigie/services/positions" //nolint:depguard // its own test
)

// told is a gateway that hears what waits for Kafka.
type told struct {
	address string

	mu    sync.Mutex // guards teams
	teams map[string]bool
}

func gateway(t *testing.T, certs string) *told {
	t.Helper()
	files, err := peer.Issue(certs, peer.Gateway, "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &told{address: l.Addr().String(), teams: map[string]bool{}}
	s, err := peer.Listen(l, peer.ServerConfig{
		Credentials: files, Clients: []string{peer.Positions}, Failed: func(err error) { t.Error(err) }, Logger: slog.New(slog.DiscardHandler),
		Handlers: map[string]peer.Handler{edge.TellProvisional: g.take},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return g
}

func (g *told) take(_ context.Context, body []byte) ([]byte, error) {
	var said peerv1.Provisional
	if err := proto.Unmarshal(body, &said); err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, value := range said.GetRequests() {
		q := &intakev1.Request{}
		if err := proto.Unmarshal(value, q); err != nil {
			return nil, err
		}
		g.teams[q.GetRaiseSos().GetTeam()] = true
	}
	return nil, nil
}

func (g *told) of(team string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.teams[team]
}

func TestWhileKafkaIsAwayAnSOSOfATrackerIsAcknowledgedFromTheJournalAndShown(t *testing.T) {
	t.Parallel()
	certs := t.TempDir()
	shown := gateway(t, certs)
	files, err := peer.Issue(certs, peer.Positions)
	if err != nil {
		t.Fatal(err)
	}
	cfg := positions.Default()
	cfg.Settings = edge.Settings{Credentials: files, JournalDir: filepath.Join(t.TempDir(), "journal"), Gateways: []string{shown.address}}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	f := startWith(t, cfg)
	away := map[string]*kfake.FaultHandle{}
	for _, topic := range []string{eventlog.TopicIntake, eventlog.TopicPositions} {
		away[topic] = f.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Err: kerr.NotEnoughReplicas, Count: -1})
	}
	at := f.Clock.Now().Unix()
	pressed := fmt.Sprintf("lat=48.8378&lon=2.3653&timestamp=%d&alarm=sos", at)
	other := fmt.Sprintf(`{"device_id":%q,"location":{"timestamp":%d,"extras":{"alarm":"sos"}}}`, f.off, at*1000)
	press := func() {
		t.Helper()
		f.must(http.StatusOK, f.osmAnd(pressed)) // with a position that is lost
		f.must(http.StatusOK, livetest.Call(t, http.MethodPost, f.url+"/v1/positions/osmand",
			map[string]string{"Content-Type": "application/json"}, other))
	}
	press()
	press() // the answers were lost
	livetest.Await(t, "the gateway has been told of both", func() bool { return shown.of(team) && shown.of("T-north-2") })
	f.waits(2)
	if a := f.must(http.StatusServiceUnavailable, f.osmAnd("lat=48.8378&lon=2.3653")); a.Code != "not_stored" {
		t.Errorf("a position: %d %s", a.Status, a.Body)
	}
	f.stop()
	f.url, f.stop = f.processWith(cfg)
	f.waits(2)
	press()
	f.waits(2)

	for _, fault := range away {
		fault.Remove()
	}
	livetest.Await(t, "the journal is empty", func() bool { return f.metric("vigie_journal_entries") == "0" })
	first := map[string]int64{}
	for _, q := range f.asked((*intakev1.Request).GetRaiseSos) {
		if _, known := first[q.Body.GetRaiseSos().GetTeam()]; !known {
			first[q.Body.GetRaiseSos().GetTeam()] = q.DeviceAt
		}
	}
	if len(first) != 2 || first[team] != at*1000 || first["T-north-2"] != at*1000 {
		t.Errorf("asked for help: %v", first)
	}
	f.must(http.StatusOK, f.osmAnd(pressed))
}

// waits looks for so many SOS in the journal, in what operators see.
func (f *field) waits(entries int) {
	f.tb.Helper()
	if got := f.metric("vigie_journal_entries"); got != fmt.Sprint(entries) {
		f.tb.Errorf("%s entries, want %d", got, entries)
	}
	ready := f.must(http.StatusOK, livetest.Call(f.tb, http.MethodGet, f.url+"/readyz", nil, ""))
	if want := fmt.Sprintf(`"degraded":"%d alarms and SOS wait`, entries); !strings.Contains(ready.Body, want) {
		f.tb.Errorf("ready: %s", ready.Body)
	}
}

func (f *field) metric(name string) string {
	f.tb.Helper()
	for line := range strings.Lines(livetest.Call(f.tb, http.MethodGet, f.url+"/metrics", nil, "").Body) {
		if value, ok := strings.CutPrefix(line, name+`{service="positions"} `); ok {
			return strings.TrimSpace(value)
		}
	}
	f.tb.Fatalf("there is no %s", name)
	return ""
}
