package feed_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"go.uber.org/goleak"

	"vigie/pkg/feed"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const topic = "test.topic"

func subscribed(t *testing.T) (*feed.Feed, <-chan *message.Message) {
	t.Helper()
	f := feed.New(topic)
	out, err := f.Subscribe(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f, out
}

func offered(ctx context.Context, f *feed.Feed) (*message.Message, <-chan error) {
	msg, answer := message.NewMessage(watermill.NewUUID(), nil), make(chan error, 1)
	go func() { answer <- f.Offer(ctx, msg) }()
	return msg, answer
}

func next[V any](t *testing.T, c <-chan V) (v V) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(30 * time.Second):
		t.Fatal("nothing came")
	}
	return v
}

func TestWhoOffersHearsTheAnswer(t *testing.T) {
	t.Parallel()
	f, out := subscribed(t)
	for _, want := range []error{nil, feed.ErrRefused} {
		msg, answer := offered(t.Context(), f)
		got := next(t, out)
		if got.UUID != msg.UUID || got.Context().Err() != nil {
			t.Errorf("got %s in a context that ended with %v", got.UUID, got.Context().Err())
		}
		if want == nil {
			got.Ack()
		} else {
			got.Nack()
		}
		if err := next(t, answer); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
		<-got.Context().Done() // it ends with the answer
	}
}

func TestAtTheEndWhatIsUnderWayMayBeAnswered(t *testing.T) {
	t.Parallel()
	f, out := subscribed(t)
	ctx, stop := context.WithCancel(t.Context())
	_, answer := offered(ctx, f)
	got := next(t, out)
	stop()
	if got.Context().Err() != nil {
		t.Error("the message's context ended with that of who offers")
	}
	got.Ack()
	if err := next(t, answer); err != nil {
		t.Errorf("got %v", err)
	}
	_, answer = offered(ctx, f)
	if err := next(t, answer); !errors.Is(err, context.Canceled) {
		t.Errorf("offered after the end: %v", err)
	}
}

func TestASubscriptionThatEndsClosesItsChannelAndRefusesWhatWaits(t *testing.T) {
	t.Parallel()
	f := feed.New(topic)
	running, stop := context.WithCancel(t.Context())
	out, err := f.Subscribe(running, topic)
	if err != nil {
		t.Fatal(err)
	}
	ctx, over := context.WithCancel(t.Context())
	_, answer := offered(ctx, f)
	stop() // nobody has read from it
	if msg := next(t, out); msg != nil {
		msg.Nack()
		next(t, out)
	}
	over()
	if err := next(t, answer); err == nil {
		t.Error("a message that nobody took was taken")
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func TestAFeedIsSubscribedToOnceForItsTopic(t *testing.T) {
	t.Parallel()
	f, _ := subscribed(t)
	if _, err := f.Subscribe(t.Context(), topic); err == nil {
		t.Error("it was subscribed to twice")
	}
	if _, err := feed.New(topic).Subscribe(t.Context(), "another"); err == nil {
		t.Error("it gave what it has for another topic")
	}
}
