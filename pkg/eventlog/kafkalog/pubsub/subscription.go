package pubsub

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/wait"
)

// errUnanswered says that a message in flight was given up when its time to drain was over.
var errUnanswered = errors.New("message was not answered in time")

// beginBound is how long a subscription waits for the brokers before it begins.
const beginBound = 10 * time.Second

// subscription is one channel of messages and the partitions that feed it.
type subscription struct {
	log   *kafkalog.Log
	cfg   *SubscriberConfig
	slog  *slog.Logger
	topic string
	out   chan *message.Message
	halt  func(error) // ends the subscription for good

	partitions int // of the topic, as far as is known
}

// begin finds out what there is to read. The function that it returns reads until ctx ends.
func (s *subscription) begin(ctx context.Context) (read func(), err error) {
	bounded, done := context.WithTimeout(ctx, beginBound)
	defer done()
	s.partitions, err = s.log.PartitionCount(bounded, s.topic)
	switch {
	case err != nil:
		return nil, err
	case s.cfg.Group != "":
		return func() { s.readGroup(ctx) }, nil
	}
	starts := make([]int64, s.partitions)
	for p := range starts {
		if starts[p], err = s.start(bounded, p, s.cfg.Newest); err != nil {
			return nil, err
		}
	}
	return func() { s.readAll(ctx, starts) }, nil
}

// start returns the offset at which reading a partition begins.
func (s *subscription) start(ctx context.Context, partition int, newest bool) (int64, error) {
	oldest, end, err := s.log.AwaitBounds(ctx, s.topic, partition)
	if newest {
		return end, err
	}
	return oldest, err
}

// readAll reads every partition. Those that are added later are read from their beginning.
func (s *subscription) readAll(ctx context.Context, starts []int64) {
	var partitions sync.WaitGroup
	defer partitions.Wait()
	for p, offset := range starts {
		partitions.Go(func() { s.run(ctx, p, offset) })
	}
	for wait.About(ctx, s.cfg.Watch) == nil {
		n, err := s.log.PartitionCount(ctx, s.topic)
		s.ended(ctx, err)
		for ; s.partitions < n; s.partitions++ {
			added := s.partitions
			partitions.Go(func() {
				offset, err := s.start(ctx, added, false)
				if err != nil {
					s.ended(ctx, err)
					return
				}
				s.run(ctx, added, offset)
			})
		}
	}
}

func (s *subscription) run(ctx context.Context, partition int, offset int64) {
	s.ended(ctx, s.pump(ctx, ctx, Position{s.topic, partition, offset}, func(int64) error { return nil }))
}

// ended takes note of why reading is over. What waiting cannot mend ends the subscription.
func (s *subscription) ended(ctx context.Context, err error) {
	var damage *eventlog.DamageError
	if errors.As(err, &damage) || errors.Is(err, eventlog.ErrRefused) {
		s.slog.ErrorContext(ctx, "subscription halts", "error", err)
		s.halt(err)
	}
}

// pump hands out the messages of one partition from a position on, until ctx or the subscription ends or something fails.
// The messages' contexts have the values of the subscription's. done is told of each message that was acknowledged.
func (s *subscription) pump(ctx, subscribed context.Context, from Position, done func(offset int64) error) error {
	values := context.WithoutCancel(subscribed)
	return s.log.Tail(ctx, from.Topic, from.Partition, from.Offset, func(records []eventlog.Record, _ int64) error {
		for _, r := range records {
			// A group's generation hears of the end a little later than the subscription.
			if err := subscribed.Err(); err != nil {
				return err
			}
			at := Position{from.Topic, from.Partition, r.Offset}
			if err := s.deliver(ctx, context.WithValue(values, positionKey{}, at), decode(r.Value, at)); err != nil {
				return err
			}
			if err := done(r.Offset); err != nil {
				return err
			}
		}
		return nil
	})
}

// deliver hands msg out until it is acknowledged, or until ctx ends.
func (s *subscription) deliver(ctx, values context.Context, msg *message.Message) error {
	for pause := s.cfg.NackMin; ; pause = min(2*pause, s.cfg.NackMax) {
		// A copy each time: the handler may have changed its own.
		acked, err := s.offer(ctx, values, msg.Copy())
		if acked || err != nil {
			return err
		}
		if err := wait.About(ctx, pause); err != nil {
			return err
		}
	}
}

// offer hands msg out once and waits for the answer. An acknowledgement counts also after the end of ctx, for as long as the
// message's own context lives.
func (s *subscription) offer(ctx, values context.Context, msg *message.Message) (acked bool, err error) {
	own, cancel := context.WithCancel(values)
	defer cancel()
	msg.SetContext(own)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	select {
	case s.out <- msg:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	select {
	case <-msg.Acked():
		return true, nil
	case <-msg.Nacked():
		return false, nil
	case <-ctx.Done():
	}
	t := time.NewTimer(s.cfg.Drain)
	defer t.Stop()
	select {
	case <-msg.Acked():
		return true, nil
	case <-msg.Nacked():
		return false, ctx.Err()
	case <-t.C:
		return false, errUnanswered
	}
}
