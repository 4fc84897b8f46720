package pubsub_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/go-cmp/cmp"

	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/eventlog/kafkalog/pubsub"
)

// to publishes to the partition that the metadata names.
func to(_ string, msg *message.Message, _ int) (int, error) {
	var p int
	_, err := fmt.Sscan(msg.Metadata.Get("partition"), &p)
	return p, err
}

// publish stores a message per payload in one partition.
func publish(tb testing.TB, l *site, topic string, partition int, payloads ...string) {
	tb.Helper()
	pub := publisher(tb, l, func(c *pubsub.PublisherConfig) { c.Partition = to })
	for _, payload := range payloads {
		msg := message.NewMessage(payload, []byte(payload))
		msg.Metadata.Set("partition", fmt.Sprint(partition))
		if err := pub.Publish(topic, msg); err != nil {
			tb.Fatalf("publish: %v", err)
		}
	}
}

func subscribe(tb testing.TB, sub *pubsub.Subscriber, topic string) <-chan *message.Message {
	tb.Helper()
	messages, err := sub.Subscribe(tb.Context(), topic)
	if err != nil {
		tb.Fatalf("subscribe: %v", err)
	}
	return messages
}

func inGroup(name string) pubsub.SubscriberConfig {
	cfg := impatient(1)
	cfg.Group = name
	return cfg
}

// takes receives as many messages as there are payloads, acknowledges them and compares.
func takes(tb testing.TB, messages <-chan *message.Message, want ...string) {
	tb.Helper()
	got := make([]string, len(want))
	for i := range got {
		msg := receive(tb, messages)
		got[i] = string(msg.Payload)
		msg.Ack()
	}
	if diff := cmp.Diff(want, got); diff != "" {
		tb.Fatalf("messages (-want +got):\n%s", diff)
	}
}

func ended(tb testing.TB, done <-chan struct{}, what string) {
	tb.Helper()
	select {
	case <-done:
	case <-deadline(tb).Done():
		tb.Fatalf("%s did not end", what)
	}
}

func drained(tb testing.TB, messages <-chan *message.Message) {
	tb.Helper()
	for {
		select {
		case msg, open := <-messages:
			if !open {
				return
			}
			msg.Nack()
		case <-deadline(tb).Done():
			tb.Fatal("channel is not closed")
		}
	}
}

func TestCloseLetsTheMessageInFlightBeAcknowledged(t *testing.T) {
	t.Parallel()
	log := connect(t, brokers(t)...)
	topic := newTopic(t, log, 1)
	publish(t, log, topic, 0, "first", "second")
	cfg := inGroup("g")
	cfg.Drain = cfg.Session / 2 // far longer than the test takes
	sub := subscriber(t, log, cfg)
	messages := subscribe(t, sub, topic)
	msg := receive(t, messages)

	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_ = sub.Close()
	}()
	for { // until Close has begun
		if _, err := sub.Subscribe(t.Context(), topic); errors.Is(err, pubsub.ErrClosed) {
			break
		}
	}
	select {
	case <-messages:
		t.Fatal("another message came, or the channel was closed, while one is in flight")
	case <-closed:
		t.Fatal("Close did not wait for the message in flight")
	default:
	}
	if err := msg.Context().Err(); err != nil {
		t.Fatalf("the context of the message in flight has ended: %v", err)
	}
	msg.Ack()
	ended(t, closed, "Close")
	ended(t, msg.Context().Done(), "the context of an acknowledged message")
	if msg, open := <-messages; open {
		t.Fatalf("%s came after Close", msg.UUID)
	}
	takes(t, subscribe(t, subscriber(t, log, inGroup("g")), topic), "second")
}

func TestAMessageThatIsNotAnsweredIsGivenUpAfterAWhileAndComesAgain(t *testing.T) {
	t.Parallel()
	log := connect(t, brokers(t)...)
	topic := newTopic(t, log, 1)
	publish(t, log, topic, 0, "first")
	sub := subscriber(t, log, inGroup("g"))
	messages := subscribe(t, sub, topic)
	msg := receive(t, messages)
	if err := sub.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	if msg.Context().Err() == nil {
		t.Error("the message's context lives on after Close")
	}
	if _, open := <-messages; open {
		t.Error("a message came after Close")
	}
	takes(t, subscribe(t, subscriber(t, log, inGroup("g")), topic), "first")
}

func TestCloseAndSubscribeMayRace(t *testing.T) {
	t.Parallel()
	log := connect(t, brokers(t)...)
	topic := newTopic(t, log, 2)
	publish(t, log, topic, 0, "a", "b", "c")
	for _, group := range []string{"", "g"} {
		sub := subscriber(t, log, inGroup(group))
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				messages, err := sub.Subscribe(t.Context(), topic)
				switch {
				case errors.Is(err, pubsub.ErrClosed) || errors.Is(err, context.Canceled):
					return
				case err != nil:
					t.Errorf("subscribe: %v", err)
					return
				}
				if i%2 == 0 { // the others never read
					drained(t, messages)
				}
			})
			if i > 3 {
				all.Go(func() { _ = sub.Close() })
			}
		}
		all.Wait()
		if err := errors.Join(sub.Close(), sub.Err()); err != nil {
			t.Errorf("group %q: %v", group, err)
		}
	}
}

func TestAMessageThatIsRefusedForEverHoldsUpItsOwnPartitionOnly(t *testing.T) {
	t.Parallel()
	log := connect(t, brokers(t)...)
	topic := newTopic(t, log, 2)
	publish(t, log, topic, 0, "poison", "behind")
	publish(t, log, topic, 1, "1", "2", "3")
	for _, group := range []string{"", "g"} {
		messages := subscribe(t, subscriber(t, log, inGroup(group)), topic)
		var got []string
		for refused := 0; len(got) < 3 || refused < 5; {
			msg := receive(t, messages)
			if msg.UUID == "poison" {
				msg.Metadata.Set("partition", "changed by the handler")
				msg.Nack()
				ended(t, msg.Context().Done(), "the context of a refused message")
				refused++
				continue
			}
			got = append(got, msg.UUID)
			msg.Ack()
		}
		if diff := cmp.Diff([]string{"1", "2", "3"}, got); diff != "" {
			t.Errorf("group %q (-want +got):\n%s", group, diff)
		}
		msg := receive(t, messages)
		if msg.UUID != "poison" || msg.Metadata.Get("partition") != "0" {
			t.Errorf("group %q: got %s with %v, want the poison as it was published", group, msg.UUID, msg.Metadata)
		}
		msg.Ack()
		takes(t, messages, "behind")
	}
}

func TestANewestSubscriberReadsWhatComesAfterIt(t *testing.T) {
	t.Parallel()
	log := connect(t, brokers(t)...)
	topic := newTopic(t, log, 1)
	publish(t, log, topic, 0, "old")
	for i, group := range []string{"", "g"} {
		cfg := inGroup(group)
		cfg.Newest = true
		sub := subscriber(t, log, cfg)
		messages := subscribe(t, sub, topic)
		if group != "" {
			joined(t, log, topic, group) // a group begins when it has its first member
		}
		publish(t, log, topic, 0, fmt.Sprint("new", i))
		takes(t, messages, fmt.Sprint("new", i))
		_ = sub.Close()
		if group == "" {
			continue
		}
		publish(t, log, topic, 0, "while away")
		takes(t, subscribe(t, subscriber(t, log, cfg), topic), "while away")
	}
}

func TestPartitionsThatAreAddedAreReadFromTheirBeginning(t *testing.T) {
	t.Parallel()
	log := connect(t, brokers(t)...)
	for _, group := range []string{"", "g"} {
		topic := newTopic(t, log, 1)
		messages := subscribe(t, subscriber(t, log, inGroup(group)), topic)
		publish(t, log, topic, 0, "one")
		takes(t, messages, "one")
		grown := kafkalog.TopicSettings{Name: topic, Partitions: 2, Retention: kafkalog.Forever}
		if err := log.CreateTopic(deadline(t), grown); err != nil {
			t.Fatalf("add a partition: %v", err)
		}
		publish(t, log, topic, 1, "two")
		takes(t, messages, "two")
	}
}

func TestAMessageKnowsItsPosition(t *testing.T) {
	t.Parallel()
	log := connect(t, brokers(t)...)
	topic := newTopic(t, log, 1)
	publish(t, log, topic, 0, "one")
	if _, err := log.Append(deadline(t), topic, 0, [][]byte{[]byte("not a message")}); err != nil {
		t.Fatalf("append: %v", err)
	}
	type key struct{}
	messages, err := subscriber(t, log, impatient(1)).Subscribe(context.WithValue(t.Context(), key{}, "value"), topic)
	if err != nil {
		t.Fatalf("subscribe: %v", err)
	}
	takes(t, messages, "one")
	msg := receive(t, messages)
	want := pubsub.Position{Topic: topic, Partition: 0, Offset: 1}
	if got, ok := pubsub.PositionOf(msg.Context()); !ok || got != want || msg.UUID != want.String() {
		t.Errorf("position is %v, %v; UUID %s; want %v", got, ok, msg.UUID, want)
	}
	if msg.Context().Value(key{}) != "value" || string(msg.Payload) != "not a message" {
		t.Errorf("got %q without the subscriber's values", msg.Payload)
	}
	msg.Ack()
	if _, ok := pubsub.PositionOf(t.Context()); ok {
		t.Error("a context without a message has a position")
	}
}

func TestALogThatStartsAfterTheNextOffsetEndsTheSubscription(t *testing.T) {
	t.Parallel()
	log := connect(t, brokers(t)...)
	topic := newTopic(t, log, 2)
	publish(t, log, topic, 0, "0", "1", "2", "3")
	sub := subscriber(t, log, inGroup("g"))
	takes(t, subscribe(t, sub, topic), "0")
	if err := sub.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	dropBefore(t, log, topic, 0, 3)

	sub = subscriber(t, log, inGroup("g"))
	drained(t, subscribe(t, sub, topic))
	var damage *eventlog.DamageError
	if err := sub.Err(); !errors.As(err, &damage) || damage.Offset != 1 || damage.Partition != 0 {
		t.Errorf("got %v, want damage at offset 1 of partition 0", err)
	}
}
