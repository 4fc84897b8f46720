package kafkalog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"

	"vigie/pkg/eventlog"
	"vigie/pkg/wait"
)

// Forever is the retention of what is never deleted.
const Forever time.Duration = -1

// TopicSettings is what a topic must be.
type TopicSettings struct {
	Name       string
	Partitions int
	// Replication is the number of copies; 0 leaves it to the brokers.
	Replication int
	// MinInSync is how many copies an append waits for; 0 leaves it to the brokers.
	MinInSync int
	// Retention is how long records are kept: [Forever], or above zero.
	Retention time.Duration
}

// Topics returns the settings of the project's topics for a number of
// rooms. Retention is set on each of them: a broker that deletes by age would
// otherwise apply its own to those without.
func Topics(rooms, replication, minInSync int) []TopicSettings {
	const day = 24 * time.Hour
	set := func(name string, partitions int, retention time.Duration) TopicSettings {
		return TopicSettings{
			Name: name, Partitions: partitions, Replication: replication, MinInSync: minInSync, Retention: retention,
		}
	}
	return []TopicSettings{
		set(eventlog.TopicRooms, 1, Forever),
		set(eventlog.TopicIntake, rooms, 30*day),
		set(eventlog.TopicLog, rooms, Forever),
		set(eventlog.TopicPositions, rooms, day),
		set(eventlog.TopicParked, 1, 30*day),
	}
}

// Settings of a topic by their names in Kafka.
const (
	cleanupPolicy  = "cleanup.policy"
	retentionMS    = "retention.ms"
	minInSync      = "min.insync.replicas"
	uncleanLeaders = "unclean.leader.election.enable"
)

func (s TopicSettings) entries() []kafka.ConfigEntry {
	entries := []kafka.ConfigEntry{
		{ConfigName: cleanupPolicy, ConfigValue: "delete"},
		{ConfigName: retentionMS, ConfigValue: s.retention()},
		{ConfigName: uncleanLeaders, ConfigValue: "false"},
	}
	if s.MinInSync > 0 {
		entries = append(entries, kafka.ConfigEntry{ConfigName: minInSync, ConfigValue: strconv.Itoa(s.MinInSync)})
	}
	return entries
}

func (s TopicSettings) retention() string {
	if s.Retention == Forever {
		return "-1"
	}
	return strconv.FormatInt(s.Retention.Milliseconds(), 10)
}

// CreateTopic makes sure that the topic is there, with the settings and at
// least the partitions asked for: it creates it, adds partitions, or changes
// its settings. Partitions are never taken away, and copies never added. It
// returns when this connection can use them all.
func (l *Log) CreateTopic(ctx context.Context, s TopicSettings) error {
	if s.Partitions < 1 {
		return fmt.Errorf("create topic %s: needs at least one partition", s.Name)
	}
	if s.Retention != Forever && s.Retention <= 0 {
		return fmt.Errorf("create topic %s: retention must be above zero or Forever", s.Name)
	}
	replication := s.Replication
	if replication == 0 {
		replication = -1
	}
	client := l.client(s.Name)
	err := create(ctx, client, kafka.TopicConfig{
		Topic: s.Name, NumPartitions: s.Partitions, ReplicationFactor: replication, ConfigEntries: s.entries(),
	})
	switch {
	case errors.Is(err, kafka.TopicAlreadyExists):
		return l.adjust(ctx, client, s)
	case errors.Is(err, kafka.InvalidReplicationFactor):
		return fmt.Errorf("create topic %s: %d copies want as many brokers; set kafka_single_node where there is one on purpose: %w",
			s.Name, s.Replication, err)
	case err != nil:
		return fmt.Errorf("create topic %s: %w", s.Name, err)
	}
	return l.await(ctx, client, s)
}

func create(ctx context.Context, client *kafka.Client, topic kafka.TopicConfig) error {
	return controlled(ctx, func() error {
		res, err := client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{topic}})
		if err != nil {
			return err
		}
		return res.Errors[topic.Topic]
	})
}

// controlled asks again while the cluster has no controller that answers, as right after its start.
func controlled(ctx context.Context, ask func() error) error {
	for {
		err := ask()
		if !errors.Is(err, kafka.BrokerNotAvailable) && !errors.Is(err, kafka.NotController) {
			return err
		}
		if pause := wait.About(ctx, 2*backoffMin); pause != nil {
			return errors.Join(pause, err)
		}
	}
}

// adjust brings a topic that exists to its settings, as far as its copies
// allow: one that must wait for more of them than there are takes no records.
func (l *Log) adjust(ctx context.Context, client *kafka.Client, s TopicSettings) error {
	have, err := l.countCopies(ctx, s.Name)
	if err != nil {
		return fmt.Errorf("copies of %s: %w", s.Name, err)
	}
	if have < s.Replication {
		s.MinInSync = 0
	}
	configs := make([]kafka.IncrementalAlterConfigsRequestConfig, 0, len(s.entries()))
	for _, e := range s.entries() {
		configs = append(configs, kafka.IncrementalAlterConfigsRequestConfig{
			Name: e.ConfigName, Value: e.ConfigValue, ConfigOperation: kafka.ConfigOperationSet,
		})
	}
	altered, err := client.IncrementalAlterConfigs(ctx, &kafka.IncrementalAlterConfigsRequest{
		Resources: []kafka.IncrementalAlterConfigsRequestResource{{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: s.Name, Configs: configs,
		}},
	})
	if err != nil {
		return fmt.Errorf("change settings of %s: %w", s.Name, err)
	}
	for _, r := range altered.Resources {
		if r.Error != nil {
			return fmt.Errorf("change settings of %s: %w", s.Name, r.Error)
		}
	}
	// The broker refuses a count that is not larger: also the answer to a
	// topic that is large enough already.
	grown, err := client.CreatePartitions(ctx, &kafka.CreatePartitionsRequest{Topics: []kafka.TopicPartitionsConfig{{
		Name: s.Name, Count: int32(s.Partitions), //nolint:gosec // a number of rooms
	}}})
	if err != nil {
		return fmt.Errorf("add partitions to %s: %w", s.Name, err)
	}
	if err := grown.Errors[s.Name]; err != nil && !errors.Is(err, kafka.InvalidPartitionNumber) {
		return fmt.Errorf("add partitions to %s: %w", s.Name, err)
	}
	return l.await(ctx, client, s)
}

// countCopies waits until the brokers tell how many copies the topic has.
func (l *Log) countCopies(ctx context.Context, topic string) (int, error) {
	for {
		res, err := l.client(topic).Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
		if err == nil && len(res.Topics) == 1 && len(res.Topics[0].Partitions) > 0 {
			return copies(res.Topics[0].Partitions), nil
		}
		if pause := wait.About(ctx, 2*backoffMin); pause != nil {
			return 0, errors.Join(pause, err)
		}
	}
}

// copies is how many the partition with the fewest has, those on brokers that are away included.
func copies(partitions []kafka.Partition) int {
	if len(partitions) == 0 {
		return 0
	}
	fewest := len(partitions[0].Replicas)
	for _, p := range partitions {
		fewest = min(fewest, len(p.Replicas))
	}
	return fewest
}

// await waits until the cached metadata, by which kafka-go routes, knows a
// leader for every partition, and each leader knows that it is one: brokers
// learn of a new topic one after the other, and one that has not yet refuses
// an append as if the topic did not exist.
func (l *Log) await(ctx context.Context, client *kafka.Client, s TopicSettings) error {
	for {
		res, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{s.Name}})
		if err == nil && len(res.Topics) == 1 && res.Topics[0].Error == nil && led(res.Topics[0].Partitions) >= s.Partitions {
			if err = answering(ctx, client, s); err == nil {
				return nil
			}
		}
		if pause := wait.About(ctx, 2*backoffMin); pause != nil {
			return fmt.Errorf("wait for %d partitions of %s: %w", s.Partitions, s.Name, errors.Join(pause, err))
		}
	}
}

// answering says whether the leader of every partition answers for it.
func answering(ctx context.Context, client *kafka.Client, s TopicSettings) error {
	ask := make([]kafka.OffsetRequest, s.Partitions)
	for i := range ask {
		ask[i] = kafka.LastOffsetOf(i)
	}
	res, err := client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{s.Name: ask}})
	if err != nil {
		return err
	}
	for _, p := range res.Topics[s.Name] {
		if p.Error != nil {
			return fmt.Errorf("partition %d: %w", p.Partition, p.Error)
		}
	}
	return nil
}

func led(partitions []kafka.Partition) int {
	n := 0
	for _, p := range partitions {
		if p.Error == nil && p.Leader.Host != "" {
			n++
		}
	}
	return n
}
