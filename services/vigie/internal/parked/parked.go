// Package parked is the command line's part about messages that a handler has refused for good: it shows what they are, where
// they come from and why. Nothing is waiting for them; what is to become of them, people decide.
package parked

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/spf13/cobra"

	"vigie/pkg/app"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/eventlog/kafkalog/pubsub"
)

type flags struct {
	brokers      []string
	follow, json bool
}

// Command is vigie parked.
func Command() *cobra.Command {
	var f flags
	c := &cobra.Command{
		Use: "parked --brokers HOST:PORT,...", Short: "Show messages that were refused for good, and why", Args: cobra.NoArgs,
		Long: "Shows what is in " + eventlog.TopicParked + ", oldest first. With --json, each message is a line with its payload in base64.\n" +
			"VIGIE_KAFKA_PASSWORD is the password.",
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, done := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
			defer done()
			log, err := app.OpenKafka(ctx, os.Environ(), c.Flags(), f.brokers, nil)
			if err != nil {
				return err
			}
			defer log.Close()
			return f.show(ctx, log, c.OutOrStdout())
		},
	}
	c.Flags().StringSliceVar(&f.brokers, "brokers", nil, "addresses of Kafka, host:port,...")
	c.Flags().BoolVarP(&f.follow, "follow", "f", false, "go on with those that come, until interrupted")
	c.Flags().BoolVar(&f.json, "json", false, "write the messages as JSON")
	app.KafkaFlags(c.Flags())
	_ = c.MarkFlagRequired("brokers") // fails only for a flag that does not exist
	return c
}

// show writes the messages that are there, and with follow those that come.
func (f *flags) show(ctx context.Context, log *kafkalog.Log, out io.Writer) error {
	left, err := held(ctx, log)
	if err != nil || len(left) == 0 && !f.follow {
		return err
	}
	sub, err := pubsub.NewSubscriber(log, pubsub.DefaultSubscriber())
	if err != nil {
		return err
	}
	defer func() { _ = sub.Close() }() // it only waits
	messages, err := sub.Subscribe(ctx, eventlog.TopicParked)
	if err != nil {
		return err
	}
	for msg := range messages {
		at, _ := pubsub.PositionOf(msg.Context()) //nolint:contextcheck // the message's own says where it is
		if err := f.print(out, at, msg); err != nil {
			return err
		}
		msg.Ack()
		if at.Offset+1 >= left[at.Partition] {
			delete(left, at.Partition)
		}
		if len(left) == 0 && !f.follow {
			return nil
		}
	}
	return sub.Err()
}

// held gives where the partitions end that hold something now.
func held(ctx context.Context, log *kafkalog.Log) (map[int]int64, error) {
	partitions, err := log.PartitionCount(ctx, eventlog.TopicParked)
	if err != nil {
		return nil, err
	}
	ends := map[int]int64{}
	for p := range partitions {
		start, end, err := log.AwaitBounds(ctx, eventlog.TopicParked, p)
		if err != nil {
			return nil, err
		}
		if start < end {
			ends[p] = end
		}
	}
	return ends, nil
}

func (f *flags) print(out io.Writer, at pubsub.Position, msg *message.Message) error {
	line := struct {
		Partition int               `json:"partition"`
		Offset    int64             `json:"offset"`
		ID        string            `json:"id"`
		Handler   string            `json:"handler"`
		Topic     string            `json:"topic"`
		ParkedAt  string            `json:"parked_at"`
		Reason    string            `json:"reason"`
		Metadata  map[string]string `json:"metadata"`
		Payload   []byte            `json:"payload"`
	}{
		at.Partition, at.Offset, msg.UUID, msg.Metadata.Get(app.ParkedHandler), msg.Metadata.Get(app.ParkedTopic),
		msg.Metadata.Get(app.ParkedAt), msg.Metadata.Get(app.ParkedReason), msg.Metadata, msg.Payload,
	}
	if f.json {
		return json.NewEncoder(out).Encode(line)
	}
	_, err := fmt.Fprintf(out, "%s  offset %d  %s, from %s, %d bytes, id %s: %s\n",
		line.ParkedAt, line.Offset, line.Handler, line.Topic, len(line.Payload), line.ID, line.Reason)
	return err
}
