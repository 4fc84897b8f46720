package app_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"
	"go.uber.org/fx"

	"vigie/pkg/app"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog/pubsub"
)

// failing fails as often as there are errors, and then closes done.
func failing(done chan struct{}, errs ...error) message.NoPublishHandlerFunc {
	var calls atomic.Int64
	return func(*message.Message) error {
		n := int(calls.Add(1))
		if n <= len(errs) {
			return errs[n-1]
		}
		close(done)
		return nil
	}
}

func reached(t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatal("the handler was not called as often as expected")
	}
}

var errAway = errors.New("the other side is away")

func TestAnErrorIsRetriedInPlaceAndTheMessageCountedOnce(t *testing.T) {
	t.Parallel()
	r, done := newRig(t), make(chan struct{})
	r.run(t, r.service("svc", failing(done, errAway, errAway)))
	r.publish(t, message.NewMessage("1", nil))
	reached(t, done)
	if err := r.end(t); err != nil {
		t.Errorf("Run: %v", err)
	}
	r.expect(t, 1, 0, 2, 0)
	r.nothingParked(t)
}

func TestTriesAreBoundedAndThenTheMessageComesAgain(t *testing.T) {
	t.Parallel()
	r, done := newRig(t), make(chan struct{})
	r.cfg.Tries = 2
	r.run(t, r.service("svc", failing(done, errAway, errAway, errAway)))
	r.publish(t, message.NewMessage("1", nil))
	reached(t, done)
	if err := r.end(t); err != nil {
		t.Errorf("Run: %v", err)
	}
	r.expect(t, 1, 1, 2, 0)
	r.nothingParked(t)
}

func TestAPermanentErrorParksTheMessageAtOnceWithItsReasonAndTrace(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var calls atomic.Int64
	r.run(t, r.service("svc", func(*message.Message) error {
		calls.Add(1)
		return app.Permanent(errors.New("no such field"))
	}))
	trace := app.NewTrace()
	msg := message.NewMessage("1", []byte("payload"))
	app.Carry(app.WithTrace(t.Context(), trace), msg)
	msg.Metadata.Set("correlation_id", "request-7")
	r.publish(t, msg)
	parked := r.nextParked(t)
	if err := r.end(t); err != nil {
		t.Errorf("Run: %v", err)
	}
	r.expect(t, 1, 0, 0, 1)
	if calls.Load() != 1 {
		t.Errorf("the handler was called %d times", calls.Load())
	}
	for key, want := range map[string]string{
		"parked_reason": "no such field", "parked_topic": work, "parked_handler": "svc.handler", "correlation_id": "request-7",
	} {
		if got := parked.Metadata.Get(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if got, _ := app.ParseTrace(parked.Metadata.Get("traceparent")); got.ID() != trace.ID() || string(parked.Payload) != "payload" {
		t.Errorf("trace %s, want %s; payload %q", got.ID(), trace.ID(), parked.Payload)
	}
	if !strings.Contains(r.log.String(), trace.ID()) {
		t.Errorf("the log does not say of which trace it is: %s", &r.log)
	}
}

// brokenOnce is a publisher that fails the first time.
type brokenOnce struct {
	message.Publisher
	failed atomic.Bool
}

func (b *brokenOnce) Publish(topic string, messages ...*message.Message) error {
	if !b.failed.Swap(true) {
		return errAway
	}
	return b.Publisher.Publish(topic, messages...)
}

func TestAMessageThatCannotBeParkedComesAgainAndIsNotRetriedForIt(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.parking = &brokenOnce{Publisher: r.bus}
	r.run(t, r.service("svc", func(*message.Message) error { return app.Permanent(errAway) }))
	r.publish(t, message.NewMessage("1", nil))
	r.nextParked(t)
	if err := r.end(t); err != nil {
		t.Errorf("Run: %v", err)
	}
	r.expect(t, 1, 1, 0, 1)
}

func TestEachTryHasATimeOfItsOwn(t *testing.T) {
	t.Parallel()
	r, done := newRig(t), make(chan struct{})
	r.cfg.HandlerTimeout = 20 * time.Millisecond
	var calls atomic.Int64
	r.run(t, r.service("svc", func(msg *message.Message) error {
		if calls.Add(1) == 1 {
			<-msg.Context().Done()
			return app.Permanent(msg.Context().Err()) // of the time, not of the message
		}
		if err := msg.Context().Err(); err != nil {
			t.Errorf("second try: %v", err)
		}
		close(done)
		return nil
	}))
	r.publish(t, message.NewMessage("1", nil))
	reached(t, done)
	if err := r.end(t); err != nil {
		t.Errorf("Run: %v", err)
	}
	r.expect(t, 1, 0, 1, 0)
	r.nothingParked(t)
}

func TestAPanicIsAnErrorLikeAnother(t *testing.T) {
	t.Parallel()
	r, done := newRig(t), make(chan struct{})
	after := failing(done)
	var calls atomic.Int64
	r.run(t, r.service("svc", func(msg *message.Message) error {
		if calls.Add(1) == 1 {
			panic("a bug")
		}
		return after(msg)
	}))
	r.publish(t, message.NewMessage("1", nil))
	reached(t, done)
	if err := r.end(t); err != nil {
		t.Errorf("Run: %v", err)
	}
	r.expect(t, 1, 0, 1, 0)
	if !strings.Contains(r.log.String(), "a bug") {
		t.Errorf("the log does not tell of the panic: %s", &r.log)
	}
}

func TestWhatAHandlerSaysWhileItIsStoppedParksNothing(t *testing.T) {
	t.Parallel()
	r, called := newRig(t), make(chan struct{})
	r.run(t, r.service("svc", func(msg *message.Message) error {
		close(called)
		<-msg.Context().Done()
		return app.Permanent(errors.New("connection broke")) // it was cut
	}))
	r.publish(t, message.NewMessage("1", nil))
	reached(t, called)
	if err := r.end(t); err != nil {
		t.Errorf("Run: %v", err)
	}
	r.expect(t, 0, 0, 0, 0)
	r.nothingParked(t)
}

func TestStoppingDoesNotWaitForRetries(t *testing.T) {
	t.Parallel()
	r, called := newRig(t), make(chan struct{}, 1)
	r.cfg.RetryMin, r.cfg.RetryMax = time.Hour, time.Hour
	r.run(t, r.service("svc", func(*message.Message) error {
		select {
		case called <- struct{}{}:
		default: // it may come again while the router closes
		}
		return errAway
	}))
	r.publish(t, message.NewMessage("1", nil))
	<-called
	if err := r.end(t); err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestAHandlerThatStopsByItselfEndsTheProcess(t *testing.T) {
	t.Parallel()
	damage := &eventlog.DamageError{Topic: work, Offset: 3, Reason: "hole"}
	for name, tt := range map[string]struct {
		reason error
		status int
		says   string
	}{
		"for no reason":         {nil, app.Failure, "handler svc.handler has stopped: its subscription to " + work + " has ended"},
		"as the log is damaged": {damage, app.LogDamaged, "hole"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			own := gochannel.NewGoChannel(gochannel.Config{}, watermill.NopLogger{})
			r.sub = brokenSub{own, tt.reason}
			r.run(t, r.service("svc", func(*message.Message) error { return nil }))
			if err := r.ready(t); err != nil {
				t.Errorf("not ready before: %v", err)
			}
			_ = own.Close()
			err := r.await(t)
			if app.Status(err) != tt.status || err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got status %d, %v; want %d, %q", app.Status(err), err, tt.status, tt.says)
			}
			if r.ready(t) == nil {
				t.Error("ready without its handler")
			}
		})
	}
}

// brokenSub says why its subscriptions ended.
type brokenSub struct {
	*gochannel.GoChannel
	reason error
}

func (b brokenSub) Err() error { return b.reason }

func TestASubscriptionThatCannotBeOpenedEndsTheStart(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	own := gochannel.NewGoChannel(gochannel.Config{}, watermill.NopLogger{})
	_ = own.Close()
	r.sub = own
	err := app.Run(t.Context(), app.Module(config()), r.service("svc", func(*message.Message) error { return nil }))
	if err == nil || !strings.Contains(err.Error(), "handler svc.handler") {
		t.Errorf("got %v, want an error that names the handler", err)
	}
}

func TestTwoServicesOfOneProcessShareASubscriberAndTheMetrics(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var called sync.WaitGroup
	called.Add(2)
	handle := func(*message.Message) error {
		called.Done()
		return nil
	}
	r.run(t, r.service("one", handle), r.service("two", handle))
	r.publish(t, message.NewMessage("1", nil))
	called.Wait()
	if err := r.end(t); err != nil {
		t.Errorf("Run: %v", err)
	}
	r.expect(t, 2, 0, 0, 0)
	r.nothingParked(t) // by way of the bus, which the routers must not have closed
}

func TestAHandlerIsAddedOnceAndBeforeTheStart(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	nothing := func(*message.Message) error { return nil }
	var router *app.Router
	r.run(t, fx.Module("svc",
		fx.Provide(func() message.Publisher { return r.parking }, fx.Private),
		app.RouterModule(r.cfg),
		fx.Invoke(func(made *app.Router) error {
			router = made
			if made.AddConsumerHandler("", work, r.bus, nothing) == nil || made.AddConsumerHandler("b", work, r.bus, nil) == nil {
				t.Error("a handler without a name or a function was added")
			}
			err := made.AddConsumerHandler("a", work, r.bus, nothing)
			if made.AddConsumerHandler("a", work, r.bus, nothing) == nil {
				t.Error("a second handler of the same name was added")
			}
			return err
		})))
	if router.AddConsumerHandler("late", work, r.bus, nothing) == nil {
		t.Error("a handler was added after the start")
	}
	if err := r.end(t); err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestARouterConfigurationSaysWhatIsWrongWithIt(t *testing.T) {
	t.Parallel()
	if err := app.DefaultRouter().Validate(); err != nil {
		t.Errorf("the default: %v", err)
	}
	err := app.RouterConfig{RetryMin: 2, RetryMax: 1}.Validate()
	for _, name := range []string{"handler_timeout", "tries", "retry_max", "park_topic", "park_timeout", "close_timeout"} {
		if err == nil || !strings.Contains(err.Error(), name+":") {
			t.Errorf("%v does not name %s", err, name)
		}
	}
	r := newRig(t)
	r.cfg.Tries = 0
	err = app.Run(t.Context(), app.Module(config()), r.service("svc", func(*message.Message) error { return nil }))
	if app.Status(err) != app.Usage {
		t.Errorf("got status %d, %v; want Usage", app.Status(err), err)
	}
}

// knownEnd is a subscriber that tells when its subscriptions are given up.
type knownEnd struct {
	message.Subscriber
	given chan context.Context
}

func (k knownEnd) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	k.given <- ctx
	return k.Subscriber.Subscribe(ctx, topic)
}

func TestAMessageInFlightWhenTheProcessStopsIsFinishedAndNotHandledAgain(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	log, group := overKafka(t)
	pub, err := pubsub.NewPublisher(log, pubsub.DefaultPublisher())
	if err != nil {
		t.Fatalf("new publisher: %v", err)
	}
	defer func() { _ = pub.Close() }()
	for _, id := range []string{"first", "second"} {
		if err := pub.Publish(work, message.NewMessage(id, nil)); err != nil {
			t.Fatalf("publish: %v", err)
		}
	}
	given, called := make(chan context.Context, 1), make(chan struct{})
	r.sub = knownEnd{group(), given}
	r.run(t, r.service("svc", func(msg *message.Message) error {
		if msg.UUID != "first" {
			t.Errorf("%s came while stopping", msg.UUID)
		}
		close(called)
		<-(<-given).Done() // the router closes
		return msg.Context().Err()
	}))
	reached(t, called)
	if err := r.end(t); err != nil {
		t.Errorf("Run: %v", err)
	}
	r.expect(t, 1, 0, 0, 0)
	sub := group()
	messages, err := sub.Subscribe(t.Context(), work)
	if err != nil {
		t.Fatalf("subscribe: %v", err)
	}
	msg := <-messages
	if msg.UUID != "second" {
		t.Errorf("got %s, want second: the first is done", msg.UUID)
	}
	msg.Ack()
}
