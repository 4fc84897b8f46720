// Package topics is the command line's part about Kafka's topics: it makes them what Vigie needs, with a partition for
// every room, and says what is wrong with those that are there.
package topics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"vigie/pkg/app"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/region"
)

// bound is how long Kafka may take.
const bound = time.Minute

type flags struct {
	brokers, positions     []string
	region                 string
	replication, minInSync int
	json                   bool
}

// Command is vigie topics.
func Command() *cobra.Command {
	c := &cobra.Command{Use: "topics", Short: "Kafka's topics and the table of rooms"}
	c.AddCommand(applyCommand(), checkCommand())
	return c
}

func (f *flags) add(c *cobra.Command) {
	c.Flags().StringSliceVar(&f.brokers, "brokers", nil, "addresses of Kafka, host:port,...")
	c.Flags().StringSliceVar(&f.positions, "positions-brokers", nil, "addresses of the Kafka for positions, when it is another one")
	c.Flags().BoolVar(&f.json, "json", false, "write the result as JSON")
	_ = c.MarkFlagRequired("brokers") // fails only for a flag that does not exist
}

func (f *flags) with(c *cobra.Command, do func(context.Context, *kafkalog.Log) error) error {
	cfg := kafkalog.Default()
	cfg.Brokers, cfg.PositionsBrokers = f.brokers, f.positions
	log, err := kafkalog.New(cfg)
	if err != nil {
		return app.Exit(app.Usage, err)
	}
	defer log.Close()
	ctx, done := context.WithTimeout(c.Context(), bound)
	defer done()
	return do(ctx, log)
}

func applyCommand() *cobra.Command {
	var f flags
	c := &cobra.Command{
		Use: "apply --brokers HOST:PORT,... --region FILE", Short: "Make the topics and give every room its partition", Args: cobra.NoArgs,
		Long: "Makes what is missing and mends settings; nothing is ever taken away. A room keeps its partition for life.",
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := region.Load(f.region)
			if err != nil {
				return app.Exit(app.BadRegion, err)
			}
			return f.with(c, func(ctx context.Context, log *kafkalog.Log) error {
				table, err := log.Apply(ctx, kafkalog.Plan{
					Rooms: r.RoomIDs(), Replication: f.replication, MinInSync: f.minInSync,
					NewLogID: uuid.NewString,
				})
				if err != nil {
					return err
				}
				return f.print(c, table)
			})
		},
	}
	f.add(c)
	c.Flags().StringVar(&f.region, "region", "", "region file with the rooms")
	c.Flags().IntVar(&f.replication, "replication", 3, "copies of every record")
	c.Flags().IntVar(&f.minInSync, "min-insync", 2, "copies that an append waits for")
	_ = c.MarkFlagRequired("region") // fails only for a flag that does not exist
	return c
}

func checkCommand() *cobra.Command {
	var f flags
	c := &cobra.Command{
		Use: "check --brokers HOST:PORT,...", Short: "Say what is wrong with the topics", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return f.with(c, func(ctx context.Context, log *kafkalog.Log) error {
				table, err := log.Rooms(ctx)
				if err != nil {
					return err
				}
				var wrong *kafkalog.TopicsError
				if err := log.CheckTopics(ctx, table); errors.As(err, &wrong) {
					return app.Exit(app.CheckFailed, err)
				} else if err != nil {
					return err
				}
				return f.print(c, table)
			})
		},
	}
	f.add(c)
	return c
}

func (f *flags) print(c *cobra.Command, table []eventlog.RoomEntry) error {
	type line struct {
		Room      string `json:"room"`
		Partition int    `json:"partition"`
		LogID     string `json:"log_id"`
	}
	out := c.OutOrStdout()
	for _, r := range table {
		var err error
		if f.json {
			err = json.NewEncoder(out).Encode(line{r.Room, r.Partition, r.LogID})
		} else {
			_, err = fmt.Fprintf(out, "%-20s partition %-3d log %s\n", r.Room, r.Partition, r.LogID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
