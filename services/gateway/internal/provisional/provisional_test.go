package provisional_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"vigie/pkg/follow"
	"vigie/pkg/follow/livetest"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	peerv1 "vigie/pkg/gen/vigie/peer/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/services/gateway/internal/notice"
	"vigie/services/gateway/internal/provisional"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// told keeps what is said to whom, as "kind key" and " over".
type told struct {
	mu   sync.Mutex
	list []string
	to   map[string]notice.Audience
	more *watchv1.Notice
}

func (l *told) notify(to notice.Audience, n *watchv1.Notice) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n.GetKey() == "more" {
		l.more = n
		return
	}
	said := n.GetKind() + " " + n.GetKey()
	if n.GetOver() {
		said += " over"
	} else if n.GetMessage() == "" || n.GetRoom() != "north" {
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

// open are the keys of what is shown, in order, and how many more are said to be open.
func (l *told) open() (keys []string, more int32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, said := range l.list {
		key, over := strings.CutSuffix(strings.TrimPrefix(said, "provisional "), " over")
		if !over {
			keys = append(keys, key)
			continue
		}
		keys = slices.DeleteFunc(keys, func(k string) bool { return k == key })
	}
	return keys, l.more.GetMore()
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

func start(t *testing.T, bounds notice.Bounds) (*livetest.World, *provisional.Watch, *told) {
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
	heard := &told{to: map[string]notice.Audience{}}
	watched := provisional.New(provisional.Config{Rooms: rooms, Notify: heard.notify, Bounds: bounds, Logger: slog.New(slog.DiscardHandler)})
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

func TestWhatOthersAcknowledgeIsShownOnceUntilTheRoomHasDecided(t *testing.T) {
	t.Parallel()
	w, watched, heard := start(t, notice.Bounds{})
	for range 2 { // whoever is told twice tells nothing new
		if err := call(t, watched, alarm("1", false), alarm("2", true), sos("s", "T-north-2", false), sos("q", "T-north-1", true)); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"provisional a-1", "provisional s", "provisional q"}, heard.all()); diff != "" {
		t.Fatal(diff)
	}
	want := map[string]notice.Audience{
		"a-1": {Site: "north-1"}, "s": {Site: "north-2"},
		"q": {Site: "north-1", Spared: "T-north-1"}, // a silent SOS does not sound at who raised it
	}
	if diff := cmp.Diff(want, heard.to); diff != "" {
		t.Error(diff)
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

func TestWhoCannotWaitFindsAPlaceBehindAnyFloodAndTheRestWhenThereIsOne(t *testing.T) {
	t.Parallel()
	w, watched, heard := start(t, notice.Bounds{Shown: 3, Held: 6})
	door := func(id string) *intakev1.Request {
		q := alarm(id, false)
		q.GetRaiseAlarm().Code = "ZZ"
		return q
	}
	var doors []*intakev1.Request
	for k := range 8 {
		doors = append(doors, door(fmt.Sprint(k)))
	}
	is := func(what string, more int32, want ...string) {
		t.Helper()
		livetest.Await(t, what, func() bool {
			keys, n := heard.open()
			return n == more && slices.Equal(keys, want)
		})
	}
	if err := call(t, watched, append(slices.Clone(doors), alarm("panic", false), sos("s", "T-north-1", false))...); err != nil {
		t.Fatal(err)
	}
	is("three doors, and who is in danger", 3, "a-0", "a-1", "a-2", "a-panic", "s")
	if heard.more.GetMessage() == "" || !strings.Contains(heard.more.GetMessage(), "at least 3 more") {
		t.Errorf("of the rest it is said: %q", heard.more.GetMessage())
	}
	for _, k := range []int{1, 3} { // the other waits for its place
		q := door(fmt.Sprint(k))
		w.Ask("north", q.GetPrincipal(), q.GetId(), q)
	}
	is("the next in line", 1, "a-0", "a-2", "a-panic", "s", "a-4")
	watched.Replaced("north", "a-0")
	watched.Replaced("north", "nothing")
	is("and the one after it", 0, "a-2", "a-panic", "s", "a-4", "a-5")
	if err := call(t, watched, doors[1:]...); err != nil {
		t.Fatal(err)
	}
	is("what found no place is told of again", 2, "a-2", "a-panic", "s", "a-4", "a-5")
	watched.Replaced("north", "a-6") // which is not shown
	watched.Replaced("north", "a-2")
	is("what was replaced is not shown when there is room", 0, "a-panic", "s", "a-4", "a-5", "a-7")
}

func TestWhatIsToldIsBoundedAndReadWithCare(t *testing.T) {
	t.Parallel()
	_, watched, heard := start(t, notice.Bounds{})
	var many []*intakev1.Request
	for k := range 5000 {
		many = append(many, alarm(fmt.Sprint(k), false))
	}
	if err := call(t, watched, many...); err != nil || watched.Count() != 4000 {
		t.Errorf("%v, %d known", err, watched.Count())
	}
	livetest.Await(t, "1000 are shown, and it is said how many are not", func() bool {
		keys, more := heard.open()
		return len(keys) == 1000 && more == 3000
	})
	elsewhere := alarm("1", false)
	elsewhere.Room = "east"
	other := &intakev1.Request{Room: "south", Principal: "account/x", Id: "1", Body: &intakev1.Request_EndDuty{EndDuty: &intakev1.EndDuty{Team: "T-south-1"}}}
	if err := call(t, watched, elsewhere, other); err != nil || watched.Count() != 4000 {
		t.Errorf("%v, %d known", err, watched.Count())
	}
	if _, err := watched.Take(t.Context(), []byte{0xff}); err == nil {
		t.Error("what cannot be read is taken")
	}
	if _, err := watched.Take(t.Context(), []byte{0x0a, 0x01, 0xff}); err == nil {
		t.Error("a request that cannot be read is taken")
	}
}
