package kafkalog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/segmentio/kafka-go"

	"vigie/pkg/eventlog"
)

// TopicsError lists what is wrong with the topics. Nothing may run on them: a topic that forgets, or has fewer partitions
// than rooms, loses alarms later and silently.
type TopicsError struct{ Problems []string }

func (e *TopicsError) Error() string {
	return "the topics are not what Vigie needs; run vigie topics apply with the region file:\n  " + strings.Join(e.Problems, "\n  ")
}

// CheckTopics compares the topics with the table of rooms and with their settings. It returns a *TopicsError, or nil when
// they fit.
func (l *Log) CheckTopics(ctx context.Context, table []eventlog.RoomEntry) error {
	var problems []string
	for _, want := range Topics(max(1, Partitions(table)), 0, 0) {
		found, err := l.topicProblems(ctx, want)
		if err != nil {
			return fmt.Errorf("check topic %s: %w", want.Name, err)
		}
		problems = append(problems, found...)
	}
	if len(problems) > 0 {
		return &TopicsError{Problems: problems}
	}
	return nil
}

func (l *Log) topicProblems(ctx context.Context, want TopicSettings) ([]string, error) {
	client := l.client(want.Name)
	meta, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{want.Name}})
	if err != nil {
		return nil, err
	}
	if len(meta.Topics) != 1 || errors.Is(meta.Topics[0].Error, kafka.UnknownTopicOrPartition) {
		return []string{want.Name + " is missing"}, nil
	}
	if err := meta.Topics[0].Error; err != nil {
		return nil, err
	}
	var problems []string
	if have := len(meta.Topics[0].Partitions); have < want.Partitions {
		problems = append(problems, fmt.Sprintf("%s has %d partitions, the table of rooms needs %d", want.Name, have, want.Partitions))
	}
	configs, err := describe(ctx, client, want.Name)
	if err != nil {
		return nil, err
	}
	if policy := configs["cleanup.policy"]; policy != "delete" {
		problems = append(problems, fmt.Sprintf("%s has cleanup.policy %q, it must be delete: compaction forgets records", want.Name, policy))
	}
	// Keeping longer than asked loses nothing.
	if kept := configs["retention.ms"]; !keptLongEnough(kept, want) {
		problems = append(problems, fmt.Sprintf("%s has retention.ms %s, it must be %s or longer", want.Name, kept, want.entries()[1].ConfigValue))
	}
	if unclean := configs["unclean.leader.election.enable"]; unclean == "true" {
		problems = append(problems, want.Name+" allows unclean leaders: they lose what was acknowledged")
	}
	return problems, nil
}

func keptLongEnough(kept string, want TopicSettings) bool {
	if kept == "-1" {
		return true
	}
	ms, err := strconv.ParseInt(kept, 10, 64)
	return err == nil && want.Retention != Forever && ms >= want.Retention.Milliseconds()
}

func describe(ctx context.Context, client *kafka.Client, topic string) (map[string]string, error) {
	res, err := client.DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{{
		ResourceType: kafka.ResourceTypeTopic, ResourceName: topic,
		ConfigNames: []string{"cleanup.policy", "retention.ms", "unclean.leader.election.enable"},
	}}})
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
