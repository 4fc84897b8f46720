package pubsub_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/goleak"

	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/eventlog/kafkalog/pubsub"
)

func TestMain(m *testing.M) {
	// The suite joins the channels of several subscribers in one that it stops reading.
	const multiplier = "github.com/ThreeDotsLabs/watermill/internal/subscriber.(*multiplier).Subscribe."
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction(multiplier+"func2"), goleak.IgnoreAnyFunction(multiplier+"func3"))
}

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

// brokers returns the brokers of the environment, or one in this process.
func brokers(tb testing.TB) []string {
	tb.Helper()
	if addrs := os.Getenv("VIGIE_KAFKA_BROKERS"); addrs != "" {
		return strings.Split(addrs, ",")
	}
	return broker(tb).ListenAddrs()
}

// site is a log and where it is.
type site struct {
	*kafkalog.Log
	brokers []string
}

func connect(tb testing.TB, brokers ...string) *site {
	tb.Helper()
	cfg := kafkalog.Default()
	cfg.Brokers, cfg.MetadataTTL = brokers, 100*time.Millisecond
	l, err := kafkalog.New(cfg)
	if err != nil {
		tb.Fatalf("new log: %v", err)
	}
	tb.Cleanup(l.Close)
	return &site{l, brokers}
}

func publisher(tb testing.TB, l *site, change func(*pubsub.PublisherConfig)) *pubsub.Publisher {
	tb.Helper()
	cfg := pubsub.DefaultPublisher()
	if change != nil {
		change(&cfg)
	}
	p, err := pubsub.NewPublisher(l.Log, cfg)
	if err != nil {
		tb.Fatalf("new publisher: %v", err)
	}
	tb.Cleanup(func() { _ = p.Close() })
	return p
}

// impatient is a configuration for tests: short pauses, topics of its own.
func impatient(partitions int) pubsub.SubscriberConfig {
	cfg := pubsub.DefaultSubscriber()
	cfg.NackMin, cfg.NackMax = time.Millisecond, 20*time.Millisecond
	cfg.Heartbeat, cfg.Rejoin = 50*time.Millisecond, 50*time.Millisecond
	cfg.Drain, cfg.Watch = 200*time.Millisecond, 200*time.Millisecond
	cfg.Leave = 5 * time.Second // Kafka keeps the first member of a group waiting for 3 s
	cfg.Create = &kafkalog.TopicSettings{Partitions: partitions, Retention: kafkalog.Forever}
	return cfg
}

func subscriber(tb testing.TB, l *site, cfg pubsub.SubscriberConfig) *pubsub.Subscriber {
	tb.Helper()
	s, err := pubsub.NewSubscriber(l.Log, cfg)
	if err != nil {
		tb.Fatalf("new subscriber: %v", err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

// newTopic creates a topic that no other test uses.
func newTopic(tb testing.TB, l *site, partitions int) string {
	tb.Helper()
	name := "pubsub." + watermill.NewUUID()
	err := l.CreateTopic(deadline(tb), kafkalog.TopicSettings{Name: name, Partitions: partitions, Retention: kafkalog.Forever})
	if err != nil {
		tb.Fatalf("create topic: %v", err)
	}
	return name
}

// deadline bounds a test that waits for something to happen.
func deadline(tb testing.TB) context.Context {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	tb.Cleanup(cancel)
	return ctx
}

// receive returns the next message, or fails.
func receive(tb testing.TB, messages <-chan *message.Message) *message.Message {
	tb.Helper()
	select {
	case msg, open := <-messages:
		if !open {
			tb.Fatal("channel is closed")
		}
		return msg
	case <-deadline(tb).Done():
		tb.Fatal("no message came")
	}
	return nil
}
