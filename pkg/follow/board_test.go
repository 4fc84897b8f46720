package follow_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow"
	"vigie/pkg/follow/livetest"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	"vigie/pkg/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// boards follows all rooms of a world for the time of a test.
func boards(t *testing.T, w *livetest.World) *follow.Rooms {
	t.Helper()
	rooms := follow.NewRooms(w.Log, quiet())
	if err := rooms.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rooms.Stop)
	w.Ready(rooms)
	return rooms
}

// chain makes decisions that answer requests 0, 1, ... and all open an incident, the first of them the log.
type chain struct {
	room, logID string
	decider     string
	fold        *controlroom.Fold
	next        int64
}

func newChain(e eventlog.RoomEntry) *chain {
	return &chain{room: e.Room, logID: e.LogID, decider: "chain", fold: controlroom.NewFold(e.Room)}
}

// more gives the stored values of n further decisions.
func (c *chain) more(t *testing.T, n int) [][]byte {
	t.Helper()
	w := es.NewWriter(c.room, c.decider, controlroom.Rules(), es.Limits{Requests: 1, Deadlines: 1, Bytes: 1 << 20}, wire.Encode)
	w.Fold = c.fold
	var values [][]byte
	for len(values) < n {
		if c.fold.Version > 0 {
			q := &intakev1.Request{Room: c.room, Principal: "account/a", Id: fmt.Sprint(c.fold.IntakeNext), Body: &intakev1.Request_ClaimIncident{
				ClaimIncident: &intakev1.ClaimIncident{Incident: "none"},
			}}
			value, err := wire.EncodeRequest(q)
			if err != nil {
				t.Fatal(err)
			}
			w.Request(wire.DecodeRequest(c.fold.IntakeNext, value))
		}
		tick := es.Tick{Now: 1_795_000_000_000 + c.next, Mono: c.next + 1}
		for _, value := range w.Step(tick, controlroom.Facts{Room: c.room, LogID: c.logID}).Batch {
			values = append(values, value)
			s := wire.Decode(c.next, value)
			if j := w.Read(&s); j.Verdict != es.Effective {
				t.Fatal(j)
			}
			c.next++
		}
		w.Appended(es.Written, tick)
	}
	return values
}

func TestABoardFollowsTheBulkAndThenTheTail(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	c := newChain(w.Entry("north"))
	w.Append(eventlog.TopicLog, "north", c.more(t, 300)...)
	b := boards(t, w).Board("north")
	if b.Head().Offset != 299 {
		t.Fatalf("ready at %+v", b.Head())
	}
	start := b.Head()
	for range 3 {
		w.Append(eventlog.TopicLog, "north", c.more(t, 1)...)
	}
	if err := b.Await(t.Context(), func(f *controlroom.Fold) bool { return f.Version == 303 }); err != nil {
		t.Fatal(err)
	}
	records, ok := b.Since(start)
	if !ok || len(records) != 3 || records[0].Offset != 300 || records[2].Offset != 302 {
		t.Errorf("since %d: %v, %d records", start.Offset, ok, len(records))
	}
	if s := b.Recent(301); s == nil || s.Version != 302 || b.Recent(999) != nil {
		t.Errorf("record 301 is %+v", s)
	}
}

func TestWhatFollowsAPositionIsAllOrNothing(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	c := newChain(w.Entry("north"))
	const all = 8192 + 100 // more than a board remembers
	for k := 0; k < all; k += 1000 {
		w.Append(eventlog.TopicLog, "north", c.more(t, min(1000, all-k))...)
	}
	b := boards(t, w).Board("north")
	head := b.Head()
	at := func(offset int64) follow.Position {
		s := b.Recent(offset)
		if s == nil {
			t.Fatalf("record %d is not remembered", offset)
		}
		return follow.Position{LogID: head.LogID, Offset: offset, Hash: s.Hash}
	}
	near := at(head.Offset - 5)
	other, wrong, past := near, near, head
	other.LogID, wrong.Hash[3], past.Offset = "log-of-another", wrong.Hash[3]^1, head.Offset+1
	for name, c := range map[string]struct {
		from follow.Position
		want int // -1: only a snapshot will do
	}{
		"the head":                        {head, 0},
		"a position just behind":          {near, 5},
		"another log":                     {other, -1},
		"another hash at the same offset": {wrong, -1},
		"past the end":                    {past, -1},
		"too far back":                    {follow.Position{LogID: head.LogID, Offset: 10}, -1},
		"before the first, which is gone": {follow.Position{LogID: head.LogID, Offset: -1}, -1},
	} {
		records, ok := b.Since(c.from)
		if ok != (c.want >= 0) || ok && len(records) != c.want {
			t.Errorf("%s: %v with %d records, want %d", name, ok, len(records), c.want)
		}
	}
}

func TestBeforeTheFirstRecordIsAPositionToo(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	b := boards(t, w).Board("north")
	empty := b.Head()
	if records, ok := b.Since(empty); !ok || len(records) != 0 {
		t.Fatalf("an empty log: %v, %d records", ok, len(records))
	}
	w.Append(eventlog.TopicLog, "north", newChain(w.Entry("north")).more(t, 4)...)
	if err := b.Await(t.Context(), func(f *controlroom.Fold) bool { return f.Version == 4 }); err != nil {
		t.Fatal(err)
	}
	if records, ok := b.Since(empty); !ok || len(records) != 4 {
		t.Errorf("since the beginning: %v, %d records", ok, len(records))
	}
}

func TestADamagedRoomHaltsWithAReasonAndAnotherGoesOn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		damage func(t *testing.T, w *livetest.World)
		want   string
	}{
		"a flipped hash": {func(t *testing.T, w *livetest.World) {
			t.Helper()
			values := newChain(w.Entry("north")).more(t, 4)
			values[3][len(values[3])-1] ^= 1
			w.Append(eventlog.TopicLog, "north", values...)
		}, "offset 3: the hash of the record does not match its bytes"},
		"a record cut out": {func(t *testing.T, w *livetest.World) {
			t.Helper()
			values := newChain(w.Entry("north")).more(t, 5)
			w.Append(eventlog.TopicLog, "north", values[0], values[1], values[3], values[4])
		}, "the log was cut or rewritten"},
		"a beginning cut off": {func(t *testing.T, w *livetest.World) {
			t.Helper()
			w.Append(eventlog.TopicLog, "north", newChain(w.Entry("north")).more(t, 4)...)
			if err := w.Cluster.DeleteRecords(eventlog.TopicLog, int32(w.Entry("north").Partition), 2); err != nil {
				t.Fatal(err)
			}
		}, "the log now starts at 2"},
		"the log of another": {func(t *testing.T, w *livetest.World) {
			t.Helper()
			e := w.Entry("north")
			e.LogID = "log-of-another"
			w.Append(eventlog.TopicLog, "north", newChain(e).more(t, 1)...)
		}, "its log id is log-of-another"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := livetest.Start(t, "north", "south")
			rooms := boards(t, w)
			c.damage(t, w)
			if name == "a beginning cut off" { // seen by whoever starts
				rooms = follow.NewRooms(w.Log, quiet())
				if err := rooms.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(rooms.Stop)
			}
			north, south := rooms.Board("north"), rooms.Board("south")
			err := north.Await(t.Context(), func(*controlroom.Fold) bool { return false })
			if !errors.Is(err, follow.ErrHalted) || !strings.Contains(north.Halted(), c.want) {
				t.Errorf("halted with %q, %v; want %q", north.Halted(), err, c.want)
			}
			if err := north.Ready(); err == nil {
				t.Error("a halted room is ready")
			}
			w.Append(eventlog.TopicLog, "south", newChain(w.Entry("south")).more(t, 3)...)
			if err := south.Await(t.Context(), func(f *controlroom.Fold) bool { return f.Version == 3 }); err != nil {
				t.Errorf("the other room: %v", err)
			}
			livetest.Await(t, "ready for the rooms that are not halted", func() bool { return rooms.Ready(t.Context()) == nil })
		})
	}
}

func TestVoidRecordsAreCountedAndNeverSeen(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	c := newChain(w.Entry("north"))
	values := c.more(t, 3)
	w.Append(eventlog.TopicLog, "north", values[0], values[1], values[1], values[2])
	b := boards(t, w).Board("north")
	records, ok := b.Since(follow.Position{LogID: w.Entry("north").LogID, Offset: -1})
	if !ok || len(records) != 3 || b.Voids() != 1 || b.Recent(2) != nil {
		t.Errorf("%v, %d records, %d void", ok, len(records), b.Voids())
	}
	if b.Head().Offset != 3 {
		t.Errorf("head %+v", b.Head())
	}
}

func TestWaitingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	never := follow.NewBoard(w.Log, w.Entry("north"), quiet()) // nobody runs it
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- never.AwaitReady(ctx) }()
	go func() { ended <- never.Await(ctx, func(*controlroom.Fold) bool { return false }) }()
	cancel()
	for range 2 {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	}
	if err := never.Ready(); err == nil || !strings.Contains(err.Error(), "reading its log") {
		t.Errorf("a board that has read nothing: %v", err)
	}
}

func TestAnEmptyRoomTableSaysWhatToDo(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t)
	if err := follow.NewRooms(w.Log, quiet()).Start(t.Context()); !errors.Is(err, follow.ErrNoRooms) {
		t.Errorf("got %v", err)
	}
}
