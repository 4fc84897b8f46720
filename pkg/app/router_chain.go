package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/prometheus/client_golang/prometheus"

	"vigie/pkg/wait"
)

// Keys of a message's metadata.
const (
	metaCorrelation = "correlation_id"
	metaTrace       = "traceparent"
)

// Keys of a parked message's metadata: why, when and by which handler it was refused, and where it comes from.
const (
	ParkedReason  = "parked_reason"
	ParkedAt      = "parked_at"
	ParkedHandler = "parked_handler"
	ParkedTopic   = "parked_topic"
)

// Permanent marks err as one that no repetition mends: the message is parked. Nil stays nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

func permanent(err error) bool {
	var p *permanentError
	return errors.As(err, &p) && !interrupted(err)
}

// interrupted says that a handler was stopped, which says nothing of its message.
func interrupted(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// Carry gives msg what ctx knows of its cause: the request and the trace. Call it on what is published.
func Carry(ctx context.Context, msg *message.Message) {
	if id := RequestID(ctx); id != "" {
		msg.Metadata.Set(metaCorrelation, id)
	}
	if t := TraceFrom(ctx); t != (Trace{}) {
		msg.Metadata.Set(metaTrace, t.String())
	}
}

// chain is what stands around every handler.
type chain struct {
	cfg     RouterConfig
	log     *slog.Logger
	metrics *routerMetrics
	parking message.Publisher
	closing <-chan struct{}
}

// middlewares are in order, outermost first. The trace is outside all that logs. Metrics are outside the retries: one message
// is counted once. Parking is outside the retries: what cannot be parked is not handled again for it. The timeout is inside
// them: each try has its own. The recoverer is innermost: a panic is an error to all others, and not an endless repetition.
func (c *chain) middlewares() []message.HandlerMiddleware {
	return []message.HandlerMiddleware{c.trace, c.observe, c.park, c.retry, c.timeout, c.recoverer}
}

// trace puts the message's cause into its context, or makes it a cause of its own.
func (c *chain) trace(next message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		t, ok := ParseTrace(msg.Metadata.Get(metaTrace))
		if t = t.Child(); !ok {
			t = NewTrace()
		}
		id := msg.Metadata.Get(metaCorrelation)
		if id == "" {
			id = msg.UUID
		}
		msg.SetContext(context.WithValue(WithTrace(msg.Context(), t), requestKey{}, id))
		return next(msg)
	}
}

// observe counts, times and logs.
func (c *chain) observe(next message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		ctx, began := msg.Context(), time.Now()
		out, err := next(msg)
		handler, outcome := message.HandlerNameFromCtx(ctx), "done"
		switch {
		case err == nil:
		case ctx.Err() != nil || ended(c.closing):
			outcome = "interrupted"
		default:
			outcome = "failed"
			c.log.WarnContext(ctx, "message not handled, it comes again", "handler", handler, "message_id", msg.UUID, "error", err)
		}
		c.metrics.took.WithLabelValues(handler, outcome).Observe(time.Since(began).Seconds())
		return out, err
	}
}

// park publishes a message that was refused for good to the topic of such messages. Not what a handler says that is being
// stopped: its errors are of that making, and the message would be lost to its topic.
func (c *chain) park(next message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		ctx := msg.Context()
		out, err := next(msg)
		// Not the router's own IsClosed, which waits for Close, which waits for this handler.
		if !permanent(err) || ctx.Err() != nil || ended(c.closing) {
			return out, err
		}
		handler := message.HandlerNameFromCtx(ctx)
		detached, done := context.WithTimeout(context.WithoutCancel(ctx), c.cfg.ParkTimeout)
		defer done()
		parked := msg.Copy()
		parked.SetContext(detached)
		Carry(ctx, parked)
		parked.Metadata.Set(ParkedReason, err.Error())
		parked.Metadata.Set(ParkedAt, time.Now().UTC().Format(time.RFC3339))
		parked.Metadata.Set(ParkedHandler, handler)
		parked.Metadata.Set(ParkedTopic, message.SubscribeTopicFromCtx(ctx))
		if publishing := c.parking.Publish(c.cfg.ParkTopic, parked); publishing != nil {
			return out, fmt.Errorf("park message: %w", errors.Join(publishing, err))
		}
		c.metrics.parked.WithLabelValues(handler).Inc()
		c.log.ErrorContext(ctx, "message parked", "handler", handler, "message_id", msg.UUID, "error", err)
		return nil, nil
	}
}

// retry calls the handler again, a bounded number of times, with a growing pause. It ends at once when the message's context
// or the router does.
func (c *chain) retry(next message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		ctx, pause := msg.Context(), c.cfg.RetryMin
		for try := 1; ; try++ {
			out, err := next(msg)
			msg.SetContext(ctx)
			if err == nil || permanent(err) || try == c.cfg.Tries || !c.rest(ctx, pause) {
				return out, err
			}
			pause = min(2*pause, c.cfg.RetryMax)
			c.metrics.retries.WithLabelValues(message.HandlerNameFromCtx(ctx)).Inc()
		}
	}
}

// rest waits between half of d and d, and says whether there is any use in going on.
func (c *chain) rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(wait.Roughly(d))
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err() == nil && !ended(c.closing)
	case <-ctx.Done():
	case <-c.closing:
	}
	return false
}

// timeout bounds one call of the handler, if it heeds its context.
func (c *chain) timeout(next message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) ([]*message.Message, error) {
		ctx, done := context.WithTimeout(msg.Context(), c.cfg.HandlerTimeout)
		defer done()
		msg.SetContext(ctx)
		return next(msg)
	}
}

// recoverer makes an error of a panic.
func (c *chain) recoverer(next message.HandlerFunc) message.HandlerFunc {
	return func(msg *message.Message) (out []*message.Message, err error) {
		defer func() {
			if v := recover(); v != nil {
				c.log.ErrorContext(msg.Context(), "handler panicked", "panic", v, "stack", string(debug.Stack()))
				err = fmt.Errorf("handler panicked: %v", v)
			}
		}()
		return next(msg)
	}
}

type routerMetrics struct {
	took            *prometheus.HistogramVec
	retries, parked *prometheus.CounterVec
}

// newRouterMetrics registers the metrics of routers, or finds those of another router in this process.
func newRouterMetrics(reg *prometheus.Registry) (*routerMetrics, error) {
	m := &routerMetrics{
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "vigie_message_seconds",
			Help:    "Time to handle a message with all its retries, by handler and outcome (done, failed, interrupted).",
			Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"handler", "outcome"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vigie_message_retries_total", Help: "Messages given to their handler again, by handler.",
		}, []string{"handler"}),
		parked: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vigie_messages_parked_total", Help: "Messages refused for good and parked, by handler.",
		}, []string{"handler"}),
	}
	return m, errors.Join(register(reg, &m.took), register(reg, &m.retries), register(reg, &m.parked))
}

// register registers *c, or puts in its place the one that is registered already.
func register[C prometheus.Collector](reg *prometheus.Registry, c *C) error {
	var known prometheus.AlreadyRegisteredError
	err := reg.Register(*c)
	if errors.As(err, &known) {
		if same, ok := known.ExistingCollector.(C); ok {
			*c = same
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("metrics of the router: %w", err)
	}
	return nil
}
