package kafkalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/segmentio/kafka-go"

	"vigie/pkg/eventlog"
	"vigie/pkg/wait"
)

// metadataRounds is how often the cached metadata must have been renewed before a topic that it lacks counts as missing.
const metadataRounds = 6

// PartitionCount returns how many partitions the topic has. Brokers that are away are waited for until ctx ends; a topic that
// does not exist, or may not be seen, is [eventlog.ErrRefused].
func (l *Log) PartitionCount(ctx context.Context, topic string) (int, error) {
	out := outage{log: l.log, attrs: []any{"topic", topic}}
	var missing time.Time
	for {
		n, err := l.countPartitions(ctx, topic)
		switch {
		case err == nil:
			out.over(ctx)
			return n, nil
		case forbidden(err):
			return 0, fmt.Errorf("partitions of %s: %w: %w", topic, eventlog.ErrRefused, err)
		case !errors.Is(err, kafka.UnknownTopicOrPartition):
			missing = time.Time{}
			if pause := out.pause(ctx, err); pause != nil {
				return 0, fmt.Errorf("partitions of %s: %w", topic, errors.Join(pause, err))
			}
			continue
		case missing.IsZero():
			missing = time.Now()
		case time.Since(missing) > metadataRounds*l.cfg.MetadataTTL:
			return 0, fmt.Errorf("partitions of %s: %w: there is no such topic, create it: %w", topic, eventlog.ErrRefused, err)
		}
		if err := wait.About(ctx, 2*backoffMin); err != nil {
			return 0, fmt.Errorf("partitions of %s: %w", topic, err)
		}
	}
}

func (l *Log) countPartitions(ctx context.Context, topic string) (int, error) {
	res, err := l.client(topic).Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	switch {
	case err != nil:
		return 0, err
	case len(res.Topics) != 1:
		return 0, kafka.UnknownTopicOrPartition
	case res.Topics[0].Error != nil:
		return 0, res.Topics[0].Error
	case len(res.Topics[0].Partitions) == 0:
		return 0, kafka.LeaderNotAvailable
	}
	return len(res.Topics[0].Partitions), nil
}

// AwaitBounds is [Log.Bounds] that waits for brokers that are away until ctx ends.
func (l *Log) AwaitBounds(ctx context.Context, topic string, partition int) (start, end int64, err error) {
	out := outage{log: l.log, attrs: []any{"topic", topic, "partition", partition}}
	for {
		start, end, err := l.Bounds(ctx, topic, partition)
		switch {
		case err == nil:
			out.over(ctx)
			return start, end, nil
		case forbidden(err):
			return 0, 0, fmt.Errorf("%w: %w", eventlog.ErrRefused, err)
		}
		if pause := out.pause(ctx, err); pause != nil {
			return 0, 0, errors.Join(pause, err)
		}
	}
}

// ConsumerGroup makes a member of a group, over connections made as this log makes them. When life ends they are cut: closing
// a member waits for the brokers otherwise, for as long as they let it wait to join.
func (l *Log) ConsumerGroup(life context.Context, cfg kafka.ConsumerGroupConfig) (*kafka.ConsumerGroup, error) {
	cfg.Brokers = l.cfg.Brokers
	if len(cfg.Topics) > 0 {
		cfg.Brokers = l.brokers(cfg.Topics[0])
	}
	cfg.Timeout = l.cfg.RequestTimeout
	cfg.Dialer = &kafka.Dialer{
		ClientID: l.cfg.ClientID,
		Timeout:  l.cfg.DialTimeout,
		DialFunc: func(ctx context.Context, network, address string) (net.Conn, error) {
			if err := life.Err(); err != nil {
				return nil, err
			}
			c, err := l.cfg.dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return boundConn{Conn: c, release: context.AfterFunc(life, func() { _ = c.Close() })}, nil
		},
	}
	g, err := kafka.NewConsumerGroup(cfg)
	if err != nil {
		return nil, fmt.Errorf("consumer group: %w", err)
	}
	return g, nil
}

// boundConn is a connection that ends with a context.
type boundConn struct {
	net.Conn
	release func() bool
}

func (c boundConn) Close() error {
	c.release()
	return c.Conn.Close()
}

// EnsureTopic creates the topic if it does not exist. One that exists is left as it is.
func (l *Log) EnsureTopic(ctx context.Context, s TopicSettings) error {
	_, err := l.PartitionCount(ctx, s.Name)
	if errors.Is(err, kafka.UnknownTopicOrPartition) && ctx.Err() == nil {
		return l.CreateTopic(ctx, s)
	}
	return err
}

// CommitOffset stores how far a generation of a group has come in a partition. Not over the connection on which the client
// sends heartbeats ([kafka.Generation.CommitOffsets]): two requests under way on that one spin for the lock of its answers.
func (l *Log) CommitOffset(ctx context.Context, gen *kafka.Generation, topic string, partition int, offset int64) error {
	res, err := l.client(topic).OffsetCommit(ctx, &kafka.OffsetCommitRequest{
		GroupID: gen.GroupID, GenerationID: int(gen.ID), MemberID: gen.MemberID,
		Topics: map[string][]kafka.OffsetCommit{topic: {{Partition: partition, Offset: offset}}},
	})
	if err != nil {
		return fmt.Errorf("commit offset %d of %s/%d: %w", offset, topic, partition, err)
	}
	for _, p := range res.Topics[topic] {
		if p.Partition == partition && p.Error == nil {
			return nil
		}
		if p.Error != nil {
			return fmt.Errorf("commit offset %d of %s/%d: %w", offset, topic, partition, p.Error)
		}
	}
	return fmt.Errorf("commit offset %d of %s/%d: %w", offset, topic, partition, io.ErrUnexpectedEOF)
}
