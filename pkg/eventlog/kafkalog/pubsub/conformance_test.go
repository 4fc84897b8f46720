package pubsub_test

import (
	"os"
	"testing"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"

	"vigie/pkg/eventlog/kafkalog/pubsub"
)

// partitions of the suite's topics: several members of a group get some, most get none.
const suitePartitions = 8

// wholeSuite asks for the suite's full numbers of messages and subscribers: VIGIE_TEST_WHOLE=1.
func wholeSuite() bool { return os.Getenv("VIGIE_TEST_WHOLE") != "" }

// conform runs watermill's suite for every Pub/Sub, but for restarts: TestMessagesSurviveBrokersThatAreRestarted.
func conform(t *testing.T, features tests.Features, groups bool, partition pubsub.Partitioner) {
	t.Helper()
	features.ForceShort = !wholeSuite()
	log := connect(t, brokers(t)...)
	construct := func(t *testing.T, group string) (message.Publisher, message.Subscriber) {
		t.Helper()
		cfg := impatient(suitePartitions)
		cfg.Group = group
		return publisher(t, log, func(c *pubsub.PublisherConfig) { c.Partition = partition }), subscriber(t, log, cfg)
	}
	t.Run("suite", func(t *testing.T) { // its parallel tests end before the broker does
		tests.TestPubSub(t, features, func(t *testing.T) (message.Publisher, message.Subscriber) {
			t.Helper()
			if !groups {
				return construct(t, "")
			}
			return construct(t, "suite-"+t.Name())
		}, construct)
	})
}

func TestWatermillSuiteWithAGroup(t *testing.T) {
	t.Parallel()
	conform(t, tests.Features{ConsumerGroups: true, Persistent: true}, true, pubsub.ByUUID)
}

func TestWatermillSuiteWithAGroupAndOrder(t *testing.T) {
	t.Parallel()
	byPayload := func(topic string, msg *message.Message, n int) (int, error) {
		keyed := message.NewMessage(watermill.NewUUID(), nil)
		keyed.Metadata.Set("key", string(msg.Payload))
		return pubsub.ByMetadata("key")(topic, keyed, n)
	}
	conform(t, tests.Features{ConsumerGroups: true, Persistent: true, GuaranteedOrder: true}, true, byPayload)
}

func TestWatermillSuiteWithoutAGroup(t *testing.T) {
	t.Parallel()
	conform(t, tests.Features{Persistent: true, NewSubscriberReceivesOldMessages: true}, false, pubsub.ByUUID)
}
