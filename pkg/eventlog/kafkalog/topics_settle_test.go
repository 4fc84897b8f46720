package kafkalog_test

import (
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
)

// Brokers of a cluster learn of a new topic one after the other: the metadata may name a leader that does not know yet.
func TestANewTopicIsReadyWhenItsLeadersKnowIt(t *testing.T) {
	t.Parallel()
	const unaware = 3
	c := broker(t)
	l := connect(t, c.ListenAddrs()...)
	asked := refuseBounds(c, unaware, kerr.UnknownTopicOrPartition)
	err := l.CreateTopic(deadline(t), kafkalog.TopicSettings{Name: topic, Partitions: 1, Retention: kafkalog.Forever})
	if err != nil {
		t.Fatalf("create topic: %v", err)
	}
	if n := asked.Load(); n <= unaware {
		t.Errorf("the topic was called ready after %d answers, all of them refusals", n)
	}
}

func TestTheTableOfRoomsIsWaitedForWhileItsLeadershipMoves(t *testing.T) {
	t.Parallel()
	const moving = 3
	for _, code := range []*kerr.Error{kerr.NotLeaderForPartition, kerr.LeaderNotAvailable} {
		cluster, log := single(t)
		if err := log.CreateTopic(deadline(t), kafkalog.TopicSettings{Name: eventlog.TopicRooms, Partitions: 1, Retention: kafkalog.Forever}); err != nil {
			t.Fatal(err)
		}
		asked := refuseBounds(cluster, moving, code)
		if table, err := log.Rooms(deadline(t)); err != nil || len(table) != 0 {
			t.Errorf("%s: table %v, error %v", code.Message, table, err)
		}
		if n := asked.Load(); n <= moving {
			t.Errorf("%s: the table was given after %d answers, all of them refusals", code.Message, n)
		}
	}
}

// refuseBounds answers so many times that a partition has no bounds, and counts how often it was asked for them.
func refuseBounds(c *kfake.Cluster, times int64, code *kerr.Error) *atomic.Int64 {
	asked := new(atomic.Int64)
	c.ControlKey(int16(kmsg.ListOffsets), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if asked.Add(1) > times {
			return nil, nil, false
		}
		req := r.(*kmsg.ListOffsetsRequest)
		res := req.ResponseKind().(*kmsg.ListOffsetsResponse)
		for _, rt := range req.Topics {
			t := kmsg.NewListOffsetsResponseTopic()
			t.Topic = rt.Topic
			for _, rp := range rt.Partitions {
				p := kmsg.NewListOffsetsResponseTopicPartition()
				p.Partition, p.ErrorCode = rp.Partition, code.Code
				t.Partitions = append(t.Partitions, p)
			}
			res.Topics = append(res.Topics, t)
		}
		return res, nil, true
	})
	return asked
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
