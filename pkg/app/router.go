package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/fx"

	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/eventlog/kafkalog/pubsub"
)

// RouterConfig says how a Router treats its handlers.
type RouterConfig struct {
	// HandlerTimeout ends the context of one call of a handler.
	HandlerTimeout time.Duration `koanf:"handler_timeout"`
	// Tries is how often a message is given to its handler before it goes back to its subscriber, which brings it again.
	Tries int `koanf:"tries"`
	// RetryMin and RetryMax bound the pause between two tries; it doubles in between.
	RetryMin time.Duration `koanf:"retry_min"`
	RetryMax time.Duration `koanf:"retry_max"`
	// ParkTopic is where messages go that their handler refused for good.
	ParkTopic string `koanf:"park_topic"`
	// ParkTimeout bounds parking one.
	ParkTimeout time.Duration `koanf:"park_timeout"`
	// CloseTimeout is how long handlers may take to end.
	CloseTimeout time.Duration `koanf:"close_timeout"`
}

// DefaultRouter returns a configuration that fits the time that a process has to stop.
func DefaultRouter() RouterConfig {
	return RouterConfig{
		HandlerTimeout: 2 * time.Second,
		Tries:          5,
		RetryMin:       50 * time.Millisecond,
		RetryMax:       time.Second,
		ParkTopic:      eventlog.TopicParked,
		ParkTimeout:    2 * time.Second,
		CloseTimeout:   4 * time.Second,
	}
}

// Validate says what cannot work.
func (c RouterConfig) Validate() error {
	var errs []error
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"handler_timeout", c.HandlerTimeout}, {"retry_min", c.RetryMin}, {"park_timeout", c.ParkTimeout}} {
		if d.value <= 0 {
			errs = append(errs, fmt.Errorf("%s: must be above zero", d.name))
		}
	}
	if c.Tries < 1 {
		errs = append(errs, errors.New("tries: must be at least 1"))
	}
	if c.RetryMax < c.RetryMin {
		errs = append(errs, errors.New("retry_max: must not be below retry_min"))
	}
	if c.ParkTopic == "" {
		errs = append(errs, errors.New("park_topic: give the topic of messages that are refused for good"))
	}
	if c.CloseTimeout <= c.HandlerTimeout || c.CloseTimeout <= c.ParkTimeout {
		errs = append(errs, errors.New("close_timeout: must be above handler_timeout and park_timeout"))
	}
	return errors.Join(errs...)
}

// Router gives messages to handlers. A handler has three answers: nil; an error, and the message comes again, before those
// behind it; or Permanent(err), and the message is parked with the reason. What a handler publishes, it publishes with Carry.
//
// A handler that stops while the process runs makes the process not ready, and stops it.
type Router struct {
	cfg     RouterConfig
	log     *slog.Logger
	stop    *Stop
	router  *message.Router
	closing chan struct{} // closed when the router is about to close

	running sync.WaitGroup

	mu       sync.Mutex // guards what follows
	handlers map[string]*consumer
	started  bool
	cancel   context.CancelFunc // of all subscriptions
	failed   error
}

// consumer is a handler and its part of the router.
type consumer struct {
	name, topic string
	sub         message.Subscriber
	handle      message.NoPublishHandlerFunc
}

// RouterModule provides *Router and its readiness check to one module. What it takes besides what Module provides is a
// message.Publisher for parking, which the router does not close: NewParking.
func RouterModule(cfg RouterConfig) fx.Option {
	return fx.Options(
		fx.Supply(cfg, fx.Private),
		fx.Provide(NewRouter, fx.Private),
		fx.Provide(AsCheck((*Router).check)),
	)
}

// NewParking provides what RouterModule parks with, to the same module: Kafka, for the life of the process.
func NewParking(lc fx.Lifecycle, log *kafkalog.Log) (message.Publisher, error) {
	p, err := pubsub.NewPublisher(log, pubsub.DefaultPublisher())
	if err != nil {
		return nil, err
	}
	lc.Append(fx.StopHook(p.Close))
	return p, nil
}

// RouterParams is what a Router is made of.
type RouterParams struct {
	fx.In
	LC      fx.Lifecycle
	Config  RouterConfig
	Log     *slog.Logger
	Stop    *Stop
	Metrics *prometheus.Registry
	Parking message.Publisher
}

// NewRouter returns a router that runs for the life of the process.
func NewRouter(p RouterParams) (*Router, error) {
	if err := p.Config.Validate(); err != nil {
		return nil, Exit(Usage, fmt.Errorf("router configuration: %w", err))
	}
	r := &Router{
		cfg: p.Config, log: p.Log, stop: p.Stop,
		closing: make(chan struct{}), handlers: make(map[string]*consumer),
	}
	quiet := map[slog.Level]slog.Level{ // what matters is logged here, with its trace
		slog.LevelInfo: slog.LevelDebug, slog.LevelWarn: slog.LevelDebug, slog.LevelError: slog.LevelDebug,
	}
	var err error
	r.router, err = message.NewRouter(message.RouterConfig{CloseTimeout: p.Config.CloseTimeout},
		watermill.NewSlogLoggerWithLevelMapping(p.Log, quiet))
	if err != nil {
		return nil, fmt.Errorf("router: %w", err)
	}
	m, err := newRouterMetrics(p.Metrics)
	if err != nil {
		return nil, err
	}
	c := chain{cfg: p.Config, log: p.Log, metrics: m, parking: p.Parking, closing: r.closing}
	r.router.AddMiddleware(c.middlewares()...)
	p.LC.Append(fx.StartStopHook(r.start, r.close))
	return r, nil
}

// AddConsumerHandler gives the messages of a topic to handle. The name is for people and never part of what is stored. It must
// be called before the process has started.
func (r *Router) AddConsumerHandler(name, topic string, sub message.Subscriber, handle message.NoPublishHandlerFunc) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case name == "" || topic == "" || sub == nil || handle == nil:
		return fmt.Errorf("handler %q: needs a name, a topic, a subscriber and a function", name)
	case r.started:
		return fmt.Errorf("handler %q: the router has started already", name)
	case r.handlers[name] != nil:
		return fmt.Errorf("handler %q: there is one of this name already", name)
	}
	r.handlers[name] = &consumer{name: name, topic: topic, sub: sub, handle: handle}
	return nil
}

// start subscribes all handlers and watches over them.
func (r *Router) start(ctx context.Context) error {
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.started, r.cancel = true, cancel
	added := make(map[*consumer]*message.Handler, len(r.handlers))
	for _, c := range r.handlers {
		// Here and not by the router, which waits for ever for the other handlers when one cannot subscribe.
		messages, err := c.sub.Subscribe(running, c.topic)
		if err != nil {
			cancel()
			return fmt.Errorf("handler %s: %w", c.name, err)
		}
		added[c] = r.router.AddConsumerHandler(c.name, c.topic, opened(messages), c.handle)
	}
	r.running.Go(func() {
		if err := r.router.Run(running); err != nil {
			r.stop.Fail(fmt.Errorf("router: %w", err))
		}
	})
	select {
	case <-r.router.Running():
	case <-ctx.Done():
		cancel() // the router ends with its last handler
		r.running.Wait()
		return fmt.Errorf("router: %w", ctx.Err())
	}
	for c, h := range added {
		r.running.Go(func() { r.watch(c, h) }) // h.Stopped is set only now
	}
	return nil
}

// opened is a subscription as a subscriber. The router closes the subscribers of its handlers, and these may be shared.
type opened <-chan *message.Message

func (o opened) Subscribe(context.Context, string) (<-chan *message.Message, error) { return o, nil }
func (o opened) Close() error                                                       { return nil }

// watch waits for the end of a handler. The router itself goes on when one of them stops, and says nothing.
func (r *Router) watch(c *consumer, h *message.Handler) {
	select {
	case <-r.closing:
		return
	case <-h.Stopped():
	}
	if ended(r.closing) {
		return
	}
	err := fmt.Errorf("handler %s has stopped: its subscription to %s has ended", c.name, c.topic)
	if s, ok := c.sub.(interface{ Err() error }); ok && s.Err() != nil {
		err = fmt.Errorf("handler %s has stopped: %w", c.name, s.Err())
	}
	var damage *eventlog.DamageError
	if errors.As(err, &damage) {
		err = Exit(LogDamaged, err)
	}
	r.mu.Lock()
	r.failed = err
	r.mu.Unlock()
	r.stop.Fail(err)
}

// close ends the handlers: their retries and their parking at once, then their subscriptions. A message in flight is answered
// for as long as its subscriber waits for it.
func (r *Router) close() error {
	r.mu.Lock()
	cancel := r.cancel
	r.mu.Unlock()
	close(r.closing)
	cancel()
	err := r.router.Close()
	r.running.Wait()
	if err != nil {
		return fmt.Errorf("router: %w", err)
	}
	return nil
}

func (r *Router) check() Check {
	return Check{Name: "router", Ready: func(context.Context) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.failed
	}}
}

func ended(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
