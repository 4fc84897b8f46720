package provisional_test

import (
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"vigie/pkg/domain/watch"
	"vigie/pkg/follow"
	"vigie/pkg/follow/livetest"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	peerv1 "vigie/pkg/gen/vigie/peer/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/services/gateway/internal/provisional"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// told keeps what is said to whom, as "kind key" and " over".
type told struct {
	mu   sync.Mutex
	list []string
	to   map[string]provisional.Audience
}

func (l *told) notify(to provisional.Audience, n *watchv1.Notice) {
	l.mu.Lock()
	defer l.mu.Unlock()
	said := n.GetKind() + " " + n.GetKey()
	if n.GetOver() {
		said += " over"
	} else if n.GetMessage() == "" || n.GetRoom() != to.Room {
		said += " without words"
	}
	l.list = append(l.list, said)
	l.to[n.GetKey()] = to
}

func (l *told) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.list...)
}

func alarm(id string, restore bool) *intakev1.Request {
	return &intakev1.Request{Room: "north", Principal: "source/panel", Id: id, Body: &intakev1.Request_RaiseAlarm{
		RaiseAlarm: &intakev1.RaiseAlarm{AlarmId: "a-" + id, Source: "panel", Code: "PB", Site: "north-1", Zone: "Z1", Restore: restore},
	}}
}

func sos(id, team string, silent bool) *intakev1.Request {
	return &intakev1.Request{Room: "north", Principal: "device/d", Id: id, Body: &intakev1.Request_RaiseSos{
		RaiseSos: &intakev1.RaiseSos{Team: team, Silent: silent},
	}}
}

func start(t *testing.T) (*livetest.World, *provisional.Watch, *told) {
	t.Helper()
	w := livetest.Start(t, "north", "south")
	w.Decide("north", "south")
	rooms := follow.NewRooms(w.Log, slog.New(slog.DiscardHandler))
	if err := rooms.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rooms.Stop)
	w.Ready(rooms)
	livetest.Await(t, "the region is known", func() bool {
		return len(w.Requests("north")) > 0 && rooms.Board("north").Head().Offset > 0
	})
	heard := &told{to: map[string]provisional.Audience{}}
	watched := provisional.New(provisional.Config{Rooms: rooms, Notify: heard.notify, Logger: slog.New(slog.DiscardHandler)})
	watched.Start(t.Context())
	t.Cleanup(watched.Stop)
	return w, watched, heard
}

func call(t *testing.T, w *provisional.Watch, requests ...*intakev1.Request) error {
	t.Helper()
	said := &peerv1.Provisional{}
	for _, q := range requests {
		value, err := proto.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		said.Requests = append(said.Requests, value)
	}
	body, err := proto.Marshal(said)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Take(t.Context(), body)
	return err
}

func keys(notices []*watchv1.Notice) (list []string) {
	for _, n := range notices {
		list = append(list, n.GetKey())
	}
	return list
}

func TestWhatOthersAcknowledgeIsShownOnceUntilTheRoomHasDecided(t *testing.T) {
	t.Parallel()
	w, watched, heard := start(t)
	for range 2 { // whoever is told twice tells nothing new
		if err := call(t, watched, alarm("1", false), alarm("2", true), sos("s", "T-north-2", false), sos("q", "T-north-1", true)); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"provisional a-1", "provisional s", "provisional q"}, heard.all()); diff != "" {
		t.Fatal(diff)
	}
	want := map[string]provisional.Audience{
		"a-1": {Room: "north", Site: "north-1"}, "s": {Room: "north", Site: "north-2"},
		"q": {Room: "north", Site: "north-1", Spared: "T-north-1"},
	}
	if diff := cmp.Diff(want, heard.to); diff != "" {
		t.Error(diff)
	}
	for target, want := range map[watch.Target][]string{
		{Room: "north"}:                    {"a-1", "s", "q"},
		{Room: "north", Team: "T-north-1"}: {"a-1"}, // a silent SOS does not sound at who raised it
		{Room: "north", Team: "T-north-2"}: {"s"},
		{Room: "south"}:                    nil,
		{Room: "east"}:                     nil,
	} {
		if diff := cmp.Diff(want, keys(watched.Open(target))); diff != "" {
			t.Errorf("%v: %s", target, diff)
		}
	}
	if watched.Count() != 3 {
		t.Errorf("%d shown", watched.Count())
	}

	q := alarm("1", false)
	w.Ask("north", q.GetPrincipal(), q.GetId(), q)
	livetest.Await(t, "the decision takes it back", func() bool { return watched.Count() == 2 })
	watched.Replaced("north", "s")
	livetest.Await(t, "both ends are told", func() bool { return len(heard.all()) == 5 })
	if diff := cmp.Diff([]string{"provisional a-1 over", "provisional s over"}, heard.all()[3:]); diff != "" {
		t.Error(diff)
	}
	// Who tells late tells nothing.
	if err := call(t, watched, alarm("1", false)); err != nil || watched.Count() != 1 {
		t.Errorf("decided, and shown again: %v, %d", err, watched.Count())
	}
}

func TestWhatIsToldIsBoundedAndReadWithCare(t *testing.T) {
	t.Parallel()
	_, watched, _ := start(t)
	var many []*intakev1.Request
	for k := range 1100 {
		many = append(many, alarm(fmt.Sprint(k), false))
	}
	if err := call(t, watched, many...); err != nil || watched.Count() != 1000 {
		t.Errorf("%v, %d shown", err, watched.Count())
	}
	elsewhere := alarm("1", false)
	elsewhere.Room = "east"
	other := &intakev1.Request{Room: "south", Principal: "account/x", Id: "1", Body: &intakev1.Request_EndDuty{EndDuty: &intakev1.EndDuty{Team: "T-south-1"}}}
	if err := call(t, watched, elsewhere, other); err != nil || watched.Count() != 1000 {
		t.Errorf("%v, %d shown", err, watched.Count())
	}
	if _, err := watched.Take(t.Context(), []byte{0xff}); err == nil {
		t.Error("what cannot be read is taken")
	}
	if _, err := watched.Take(t.Context(), []byte{0x0a, 0x01, 0xff}); err == nil {
		t.Error("a request that cannot be read is taken")
	}
}
