package pubsub

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"vigie/pkg/eventlog/kafkalog"
)

// Partitioner chooses one of n partitions of the topic for a message. Messages that must stay in order get the same one.
type Partitioner func(topic string, msg *message.Message, n int) (int, error)

// ByUUID spreads messages that have no order among them.
func ByUUID(_ string, msg *message.Message, n int) (int, error) { return hashed(msg.UUID, n), nil }

// ByMetadata keeps messages with the same value under key in order, as long as the topic's number of partitions stays. One
// without the key is refused. Where a room has its partition, use the table of rooms instead.
func ByMetadata(key string) Partitioner {
	return func(_ string, msg *message.Message, n int) (int, error) {
		v := msg.Metadata.Get(key)
		if v == "" {
			return 0, fmt.Errorf("message has no metadata %q, by which its partition is chosen", key)
		}
		return hashed(v, n), nil
	}
}

func hashed(s string, n int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s))         // never fails
	return int(h.Sum32() % uint32(n)) //nolint:gosec // a number of partitions
}

// PublisherConfig says how messages are published.
type PublisherConfig struct {
	// Partition chooses where a message goes.
	Partition Partitioner `koanf:"-"`
	// Timeout bounds the publishing of one message, also for callers whose context has no end.
	Timeout time.Duration `koanf:"timeout"`
	// Writer bounds what waits for the brokers.
	Writer kafkalog.WriterConfig `koanf:"writer"`
}

// DefaultPublisher returns a configuration that spreads messages over all partitions.
func DefaultPublisher() PublisherConfig {
	return PublisherConfig{Partition: ByUUID, Timeout: 10 * time.Second, Writer: kafkalog.DefaultWriter()}
}

// Validate says all that is wrong with c.
func (c PublisherConfig) Validate() error {
	errs := positive(setting{"timeout", c.Timeout})
	if c.Partition == nil {
		errs = append(errs, errors.New("partition: say how a message's partition is chosen, such as ByUUID"))
	}
	return errors.Join(append(errs, c.Writer.Validate())...)
}

// Publisher stores messages. It is safe for concurrent use.
type Publisher struct {
	log    *kafkalog.Log
	cfg    PublisherConfig
	writer *kafkalog.Writer
	closed atomic.Bool
}

// NewPublisher returns a publisher on log. Close it before the log.
func NewPublisher(log *kafkalog.Log, cfg PublisherConfig) (*Publisher, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("publisher configuration: %w", err)
	}
	w, err := kafkalog.NewWriter(log, cfg.Writer)
	if err != nil {
		return nil, err
	}
	return &Publisher{log: log, cfg: cfg, writer: w}, nil
}

// Publish stores the messages one after the other and returns when all of them are acknowledged by all replicas in sync, or
// with the first error; the messages after it are not published. Its error wraps [eventlog.ErrUnknownOutcome] if the message
// may be stored. The topic must exist.
func (p *Publisher) Publish(topic string, messages ...*message.Message) error {
	if p.closed.Load() {
		return fmt.Errorf("publish to %s: publisher: %w", topic, ErrClosed)
	}
	for i, msg := range messages {
		if err := p.publish(topic, msg); err != nil {
			return fmt.Errorf("publish message %d of %d to %s: %w", i+1, len(messages), topic, err)
		}
	}
	return nil
}

func (p *Publisher) publish(topic string, msg *message.Message) error {
	ctx, done := context.WithTimeout(msg.Context(), p.cfg.Timeout)
	defer done()
	n, err := p.log.PartitionCount(ctx, topic)
	if err != nil {
		return err
	}
	partition, err := p.cfg.Partition(topic, msg, n)
	if err != nil {
		return err
	}
	_, err = p.writer.Write(ctx, topic, partition, encode(msg))
	return err
}

// Close refuses further messages and waits for the answers of the brokers to what is under way.
func (p *Publisher) Close() error {
	p.closed.Store(true)
	p.writer.Close()
	return nil
}
