package kafkalog_test

import (
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"vigie/pkg/eventlog/kafkalog"
)

// Brokers of a cluster learn of a new topic one after the other: the metadata may name a leader that does not know yet.
func TestANewTopicIsReadyWhenItsLeadersKnowIt(t *testing.T) {
	t.Parallel()
	const unaware = 3
	c := broker(t)
	l := connect(t, c.ListenAddrs()...)
	var asked atomic.Int64
	c.ControlKey(int16(kmsg.ListOffsets), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if asked.Add(1) > unaware {
			return nil, nil, false
		}
		req := r.(*kmsg.ListOffsetsRequest)
		res := req.ResponseKind().(*kmsg.ListOffsetsResponse)
		for _, rt := range req.Topics {
			t := kmsg.NewListOffsetsResponseTopic()
			t.Topic = rt.Topic
			for _, rp := range rt.Partitions {
				p := kmsg.NewListOffsetsResponseTopicPartition()
				p.Partition, p.ErrorCode = rp.Partition, kerr.UnknownTopicOrPartition.Code
				t.Partitions = append(t.Partitions, p)
			}
			res.Topics = append(res.Topics, t)
		}
		return res, nil, true
	})
	err := l.CreateTopic(deadline(t), kafkalog.TopicSettings{Name: topic, Partitions: 1, Retention: kafkalog.Forever})
	if err != nil {
		t.Fatalf("create topic: %v", err)
	}
	if n := asked.Load(); n <= unaware {
		t.Errorf("the topic was called ready after %d answers, all of them refusals", n)
	}
}

func TestATopicIsAskedForAgainWhileThereIsNoController(t *testing.T) {
	t.Parallel()
	cluster, log := single(t)
	var tries atomic.Int64
	cluster.ControlKey(int16(kmsg.CreateTopics), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if tries.Add(1) > 2 {
			return nil, nil, false
		}
		asked := req.(*kmsg.CreateTopicsRequest)
		res := asked.ResponseKind().(*kmsg.CreateTopicsResponse)
		for _, topic := range asked.Topics {
			refused := kmsg.NewCreateTopicsResponseTopic()
			refused.Topic, refused.ErrorCode = topic.Topic, kerr.NotController.Code
			res.Topics = append(res.Topics, refused)
		}
		return res, nil, true
	})
	settings := kafkalog.TopicSettings{Name: "test.late", Partitions: 1, Replication: 1, Retention: kafkalog.Forever}
	if err := log.CreateTopic(deadline(t), settings); err != nil || tries.Load() != 3 {
		t.Errorf("%v after %d tries", err, tries.Load())
	}
}
