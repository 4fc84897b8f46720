// Package kafka_test checks the event log on Apache Kafka: three nodes with
// replication, which the broker inside the unit tests does not have.
package kafka_test

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"vigie/pkg/eventlog/eventlogtest"
	"vigie/pkg/eventlog/kafkalog"

	"vigie/tests/stack"
)

// shared is the stack of this test binary; starting one takes longer than most of the tests.
var shared *stack.Stack

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == restartCommand {
		os.Exit(askForRestart(os.Args[2]))
	}
	os.Exit(stack.Main(m, stack.Options{Redis: true}, func(s *stack.Stack) { shared = s }))
}

// patience bounds every wait; a slow machine is not a failure.
const patience = 3 * time.Minute

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func connect(t *testing.T, cfg kafkalog.Config) *kafkalog.Log {
	t.Helper()
	cfg.Brokers = shared.Kafka()
	l, err := kafkalog.New(cfg)
	if err != nil {
		t.Fatalf("new log: %v", err)
	}
	t.Cleanup(l.Close)
	return l
}

func writer(t *testing.T, l *kafkalog.Log, bounds kafkalog.WriterConfig) *kafkalog.Writer {
	t.Helper()
	w, err := kafkalog.NewWriter(l, bounds)
	if err != nil {
		t.Fatalf("new writer: %v", err)
	}
	t.Cleanup(w.Close)
	return w
}

func administrator(t *testing.T) *kgo.Client {
	t.Helper()
	c, err := shared.Client("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

var topics atomic.Int64

// create makes a topic of two partitions and three copies.
func create(ctx context.Context, t *testing.T, l *kafkalog.Log, minInSync int) string {
	t.Helper()
	name := fmt.Sprintf("real.%d", topics.Add(1))
	err := l.CreateTopic(ctx, kafkalog.TopicSettings{
		Name: name, Partitions: 2, Replication: 3, MinInSync: minInSync, Retention: kafkalog.Forever,
	})
	if err != nil {
		t.Fatalf("create topic: %v", err)
	}
	return name
}

// The contract is about brokers that are well: nothing here may be repeated because the machine is slow, since a repeated
// write is stored twice.
func TestTheEventLogKeepsItsContractOnRealKafka(t *testing.T) {
	const slow = 20 * time.Second
	cfg := kafkalog.Default()
	cfg.RequestTimeout = slow
	l := connect(t, cfg)
	bounds := kafkalog.DefaultWriter()
	bounds.ProduceTimeout = slow
	w := writer(t, l, bounds)
	admin := administrator(t)
	t.Run("contract", func(t *testing.T) {
		eventlogtest.Run(t, func(t *testing.T) eventlogtest.Subject {
			t.Helper()
			name := create(deadline(t), t, l, 2)
			return eventlogtest.Subject{
				Log: l, Writer: w, Topic: name,
				DropBefore: func(ctx context.Context, partition int, offset int64) error {
					return dropBefore(ctx, admin, name, partition, offset)
				},
			}
		})
	})
}

func dropBefore(ctx context.Context, admin *kgo.Client, topic string, partition int, offset int64) error {
	p := kmsg.NewDeleteRecordsRequestTopicPartition()
	p.Partition, p.Offset = int32(partition), offset
	t := kmsg.NewDeleteRecordsRequestTopic()
	t.Topic, t.Partitions = topic, append(t.Partitions, p)
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.Topics, req.TimeoutMillis = append(req.Topics, t), 5000
	for _, shard := range admin.RequestSharded(ctx, req) { // each leader deletes its own
		if shard.Err != nil {
			return shard.Err
		}
		for _, topic := range shard.Resp.(*kmsg.DeleteRecordsResponse).Topics {
			for _, p := range topic.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// partition says who leads partition 0 of topic and who has all of it, as indices of shared.Kafka().
func partition(ctx context.Context, admin *kgo.Client, topic string) (leader int, inSync []int, err error) {
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = new(topic)
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = append(req.Topics, t)
	res, err := req.RequestWith(ctx, admin)
	if err != nil {
		return 0, nil, err
	}
	for _, p := range res.Topics[0].Partitions {
		if p.Partition != 0 {
			continue
		}
		for _, id := range p.ISR {
			inSync = append(inSync, int(id)-1)
		}
		return int(p.Leader) - 1, inSync, kerr.ErrorForCode(p.ErrorCode)
	}
	return 0, nil, fmt.Errorf("topic %s: %w", topic, kerr.ErrorForCode(res.Topics[0].ErrorCode))
}

// until waits for a condition that the brokers bring about.
func until(ctx context.Context, t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: waited too long", what)
		}
	}
}

// whole waits until all three brokers have all of topic again.
func whole(ctx context.Context, t *testing.T, admin *kgo.Client, topic string) (leader int) {
	t.Helper()
	until(ctx, t, "three copies in sync", func() bool {
		l, inSync, err := partition(ctx, admin, topic)
		leader = l
		return err == nil && len(inSync) == 3
	})
	return leader
}
