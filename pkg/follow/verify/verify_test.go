package verify_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow/followtest"
	"vigie/pkg/follow/verify"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func silent(int64, int64) {}

func walk(t *testing.T, room *followtest.Room) verify.Room {
	t.Helper()
	r, err := verify.Log(t.Context(), room.Log, room.RoomEntry, silent)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAWholeLogIsToldInFigures(t *testing.T) {
	t.Parallel()
	room := followtest.Start(t)
	room.Tell(nil)
	void := room.Lose()
	head := room.Head()
	want := verify.Room{
		Room: followtest.Name, Records: room.Next(), Effective: int64(head.Version), Void: 2,
		HeadOffset: void - 1, HeadHash: controlroom.Hex(head.Hash),
		IntakeNext: head.IntakeNext, IntakeEnd: head.IntakeNext, RequestsChecked: head.IntakeNext, OK: true,
	}
	if diff := cmp.Diff(want, walk(t, room)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDamageIsFoundAtItsOffset(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		damage func(t *testing.T, room *followtest.Room) (at int64)
		says   string
	}{
		"a flipped byte": {
			func(_ *testing.T, room *followtest.Room) int64 { return room.Damage(room.Flipped()) }, "hash of the record does not match",
		},
		"bytes that are no record": {
			func(_ *testing.T, room *followtest.Room) int64 { return room.Damage([]byte("\xff\xff")) }, "not a decision",
		},
		"a part cut out of the chain": {
			func(t *testing.T, room *followtest.Room) int64 {
				t.Helper()
				other := followtest.Start(t)
				other.Tell(nil)
				other.More(8)
				return room.Damage(other.Last())
			}, "cut or rewritten",
		},
		"a log whose beginning is gone": {
			func(t *testing.T, room *followtest.Room) int64 {
				t.Helper()
				dropBefore(t, room, eventlog.TopicLog, 3)
				return 0
			}, "now starts at 3",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			room := followtest.Start(t)
			room.Tell(nil)
			at := tt.damage(t, room)
			got := walk(t, room)
			if got.OK || got.FirstBad == nil || got.FirstBad.Offset != at || !strings.Contains(got.FirstBad.Reason, tt.says) {
				t.Errorf("%+v, first bad %+v; want offset %d: %s", got, got.FirstBad, at, tt.says)
			}
		})
	}
}

func TestTheRequestsOfIntakeMustBeThoseAnswered(t *testing.T) {
	t.Parallel()
	written := followtest.Start(t)
	written.Tell(nil)
	var log [][]byte
	err := written.Log.Scan(t.Context(), eventlog.TopicLog, 0, 0, written.Next(), func(r eventlog.Record) error {
		log = append(log, r.Value)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// The same log over an intake that holds something else, or nothing.
	for name, tt := range map[string]struct {
		intake int
		says   string
	}{
		"rewritten": {20, "intake was rewritten"},
		"cut":       {0, "intake was cut"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			room := followtest.Start(t)
			room.Append(log[1:]...)
			for range tt.intake {
				room.Intake([]byte("something else"))
			}
			got := walk(t, room)
			if got.OK || !strings.Contains(got.FirstBad.Reason, tt.says) {
				t.Errorf("%+v, first bad %+v; want %q", got, got.FirstBad, tt.says)
			}
		})
	}
}

func TestRequestsThatAreNoLongerKeptAreNotMissed(t *testing.T) {
	t.Parallel()
	room := followtest.Start(t)
	room.Tell(nil)
	dropBefore(t, room, eventlog.TopicIntake, 5)
	got := walk(t, room)
	if !got.OK || got.RequestsChecked != got.IntakeNext-5 {
		t.Errorf("%+v, want the first 5 requests not compared", got)
	}
}

func TestAReportIsWholeWhenAllRoomsAre(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		rooms []verify.Room
		ok    bool
	}{
		"no room":     {nil, true},
		"all whole":   {[]verify.Room{{OK: true}, {OK: true}}, true},
		"one damaged": {[]verify.Room{{OK: true}, {}}, false},
	} {
		if got := verify.NewReport(tt.rooms); got.OK != tt.ok || len(got.Rooms) != len(tt.rooms) || got.Rooms == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestWhoeverStopsWaitingGetsNoVerdict(t *testing.T) {
	t.Parallel()
	room := followtest.Start(t)
	room.Tell(nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := verify.Log(ctx, room.Log, room.RoomEntry, func(int64, int64) { cancel() })
	if err == nil {
		t.Error("a verdict after being stopped")
	}
}

func dropBefore(t *testing.T, room *followtest.Room, topic string, offset int64) {
	t.Helper()
	admin, err := kgo.NewClient(kgo.SeedBrokers(room.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	p := kmsg.NewDeleteRecordsRequestTopicPartition()
	p.Partition, p.Offset = int32(room.Partition), offset
	in := kmsg.NewDeleteRecordsRequestTopic()
	in.Topic, in.Partitions = topic, append(in.Partitions, p)
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.Topics, req.TimeoutMillis = append(req.Topics, in), 5000
	res, err := req.RequestWith(t.Context(), admin)
	if err == nil {
		err = kerr.ErrorForCode(res.Topics[0].Partitions[0].ErrorCode)
	}
	if err != nil {
		t.Fatalf("delete records: %v", err)
	}
}
