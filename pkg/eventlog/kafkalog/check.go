package kafkalog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"

	"vigie/pkg/eventlog"
	"vigie/pkg/wait"
)

// TopicsError lists what is wrong with the topics. Nothing may run on them: a topic that forgets, has fewer partitions than
// rooms, or keeps its records on one disk, loses alarms later and silently.
type TopicsError struct {
	Problems []string
	// lasting says that some of them no settings mend: there are too few copies.
	lasting bool
}

func (e *TopicsError) Error() string {
	return "the topics are not what Vigie needs; run vigie topics apply with the region file:\n  " + strings.Join(e.Problems, "\n  ")
}

// What a topic needs so that nothing acknowledged is lost with a broker.
const (
	needCopies = 3
	needInSync = 2
)

// Copies is how many copies of every record topics must have, and how many of them an append must wait for.
func (l *Log) Copies() (copies, inSync int) { return l.copiesOn(1) }

// copiesOn is the same for a number of brokers: one node alone is no declaration about several.
func (l *Log) copiesOn(brokers int) (copies, inSync int) {
	if l.cfg.SingleNode && brokers <= 1 {
		return 1, 1
	}
	return needCopies, needInSync
}

// CheckTopics compares the topics with the table of rooms and with their settings. It returns a *TopicsError, or nil when
// they fit.
func (l *Log) CheckTopics(ctx context.Context, table []eventlog.RoomEntry) error {
	var wrong TopicsError
	for _, want := range Topics(max(1, Partitions(table)), 0, 0) {
		if err := l.checkTopic(ctx, want, &wrong); err != nil {
			return fmt.Errorf("check topic %s: %w", want.Name, err)
		}
	}
	if len(wrong.Problems) > 0 {
		return &wrong
	}
	return nil
}

// settle is how long brokers may take to learn of new settings, which they do one after the other.
const settle = 20 * time.Second

// AwaitTopics is [Log.CheckTopics] after [Log.Apply]: it waits for what is still under way.
func (l *Log) AwaitTopics(ctx context.Context, table []eventlog.RoomEntry) error {
	ctx, done := context.WithTimeout(ctx, settle)
	defer done()
	var found error
	for {
		err := l.CheckTopics(ctx, table)
		var wrong *TopicsError
		if err == nil || errors.As(err, &wrong) && wrong.lasting {
			return err
		}
		if found == nil || ctx.Err() == nil {
			found = err // and not that time is up
		}
		if wait.About(ctx, 2*backoffMin) != nil {
			return found
		}
	}
}

func (l *Log) checkTopic(ctx context.Context, want TopicSettings, wrong *TopicsError) error {
	client := l.client(want.Name)
	meta, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{want.Name}})
	if err != nil {
		return err
	}
	if len(meta.Topics) != 1 || errors.Is(meta.Topics[0].Error, kafka.UnknownTopicOrPartition) {
		wrong.Problems = append(wrong.Problems, want.Name+" is missing")
		return nil
	}
	if err := meta.Topics[0].Error; err != nil {
		return err
	}
	configs, err := describeTopic(ctx, client, want.Name)
	if err != nil {
		return err
	}
	wrong.Problems = append(wrong.Problems, want.differences(len(meta.Topics[0].Partitions), configs)...)
	l.checkCopies(meta, configs, wrong)
	return nil
}

// differences are between what a topic must be and what it is.
func (s TopicSettings) differences(partitions int, have map[string]string) []string {
	var problems []string
	if partitions < s.Partitions {
		problems = append(problems, fmt.Sprintf("%s has %d partitions, the table of rooms needs %d", s.Name, partitions, s.Partitions))
	}
	if policy := have[cleanupPolicy]; policy != "delete" {
		problems = append(problems, fmt.Sprintf("%s has %s %q, it must be delete: compaction forgets records", s.Name, cleanupPolicy, policy))
	}
	// Keeping longer than asked loses nothing.
	if kept := have[retentionMS]; !keptLongEnough(kept, s) {
		problems = append(problems, fmt.Sprintf("%s has %s %s, it must be %s or longer", s.Name, retentionMS, kept, s.retention()))
	}
	if have[uncleanLeaders] == "true" {
		problems = append(problems, fmt.Sprintf("%s allows unclean leaders (%s): they lose what was acknowledged", s.Name, uncleanLeaders))
	}
	return problems
}

func keptLongEnough(kept string, want TopicSettings) bool {
	if kept == "-1" {
		return true
	}
	ms, err := strconv.ParseInt(kept, 10, 64)
	return err == nil && want.Retention != Forever && ms >= want.Retention.Milliseconds()
}

// checkCopies says what the death of one broker would take along.
func (l *Log) checkCopies(meta *kafka.MetadataResponse, configs map[string]string, wrong *TopicsError) {
	topic := meta.Topics[0]
	wantCopies, wantInSync := l.copiesOn(len(meta.Brokers))
	if have := copies(topic.Partitions); have < wantCopies {
		cure := "vigie topics apply cannot add any, Kafka's kafka-reassign-partitions can"
		switch {
		case l.cfg.SingleNode:
			cure += fmt.Sprintf("; kafka_single_node does not fit %d brokers", len(meta.Brokers))
		case len(meta.Brokers) == 1:
			cure = "add brokers, or set kafka_single_node where one node is on purpose"
		}
		wrong.lasting = true
		wrong.Problems = append(wrong.Problems, fmt.Sprintf("%s keeps %d of the %d copies that every record needs: %s", topic.Name, have, wantCopies, cure))
	}
	if have, err := strconv.Atoi(configs[minInSync]); err != nil || have < wantInSync {
		wrong.Problems = append(wrong.Problems, fmt.Sprintf("%s has %s %s, it must be %d: what a single copy has acknowledged is lost with its broker",
			topic.Name, minInSync, configs[minInSync], wantInSync))
	}
}

func describeTopic(ctx context.Context, client *kafka.Client, topic string) (map[string]string, error) {
	return describe(ctx, client, kafka.DescribeConfigRequestResource{
		ResourceType: kafka.ResourceTypeTopic, ResourceName: topic,
		ConfigNames: []string{cleanupPolicy, retentionMS, uncleanLeaders, minInSync},
	})
}

// describe reads settings; those that the broker does not know are missing.
func describe(ctx context.Context, client *kafka.Client, what kafka.DescribeConfigRequestResource) (map[string]string, error) {
	res, err := client.DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{what}})
	if err != nil {
		return nil, err
	}
	configs := map[string]string{}
	for _, r := range res.Resources {
		if r.Error != nil {
			return nil, r.Error
		}
		for _, e := range r.ConfigEntries {
			configs[e.ConfigName] = e.ConfigValue
		}
	}
	return configs, nil
}
