package follow_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow"
	"vigie/pkg/follow/livetest"
)

func TestNobodyStartsOnTopicsThatLoseWhatTheyAreTold(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	if _, err := follow.Table(t.Context(), w.Log); err != nil {
		t.Fatalf("a single node, declared: %v", err)
	}
	cfg := kafkalog.Default()
	cfg.Brokers, cfg.MetadataTTL = w.Cluster.ListenAddrs(), 100*time.Millisecond
	log, err := kafkalog.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	var wrong *kafkalog.TopicsError
	if err := follow.NewRooms(log, quiet()).Start(t.Context()); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "vigie.log keeps 1 of the 3 copies") {
		t.Errorf("one copy, not declared: %v", err)
	}
}
