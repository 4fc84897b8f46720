package pubsub_test

import (
	"context"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func admin(tb testing.TB, l *site) *kgo.Client {
	tb.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(l.brokers...))
	if err != nil {
		tb.Fatalf("admin client: %v", err)
	}
	tb.Cleanup(c.Close)
	return c
}

// dropBefore moves the beginning of a partition.
func dropBefore(tb testing.TB, l *site, topic string, partition int32, offset int64) {
	tb.Helper()
	p := kmsg.NewDeleteRecordsRequestTopicPartition()
	p.Partition, p.Offset = partition, offset
	t := kmsg.NewDeleteRecordsRequestTopic()
	t.Topic, t.Partitions = topic, append(t.Partitions, p)
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.Topics, req.TimeoutMillis = append(req.Topics, t), 5000
	res, err := req.RequestWith(deadline(tb), admin(tb, l))
	if err == nil {
		err = kerr.ErrorForCode(res.Topics[0].Partitions[0].ErrorCode)
	}
	if err != nil {
		tb.Fatalf("delete records: %v", err)
	}
}

// committed returns how far the group has come in partition 0; -1 is nowhere.
func committed(ctx context.Context, tb testing.TB, c *kgo.Client, group, topic string) int64 {
	tb.Helper()
	t := kmsg.NewOffsetFetchRequestTopic()
	t.Topic, t.Partitions = topic, []int32{0}
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group, req.Topics = group+"."+topic, append(req.Topics, t)
	res, err := req.RequestWith(ctx, c)
	if err != nil {
		tb.Fatalf("fetch offsets: %v", err)
	}
	if len(res.Topics) == 0 || len(res.Topics[0].Partitions) == 0 {
		return -1 // nobody knows of the group yet
	}
	return res.Topics[0].Partitions[0].Offset
}

// joined waits until the group has an offset.
func joined(tb testing.TB, l *site, topic, group string) {
	tb.Helper()
	ctx, c := deadline(tb), admin(tb, l)
	for committed(ctx, tb, c, group, topic) < 0 {
		if ctx.Err() != nil {
			tb.Fatal("the group has no offset")
		}
	}
}

func TestTheMembersOfAGroupShareTheMessages(t *testing.T) {
	t.Parallel()
	log := connect(t, brokers(t)...)
	topic := newTopic(t, log, 2)
	publish(t, log, topic, 0, "left", "left", "left")
	publish(t, log, topic, 1, "right", "right", "right")
	a := subscribe(t, subscriber(t, log, inGroup("g")), topic)
	b := subscribe(t, subscriber(t, log, inGroup("g")), topic)
	// Both have one in flight once the partitions are shared, and nobody else can have the other.
	var one, other *message.Message
	for one == nil || other == nil {
		select {
		case one = <-a:
		case other = <-b:
		case <-deadline(t).Done():
			t.Fatal("one member gets nothing")
		}
		for _, msg := range []**message.Message{&one, &other} {
			if *msg != nil && (*msg).Context().Err() != nil { // taken away by the rebalance
				*msg = nil
			}
		}
	}
	if one.UUID == other.UUID {
		t.Errorf("both members got %q", one.UUID)
	}
	one.Ack()
	other.Ack()
}

func TestAMessageComesAgainWhenItsOffsetCannotBeCommitted(t *testing.T) {
	t.Parallel()
	cluster := broker(t)
	log := connect(t, cluster.ListenAddrs()...)
	topic := newTopic(t, log, 1)
	publish(t, log, topic, 0, "first", "second")
	messages := subscribe(t, subscriber(t, log, inGroup("g")), topic)
	msg := receive(t, messages)
	answerOnce(cluster, &kmsg.OffsetCommitRequest{}, func(r kmsg.Request) kmsg.Response {
		req := r.(*kmsg.OffsetCommitRequest)
		res := req.ResponseKind().(*kmsg.OffsetCommitResponse)
		rt, rp := kmsg.NewOffsetCommitResponseTopic(), kmsg.NewOffsetCommitResponseTopicPartition()
		rp.ErrorCode = kerr.KafkaStorageError.Code
		rt.Topic, rt.Partitions = req.Topics[0].Topic, append(rt.Partitions, rp)
		res.Topics = append(res.Topics, rt)
		return res
	})
	msg.Ack()
	takes(t, messages, "first", "second")
}

func TestAMemberThatTheGroupHasForgottenJoinsAgainAndMovesNoOffset(t *testing.T) {
	t.Parallel()
	cluster := broker(t)
	log := connect(t, cluster.ListenAddrs()...)
	topic := newTopic(t, log, 1)
	publish(t, log, topic, 0, "first", "second")
	messages := subscribe(t, subscriber(t, log, inGroup("g")), topic)
	msg := receive(t, messages)
	before := committed(deadline(t), t, admin(t, log), "g", topic)
	forget(t, log, "g."+topic)
	msg.Ack() // by a zombie: its commit is refused
	takes(t, messages, "first", "second")
	if before != 0 {
		t.Errorf("the group began at %d, want 0", before)
	}
}

func TestMembersThatEndWhileTheyJoinKeepNobodyWaiting(t *testing.T) {
	t.Parallel()
	log := connect(t, brokers(t)...)
	topic := newTopic(t, log, 4)
	publish(t, log, topic, 0, "first")
	cfg := inGroup("g")
	cfg.Rebalance, cfg.Session = time.Minute, time.Minute // a member that is missed would be waited for
	var all sync.WaitGroup
	var failed atomic.Int64
	for range 6 {
		all.Go(func() {
			sub := subscriber(t, log, cfg)
			if _, err := sub.Subscribe(t.Context(), topic); err != nil {
				failed.Add(1)
			}
			_ = sub.Close()
		})
	}
	all.Wait()
	if failed.Load() > 0 {
		t.Errorf("%d members could not subscribe", failed.Load())
	}
	takes(t, subscribe(t, subscriber(t, log, cfg), topic), "first")
}

func TestASubscriptionGoesOnWhenItsBrokerHasBeenAway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start := func(port int) *kfake.Cluster {
		c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DataDir(dir), kfake.Ports(port))
		if err != nil {
			t.Fatalf("start broker: %v", err)
		}
		return c
	}
	cluster := start(0)
	_, port, err := net.SplitHostPort(cluster.ListenAddrs()[0])
	if err != nil {
		t.Fatalf("address: %v", err)
	}
	same, _ := strconv.Atoi(port)
	log := connect(t, cluster.ListenAddrs()...)
	topic := newTopic(t, log, 1)
	publish(t, log, topic, 0, "before")
	for _, group := range []string{"", "g"} {
		messages := subscribe(t, subscriber(t, log, inGroup(group)), topic)
		takes(t, messages, "before")
		cluster.Close()
		cluster = start(same)
		publish(t, log, topic, 0, "after "+group)
		for { // what was not committed in time comes again
			msg := receive(t, messages)
			msg.Ack()
			if msg.UUID == "after "+group {
				break
			}
		}
	}
	cluster.Close()
}

// answerOnce answers the next request of a kind in the broker's place.
func answerOnce(c *kfake.Cluster, kind kmsg.Request, answer func(kmsg.Request) kmsg.Response) {
	c.ControlKey(kind.Key(), func(r kmsg.Request) (kmsg.Response, error, bool) { return answer(r), nil, true })
}

// forget makes the coordinator remove the group's member.
func forget(tb testing.TB, l *site, group string) {
	tb.Helper()
	ctx, c := deadline(tb), admin(tb, l)
	describe := kmsg.NewPtrDescribeGroupsRequest()
	describe.Groups = append(describe.Groups, group)
	res, err := describe.RequestWith(ctx, c)
	if err != nil || len(res.Groups[0].Members) != 1 {
		tb.Fatalf("describe group: %v, %v", res, err)
	}
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Version, leave.Group = 0, group
	leave.MemberID = res.Groups[0].Members[0].MemberID
	m := kmsg.NewLeaveGroupRequestMember()
	m.MemberID = leave.MemberID
	leave.Members = append(leave.Members, m)
	if _, err := leave.RequestWith(ctx, c); err != nil {
		tb.Fatalf("leave group: %v", err)
	}
}
