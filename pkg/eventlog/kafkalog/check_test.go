package kafkalog_test

import (
	"context"
	"errors"
	"slices"
	text "strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
)

func TestTopicsThatFitAreAcceptedAndOthersAreNamed(t *testing.T) {
	t.Parallel()
	_, log := single(t)
	ctx := deadline(t)
	table := []eventlog.RoomEntry{{Room: "a", Partition: 0}, {Room: "b", Partition: 1}}
	all := kafkalog.Topics(2, 1, 1)
	var wrong *kafkalog.TopicsError
	if err := log.CheckTopics(ctx, table); !errors.As(err, &wrong) || len(wrong.Problems) != len(all) {
		t.Fatalf("nothing is there, and the check says %v", err)
	}
	for _, s := range all {
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

// three is a cluster of three brokers, and a log on it that is not declared a single node.
func three(tb testing.TB, more ...kfake.Opt) (*kfake.Cluster, *kafkalog.Log) {
	tb.Helper()
	c, err := kfake.NewCluster(append(more, kfake.NumBrokers(3))...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	cfg := config(c.ListenAddrs()...)
	cfg.SingleNode = false
	return c, open(tb, cfg)
}

// set changes one setting of the log's topic behind everybody's back.
func set(ctx context.Context, tb testing.TB, c *kfake.Cluster, name, value string) {
	tb.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...))
	if err != nil {
		tb.Fatal(err)
	}
	defer client.Close()
	config := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	config.Name, config.Value, config.Op = name, &value, kmsg.IncrementalAlterConfigOpSet
	topic := kmsg.NewIncrementalAlterConfigsRequestResource()
	topic.ResourceType, topic.ResourceName = kmsg.ConfigResourceTypeTopic, eventlog.TopicLog
	topic.Configs = append(topic.Configs, config)
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Resources = append(req.Resources, topic)
	res, err := req.RequestWith(ctx, client)
	if err == nil {
		err = kerr.ErrorForCode(res.Resources[0].ErrorCode)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// durable is a plan for a cluster whose brokers may die.
func durable() kafkalog.Plan {
	return kafkalog.Plan{Rooms: []string{"north"}, NewLogID: func() string { return "log-1" }, Replication: 3, MinInSync: 2}
}

func TestASettingThatLosesAlarmsIsNamedAndApplyMendsIt(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ setting, value, says string }{
		"one copy that acknowledges": {"min.insync.replicas", "1", "vigie.log has min.insync.replicas 1, it must be 2"},
		"unclean leaders":            {"unclean.leader.election.enable", "true", "vigie.log allows unclean leaders"},
		"compaction":                 {"cleanup.policy", "compact", `vigie.log has cleanup.policy "compact", it must be delete`},
		"compaction, too":            {"cleanup.policy", "compact,delete", "it must be delete"},
		"forgetting":                 {"retention.ms", "604800000", "vigie.log has retention.ms 604800000, it must be -1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, log := three(t)
			ctx := deadline(t)
			table, err := log.Apply(ctx, durable())
			if err != nil {
				t.Fatal(err)
			}
			if err := log.CheckTopics(ctx, table); err != nil {
				t.Fatalf("as they were made: %v", err)
			}
			set(ctx, t, c, tt.setting, tt.value)
			var wrong *kafkalog.TopicsError
			if err := log.CheckTopics(ctx, table); !errors.As(err, &wrong) || len(wrong.Problems) != 1 || !text.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want only %q", err, tt.says)
			}
			if _, err := log.Apply(ctx, durable()); err != nil {
				t.Fatal(err)
			}
			if err := log.CheckTopics(ctx, table); err != nil {
				t.Errorf("after it was mended: %v", err)
			}
		})
	}
}

func TestATopicWithTooFewCopiesIsNamedAndGoesOnTakingRecords(t *testing.T) {
	t.Parallel()
	c, log := three(t)
	ctx := deadline(t)
	few := kafkalog.TopicSettings{Name: eventlog.TopicLog, Partitions: 1, Replication: 2, MinInSync: 1, Retention: kafkalog.Forever}
	if err := log.CreateTopic(ctx, few); err != nil {
		t.Fatal(err)
	}
	table, err := log.Apply(ctx, durable())
	if err != nil {
		t.Fatal(err)
	}
	says := "vigie.log keeps 2 of the 3 copies that every record needs: vigie topics apply cannot add any, Kafka's kafka-reassign-partitions can"
	var wrong *kafkalog.TopicsError
	if err := log.CheckTopics(ctx, table); !errors.As(err, &wrong) || !slices.Contains(wrong.Problems, says) {
		t.Errorf("got %v, want %q", err, says)
	}
	// Two in sync of two copies would be no appends whenever one of them is away.
	if got := *c.TopicInfo(eventlog.TopicLog).Configs["min.insync.replicas"]; got != "1" {
		t.Errorf("min.insync.replicas is %s", got)
	}
}

func TestOneNodeIsEnoughOnlyWhereItIsDeclaredAndAlone(t *testing.T) {
	t.Parallel()
	ctx := deadline(t)
	c := broker(t)
	log := connect(t, c.ListenAddrs()...)
	table, err := log.Apply(ctx, plan(ids("log"), "north"))
	if err != nil {
		t.Fatal(err)
	}
	if err := log.CheckTopics(ctx, table); err != nil {
		t.Errorf("declared: %v", err)
	}
	undeclared := config(c.ListenAddrs()...)
	undeclared.SingleNode = false
	err = open(t, undeclared).CheckTopics(ctx, table)
	for _, says := range []string{"vigie.log keeps 1 of the 3 copies", "set kafka_single_node where one node is on purpose", "vigie.log has min.insync.replicas 1"} {
		if err == nil || !text.Contains(err.Error(), says) {
			t.Errorf("not declared: got %v, want %q", err, says)
		}
	}
	if _, err := open(t, undeclared).Apply(ctx, kafkalog.Plan{Rooms: []string{"b"}, NewLogID: ids("b"), Replication: 3}); err != nil {
		t.Errorf("topics that are there stay as they are: %v", err)
	}
	fresh := config(broker(t).ListenAddrs()...)
	if _, err := open(t, fresh).Apply(ctx, durable()); err == nil || !text.Contains(err.Error(), "set kafka_single_node where there is one on purpose") {
		t.Errorf("three copies on one broker: %v", err)
	}

	several, _ := three(t)
	log = connect(t, several.ListenAddrs()...) // declared a single node
	if table, err = log.Apply(ctx, plan(ids("log"), "north")); err != nil {
		t.Fatal(err)
	}
	if err := log.CheckTopics(ctx, table); err == nil || !text.Contains(err.Error(), "kafka_single_node does not fit 3 brokers") {
		t.Errorf("three brokers declared to be one: %v", err)
	}
}

func TestBrokersAreCheckedForWhatWouldLoseOrDelayAlarms(t *testing.T) {
	t.Parallel()
	broker := func(name, value string) kfake.Opt { return kfake.BrokerConfigs(map[string]string{name: value}) }
	for name, tt := range map[string]struct {
		opt             kfake.Opt
		problem, advice string
	}{
		"topics by anybody":         {opt: broker("auto.create.topics.enable", "true"), problem: "broker 0 makes topics that nobody has asked for"},
		"topics by nobody":          {opt: broker("auto.create.topics.enable", "false")},
		"a long session":            {opt: broker("broker.session.timeout.ms", "9000"), advice: "broker 2 has broker.session.timeout.ms 9000: set it to 1500"},
		"a short session":           {opt: broker("broker.session.timeout.ms", "1500")},
		"rare heartbeats":           {opt: broker("broker.heartbeat.interval.ms", "2000"), advice: "has broker.heartbeat.interval.ms 2000: set it to 300"},
		"patient controllers":       {opt: broker("controller.quorum.fetch.timeout.ms", "2000"), advice: "has controller.quorum.fetch.timeout.ms 2000: set it to 1000"},
		"slow elections":            {opt: broker("controller.quorum.election.timeout.ms", "1000"), advice: "has controller.quorum.election.timeout.ms 1000: set it to 500"},
		"an old version":            {opt: kfake.MaxVersions(kversion.V4_0_0()), advice: "older than Kafka 4.1"},
		"a version that is new":     {opt: kfake.MaxVersions(kversion.V4_1_0())},
		"no flush, but there are 3": {opt: broker("log.flush.interval.messages", "9223372036854775807")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, log := three(t, tt.opt)
			advice, err := log.CheckBrokers(deadline(t))
			var wrong *kafkalog.BrokersError
			switch {
			case tt.problem == "" && err != nil:
				t.Error(err)
			case tt.problem != "" && (!errors.As(err, &wrong) || !text.Contains(err.Error(), tt.problem)):
				t.Errorf("got %v, want %q", err, tt.problem)
			}
			if got := text.Join(advice, "\n"); (tt.advice == "") != (got == "") || !text.Contains(got, tt.advice) {
				t.Errorf("advice %q, want %q", got, tt.advice)
			}
		})
	}
}

func TestASingleNodeIsAdvisedToWriteToItsDisk(t *testing.T) {
	t.Parallel()
	for flush, advised := range map[string]bool{"9223372036854775807": true, "1": false} {
		c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.BrokerConfigs(map[string]string{
			"log.flush.interval.messages": flush, "broker.session.timeout.ms": "9000", // nobody takes over from it
		}))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		advice, err := connect(t, c.ListenAddrs()...).CheckBrokers(deadline(t))
		if err != nil {
			t.Fatal(err)
		}
		if got := text.Join(advice, "\n"); text.Contains(got, "set log.flush.interval.messages to 1") != advised || len(advice) > 1 {
			t.Errorf("flushed every %s records: advice %q", flush, got)
		}
	}
}

func TestOnlyWhoMaySeeTheClustersSettingsChecksBrokers(t *testing.T) {
	t.Parallel()
	logs := ruled(t)
	if _, err := logs[admin].CheckBrokers(deadline(t)); err != nil {
		t.Errorf("the admin: %v", err)
	}
	if _, err := logs["replay"].CheckBrokers(deadline(t)); err == nil || !text.Contains(err.Error(), "sign in as one") {
		t.Errorf("a service: %v", err)
	}
}
