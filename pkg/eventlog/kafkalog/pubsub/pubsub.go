// Package pubsub carries watermill messages over the Kafka log: the Publisher and Subscriber for what follows from decisions,
// such as webhooks, notifications and projections' side work. It never decides what is true, and no decider reads through it.
// Routers park with the Publisher, and `vigie parked` reads that with the Subscriber; who folds a topic, and goes on from what it
// has stored itself, takes its messages from package feed or projector instead.
//
// Guarantees: a message is published when Publish returns nil, in order for one caller and one partition. A subscriber has one
// message per partition in flight and hands out the next when that one is acknowledged; a negative acknowledgement brings the
// same message again after a pause, and holds up its own partition only. With a group, the offset is committed after each
// acknowledgement, before the next message. Offsets are checked: a hole, or a log that starts after what is to be read next,
// ends the subscription ([Subscriber.Err]) instead of being passed over.
//
// Delivery is at least once: a message comes again after a failed commit, a rebalance, an unknown outcome of Publish. Handlers
// tell repeats by the message's UUID, or by [PositionOf] its context.
//
// A message is one record that holds its UUID, metadata and payload. A record that was not made by [Publisher] is handed out as
// it is: its bytes as payload, its position as UUID.
//
// Callers owe: topics that exist, an answer to each message, one Close before that of the log.
package pubsub

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrClosed is the answer of a Publisher or Subscriber after its Close.
var ErrClosed = errors.New("closed")

// Position is where a message is stored.
type Position struct {
	Topic     string
	Partition int
	Offset    int64
}

// String returns topic/partition/offset.
func (p Position) String() string { return fmt.Sprintf("%s/%d/%d", p.Topic, p.Partition, p.Offset) }

type positionKey struct{}

// PositionOf returns the position of the message that ctx belongs to.
func PositionOf(ctx context.Context) (Position, bool) {
	p, ok := ctx.Value(positionKey{}).(Position)
	return p, ok
}

// setting is a duration of a configuration.
type setting struct {
	name  string
	value time.Duration
}

func positive(settings ...setting) []error {
	var errs []error
	for _, s := range settings {
		if s.value <= 0 {
			errs = append(errs, fmt.Errorf("%s: must be above zero", s.name))
		}
	}
	return errs
}
