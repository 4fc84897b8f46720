package kafkalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
	"google.golang.org/protobuf/proto"

	"vigie/pkg/eventlog"
	roomsv1 "vigie/pkg/gen/vigie/rooms/v1"
)

// Rooms reads the table of rooms, in the order in which they were assigned.
func (l *Log) Rooms(ctx context.Context) ([]eventlog.RoomEntry, error) {
	start, end, err := l.ledBounds(ctx, eventlog.TopicRooms, 0)
	if err != nil {
		return nil, fmt.Errorf("table of rooms: %w", err)
	}
	if start > 0 {
		return nil, outside(eventlog.TopicRooms, 0, 0, start, end)
	}
	var table RoomTable
	if err := l.Scan(ctx, eventlog.TopicRooms, 0, 0, end, table.Add); err != nil {
		return nil, fmt.Errorf("table of rooms: %w", err)
	}
	return table.Entries(), nil
}

// ledBounds is [Log.Bounds] that waits while the partition gets a new leader: a service that starts in that moment would
// end otherwise.
func (l *Log) ledBounds(ctx context.Context, topic string, partition int) (start, end int64, err error) {
	out := outage{log: l.log, attrs: []any{"topic", topic, "partition", partition}}
	for {
		start, end, err = l.Bounds(ctx, topic, partition)
		if !errors.Is(err, kafka.NotLeaderForPartition) && !errors.Is(err, kafka.LeaderNotAvailable) {
			out.over(ctx)
			return start, end, err
		}
		if pause := out.pause(ctx, err); pause != nil {
			return 0, 0, errors.Join(pause, err)
		}
	}
}

// AssignRooms gives every room of the list that has no partition yet the next
// free one, and returns the whole table. newLogID makes the identity of a new
// room's log. Assignments are never changed; several processes may assign at
// the same time.
func (l *Log) AssignRooms(ctx context.Context, rooms []string, newLogID func() string) ([]eventlog.RoomEntry, error) {
	for {
		table, err := l.Rooms(ctx)
		if err != nil {
			return nil, err
		}
		values, err := missing(table, rooms, newLogID)
		if err != nil || len(values) == 0 {
			return table, err
		}
		// The table is read again whatever came of it: what counts is the first
		// record that names a room or a partition.
		if _, err := l.Append(ctx, eventlog.TopicRooms, 0, values); err != nil {
			return nil, fmt.Errorf("assign rooms: %w", err)
		}
	}
}

func missing(table []eventlog.RoomEntry, rooms []string, newLogID func() string) ([][]byte, error) {
	free := Partitions(table)
	var values [][]byte
	var named []string
	for _, room := range rooms {
		if room == "" {
			return nil, fmt.Errorf("assign rooms: a room without a name")
		}
		known := func(e eventlog.RoomEntry) bool { return e.Room == room }
		if slices.Contains(named, room) || slices.ContainsFunc(table, known) {
			continue
		}
		value, err := proto.Marshal(&roomsv1.RoomAssigned{
			Room: room, Partition: int32(free), LogId: newLogID(), //nolint:gosec // a number of rooms
		})
		if err != nil {
			return nil, fmt.Errorf("assign room %s: %w", room, err)
		}
		values, named = append(values, value), append(named, room)
		free++
	}
	return values, nil
}

// Partitions is how many partitions the topics of these rooms need.
func Partitions(table []eventlog.RoomEntry) int {
	n := 0
	for _, e := range table {
		n = max(n, e.Partition+1)
	}
	return n
}

// RoomTable folds the records of vigie.rooms. The first record that names a
// room and a partition not named before counts; others are void.
type RoomTable struct {
	entries []eventlog.RoomEntry
}

// Add folds one record. One that cannot be read is damage.
func (t *RoomTable) Add(r eventlog.Record) error {
	var a roomsv1.RoomAssigned
	if err := proto.Unmarshal(r.Value, &a); err != nil || a.GetRoom() == "" || a.GetPartition() < 0 || a.GetLogId() == "" {
		return &eventlog.DamageError{Topic: eventlog.TopicRooms, Offset: r.Offset, Reason: "not an assignment of a room"}
	}
	e := eventlog.RoomEntry{Room: a.GetRoom(), Partition: int(a.GetPartition()), LogID: a.GetLogId()}
	taken := func(have eventlog.RoomEntry) bool { return have.Room == e.Room || have.Partition == e.Partition }
	if !slices.ContainsFunc(t.entries, taken) {
		t.entries = append(t.entries, e)
	}
	return nil
}

// Entries returns the table so far.
func (t *RoomTable) Entries() []eventlog.RoomEntry { return slices.Clone(t.entries) }

// Plan is what [Log.Apply] makes true.
type Plan struct {
	Rooms []string
	// NewLogID makes the identity of a new room's log.
	NewLogID func() string
	// Replication and MinInSync are those of every topic; 0 leaves them to the brokers.
	Replication int
	MinInSync   int
	// IntakeRetention replaces the 30 days of intake; 0 keeps them.
	IntakeRetention time.Duration
}

// Apply makes the topics and the table of rooms what the plan asks for, and
// returns the table. It may be repeated at any time with more rooms.
func (l *Log) Apply(ctx context.Context, p Plan) ([]eventlog.RoomEntry, error) {
	topics := func(rooms int) []TopicSettings {
		settings := Topics(rooms, p.Replication, p.MinInSync)
		for i := range settings {
			if settings[i].Name == eventlog.TopicIntake && p.IntakeRetention != 0 {
				settings[i].Retention = p.IntakeRetention
			}
		}
		return settings
	}
	for _, s := range topics(1) {
		if s.Name != eventlog.TopicRooms {
			continue
		}
		if err := l.CreateTopic(ctx, s); err != nil {
			return nil, err
		}
	}
	table, err := l.AssignRooms(ctx, p.Rooms, p.NewLogID)
	if err != nil {
		return nil, err
	}
	for _, s := range topics(max(1, Partitions(table))) {
		if err := l.CreateTopic(ctx, s); err != nil {
			return nil, err
		}
	}
	return table, nil
}
