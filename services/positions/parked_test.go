package positions_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"google.golang.org/protobuf/proto"

	"vigie/pkg/app"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog/pubsub"
	"vigie/pkg/follow/livetest"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
)

// refuses makes the broker refuse what is sent to intake, as one does that has lost its rules.
func (f *field) refuses() {
	f.Cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		f.Cluster.KeepControl()
		asked := req.(*kmsg.ProduceRequest)
		if !slices.ContainsFunc(asked.Topics, func(t kmsg.ProduceRequestTopic) bool { return t.Topic == eventlog.TopicIntake }) {
			return nil, nil, false
		}
		answer := asked.ResponseKind().(*kmsg.ProduceResponse)
		for _, t := range asked.Topics {
			refused := kmsg.NewProduceResponseTopic()
			refused.Topic = t.Topic
			for _, p := range t.Partitions {
				q := kmsg.NewProduceResponseTopicPartition()
				q.Partition, q.ErrorCode = p.Partition, kerr.TopicAuthorizationFailed.Code
				refused.Partitions = append(refused.Partitions, q)
			}
			answer.Topics = append(answer.Topics, refused)
		}
		return answer, nil, true
	})
}

func TestACrossingThatIsRefusedForGoodIsParkedAndThePositionsGoOn(t *testing.T) {
	t.Parallel()
	f := start(t)
	sub, err := pubsub.NewSubscriber(f.Log, pubsub.DefaultSubscriber())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Close() })
	parked, err := sub.Subscribe(t.Context(), eventlog.TopicParked)
	if err != nil {
		t.Fatal(err)
	}
	f.refuses()
	var msg *message.Message
	livetest.Await(t, "a crossing is parked", func() bool {
		f.walks(10)
		select {
		case msg = <-parked:
			return true
		default:
			return false
		}
	})
	var q intakev1.Request
	if err := proto.Unmarshal(msg.Payload, &q); err != nil || q.GetReportCrossing().GetTeam() != team || !q.GetReportCrossing().GetEntered() {
		t.Errorf("parked: %v, %v", &q, err)
	}
	if from := fmt.Sprint(msg.Metadata.Get(app.ParkedHandler), " ", msg.Metadata.Get(app.ParkedTopic)); from != "positions.crossings "+eventlog.TopicPositions {
		t.Errorf("parked by %s", from)
	}
	msg.Ack()
	before := len(f.fixes())
	livetest.Await(t, "positions are taken as before", func() bool {
		f.walks(20)
		return len(f.fixes()) > before
	})
}
