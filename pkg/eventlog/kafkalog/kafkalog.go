// Package kafkalog keeps the event log in Kafka. It is the only package that
// knows the Kafka client.
//
// Guarantees: an append is one batch to one partition with acks=all, tried
// once, and its error says whether the records are stored, not stored, or
// possibly stored. Readers hand out records in the order of their offsets
// with none missing, or stop with [eventlog.DamageError]; they ride out
// brokers that are away. No reader here belongs to a consumer group, no
// offset is kept and no transaction is used: who reads remembers where.
// Groups are for package pubsub alone, whose messages decide nothing.
//
// Callers owe: one Close, after every reader and [Writer] has returned; and
// their own check of the bytes in bulk replay, where Kafka's checksum is not
// verified ([Log.Scan]).
package kafkalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"vigie/pkg/eventlog"
)

// Log is a connection to the brokers. It is safe for concurrent use.
type Log struct {
	cfg       Config
	log       *slog.Logger
	transport *kafka.Transport
	main      *kafka.Client
	positions *kafka.Client
	// unhurried tails rest once there is nothing more, until it is time or their bell is rung.
	unhurried bool
	bells     *bells
}

// New returns a log for cfg. It does not wait for the brokers: an append or a
// read finds out whether they are there.
func New(cfg Config) (*Log, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("kafka configuration: %w", err)
	}
	t := &kafka.Transport{
		Dial:        cfg.dial,
		DialTimeout: cfg.DialTimeout,
		MetadataTTL: cfg.MetadataTTL,
		ClientID:    cfg.ClientID,
	}
	client := func(brokers []string) *kafka.Client {
		return &kafka.Client{Addr: kafka.TCP(brokers...), Timeout: cfg.RequestTimeout, Transport: t}
	}
	l := &Log{cfg: cfg, log: cfg.Logger, transport: t, main: client(cfg.Brokers), bells: &bells{of: map[bell]chan struct{}{}}}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	l.positions = l.main
	if len(cfg.PositionsBrokers) > 0 {
		l.positions = client(cfg.PositionsBrokers)
	}
	return l, nil
}

// Unhurried gives the same log to readers for whom nobody waits, or only now and then: its tails ask for what is new four
// times a second, and at once when it is said with [Log.Hurry] that somebody waits. Every reader that wakes for each record
// takes processor time from the one that an alarm waits for, in its own process and in the brokers.
func (l *Log) Unhurried() *Log {
	u := *l
	u.unhurried = true
	return &u
}

// Hurry has the unhurried tails of a partition ask at once: whatever they ask next is asked after this call.
func (l *Log) Hurry(topic string, partition int) { l.bells.ring(bell{topic, partition}) }

// Close drops the connections. Requests under way still end by themselves.
func (l *Log) Close() { l.transport.CloseIdleConnections() }

func (l *Log) client(topic string) *kafka.Client {
	if topic == eventlog.TopicPositions {
		return l.positions
	}
	return l.main
}

func (l *Log) brokers(topic string) []string {
	if topic == eventlog.TopicPositions && len(l.cfg.PositionsBrokers) > 0 {
		return l.cfg.PositionsBrokers
	}
	return l.cfg.Brokers
}

// Append stores values as one batch at the end of the partition and returns
// the offset of the first. It tries once. Its error wraps exactly one of
// [eventlog.ErrUnknownOutcome], [eventlog.ErrNotWritten] and
// [eventlog.ErrRefused].
func (l *Log) Append(ctx context.Context, topic string, partition int, values [][]byte) (int64, error) {
	if len(values) == 0 {
		return 0, fmt.Errorf("append to %s: no records given: %w", topic, eventlog.ErrRefused)
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("append to %s/%d: %w: %w", topic, partition, eventlog.ErrNotWritten, err)
	}
	records := make([]kafka.Record, len(values))
	for i, v := range values {
		records[i].Value = kafka.NewBytes(v)
	}
	res, err := l.client(topic).Produce(ctx, &kafka.ProduceRequest{
		Topic:        topic,
		Partition:    partition,
		RequiredAcks: kafka.RequireAll,
		Records:      kafka.NewRecordReader(records...),
	})
	switch {
	case err != nil:
		return 0, fmt.Errorf("append to %s/%d: %w: %w", topic, partition, unanswered(err), err)
	case res.Error != nil:
		return 0, fmt.Errorf("append to %s/%d: %w: %w", topic, partition, answered(res.Error), res.Error)
	}
	return res.BaseOffset, nil
}

// unanswered classifies an append that got no answer from the broker. Only
// what is decided before there is a connection is known not to be written: the
// cached metadata has no such topic, partition or leader yet, or the broker
// does not let this process in.
func unanswered(err error) error {
	var access *AccessError
	if unrouted(err) || errors.As(err, &access) {
		return eventlog.ErrNotWritten
	}
	return eventlog.ErrUnknownOutcome
}

// unrouted tells "no route in the cached metadata" by type: the bare values
// behind it also stand for an empty answer to a request that was sent.
func unrouted(err error) bool {
	var topic *protocol.TopicError
	var partition *protocol.TopicPartitionError
	return errors.As(err, &topic) || errors.As(err, &partition)
}

// answered classifies the broker's own refusal. What is not known to be
// harmless is unknown.
func answered(err error) error {
	var code kafka.Error
	if !errors.As(err, &code) {
		return eventlog.ErrUnknownOutcome
	}
	switch code { //nolint:exhaustive // all others are unknown, on purpose
	case kafka.NotLeaderForPartition, kafka.LeaderNotAvailable, kafka.NotEnoughReplicas,
		kafka.InvalidMessage, kafka.FencedLeaderEpoch, kafka.UnknownLeaderEpoch,
		// Also the answer of a broker that has not yet heard of a new topic, or of being its leader.
		kafka.UnknownTopicOrPartition:
		return eventlog.ErrNotWritten
	case kafka.MessageSizeTooLarge, kafka.RecordListTooLarge, kafka.InvalidTopic,
		kafka.TopicAuthorizationFailed, kafka.ClusterAuthorizationFailed:
		return eventlog.ErrRefused
	default:
		return eventlog.ErrUnknownOutcome
	}
}

// Bounds returns the offset of the first record that is kept and the offset
// that the next record will get.
func (l *Log) Bounds(ctx context.Context, topic string, partition int) (start, end int64, err error) {
	res, err := l.client(topic).ListOffsets(ctx, &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{
			topic: {kafka.FirstOffsetOf(partition), kafka.LastOffsetOf(partition)},
		},
	})
	if err != nil {
		return 0, 0, fmt.Errorf("bounds of %s/%d: %w", topic, partition, err)
	}
	for _, p := range res.Topics[topic] {
		if p.Partition != partition {
			continue
		}
		if p.Error != nil {
			return 0, 0, fmt.Errorf("bounds of %s/%d: %w", topic, partition, p.Error)
		}
		return p.FirstOffset, p.LastOffset, nil
	}
	return 0, 0, fmt.Errorf("bounds of %s/%d: %w", topic, partition, io.ErrUnexpectedEOF)
}

// forbidden says whether waiting cannot mend err. A process that is no longer
// let in waits: it was let in when it started ([Log.Reach]), and a password
// that is being changed must not stop a room for good.
func forbidden(err error) bool {
	return errors.Is(err, kafka.TopicAuthorizationFailed) || errors.Is(err, kafka.ClusterAuthorizationFailed) ||
		errors.Is(err, kafka.InvalidTopic)
}
