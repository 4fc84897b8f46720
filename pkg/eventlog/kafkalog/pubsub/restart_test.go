//go:build realkafka

package pubsub_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"vigie/pkg/eventlog/kafkalog/pubsub"
)

// The suite has a test of restarts, which compares what came with what was published by then: a message may come before its
// publisher hears that it is stored, so it fails now and then and loses nothing. This one waits for the publishers. It is built
// by tests/real, which has brokers to kill.
func TestMessagesSurviveBrokersThatAreRestarted(t *testing.T) {
	t.Parallel()
	command := strings.Fields(os.Getenv("VIGIE_TEST_KAFKA_RESTART"))
	if len(command) == 0 {
		t.Fatal("give brokers (VIGIE_KAFKA_BROKERS) and what restarts one of them (VIGIE_TEST_KAFKA_RESTART)")
	}
	log := connect(t, brokers(t)...)
	for _, group := range []string{"", "restarts-" + watermill.NewUUID()} { // one after the other: a restart is for all
		name := "without a group"
		if group != "" {
			name = "with a group"
		}
		t.Run(name, func(t *testing.T) {
			cfg := impatient(suitePartitions)
			cfg.Group = group
			survives(t, log, cfg, command)
		})
	}
}

func survives(t *testing.T, log *site, cfg pubsub.SubscriberConfig, restart []string) {
	t.Helper()
	const count, publishers = 10_000, 100
	ctx, done := context.WithTimeout(t.Context(), 4*time.Minute)
	defer done()
	topic, pub := newTopic(t, log, suitePartitions), publisher(t, log, nil)
	messages, err := subscriber(t, log, cfg).Subscribe(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	missing, work := make(map[string]bool, count), make(chan *message.Message)
	all := make([]*message.Message, count)
	for k := range all {
		all[k] = message.NewMessage(watermill.NewUUID(), []byte("x"))
		missing[all[k].UUID] = true
	}
	var running sync.WaitGroup
	defer running.Wait()
	defer done()
	for range publishers {
		running.Go(func() {
			for msg := range work {
				for pub.Publish(topic, msg) != nil && ctx.Err() == nil { //nolint:contextcheck // a message has its own; the same again, as the contract says
				}
			}
		})
	}
	running.Go(func() {
		defer close(work)
		for k, msg := range all {
			if k == count/3 || k == count/2 {
				running.Go(func() {
					if out, err := exec.CommandContext(ctx, restart[0], restart[1:]...).CombinedOutput(); err != nil {
						t.Errorf("restart: %v\n%s", err, out)
					}
				})
			}
			select {
			case work <- msg:
			case <-ctx.Done():
				return
			}
		}
	})
	known := map[string]bool{}
	for len(missing) > 0 {
		select {
		case msg, open := <-messages:
			if !open {
				t.Fatalf("the subscription has ended, %d messages have not come", len(missing))
			}
			if !missing[msg.UUID] && !known[msg.UUID] {
				t.Errorf("nobody has published %s", msg.UUID)
			}
			delete(missing, msg.UUID)
			known[msg.UUID] = true
			msg.Ack()
		case <-ctx.Done():
			t.Fatalf("%d messages have not come", len(missing))
		}
	}
	// Let publishers and restarts end by themselves, not by done.
	ended := make(chan struct{})
	go func() { running.Wait(); close(ended) }()
	for {
		select {
		case msg, open := <-messages: // repeats
			if !open {
				t.Fatal("the subscription has ended")
			}
			msg.Ack()
		case <-ended:
			return
		}
	}
}
