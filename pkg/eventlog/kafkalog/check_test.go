package kafkalog_test

import (
	"errors"
	text "strings"
	"testing"
	"time"

	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
)

func TestTopicsThatFitAreAcceptedAndOthersAreNamed(t *testing.T) {
	t.Parallel()
	_, log := single(t)
	ctx := deadline(t)
	table := []eventlog.RoomEntry{{Room: "a", Partition: 0}, {Room: "b", Partition: 1}}
	var wrong *kafkalog.TopicsError
	if err := log.CheckTopics(ctx, table); !errors.As(err, &wrong) || len(wrong.Problems) != 4 {
		t.Fatalf("nothing is there, and the check says %v", err)
	}
	for _, s := range kafkalog.Topics(2, 1, 1) {
		if err := log.CreateTopic(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.CheckTopics(ctx, table); err != nil {
		t.Fatalf("as they were made: %v", err)
	}
	more := append([]eventlog.RoomEntry{{Room: "c", Partition: 2}}, table...)
	if err := log.CheckTopics(ctx, more); err == nil || !text.Contains(err.Error(), "has 2 partitions, the table of rooms needs 3") {
		t.Errorf("a room more than partitions: %v", err)
	}
	short := kafkalog.TopicSettings{Name: eventlog.TopicLog, Partitions: 2, Retention: time.Hour}
	if err := log.CreateTopic(ctx, short); err != nil {
		t.Fatal(err)
	}
	if err := log.CheckTopics(ctx, table); err == nil || !text.Contains(err.Error(), "vigie.log has retention.ms 3600000") {
		t.Errorf("a log that forgets: %v", err)
	}
}
