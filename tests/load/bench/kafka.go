package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow"
)

// On real brokers the floors have topics of their own, whose only partitions lie on the same brokers, in the same order, as
// those of the room: they are led, and led on after a death, by the same.
const (
	floorIntake = "floor.intake"
	floorLog    = "floor.log"
	apartIntake = "floor.apart.intake"
	apartLog    = "floor.apart.log"
)

// bedrock is the floor's side of a cluster.
type bedrock struct {
	*cluster
	log   *kafkalog.Log
	admin *kgo.Client
	room  eventlog.RoomEntry
}

func onBedrock(ctx context.Context, s settings, do func(*bedrock) ([]row, error)) (rows []row, err error) {
	c, err := startCluster(ctx, s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.stop()) }()
	cfg := kafkalog.Default()
	cfg.Brokers = c.stack.Kafka()
	log, err := kafkalog.New(cfg)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	admin, err := c.stack.Client("")
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	table, err := log.Rooms(ctx)
	if err != nil {
		return nil, err
	}
	b := &bedrock{cluster: c, log: log, admin: admin}
	for _, entry := range table {
		if entry.Room == room {
			b.room = entry
		}
	}
	for topic, like := range map[string]string{
		floorIntake: eventlog.TopicIntake, floorLog: eventlog.TopicLog, apartIntake: eventlog.TopicIntake, apartLog: eventlog.TopicLog,
	} {
		if err := b.create(ctx, topic, like); err != nil {
			return nil, err
		}
		known, done := context.WithTimeout(ctx, patience)
		_, _, err := follow.Bounds(known, log, topic, 0) // until those who write to it have heard of it
		done()
		if err != nil {
			return nil, err
		}
	}
	return do(b)
}

// create makes a topic whose partition lies where that of the room does in another.
func (b *bedrock) create(ctx context.Context, topic, like string) error {
	p, err := b.partition(ctx, like, b.room.Partition)
	if err != nil {
		return err
	}
	req, create := kmsg.NewPtrCreateTopicsRequest(), kmsg.NewCreateTopicsRequestTopic()
	assign := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
	assign.Partition, assign.Replicas = 0, p.Replicas
	create.Topic, create.NumPartitions, create.ReplicationFactor = topic, -1, -1
	create.ReplicaAssignment = append(create.ReplicaAssignment, assign)
	two := "2"
	create.Configs = append(create.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: "min.insync.replicas", Value: &two})
	req.Topics, req.TimeoutMillis = append(req.Topics, create), 10_000
	res, err := req.RequestWith(ctx, b.admin)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(res.Topics[0].ErrorCode)
}

// partition is where one lies and who leads it.
func (b *bedrock) partition(ctx context.Context, topic string, partition int) (kmsg.MetadataResponseTopicPartition, error) {
	req, ask := kmsg.NewPtrMetadataRequest(), kmsg.NewMetadataRequestTopic()
	ask.Topic = &topic
	req.Topics = append(req.Topics, ask)
	res, err := req.RequestWith(ctx, b.admin)
	if err != nil {
		return kmsg.MetadataResponseTopicPartition{}, err
	}
	for _, p := range res.Topics[0].Partitions {
		if int(p.Partition) == partition && p.ErrorCode == 0 {
			return p, nil
		}
	}
	return kmsg.MetadataResponseTopicPartition{}, fmt.Errorf("%s/%d is not there", topic, partition)
}

func alarmKafka(ctx context.Context, s settings) ([]row, error) {
	return onBedrock(ctx, s, func(b *bedrock) (rows []row, err error) {
		apart, err := startFloorApart(ctx, b.stack.Kafka(), hop{topic: apartIntake}, hop{topic: apartLog})
		if err != nil {
			return nil, fmt.Errorf("floor: %w", err)
		}
		defer func() { err = errors.Join(err, apart.stop()) }()
		one, err := startFloor(ctx, b.log, hop{topic: floorIntake}, hop{topic: floorLog})
		if err != nil {
			return nil, fmt.Errorf("floor: %w", err)
		}
		defer func() { err = errors.Join(err, one.stop()) }()
		return besideHops(ctx, s, b.system, ", three brokers", apart, one)
	})
}

// brokerKilled kills the leader of the room's log, and at once sends an alarm and appends to the floor's partition, which the
// same broker has led: both wait for the same election.
func brokerKilled(ctx context.Context, s settings) ([]row, error) {
	return onBedrock(ctx, s, func(b *bedrock) (rows []row, err error) {
		w, err := kafkalog.NewWriter(b.log, kafkalog.DefaultWriter())
		if err != nil {
			return nil, err
		}
		defer w.Close()
		if _, _, err := b.alarms(ctx, 20); err != nil { // warm
			return nil, err
		}
		var decided, raw []time.Duration
		for k := range s.brokerKills {
			d, r, err := b.killLeader(ctx, w)
			if err != nil {
				return nil, fmt.Errorf("kill %d: %w", k, err)
			}
			decided, raw = append(decided, d), append(raw, r)
		}
		var got series
		got.took(row{
			Name: "broker killed → mission at the handheld", under: "killed → a raw append that the same broker had led",
		}, decided, raw, 50, 90, 99, 100)
		return got.medians(), nil
	})
}

func (b *bedrock) killLeader(ctx context.Context, w *kafkalog.Writer) (decided, raw time.Duration, err error) {
	room, err := b.whole(ctx)
	if err != nil {
		return 0, 0, err
	}
	leader := int(room.Leader) - 1
	b.stack.KillBroker(leader)
	killed := time.Now()
	appended := make(chan error, 1)
	go func() {
		bounded, done := context.WithTimeout(ctx, patience)
		defer done()
		_, err := w.Write(bounded, floorLog, 0, make([]byte, recordSize))
		raw = time.Since(killed)
		appended <- err
	}()
	_, err = b.alarm(ctx)
	offer, late := b.offer(ctx)
	decided = time.Since(killed)
	if err := errors.Join(err, late, <-appended, b.stack.RestartBroker(ctx, leader)); err != nil {
		return 0, 0, err
	}
	if _, err := b.whole(ctx); err != nil {
		return 0, 0, err
	}
	return decided, raw, b.finish(ctx, offer.frame)
}

// whole waits until all replicas of the room's log are in sync again, and those of the floor's are led by the same broker.
func (b *bedrock) whole(ctx context.Context) (kmsg.MetadataResponseTopicPartition, error) {
	ctx, done := context.WithTimeout(ctx, 2*time.Minute)
	defer done()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		room, err := b.partition(ctx, eventlog.TopicLog, b.room.Partition)
		floor, err2 := b.partition(ctx, floorLog, 0)
		if err = errors.Join(err, err2); err == nil && len(room.ISR) == 3 && len(floor.ISR) == 3 && room.Leader == floor.Leader {
			return room, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return room, fmt.Errorf("the room's log and the floor's are not whole under one leader: %w (%w)", ctx.Err(), err)
		}
	}
}
