package pubsub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"vigie/pkg/eventlog/kafkalog"
)

// SubscriberConfig says what a subscriber reads and how long it waits.
type SubscriberConfig struct {
	// Group shares the messages of a topic among the subscribers of the same group, and keeps how far it has come. In Kafka it
	// is called GROUP.TOPIC, so that a rebalance of one topic leaves the others alone. Without a group a subscriber reads all
	// partitions, each time from the start given by Newest.
	Group string `koanf:"group"`
	// Newest begins with what is published after Subscribe, instead of the oldest record that is kept. A group does so once.
	Newest bool `koanf:"newest"`
	// NackMin and NackMax bound the pause before a message is handed out again; it doubles in between.
	NackMin time.Duration `koanf:"nack_min"`
	NackMax time.Duration `koanf:"nack_max"`
	// Drain is how long the answer to a message in flight is waited for when the subscription ends or the partition is taken
	// away. Then the message's context is cancelled.
	Drain time.Duration `koanf:"drain"`
	// Watch is how often new partitions are looked for.
	Watch time.Duration `koanf:"watch"`
	// Heartbeat, Session and Rebalance are the group's: how soon a member hears of a change, how long a silent one is kept, how
	// long the others wait for one that is busy.
	Heartbeat time.Duration `koanf:"heartbeat"`
	Session   time.Duration `koanf:"session"`
	Rebalance time.Duration `koanf:"rebalance"`
	// Rejoin is the pause after a failure to join.
	Rejoin time.Duration `koanf:"rejoin"`
	// Leave is how long a member that ends waits for the brokers after Drain. One that could not say goodbye is missed only
	// after Session.
	Leave time.Duration `koanf:"leave"`
	// Create is what SubscribeInitialize makes of a topic that does not exist; without it that is an error. Its name is not used.
	Create *kafkalog.TopicSettings `koanf:"-"`
	// Logger hears of groups that cannot be joined and of subscriptions that end by themselves; nil means nobody does.
	Logger *slog.Logger `koanf:"-"`
}

// DefaultSubscriber returns a configuration that reads everything, without a group.
func DefaultSubscriber() SubscriberConfig {
	return SubscriberConfig{
		NackMin:   100 * time.Millisecond,
		NackMax:   5 * time.Second,
		Drain:     3 * time.Second,
		Watch:     5 * time.Second,
		Heartbeat: time.Second,
		Session:   10 * time.Second, // brokers refuse less than 6 s
		Rebalance: 10 * time.Second,
		Rejoin:    500 * time.Millisecond,
		Leave:     2 * time.Second,
	}
}

// Validate says all that is wrong with c.
func (c SubscriberConfig) Validate() error {
	errs := positive(setting{"nack_min", c.NackMin}, setting{"drain", c.Drain}, setting{"watch", c.Watch},
		setting{"heartbeat", c.Heartbeat}, setting{"session", c.Session}, setting{"rebalance", c.Rebalance},
		setting{"rejoin", c.Rejoin}, setting{"leave", c.Leave})
	if c.NackMax < c.NackMin {
		errs = append(errs, errors.New("nack_max: must not be below nack_min"))
	}
	if 3*c.Heartbeat > c.Session {
		errs = append(errs, errors.New("heartbeat: must be at most a third of session"))
	}
	// The member is silent while it drains.
	if c.Drain+c.Heartbeat >= min(c.Session, c.Rebalance) {
		errs = append(errs, errors.New("drain: with heartbeat it must be below session and rebalance"))
	}
	return errors.Join(errs...)
}

// Subscriber hands out messages. It is safe for concurrent use.
type Subscriber struct {
	log  *kafkalog.Log
	cfg  SubscriberConfig
	slog *slog.Logger

	running sync.WaitGroup

	mu      sync.Mutex // guards what follows
	closed  bool
	err     error
	cancels map[*subscription]context.CancelFunc
}

// NewSubscriber returns a subscriber on log. Close it before the log.
func NewSubscriber(log *kafkalog.Log, cfg SubscriberConfig) (*Subscriber, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("subscriber configuration: %w", err)
	}
	s := &Subscriber{log: log, cfg: cfg, slog: cfg.Logger, cancels: make(map[*subscription]context.CancelFunc)}
	if s.slog == nil {
		s.slog = slog.New(slog.DiscardHandler)
	}
	return s, nil
}

// initBound is for SubscribeInitialize, which has no context of its own.
const initBound = 30 * time.Second

// SubscribeInitialize makes sure that the topic exists.
func (s *Subscriber) SubscribeInitialize(topic string) error {
	ctx, done := context.WithTimeout(context.Background(), initBound)
	defer done()
	if s.cfg.Create == nil {
		_, err := s.log.PartitionCount(ctx, topic)
		return err
	}
	settings := *s.cfg.Create
	settings.Name = topic
	return s.log.EnsureTopic(ctx, settings)
}

// Subscribe hands out the messages of the topic until ctx ends, the subscriber is closed, or the log turns out to be damaged;
// then the channel is closed. It returns when it knows the topic, which must exist, and where to begin. The values of ctx are
// in the messages' contexts; its end lets those in flight be answered first.
func (s *Subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	running, cancel := context.WithCancel(ctx)
	sub := &subscription{
		log: s.log, cfg: &s.cfg, slog: s.slog.With("topic", topic, "group", s.cfg.Group),
		topic: topic, out: make(chan *message.Message), halt: s.halt(cancel),
	}
	if err := s.add(sub, cancel); err != nil {
		cancel()
		return nil, fmt.Errorf("subscribe to %s: %w", topic, err)
	}
	read, err := sub.begin(running)
	if err != nil {
		s.remove(sub)
		return nil, fmt.Errorf("subscribe to %s: %w", topic, err)
	}
	go func() {
		defer s.remove(sub)
		defer close(sub.out)
		read()
	}()
	return sub.out, nil
}

func (s *Subscriber) add(sub *subscription, cancel context.CancelFunc) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("subscriber: %w", ErrClosed)
	}
	s.running.Add(1)
	s.cancels[sub] = cancel
	return nil
}

func (s *Subscriber) remove(sub *subscription) {
	s.mu.Lock()
	s.cancels[sub]()
	delete(s.cancels, sub)
	s.mu.Unlock()
	s.running.Done()
}

// halt returns what ends a subscription that cannot go on.
func (s *Subscriber) halt(cancel context.CancelFunc) func(error) {
	return func(err error) {
		s.mu.Lock()
		if s.err == nil {
			s.err = err
		}
		s.mu.Unlock()
		cancel()
	}
}

// Err returns why the first subscription that ended by itself did so: [eventlog.DamageError], [eventlog.ErrRefused], or nil.
func (s *Subscriber) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Close ends all subscriptions and waits for them: no message is handed out any more, those in flight may be answered for a
// while, then the channels are closed. Nobody needs to read from them.
func (s *Subscriber) Close() error {
	s.mu.Lock()
	s.closed = true
	for _, cancel := range s.cancels {
		cancel()
	}
	s.mu.Unlock()
	s.running.Wait()
	return nil
}
