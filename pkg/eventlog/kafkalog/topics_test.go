package kafkalog_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	roomsv1 "vigie/pkg/gen/vigie/rooms/v1"
)

// ids makes log ids that tell themselves apart.
func ids(prefix string) func() string {
	n := 0
	return func() string {
		n++
		return fmt.Sprintf("%s-%d", prefix, n)
	}
}

func plan(newID func() string, rooms ...string) kafkalog.Plan {
	return kafkalog.Plan{Rooms: rooms, NewLogID: newID, Replication: 1}
}

func TestApplyCanBeRepeatedAndOnlyAdds(t *testing.T) {
	t.Parallel()
	c := broker(t)
	l := connect(t, c.ListenAddrs()...)
	ctx := deadline(t)
	first, err := l.Apply(ctx, plan(ids("a"), "north", "south"))
	if err != nil {
		t.Fatal(err)
	}
	want := []eventlog.RoomEntry{{Room: "north", Partition: 0, LogID: "a-1"}, {Room: "south", Partition: 1, LogID: "a-2"}}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Error(diff)
	}
	second, err := l.Apply(ctx, plan(ids("b"), "west", "north"))
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, eventlog.RoomEntry{Room: "west", Partition: 2, LogID: "b-1"})
	if diff := cmp.Diff(want, second); diff != "" {
		t.Error(diff)
	}
	for _, topic := range []string{eventlog.TopicIntake, eventlog.TopicLog, eventlog.TopicPositions} {
		if _, err := l.Append(ctx, topic, 2, [][]byte{[]byte("x")}); err != nil {
			t.Errorf("the third partition of %s: %v", topic, err)
		}
	}
	for topic, retention := range map[string]string{
		eventlog.TopicRooms: "-1", eventlog.TopicLog: "-1",
		eventlog.TopicIntake: "2592000000", eventlog.TopicPositions: "86400000",
	} {
		if got := *c.TopicInfo(topic).Configs["retention.ms"]; got != retention {
			t.Errorf("retention of %s is %s, want %s", topic, got, retention)
		}
	}
}

func TestRoomsAssignedAtTheSameTimeNeverShareAPartition(t *testing.T) {
	t.Parallel()
	c := broker(t)
	l := connect(t, c.ListenAddrs()...)
	ctx := deadline(t)
	if _, err := l.Apply(ctx, plan(ids("none"))); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i := range 6 {
		group.Go(func() {
			rooms := []string{fmt.Sprintf("own %d", i), "shared"}
			if _, err := l.AssignRooms(ctx, rooms, ids(fmt.Sprint(i))); err != nil {
				t.Errorf("assign: %v", err)
			}
		})
	}
	group.Wait()
	table, err := l.Rooms(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(table) != 7 {
		t.Errorf("%d rooms, want 7: %v", len(table), table)
	}
	rooms, partitions := map[string]bool{}, map[int]bool{}
	for _, e := range table {
		if rooms[e.Room] || partitions[e.Partition] {
			t.Errorf("%v: room or partition is there twice", e)
		}
		rooms[e.Room], partitions[e.Partition] = true, true
	}
}

func TestTheFirstAssignmentCounts(t *testing.T) {
	t.Parallel()
	var table kafkalog.RoomTable
	for i, a := range []*roomsv1.RoomAssigned{
		{Room: "north", Partition: 0, LogId: "a"},
		{Room: "north", Partition: 1, LogId: "b"}, // the room is assigned
		{Room: "south", Partition: 0, LogId: "c"}, // the partition is taken
		{Room: "south", Partition: 1, LogId: "d"},
	} {
		value, err := proto.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		if err := table.Add(eventlog.Record{Offset: int64(i), Value: value}); err != nil {
			t.Fatal(err)
		}
	}
	want := []eventlog.RoomEntry{{Room: "north", Partition: 0, LogID: "a"}, {Room: "south", Partition: 1, LogID: "d"}}
	if diff := cmp.Diff(want, table.Entries()); diff != "" {
		t.Error(diff)
	}
	var damage *eventlog.DamageError
	if err := table.Add(eventlog.Record{Offset: 4, Value: []byte("junk")}); !errors.As(err, &damage) || damage.Offset != 4 {
		t.Errorf("got %v, want damage at 4", err)
	}
}

func TestPositionsGoToTheirOwnBrokers(t *testing.T) {
	t.Parallel()
	main, other := broker(t), broker(t)
	cfg := config(main.ListenAddrs()...)
	cfg.PositionsBrokers = other.ListenAddrs()
	l, err := kafkalog.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	ctx := deadline(t)
	if _, err := l.Apply(ctx, plan(ids("a"), "north")); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(ctx, eventlog.TopicPositions, 0, [][]byte{[]byte("fix")}); err != nil {
		t.Fatal(err)
	}
	err = l.Scan(ctx, eventlog.TopicPositions, 0, 0, 1, func(r eventlog.Record) error {
		if string(r.Value) != "fix" {
			t.Errorf("read %q", r.Value)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if main.TopicInfo(eventlog.TopicPositions) != nil {
		t.Error("the main brokers have the positions topic too")
	}
	if other.TopicInfo(eventlog.TopicLog) != nil {
		t.Error("the brokers for positions have the log too")
	}
}

func TestATopicNeedsPartitionsAndARetention(t *testing.T) {
	t.Parallel()
	_, l := single(t)
	for _, s := range []kafkalog.TopicSettings{
		{Name: "x", Partitions: 0, Retention: kafkalog.Forever},
		{Name: "x", Partitions: 1},
	} {
		if err := l.CreateTopic(context.Background(), s); err == nil {
			t.Errorf("%+v was accepted", s)
		}
	}
}

func TestAConfigurationThatCannotWorkIsRefused(t *testing.T) {
	t.Parallel()
	if err := kafkalog.Default().Validate(); err != nil {
		t.Errorf("the default: %v", err)
	}
	for name, spoil := range map[string]func(*kafkalog.Config){
		"no brokers":             func(c *kafkalog.Config) { c.Brokers = nil },
		"a broker without port":  func(c *kafkalog.Config) { c.PositionsBrokers = []string{"kafka"} },
		"no dial timeout":        func(c *kafkalog.Config) { c.DialTimeout = 0 },
		"a very short timeout":   func(c *kafkalog.Config) { c.RequestTimeout = 10 * time.Millisecond },
		"no life of metadata":    func(c *kafkalog.Config) { c.MetadataTTL = -1 },
		"an empty broker's name": func(c *kafkalog.Config) { c.Brokers = []string{""} },
	} {
		cfg := kafkalog.Default()
		spoil(&cfg)
		if _, err := kafkalog.New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	w := kafkalog.DefaultWriter()
	w.MaxQueued = 0
	if _, err := kafkalog.NewWriter(nil, w); err == nil {
		t.Error("a writer without a queue: accepted")
	}
}
