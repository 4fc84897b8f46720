package kafkalog

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/segmentio/kafka-go"
)

// BrokersError lists what is wrong with how the brokers are set up.
type BrokersError struct{ Problems []string }

func (e *BrokersError) Error() string {
	return "the brokers are not set up as Vigie needs; change their server.properties:\n  " + strings.Join(e.Problems, "\n  ")
}

// Settings of a broker by their names in Kafka.
const (
	autoCreate    = "auto.create.topics.enable"
	flushMessages = "log.flush.interval.messages"
)

// prompt is a setting that decides how soon a broker that dies is replaced, and the most that it should be, in milliseconds.
type prompt struct {
	name string
	most int64
}

// failover are the settings with which the next leader of a partition took over within 1.6 to 3.1 s of the death of the last;
// with Kafka's own it took 11. The last two are the controllers'.
func failover() []prompt {
	return []prompt{
		{"broker.session.timeout.ms", 1500},
		{"broker.heartbeat.interval.ms", 300},
		{"controller.quorum.fetch.timeout.ms", 1000},
		{"controller.quorum.election.timeout.ms", 500},
	}
}

// CheckBrokers looks at how the brokers are set up, as far as they tell: only to those who may see the cluster's settings. What
// would lose something is a *BrokersError; advice is what costs time, or what only some failures would show.
func (l *Log) CheckBrokers(ctx context.Context) (advice []string, err error) {
	var problems []string
	for _, c := range l.clusters() {
		wrong, could, err := l.checkCluster(ctx, c)
		if err != nil {
			return nil, fmt.Errorf("settings of the brokers: %w", denied(err))
		}
		problems, advice = append(problems, wrong...), append(advice, could...)
	}
	if len(problems) > 0 {
		return advice, &BrokersError{Problems: problems}
	}
	return advice, nil
}

func (l *Log) checkCluster(ctx context.Context, c cluster) (problems, advice []string, err error) {
	meta, err := c.client.Metadata(ctx, &kafka.MetadataRequest{Topics: c.topics})
	if err != nil {
		return nil, nil, err
	}
	names := []string{autoCreate, flushMessages}
	for _, p := range failover() {
		names = append(names, p.name)
	}
	for _, b := range meta.Brokers {
		have, err := describe(ctx, c.client, kafka.DescribeConfigRequestResource{
			ResourceType: kafka.ResourceTypeBroker, ResourceName: strconv.Itoa(b.ID), ConfigNames: names,
		})
		if err != nil {
			return nil, nil, err
		}
		if have[autoCreate] == "true" {
			problems = append(problems, fmt.Sprintf(
				"broker %d makes topics that nobody has asked for, with settings of its own: set %s to false", b.ID, autoCreate))
		}
		advice = append(advice, l.brokerAdvice(b.ID, len(meta.Brokers), have)...)
	}
	old, err := beforeELR(ctx, c.client)
	if err != nil {
		return nil, nil, err
	}
	if old {
		advice = append(advice, "the brokers are older than Kafka 4.1: a copy that was the last to stand can lose what was acknowledged; update them")
	}
	return problems, advice, nil
}

func (l *Log) brokerAdvice(id, brokers int, have map[string]string) (advice []string) {
	if copies, _ := l.copiesOn(brokers); copies == 1 {
		if flush, told := have[flushMessages]; told && flush != "1" {
			advice = append(advice, fmt.Sprintf(
				"broker %d is alone and acknowledges what is not on its disk yet: set %s to 1, or a power cut loses alarms", id, flushMessages))
		}
		return advice // nobody takes over from it
	}
	for _, p := range failover() {
		if ms, err := strconv.ParseInt(have[p.name], 10, 64); err == nil && ms > p.most {
			advice = append(advice, fmt.Sprintf(
				"broker %d has %s %d: set it to %d on brokers and controllers, or alarms wait longer when one of them dies", id, p.name, ms, p.most))
		}
	}
	return advice
}

// beforeELR says whether the brokers are older than Kafka 4.1, which came with version 1 of this request. Brokers do not tell
// their version otherwise.
func beforeELR(ctx context.Context, client *kafka.Client) (bool, error) {
	const listConfigResources, since = 74, 1
	res, err := client.ApiVersions(ctx, &kafka.ApiVersionsRequest{})
	switch {
	case err != nil:
		return false, err
	case res.Error != nil:
		return false, res.Error
	}
	for _, k := range res.ApiKeys {
		if k.ApiKey == listConfigResources {
			return k.MaxVersion < since, nil
		}
	}
	return true, nil
}
