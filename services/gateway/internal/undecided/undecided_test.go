package undecided_test

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow"
	"vigie/pkg/follow/livetest"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/pkg/wire"
	"vigie/services/gateway/internal/notice"
	"vigie/services/gateway/internal/undecided"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// told is what a watch has told.
type told struct {
	mu      sync.Mutex
	notices map[string][]*watchv1.Notice
}

func (l *told) notify(n *watchv1.Notice) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notices[n.GetRoom()] = append(l.notices[n.GetRoom()], n)
}

// open are the keys of what is told, and how many more are said to be.
func (l *told) open(room string) (keys []string, more int32) {
	for _, n := range l.of(room) {
		switch {
		case n.GetKey() == "more":
			more = n.GetMore()
		case n.GetOver():
			keys = slices.DeleteFunc(keys, func(k string) bool { return k == n.GetKey() })
		default:
			keys = append(keys, n.GetKey())
		}
	}
	return keys, more
}

func (l *told) of(room string) []*watchv1.Notice {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]*watchv1.Notice(nil), l.notices[room]...)
}

func TestWhatHasNoOutcomeAnyMoreIsToldAgainWhenTheLogIsReopened(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	w.Decide("north")
	rooms := follow.NewRooms(w.Log, slog.New(slog.DiscardHandler))
	if err := rooms.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rooms.Stop)
	w.Ready(rooms)
	heard := &told{notices: map[string][]*watchv1.Notice{}}
	watch := undecided.New(undecided.Config{Rooms: rooms, Log: w.Log, Notify: heard.notify, Logger: slog.New(slog.DiscardHandler)})
	watch.Start(t.Context())
	t.Cleanup(watch.Stop)
	w.Ask("north", "source/panel", "a", alarm("PANIC"))
	board := rooms.Board("north")
	if err := board.Await(t.Context(), func(f *controlroom.Fold) bool { return f.IntakeNext == 1 }); err != nil {
		t.Fatal(err)
	}
	// From the very beginning, and whoever has decided so far does not know of it.
	e := w.Entry("north")
	livetest.Await(t, "the log is reopened", func() bool {
		_, end, err := w.Log.Bounds(t.Context(), eventlog.TopicLog, e.Partition)
		if err != nil {
			return false
		}
		d := controlroom.Reopen("north", controlroom.Good{Head: es.Head{Level: 1}, Offset: -1, LogID: e.LogID}, end,
			controlroom.Dead{Reopenings: 6}, controlroom.ReopenedBy{Who: [2]string{"alice", "bob"}, Why: "a test"})
		value, _ := wire.Encode(&d)
		return w.Append(eventlog.TopicLog, "north", value) == end
	})
	livetest.Await(t, "it is undecided again", func() bool { return watch.Count() == 1 })
}

func TestWhatFindsNoPlaceIsCountedAndReadAgainWhenThereIsOneAndAnSOSFindsItsOwn(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	rooms := follow.NewRooms(w.Log, slog.New(slog.DiscardHandler))
	if err := rooms.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rooms.Stop)
	w.Ready(rooms)
	heard := &told{notices: map[string][]*watchv1.Notice{}}
	watch := undecided.New(undecided.Config{
		Rooms: rooms, Log: w.Log, Notify: heard.notify, Bounds: notice.Bounds{Shown: 2, Held: 4}, Logger: slog.New(slog.DiscardHandler),
	})
	watch.Start(t.Context())
	t.Cleanup(watch.Stop)
	var doors []string
	for k := range 9 {
		doors = append(doors, fmt.Sprint("door-", k))
		w.Ask("north", "source/panel", doors[k], alarm(doors[k]))
	}
	w.Ask("north", "device/d", "s", &intakev1.Request{Body: &intakev1.Request_RaiseSos{RaiseSos: &intakev1.RaiseSos{Team: "T-north-1"}}})
	livetest.Await(t, "two doors and the SOS are told, and how many more there are", func() bool {
		keys, more := heard.open("north")
		slices.Sort(keys)
		return more == 7 && slices.Equal(keys, []string{"door-0", "door-1", "s"})
	})
	w.Decide("north")
	livetest.Await(t, "all is over", func() bool {
		keys, more := heard.open("north")
		return len(keys) == 0 && more == 0
	})
	if watch.Count() != 0 {
		t.Errorf("%d are told", watch.Count())
	}
}

func alarm(code string) *intakev1.Request {
	return &intakev1.Request{Body: &intakev1.Request_RaiseAlarm{RaiseAlarm: &intakev1.RaiseAlarm{
		AlarmId: code, Source: "panel", Code: code, Site: "north-1", Zone: "ED",
	}}}
}

func TestAnAlarmThatNobodyDecidesIsToldAfterTwoSecondsAndForgottenWhenItIs(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north", "south")
	w.Decide("south")
	rooms := follow.NewRooms(w.Log, slog.New(slog.DiscardHandler))
	if err := rooms.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rooms.Stop)
	w.Ready(rooms)
	heard := &told{notices: map[string][]*watchv1.Notice{}}
	watch := undecided.New(undecided.Config{Rooms: rooms, Log: w.Log, Notify: heard.notify, Logger: slog.New(slog.DiscardHandler)})
	watch.Start(t.Context())
	t.Cleanup(watch.Stop)

	began := time.Now()
	w.Ask("south", "source/panel", "decided", alarm("FIRE"))
	w.Ask("north", "source/panel", "a", alarm("PANIC"))
	w.Ask("north", "account/x", "duty", &intakev1.Request{Body: &intakev1.Request_EndDuty{EndDuty: &intakev1.EndDuty{Team: "T"}}})
	w.Ask("north", "device/d", "s", &intakev1.Request{Body: &intakev1.Request_RaiseSos{RaiseSos: &intakev1.RaiseSos{Team: "T-north-1"}}})
	w.Append(eventlog.TopicIntake, "north", []byte{0xff})
	livetest.Await(t, "three are told", func() bool { return len(heard.of("north")) == 3 })
	if took := time.Since(began); took < undecided.After {
		t.Errorf("told after %v", took)
	}
	notices := heard.of("north")
	at := map[int64]*watchv1.Notice{}
	for _, n := range notices {
		at[n.GetOffset()] = n
	}
	if n := at[0]; n.GetKind() != "undecided" || n.GetCode() != "PANIC" || n.GetSite() != "north-1" || n.GetKey() != "PANIC" {
		t.Errorf("the alarm: %v", n)
	}
	if n := at[2]; n.GetTeam() != "T-north-1" || n.GetKey() != "s" {
		t.Errorf("the SOS: %v", n)
	}
	if n := at[3]; n.GetMessage() == "" {
		t.Errorf("what cannot be read may be one: %v", n)
	}
	if watch.Count() != 3 {
		t.Errorf("%d are told", watch.Count())
	}
	if n := heard.of("south"); len(n) != 0 {
		t.Errorf("decided, and told all the same: %v", n)
	}
	w.Decide("north")
	livetest.Await(t, "all are decided", func() bool { return watch.Count() == 0 })
	livetest.Await(t, "that it is over is told, too", func() bool { return len(heard.of("north")) == 6 })
	over := map[string]bool{}
	for _, n := range heard.of("north")[3:] {
		over[n.GetKey()] = n.GetOver() && n.GetKind() == "undecided"
	}
	for _, n := range notices {
		if n.GetOver() || !over[n.GetKey()] {
			t.Errorf("%v, and its end: %v", n, over)
		}
	}
}
