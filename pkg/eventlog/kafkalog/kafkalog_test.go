package kafkalog_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/eventlogtest"
	"vigie/pkg/eventlog/kafkalog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// broker starts a broker in this process.
func broker(tb testing.TB) *kfake.Cluster {
	tb.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		tb.Fatalf("start broker: %v", err)
	}
	tb.Cleanup(c.Close)
	return c
}

func config(brokers ...string) kafkalog.Config {
	cfg := kafkalog.Default()
	cfg.Brokers, cfg.SingleNode = brokers, true
	// Idle test connections must not outlive the tests; and it is what a busy machine has for an answer with metadata.
	cfg.MetadataTTL = 300 * time.Millisecond
	return cfg
}

func connect(tb testing.TB, brokers ...string) *kafkalog.Log {
	tb.Helper()
	l, err := kafkalog.New(config(brokers...))
	if err != nil {
		tb.Fatalf("new log: %v", err)
	}
	tb.Cleanup(l.Close)
	return l
}

func writer(tb testing.TB, l kafkalog.Appender) *kafkalog.Writer {
	tb.Helper()
	w, err := kafkalog.NewWriter(l, kafkalog.DefaultWriter())
	if err != nil {
		tb.Fatalf("new writer: %v", err)
	}
	tb.Cleanup(w.Close)
	return w
}

func create(tb testing.TB, l *kafkalog.Log, topic string) {
	tb.Helper()
	err := l.CreateTopic(context.Background(), kafkalog.TopicSettings{
		Name: topic, Partitions: 2, Replication: 1, Retention: kafkalog.Forever,
	})
	if err != nil {
		tb.Fatalf("create topic: %v", err)
	}
}

// single is a log with one topic of two partitions on a broker of its own.
func single(tb testing.TB) (*kfake.Cluster, *kafkalog.Log) {
	tb.Helper()
	c := broker(tb)
	l := connect(tb, c.ListenAddrs()...)
	create(tb, l, topic)
	return c, l
}

const topic = "test.log"

// deadline bounds a test that waits for something to happen.
func deadline(tb testing.TB) context.Context {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	tb.Cleanup(cancel)
	return ctx
}

func TestContract(t *testing.T) {
	c := broker(t)
	l := connect(t, c.ListenAddrs()...)
	w := writer(t, l)
	admin, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...))
	if err != nil {
		t.Fatalf("admin client: %v", err)
	}
	t.Cleanup(admin.Close)
	var topics atomic.Int64
	for kind, log := range map[string]*kafkalog.Log{"log": l, "log in no hurry": l.Unhurried()} {
		t.Run(kind, func(t *testing.T) {
			eventlogtest.Run(t, func(t *testing.T) eventlogtest.Subject {
				t.Helper()
				name := fmt.Sprintf("contract.%d", topics.Add(1))
				create(t, l, name)
				return eventlogtest.Subject{
					Log: log, Writer: w, Topic: name,
					DropBefore: func(ctx context.Context, partition int, offset int64) error {
						return dropBefore(ctx, admin, name, partition, offset)
					},
				}
			})
		})
	}
}

// TestOnlyWhoIsInAHurryIsWokenByEachRecord: how much a broker is to wait for is said in each request.
func TestOnlyWhoIsInAHurryIsWokenByEachRecord(t *testing.T) {
	c, l := single(t)
	var least atomic.Int32
	c.ControlKey(keyFetch, func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if f, ok := r.(*kmsg.FetchRequest); ok {
			least.Store(f.MinBytes)
		}
		return nil, nil, false
	})
	stop := errors.New("enough")
	for _, tt := range []struct {
		log    *kafkalog.Log
		hurry  bool
		reader string
	}{{l, true, "the decider"}, {l.Unhurried(), false, "who looks back"}, {l, true, "the decider beside it"}} {
		err := tt.log.Tail(deadline(t), topic, 0, 0, func([]eventlog.Record, int64) error { return stop })
		if !errors.Is(err, stop) {
			t.Fatal(err)
		}
		if got := least.Load(); (got == 1) != tt.hurry {
			t.Errorf("%s has the broker wait for %d bytes", tt.reader, got)
		}
	}
}

func dropBefore(ctx context.Context, admin *kgo.Client, topic string, partition int, offset int64) error {
	p := kmsg.NewDeleteRecordsRequestTopicPartition()
	p.Partition, p.Offset = int32(partition), offset
	t := kmsg.NewDeleteRecordsRequestTopic()
	t.Topic, t.Partitions = topic, append(t.Partitions, p)
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.Topics, req.TimeoutMillis = append(req.Topics, t), 5000
	res, err := req.RequestWith(ctx, admin)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(res.Topics[0].Partitions[0].ErrorCode)
}
