package follow_test

import (
	"bytes"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow"
	"vigie/pkg/follow/livetest"
	"vigie/pkg/follow/past"
	"vigie/pkg/follow/verify"
	"vigie/pkg/wire"
)

// reopen writes the record that reopens a room's log behind the first records of a log, and goes on from there with a chain
// of its own.
func reopen(t *testing.T, w *livetest.World, e eventlog.RoomEntry, whole [][]byte, number uint64) *chain {
	t.Helper()
	f := controlroom.NewFold(e.Room)
	for k, value := range whole {
		s := wire.Decode(int64(k), value)
		if j := f.Read(&s); j.Verdict == es.Halting {
			t.Fatal(j)
		}
	}
	_, end, err := w.Log.Bounds(t.Context(), eventlog.TopicLog, e.Partition)
	if err != nil {
		t.Fatal(err)
	}
	good := controlroom.Good{Head: f.Head, Offset: f.HeadOffset(), LogID: e.LogID}
	d := controlroom.Reopen(e.Room, good, end, controlroom.Dead{Reopenings: number - 1, LastIncident: 7, LastMission: 9},
		controlroom.ReopenedBy{Who: [2]string{"alice", "bob"}, Why: "a disk"})
	value, _ := wire.Encode(&d)
	w.Append(eventlog.TopicLog, e.Room, value)
	s := wire.Decode(end, value)
	f.Expect(&s)
	if j := f.Read(&s); j.Verdict != es.Effective {
		t.Fatal(j)
	}
	return &chain{room: e.Room, logID: e.LogID, decider: "another", fold: f, next: end + 1}
}

func TestAHaltedRoomComesBackByItselfOnceItsLogIsReopened(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		damage func(t *testing.T, w *livetest.World, values [][]byte)
		good   int
	}{
		"after a flipped byte, behind the last good record": {func(t *testing.T, w *livetest.World, values [][]byte) {
			t.Helper()
			values[4][len(values[4])-1] ^= 1
			w.Append(eventlog.TopicLog, "north", values...)
		}, 4},
		"after a flipped byte, further back": {func(t *testing.T, w *livetest.World, values [][]byte) {
			t.Helper()
			values[4][20] ^= 1
			w.Append(eventlog.TopicLog, "north", values...)
		}, 2},
		"after a flipped byte in the first record, from nothing": {func(t *testing.T, w *livetest.World, values [][]byte) {
			t.Helper()
			values[0][9] ^= 1
			w.Append(eventlog.TopicLog, "north", values...)
		}, 0},
		"after a record was cut out": {func(t *testing.T, w *livetest.World, values [][]byte) {
			t.Helper()
			w.Append(eventlog.TopicLog, "north", slices.Delete(values, 4, 5)...)
		}, 3},
		"without having halted": {func(t *testing.T, w *livetest.World, values [][]byte) {
			t.Helper()
			w.Append(eventlog.TopicLog, "north", values...)
		}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := livetest.Start(t, "north", "south")
			rooms := boards(t, w)
			north, south := rooms.Board("north"), rooms.Board("south")
			values := newChain(w.Entry("north")).more(t, 7)
			whole := make([][]byte, c.good)
			for k := range whole {
				whole[k] = slices.Clone(values[k])
			}
			c.damage(t, w, values)
			wrong := name != "without having halted"
			livetest.Await(t, "the room is halted, or read", func() bool {
				return wrong && north.Halted() != "" || !wrong && north.Head().Offset == 6
			})
			old := north.Head()

			on := reopen(t, w, w.Entry("north"), whole, 1)
			w.Append(eventlog.TopicLog, "north", on.more(t, 3)...)
			livetest.Await(t, "the room goes on", func() bool {
				return north.Halted() == "" && north.Ready() == nil && north.Head().Offset == on.next-1
			})
			if _, known := north.Since(old); known && old.Offset >= 0 {
				t.Error("a position in what is dead is good")
			}
			if _, known := north.Since(north.Head()); !known {
				t.Error("the present position is not good")
			}
			all := follow.NewRooms(w.Log, quiet())
			if err := all.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(all.Stop)
			w.Ready(all)
			agree(t, w, north, all.Board("north"))
			w.Append(eventlog.TopicLog, "south", newChain(w.Entry("south")).more(t, 2)...)
			if err := south.Await(t.Context(), func(f *controlroom.Fold) bool { return f.Version == 2 }); err != nil {
				t.Errorf("the other room: %v", err)
			}
		})
	}
}

// agree compares what live and past readers and the one that verifies say.
func agree(t *testing.T, w *livetest.World, boards ...*follow.Board) {
	t.Helper()
	room := boards[0].Room
	_, end, err := w.Log.Bounds(t.Context(), eventlog.TopicLog, room.Partition)
	if err != nil {
		t.Fatal(err)
	}
	view, err := past.Show(t.Context(), w.Log, room, controlroom.NewFold(room.Room), past.AtOffset(end-1), func() error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	want, err := past.Encode(view)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range boards {
		var got []byte
		b.Look(func(f *controlroom.Fold) { got, err = past.Encode(controlroom.Show(room.Room, f)) })
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("a board shows\n%s\nand the past\n%s%v", got, want, err)
		}
	}
	report, err := verify.Log(t.Context(), w.Log, room, func(int64, int64) {})
	if err != nil {
		t.Fatal(err)
	}
	if bad := report.FirstBad; bad != nil && !strings.Contains(bad.Reason, "intake") || report.Reopened == 0 || report.HeadHash != controlroom.Hex(boards[0].Head().Hash) {
		t.Errorf("verified: %+v, %+v", report, bad)
	}
}

func TestARoomWhoseBeginningIsGoneBeginsAnew(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	w.Append(eventlog.TopicLog, "north", newChain(w.Entry("north")).more(t, 5)...)
	if err := w.Cluster.DeleteRecords(eventlog.TopicLog, int32(w.Entry("north").Partition), 3); err != nil {
		t.Fatal(err)
	}
	rooms := follow.NewRooms(w.Log, quiet())
	if err := rooms.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rooms.Stop)
	north := rooms.Board("north")
	livetest.Await(t, "the room is halted", func() bool { return north.Halted() != "" })
	w.Append(eventlog.TopicLog, "north", reopen(t, w, w.Entry("north"), nil, 1).more(t, 2)...)
	livetest.Await(t, "the room goes on", func() bool { return north.Halted() == "" && north.Ready() == nil && north.Head().Offset == 7 })
	agree(t, w, north)
}

func TestALogMayBeReopenedAgainAndItsReopeningBeDamaged(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	rooms := boards(t, w)
	north := rooms.Board("north")
	values := newChain(w.Entry("north")).more(t, 6)
	bad := slices.Clone(values[4])
	bad[30] ^= 4
	w.Append(eventlog.TopicLog, "north", append(slices.Clone(values[:4]), bad)...)
	livetest.Await(t, "halted", func() bool { return north.Halted() != "" })
	for number := range uint64(3) {
		on := reopen(t, w, w.Entry("north"), values[:4-number], number+1)
		w.Append(eventlog.TopicLog, "north", on.more(t, 2)...)
		livetest.Await(t, "goes on", func() bool { return north.Halted() == "" && north.Head().Offset == on.next-1 })
		spoilt := on.more(t, 1)[0]
		spoilt[10] ^= 1
		w.Append(eventlog.TopicLog, "north", spoilt)
		livetest.Await(t, "halted again", func() bool { return north.Halted() != "" })
	}
	on := reopen(t, w, w.Entry("north"), values[:2], 4)
	livetest.Await(t, "goes on for good", func() bool { return north.Halted() == "" && north.Head().Offset == on.next-1 })
	agree(t, w, north)
}

// TestATailThatWasCutAndWrittenOnIsNoticedByWhoeverHadReadItAndLeftByAReopening is F9: an older copy of the log comes back
// with the broker, and another decider goes on from it. Who had read more halts; who begins now sees nothing wrong. Two
// admins may keep the story as it is now: both go on.
func TestATailThatWasCutAndWrittenOnIsNoticedByWhoeverHadReadItAndLeftByAReopening(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	north := boards(t, w).Board("north")
	w.Append(eventlog.TopicLog, "north", newChain(w.Entry("north")).more(t, 8)...)
	livetest.Await(t, "it is read", func() bool { return north.Head().Offset == 7 })

	_, port, err := net.SplitHostPort(w.Cluster.ListenAddrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	w.Cluster.Close()
	livetest.Await(t, "the broker is back", func() bool {
		w.Cluster, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(number))
		return err == nil
	})
	t.Cleanup(w.Cluster.Close)
	livetest.Await(t, "the topics are there", func() bool {
		_, err := w.Log.Apply(t.Context(), kafkalog.Plan{
			Rooms: []string{"north"}, NewLogID: func() string { return w.Entry("north").LogID }, Replication: 1, IntakeRetention: kafkalog.Forever,
		})
		return err == nil
	})
	kept := newChain(w.Entry("north")) // the same records again, and then those of another
	values := kept.more(t, 4)
	kept.decider = "another"
	values = append(values, kept.more(t, 2)...)
	w.Append(eventlog.TopicLog, "north", values...)
	livetest.Await(t, "who had read more halts", func() bool { return north.Halted() != "" })
	fresh := boards(t, w).Board("north")
	if fresh.Halted() != "" || fresh.Head().Offset != 5 {
		t.Errorf("who begins now is at %+v: %s", fresh.Head(), fresh.Halted())
	}
	on := reopen(t, w, w.Entry("north"), values, 1)
	w.Append(eventlog.TopicLog, "north", on.more(t, 2)...)
	for name, b := range map[string]*follow.Board{"who had halted": north, "who began later": fresh} {
		livetest.Await(t, name+" goes on", func() bool { return b.Halted() == "" && b.Ready() == nil && b.Head().Offset == on.next-1 })
	}
	agree(t, w, north, fresh)
}
