// Package topics is the command line's part about Kafka's topics: it makes them what Vigie needs, with a partition for
// every room, and says what is wrong with those that are there.
package topics

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
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
	principals             []string
	acls                   bool
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
	// Not a list with commas: the name in a certificate has some.
	c.Flags().StringArrayVar(&f.principals, "principal", nil,
		"what Kafka calls a service, SERVICE=User:NAME; may be repeated; User:SERVICE where it is left out, and User:admin for who runs this")
	app.KafkaFlags(c.Flags())
	c.Flags().BoolVar(&f.json, "json", false, "write the result as JSON")
	_ = c.MarkFlagRequired("brokers") // fails only for a flag that does not exist
}

func (f *flags) with(c *cobra.Command, do func(context.Context, *kafkalog.Log, kafkalog.Principals) error) error {
	principals, err := f.named()
	if err != nil {
		return app.Exit(app.Usage, err)
	}
	ctx, done := context.WithTimeout(c.Context(), bound)
	defer done()
	log, err := app.OpenKafka(ctx, os.Environ(), c.Flags(), f.brokers, f.positions)
	if err != nil {
		return err
	}
	defer log.Close()
	return do(ctx, log, principals)
}

// named gives the services' principals: their own names, where no others are given.
func (f *flags) named() (kafkalog.Principals, error) {
	given := kafkalog.Principals{}
	for _, p := range f.principals {
		service, name, ok := strings.Cut(p, "=")
		if !ok {
			return nil, fmt.Errorf("--principal %q: write SERVICE=User:NAME", p)
		}
		given[service] = append(given[service], name)
	}
	principals := kafkalog.DefaultPrincipals()
	maps.Copy(principals, given)
	if err := principals.Validate(); err != nil {
		return nil, fmt.Errorf("--principal: %w", err)
	}
	return principals, nil
}

func applyCommand() *cobra.Command {
	var f flags
	c := &cobra.Command{
		Use: "apply --brokers HOST:PORT,... --region FILE", Short: "Make the topics and give every room its partition", Args: cobra.NoArgs,
		Long: "Makes what is missing and mends settings; nothing is ever taken away. A room keeps its partition for life. What is left to do by\n" +
			"others, such as adding copies to a topic that exists, it says, with status 7. With --acls, it also makes the rules by which each\n" +
			"service may do what it needs: only dispatch writes vigie.log. VIGIE_KAFKA_PASSWORD is the password.",
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := region.Load(f.region)
			if err != nil {
				return app.Exit(app.BadRegion, err)
			}
			return f.with(c, func(ctx context.Context, log *kafkalog.Log, principals kafkalog.Principals) error {
				return f.apply(ctx, c, log, principals, r.RoomIDs())
			})
		},
	}
	f.add(c)
	c.Flags().BoolVar(&f.acls, "acls", false, "make the rules of who may do what, too")
	c.Flags().StringVar(&f.region, "region", "", "region file with the rooms")
	c.Flags().IntVar(&f.replication, "replication", 0, "copies of every record; 3 where it is left out, 1 with --kafka-single-node")
	c.Flags().IntVar(&f.minInSync, "min-insync", 0, "copies that an append waits for; 2 where it is left out, 1 with --kafka-single-node")
	_ = c.MarkFlagRequired("region") // fails only for a flag that does not exist
	return c
}

func (f *flags) apply(ctx context.Context, c *cobra.Command, log *kafkalog.Log, principals kafkalog.Principals, rooms []string) error {
	copies, inSync, err := f.copies(log)
	if err != nil {
		return app.Exit(app.Usage, err)
	}
	table, err := log.Apply(ctx, kafkalog.Plan{Rooms: rooms, Replication: copies, MinInSync: inSync, NewLogID: uuid.NewString})
	if err != nil {
		return err
	}
	if f.acls {
		if err := log.Allow(ctx, principals); err != nil {
			return err
		}
	}
	if err := f.print(c, table); err != nil {
		return err
	}
	return checked(errors.Join(log.AwaitTopics(ctx, table), checkBrokers(ctx, c, log)))
}

// copies are those asked for, or those needed. Fewer would be topics on which no service starts.
func (f *flags) copies(log *kafkalog.Log) (copies, inSync int, err error) {
	needCopies, needInSync := log.Copies()
	copies, inSync = cmp.Or(f.replication, needCopies), cmp.Or(f.minInSync, needInSync)
	if copies < needCopies || inSync < needInSync {
		return 0, 0, fmt.Errorf("--replication %d --min-insync %d: give at least %d and %d, or --kafka-single-node where Kafka is one node on purpose",
			copies, inSync, needCopies, needInSync)
	}
	return copies, inSync, nil
}

func checkCommand() *cobra.Command {
	var f flags
	c := &cobra.Command{
		Use: "check --brokers HOST:PORT,...", Short: "Say what is wrong with the topics, the brokers, and with who may do what", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return f.with(c, func(ctx context.Context, log *kafkalog.Log, principals kafkalog.Principals) error {
				table, err := log.Rooms(ctx)
				if err != nil {
					return err
				}
				err = errors.Join(log.CheckTopics(ctx, table), checkBrokers(ctx, c, log), f.checkRules(ctx, log, principals))
				if err != nil {
					return checked(err)
				}
				return f.print(c, table)
			})
		},
	}
	f.add(c)
	return c
}

// checkBrokers also gives advice, which is no failure.
func checkBrokers(ctx context.Context, c *cobra.Command, log *kafkalog.Log) error {
	advice, err := log.CheckBrokers(ctx)
	for _, a := range advice {
		if _, err := fmt.Fprintln(c.ErrOrStderr(), "advice:", a); err != nil {
			return err
		}
	}
	return err
}

// checkRules is content where nobody has asked for rules and the brokers have none.
func (f *flags) checkRules(ctx context.Context, log *kafkalog.Log, principals kafkalog.Principals) error {
	err := log.CheckRules(ctx, principals)
	if errors.Is(err, kafkalog.ErrNoAuthorizer) && len(f.principals) == 0 {
		return nil
	}
	return err
}

// checked tells what is wrong with the topics, brokers and rules from what kept us from looking.
func checked(err error) error {
	var topics *kafkalog.TopicsError
	var brokers *kafkalog.BrokersError
	var rules *kafkalog.RulesError
	if errors.As(err, &topics) || errors.As(err, &brokers) || errors.As(err, &rules) {
		return app.Exit(app.CheckFailed, err)
	}
	return err
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
