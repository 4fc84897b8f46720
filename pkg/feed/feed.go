// Package feed gives a router's handlers what somebody who follows a log has found to be done: a watermill subscriber that is
// told what to hand out. So projections and reactions that fold a topic themselves, from where they know, run through the same
// middleware as those that take its messages one by one.
//
// Guarantees: [Feed.Offer] returns when its message was answered, so that each who offers has one under way; a message's
// context is its own and ends with the answer; at the end what is under way may be answered for a while; the channel of the
// subscription is closed once, when its context ends, even when nobody reads from it.
//
// Callers owe: a message that was refused comes again only if it is offered again.
package feed

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
)

// ErrRefused says that a message was not taken.
var ErrRefused = errors.New("the message was not taken")

// errSubscribed says that there is a subscription already: two would share the messages.
var errSubscribed = errors.New("a feed is subscribed to once")

// drain is how long a message under way is waited for at the end.
const drain = 3 * time.Second

// Feed hands out what is offered. It is safe for concurrent use.
type Feed struct {
	topic string
	work  chan *message.Message
	wait  sync.WaitGroup

	mu   sync.Mutex         // guards what follows
	stop context.CancelFunc // nil before Subscribe
}

// New returns a feed of what is found in a topic.
func New(topic string) *Feed { return &Feed{topic: topic, work: make(chan *message.Message)} }

// Subscribe hands out what is offered until ctx ends. It is called once.
func (f *Feed) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	if topic != f.topic {
		return nil, fmt.Errorf("subscribe to %s: the feed is one of %s", topic, f.topic)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stop != nil {
		return nil, errSubscribed
	}
	running, stop := context.WithCancel(ctx)
	f.stop = stop
	out := make(chan *message.Message)
	f.wait.Go(func() {
		defer close(out)
		f.pass(running, out)
	})
	return out, nil
}

func (f *Feed) pass(ctx context.Context, out chan<- *message.Message) {
	for {
		select {
		case msg := <-f.work:
			select {
			case out <- msg:
			case <-ctx.Done():
				msg.Nack()
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// Close ends the subscription and waits for it.
func (f *Feed) Close() error {
	f.mu.Lock()
	if f.stop != nil {
		f.stop()
	}
	f.mu.Unlock()
	f.wait.Wait()
	return nil
}

// Offer hands a message out and waits for its answer: nil, [ErrRefused], or that of ctx. What was under way at the end of ctx
// is waited for, for a while.
func (f *Feed) Offer(ctx context.Context, msg *message.Message) error {
	return Hand(ctx, f.work, msg, drain)
}

// Hand is [Feed.Offer] for those who have a channel of their own, and a time of their own to drain.
func Hand(ctx context.Context, to chan<- *message.Message, msg *message.Message, drain time.Duration) error {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	msg.SetContext(own)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	select {
	case to <- msg:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-msg.Acked():
		return nil
	case <-msg.Nacked():
		return ErrRefused
	case <-ctx.Done():
	}
	t := time.NewTimer(drain)
	defer t.Stop()
	select {
	case <-msg.Acked():
		return nil
	case <-msg.Nacked():
		return ErrRefused
	case <-t.C:
		return ctx.Err()
	}
}
