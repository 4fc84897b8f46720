package pubsub_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/go-cmp/cmp"

	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog/pubsub"
)

func TestThePartitionerDecidesWhereAMessageGoes(t *testing.T) {
	t.Parallel()
	log := connect(t, brokers(t)...)
	topic := newTopic(t, log, 3)
	rooms := map[string]int{"east": 2, "west": 0}
	pub := publisher(t, log, func(c *pubsub.PublisherConfig) {
		c.Partition = func(_ string, msg *message.Message, _ int) (int, error) { return rooms[msg.Metadata.Get("room")], nil }
	})
	for _, room := range []string{"east", "west", "east"} {
		msg := message.NewMessage(room, nil)
		msg.Metadata.Set("room", room)
		if err := pub.Publish(topic, msg); err != nil {
			t.Fatalf("publish: %v", err)
		}
	}
	var got []int64
	for p := range 3 {
		_, end, err := log.Bounds(deadline(t), topic, p)
		if err != nil {
			t.Fatalf("bounds: %v", err)
		}
		got = append(got, end)
	}
	if diff := cmp.Diff([]int64{1, 0, 2}, got); diff != "" {
		t.Errorf("records per partition (-want +got):\n%s", diff)
	}
}

func TestAMessageWithoutItsOrderingKeyIsRefused(t *testing.T) {
	t.Parallel()
	log := connect(t, brokers(t)...)
	topic := newTopic(t, log, 2)
	pub := publisher(t, log, func(c *pubsub.PublisherConfig) { c.Partition = pubsub.ByMetadata("room") })
	if err := pub.Publish(topic, message.NewMessage("1", nil)); err == nil || !strings.Contains(err.Error(), `"room"`) {
		t.Errorf("got %v, want an error that names the key", err)
	}
}

func TestPublishHonoursTheMessagesContext(t *testing.T) {
	t.Parallel()
	log := connect(t, brokers(t)...)
	topic := newTopic(t, log, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := publisher(t, log, nil).Publish(topic, message.NewMessageWithContext(ctx, "1", nil))
	if !errors.Is(err, context.Canceled) || errors.Is(err, eventlog.ErrUnknownOutcome) {
		t.Errorf("got %v, want Canceled and nothing stored", err)
	}
}

func TestATopicThatDoesNotExistIsNotCreatedByPublishing(t *testing.T) {
	t.Parallel()
	log := connect(t, brokers(t)...)
	err := publisher(t, log, nil).Publish("no.such.topic", message.NewMessage("1", nil))
	if !errors.Is(err, eventlog.ErrRefused) {
		t.Errorf("publish: got %v, want ErrRefused", err)
	}
	cfg := impatient(1)
	cfg.Create = nil
	sub := subscriber(t, log, cfg)
	if err := sub.SubscribeInitialize("no.such.topic"); !errors.Is(err, eventlog.ErrRefused) {
		t.Errorf("initialize: got %v, want ErrRefused", err)
	}
	if _, err := sub.Subscribe(t.Context(), "no.such.topic"); !errors.Is(err, eventlog.ErrRefused) {
		t.Errorf("subscribe: got %v, want ErrRefused", err)
	}
}

func TestAClosedPublisherPublishesNothing(t *testing.T) {
	t.Parallel()
	log := connect(t, brokers(t)...)
	topic := newTopic(t, log, 1)
	pub := publisher(t, log, nil)
	for range 2 {
		if err := pub.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
	if err := pub.Publish(topic, message.NewMessage("1", nil)); !errors.Is(err, pubsub.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
	if _, end, err := log.Bounds(deadline(t), topic, 0); err != nil || end != 0 {
		t.Errorf("log ends at %d, %v; want 0", end, err)
	}
}

func TestConfigurationsSayWhatIsWrongWithThem(t *testing.T) {
	t.Parallel()
	if err := errors.Join(pubsub.DefaultPublisher().Validate(), pubsub.DefaultSubscriber().Validate()); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	if err := (pubsub.PublisherConfig{}).Validate(); !names(err, "timeout", "partition", "max_batch_bytes") {
		t.Errorf("publisher: got %v", err)
	}
	if _, err := pubsub.NewPublisher(nil, pubsub.PublisherConfig{}); err == nil {
		t.Error("a publisher was made of nothing")
	}
	sub := pubsub.SubscriberConfig{NackMin: 2, NackMax: 1, Heartbeat: 5, Session: 6, Drain: 7}
	if err := sub.Validate(); !names(err, "nack_max", "heartbeat", "drain", "rebalance", "watch", "rejoin", "leave") {
		t.Errorf("subscriber: got %v", err)
	}
	if _, err := pubsub.NewSubscriber(nil, sub); err == nil {
		t.Error("a subscriber was made of nonsense")
	}
}

func names(err error, settings ...string) bool {
	for _, s := range settings {
		if err == nil || !strings.Contains(err.Error(), s+":") {
			return false
		}
	}
	return true
}
