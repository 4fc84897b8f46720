package decider_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/witness"
	"vigie/pkg/follow"
	"vigie/pkg/follow/livetest"
	"vigie/pkg/snapshot"
	"vigie/pkg/wire"
	"vigie/services/dispatch/internal/decider"
)

// reopen has two admins reopen a room's log behind the first records of it.
func reopen(t *testing.T, w *livetest.World, room string, whole [][]byte, by controlroom.ReopenedBy) {
	t.Helper()
	f := controlroom.NewFold(room)
	for k, value := range whole {
		s := wire.Decode(int64(k), value)
		f.Read(&s)
	}
	if f.Halted() != "" {
		t.Fatal(f.Halted())
	}
	_, end, err := w.Log.Bounds(t.Context(), eventlog.TopicLog, w.Entry(room).Partition)
	if err != nil {
		t.Fatal(err)
	}
	by.Who, by.Why = [2]string{"alice", "bob"}, "a test"
	d := controlroom.Reopen(room, controlroom.Good{Head: f.Head, Offset: f.HeadOffset(), LogID: w.Entry(room).LogID}, end,
		controlroom.Dead{LastIncident: 100}, by)
	value, _ := wire.Encode(&d)
	w.Append(eventlog.TopicLog, room, value)
}

// retold is a room as a reader tells it that begins now, once it has answered the requests below an offset.
func retold(t *testing.T, w *livetest.World, room string, below int64) *controlroom.Fold {
	t.Helper()
	rooms := follow.NewRooms(w.Connect(), slog.New(slog.DiscardHandler))
	if err := rooms.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer rooms.Stop()
	board := rooms.Board(room)
	var fold *controlroom.Fold
	livetest.Await(t, fmt.Sprintf("requests below %d are answered", below), func() bool {
		at := int64(0)
		board.Look(func(f *controlroom.Fold) { fold, at = f, f.IntakeNext })
		return at >= below && board.Ready() == nil
	})
	return fold
}

func TestDecidersGoOnByThemselvesAndDecideAgainWhatIsDead(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	a, b := decide(t, w, "north", "a", nil), decide(t, w, "north", "b", nil)
	w.Configure("north")
	for k := range 5 {
		w.Ask("north", "account/dora", fmt.Sprint(k), open("north-1"))
	}
	log := answered(t, w, "north", 6)
	livetest.Await(t, "both have read it", func() bool {
		return a.Figures().Decided >= int64(log.Version) && b.Figures().Decided >= int64(log.Version)
	})
	values := w.Read(eventlog.TopicLog, "north")
	w.Append(eventlog.TopicLog, "north", []byte("this is no decision"))
	livetest.Await(t, "both halt", func() bool { return a.Halted() && b.Halted() })
	w.Ask("north", "account/dora", "while halted", open("north-2"))

	reopen(t, w, "north", values[:3], controlroom.ReopenedBy{}) // some of the incidents are decided again
	f := retold(t, w, "north", 7)
	livetest.Await(t, "both decide again", func() bool { return a.Ready() == nil && b.Ready() == nil && !a.Halted() && !b.Halted() })
	if got := len(f.State.Incidents); got != 6 {
		t.Errorf("%d incidents of 6 requests", got)
	}
	if f.State.LastIncident <= 100 {
		t.Errorf("incident %d may be one of the dead ones", f.State.LastIncident)
	}
	w.Ask("north", "account/dora", "1", open("north-1")) // known from before
	w.Ask("north", "account/dora", "after", open("north-2"))
	if got := len(retold(t, w, "north", 9).State.Incidents); got != 7 {
		t.Errorf("%d incidents, want 7: a cause was forgotten or taken twice", got)
	}
}

func TestWhatWasSavedOrWitnessedInWhatIsDeadIsNotGoneOnFrom(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	dir, err := snapshot.Open(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	saving := func(cfg *decider.Config) { cfg.Snapshots, cfg.SnapshotEvery = dir, 1000 }
	first := decide(t, w, "north", "a", saving)
	w.Configure("north")
	for k := range 5 {
		w.Ask("north", "account/dora", fmt.Sprint(k), open("north-1"))
	}
	answered(t, w, "north", 6)
	if err := first.end(); err != nil { // and saves
		t.Fatal(err)
	}
	values := w.Read(eventlog.TopicLog, "north")
	last := wire.Decode(int64(len(values)-1), values[len(values)-1])
	reopen(t, w, "north", values[:3], controlroom.ReopenedBy{})
	again := decide(t, w, "north", "a", func(cfg *decider.Config) {
		saving(cfg)
		// A byte of the record that was witnessed is another today.
		cfg.Witnessed = witness.Head{Room: "north", LogID: w.Entry("north").LogID, Offset: last.Offset, Version: last.Version, Hash: []byte("another")}
	})
	livetest.Await(t, "it decides", func() bool { return again.Ready() == nil })
	if got := len(retold(t, w, "north", 6).State.Incidents); got != 5 {
		t.Errorf("%d incidents, want 5", got)
	}
}

func TestRequestsThatAreGoneKeepARoomHaltedUnlessTheAdminsPassOverThem(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	a := decide(t, w, "north", "a", nil)
	w.Configure("north")
	for k := range 5 {
		w.Ask("north", "account/dora", fmt.Sprint(k), open("north-1"))
	}
	answered(t, w, "north", 6)
	values := w.Read(eventlog.TopicLog, "north")
	if err := w.Cluster.DeleteRecords(eventlog.TopicIntake, int32(w.Entry("north").Partition), 5); err != nil {
		t.Fatal(err)
	}
	w.Append(eventlog.TopicLog, "north", []byte("noise"))
	livetest.Await(t, "it halts", a.Halted)
	reopen(t, w, "north", values[:3], controlroom.ReopenedBy{})
	livetest.Await(t, "it halts for what is gone", func() bool {
		err := a.Ready()
		return err != nil && a.Halted() && strings.Contains(err.Error(), "deleted undecided")
	})
	good := controlroom.NewFold("north")
	for k, value := range values[:3] {
		s := wire.Decode(int64(k), value)
		good.Read(&s)
	}
	_, end, err := w.Log.Bounds(t.Context(), eventlog.TopicLog, w.Entry("north").Partition)
	if err != nil {
		t.Fatal(err)
	}
	d := controlroom.Reopen("north", controlroom.Good{Head: good.Head, Offset: 2}, end, controlroom.Dead{Reopenings: 1},
		controlroom.ReopenedBy{Who: [2]string{"alice", "bob"}, Why: "they are gone", IntakeNext: 5})
	value, _ := wire.Encode(&d)
	w.Append(eventlog.TopicLog, "north", value)
	livetest.Await(t, "it decides", func() bool { return a.Ready() == nil && !a.Halted() })
	if f := retold(t, w, "north", 6); f.Reopened().Number != 2 || f.Reopened() == (es.Reopened{}) {
		t.Errorf("reopened %+v", f.Reopened())
	}
}
