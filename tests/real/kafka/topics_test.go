package kafka_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"

	"vigie/tests/stack"
)

// plan is what an operator asks for.
func plan() kafkalog.Plan {
	return kafkalog.Plan{Rooms: []string{"north"}, NewLogID: func() string { return "log-1" }, Replication: 3, MinInSync: 2}
}

// fits waits until the topics are what they should be: brokers learn of a setting one after the other.
func fits(ctx context.Context, t *testing.T, l *kafkalog.Log, table []eventlog.RoomEntry) {
	t.Helper()
	var err error
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("last check of the topics: %v", err)
		}
	})
	until(ctx, t, "the topics fit", func() bool { err = l.CheckTopics(ctx, table); return err == nil })
}

// named waits until the check says so.
func named(ctx context.Context, t *testing.T, l *kafkalog.Log, table []eventlog.RoomEntry, says string) {
	t.Helper()
	until(ctx, t, "the check says "+says, func() bool {
		var wrong *kafkalog.TopicsError
		err := l.CheckTopics(ctx, table)
		return errors.As(err, &wrong) && strings.Contains(err.Error(), says)
	})
}

func TestWhatIsWrongWithTopicsIsNamedAndMendedOnRealKafka(t *testing.T) {
	ctx := deadline(t)
	l, admin := connect(t, kafkalog.Default()), administrator(t)
	table, err := l.Apply(ctx, plan())
	if err != nil {
		t.Fatal(err)
	}
	fits(ctx, t, l, table)
	if advice, err := l.CheckBrokers(ctx); err != nil || len(advice) > 0 {
		t.Errorf("brokers as they should be: %q, %v", advice, err)
	}
	for _, tt := range []struct{ setting, value, says string }{
		{"min.insync.replicas", "1", "vigie.log has min.insync.replicas 1, it must be 2"},
		{"unclean.leader.election.enable", "true", "vigie.log allows unclean leaders"},
		{"cleanup.policy", "compact", `vigie.log has cleanup.policy "compact", it must be delete`},
		{"retention.ms", "604800000", "vigie.log has retention.ms 604800000, it must be -1"},
	} {
		if err := alter(ctx, admin, eventlog.TopicLog, tt.setting, tt.value); err != nil {
			t.Fatalf("%s: %v", tt.setting, err)
		}
		named(ctx, t, l, table, tt.says)
		if _, err := l.Apply(ctx, plan()); err != nil {
			t.Fatalf("mend %s: %v", tt.setting, err)
		}
		fits(ctx, t, l, table)
	}

	until(ctx, t, "a topic of one copy takes the place of another", func() bool {
		return remove(ctx, admin, eventlog.TopicParked) == nil && make1(ctx, admin, eventlog.TopicParked) == nil
	})
	named(ctx, t, l, table, "vigie.parked keeps 1 of the 3 copies")
	if _, err := l.Apply(ctx, plan()); err != nil {
		t.Fatal(err)
	}
	named(ctx, t, l, table, "vigie.parked has min.insync.replicas 1") // two would be no appends at all
	until(ctx, t, "the topic is gone", func() bool { return remove(ctx, admin, eventlog.TopicParked) == nil })
	if _, err := l.Apply(ctx, plan()); err != nil {
		t.Fatal(err)
	}
	fits(ctx, t, l, table)
}

func TestBrokersThatAreSetUpBadlyAreNamedOnRealKafka(t *testing.T) {
	bad := stack.Start(t, stack.Options{Brokers: 1, Properties: []string{
		"auto.create.topics.enable=true", "broker.session.timeout.ms=9000", "broker.heartbeat.interval.ms=2000",
		"controller.quorum.fetch.timeout.ms=2000", "controller.quorum.election.timeout.ms=1001",
	}})
	ctx := deadline(t)
	cfg := kafkalog.Default()
	cfg.Brokers = bad.Kafka()
	for declared, want := range map[bool][]string{
		true: {"broker 1 is alone and acknowledges what is not on its disk yet: set log.flush.interval.messages to 1"},
		false: {
			"broker 1 has broker.session.timeout.ms 9000: set it to 1500", "has broker.heartbeat.interval.ms 2000",
			"has controller.quorum.fetch.timeout.ms 2000", "has controller.quorum.election.timeout.ms 1001",
		},
	} {
		cfg.SingleNode = declared
		l, err := kafkalog.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.Close)
		advice, err := l.CheckBrokers(ctx)
		var wrong *kafkalog.BrokersError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "set auto.create.topics.enable to false") {
			t.Errorf("got %v", err)
		}
		if len(advice) != len(want) {
			t.Errorf("advice %q, want %d", advice, len(want))
		}
		for _, says := range want {
			if !strings.Contains(strings.Join(advice, "\n"), says) {
				t.Errorf("advice %q, want %q", advice, says)
			}
		}
	}
}

// alter changes a setting of a topic behind everybody's back.
func alter(ctx context.Context, admin *kgo.Client, topic, name, value string) error {
	config := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	config.Name, config.Value, config.Op = name, &value, kmsg.IncrementalAlterConfigOpSet
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName, r.Configs = kmsg.ConfigResourceTypeTopic, topic, append(r.Configs, config)
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Resources = append(req.Resources, r)
	res, err := req.RequestWith(ctx, admin)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(res.Resources[0].ErrorCode)
}

// remove takes a topic away, if it is there.
func remove(ctx context.Context, admin *kgo.Client, topic string) error {
	t := kmsg.NewDeleteTopicsRequestTopic()
	t.Topic = &topic
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.Topics, req.TopicNames, req.TimeoutMillis = append(req.Topics, t), append(req.TopicNames, topic), 10_000
	res, err := req.RequestWith(ctx, admin)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(res.Topics[0].ErrorCode); !errors.Is(err, kerr.UnknownTopicOrPartition) {
		return err
	}
	return nil
}

// make1 makes a topic of one copy.
func make1(ctx context.Context, admin *kgo.Client, topic string) error {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = topic, 1, 1
	for name, value := range map[string]string{"min.insync.replicas": "1", "retention.ms": "-1"} {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = name, &value
		t.Configs = append(t.Configs, c)
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Topics, req.TimeoutMillis = append(req.Topics, t), 10_000
	res, err := req.RequestWith(ctx, admin)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(res.Topics[0].ErrorCode)
}
