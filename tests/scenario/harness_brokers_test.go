package scenario_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
)

// What nights about single brokers have in common: where a room's records are, who leads them, and brokers that die.

// open gives the log as services have it.
func (n *Night) open() *kafkalog.Log {
	n.t.Helper()
	cfg := kafkalog.Default()
	cfg.Brokers = strings.Split(n.at.Kafka, ",")
	log, err := kafkalog.New(cfg)
	if err != nil {
		n.t.Fatal(err)
	}
	return log
}

// entry is the line of a room in the table of rooms.
func (n *Night) entry(room string) eventlog.RoomEntry {
	n.t.Helper()
	log := n.open()
	defer log.Close()
	ctx, done := context.WithTimeout(n.life, recovery)
	defer done()
	table, err := log.Rooms(ctx)
	if err != nil {
		n.t.Fatal(err)
	}
	entry, ok := find(table, func(e eventlog.RoomEntry) bool { return e.Room == room })
	if !ok {
		n.t.Fatalf("there is no room %s in %v", room, table)
	}
	return entry
}

// administrator is a client for what the log does not offer.
func (n *Night) administrator() *kgo.Client {
	n.t.Helper()
	n.apart()
	client, err := kafka.Client("")
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(client.Close)
	return client
}

// copiesOf says who leads a room's partition of a topic and who has all of it, as indices of kafka.Kafka().
func (n *Night) copiesOf(admin *kgo.Client, topic string, partition int) (leader int, inSync []int, err error) {
	ask, asked := kmsg.NewPtrMetadataRequest(), kmsg.NewMetadataRequestTopic()
	asked.Topic = &topic
	ask.Topics = append(ask.Topics, asked)
	ctx, done := context.WithTimeout(n.life, patience)
	defer done()
	res, err := ask.RequestWith(ctx, admin)
	if err != nil {
		return 0, nil, err
	}
	p, ok := find(res.Topics[0].Partitions, func(p kmsg.MetadataResponseTopicPartition) bool { return int(p.Partition) == partition })
	if !ok {
		return 0, nil, fmt.Errorf("topic %s has no partition %d: %w", topic, partition, kerr.ErrorForCode(res.Topics[0].ErrorCode))
	}
	for _, id := range p.ISR {
		inSync = append(inSync, int(id)-1)
	}
	return int(p.Leader) - 1, inSync, kerr.ErrorForCode(p.ErrorCode)
}

// leader waits until a room's partition has as many copies in sync as it should, and says who leads it.
func (n *Night) leader(topic, room string, copies int) (leader int) {
	n.t.Helper()
	admin, partition := n.administrator(), n.entry(room).Partition
	n.Within(recovery, fmt.Sprintf("%d copies of %s of %s are in sync", copies, topic, room), func() (bool, string) {
		l, inSync, err := n.copiesOf(admin, topic, partition)
		leader = l
		return err == nil && len(inSync) == copies, fmt.Sprint(inSync, err)
	})
	return leader
}

// KeepsOneCopy takes all copies but the leader's away from a room's partition, behind the back of services that run on it: they
// would not start so.
func (n *Night) KeepsOneCopy(topic, room string) {
	n.t.Helper()
	admin, partition := n.administrator(), n.entry(room).Partition
	ctx, done := context.WithTimeout(n.life, recovery)
	defer done()
	value := "1"
	setting := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	setting.Name, setting.Value = "min.insync.replicas", &value
	resource := kmsg.NewIncrementalAlterConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	resource.Configs = append(resource.Configs, setting)
	alter := kmsg.NewPtrIncrementalAlterConfigsRequest()
	alter.Resources = append(alter.Resources, resource)
	if res, err := alter.RequestWith(ctx, admin); err != nil || res.Resources[0].ErrorCode != 0 {
		n.t.Fatalf("one copy is enough for %s: %v, %v", topic, res, err)
	}
	p := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
	p.Partition, p.Replicas = int32(partition), []int32{int32(n.leader(topic, room, 3)) + 1}
	t := kmsg.NewAlterPartitionAssignmentsRequestTopic()
	t.Topic, t.Partitions = topic, append(t.Partitions, p)
	assign := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	assign.Topics, assign.TimeoutMillis = append(assign.Topics, t), int32(recovery/time.Millisecond)
	res, err := assign.RequestWith(ctx, admin)
	if err == nil {
		err = kerr.ErrorForCode(res.Topics[0].Partitions[0].ErrorCode)
	}
	if err != nil {
		n.t.Fatalf("one copy of %s of %s: %v", topic, room, err)
	}
	n.leader(topic, room, 1)
}

// BrokerDies kills one as a power cut does.
func (n *Night) BrokerDies(k int) {
	n.t.Helper()
	n.brokersComeBack()
	kafka.KillBroker(k)
}

// BrokerEnds asks one to end, as for maintenance.
func (n *Night) BrokerEnds(k int) {
	n.t.Helper()
	n.brokersComeBack()
	if err := kafka.StopBroker(n.life, k); err != nil {
		n.t.Fatal(err)
	}
}

// brokersComeBack when the night ends, however it does: the next one wants them, too.
func (n *Night) brokersComeBack() {
	n.t.Helper()
	n.apart()
	n.t.Cleanup(func() {
		if err := kafka.RestartBrokers(n.life); err != nil {
			n.t.Error(err)
		}
	})
}

// BrokerComesBack with what it had.
func (n *Night) BrokerComesBack(k int) {
	n.t.Helper()
	if err := kafka.RestartBroker(n.life, k); err != nil {
		n.t.Fatal(err)
	}
}

// rots flips a bit of the last batch that a broker has of a partition of the log, on its disk, and gives the offset at which
// that batch begins. Nothing is made to fit: neither its checksum nor the hash in it. The brokers need not answer.
func (n *Night) rots(broker, partition int) (offset int64) {
	n.t.Helper()
	// Named by their first offset, in order; the newest may be empty.
	segments, err := filepath.Glob(filepath.Join(kafka.PartitionDir(broker, eventlog.TopicLog, partition), "*.log"))
	if err != nil {
		n.t.Fatal(err)
	}
	for _, file := range slices.Backward(segments) {
		content, err := os.ReadFile(file)
		if err != nil {
			n.t.Fatal(err)
		}
		at, size, ok := lastBatch(content)
		if !ok {
			continue
		}
		content[at+size-size/4] ^= 0x10 // within the record's value
		if err := os.WriteFile(file, content, 0o600); err != nil {
			n.t.Fatal(err)
		}
		return int64(binary.BigEndian.Uint64(content[at:]))
	}
	n.t.Fatalf("broker %d has nothing of partition %d of the log: %v", broker, partition, segments)
	return 0
}

// lastBatch of a segment file: each begins with its offset and the length of what follows.
func lastBatch(segment []byte) (at, size int, ok bool) {
	const head = 8 + 4
	for next := 0; len(segment)-next > head; {
		length := int(binary.BigEndian.Uint32(segment[next+8:]))
		if length == 0 || len(segment)-next < head+length { // a segment may be longer than what is in it
			break
		}
		at, size, ok = next, head+length, true
		next += size
	}
	return at, size, ok
}

// siren is a panel that never stops: one alarm after the other, each again until it is taken.
type siren struct {
	panel *Panel
	site  string
	over  func()

	mu    sync.Mutex // guards taken
	taken []taken
}

// Siren begins to ring; it ends with the night at the latest.
func (p *Panel) Siren(site string) *siren {
	s := &siren{panel: p, site: site}
	end := make(chan struct{})
	var ringing sync.WaitGroup
	ringing.Go(func() { s.rings(end) })
	s.over = sync.OnceFunc(func() {
		close(end)
		ringing.Wait()
	})
	p.n.t.Cleanup(s.over)
	return s
}

// key of an alarm by its number.
func (s *siren) key(k int) string { return fmt.Sprintf("siren-%s-%d", s.site, k) }

func (s *siren) rings(end <-chan struct{}) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for k := 0; ; {
		select {
		case <-tick.C:
		case <-end:
			return
		}
		if s.sends(s.key(k)) {
			k++
		}
	}
}

func (s *siren) sends(key string) bool {
	p := s.panel
	p.n.claims.asks(key)
	got, err := p.n.call(http.MethodPost, "/v1/alarms", p.key, alarm{Code: "DOOR", Site: s.site, Zone: "HALL"}, "Idempotency-Key", key)
	if err != nil || got.status != http.StatusAccepted {
		return false
	}
	var said taken
	if json.Unmarshal(got.body, &said) != nil {
		return false
	}
	p.n.claims.add(promiseOf(got.body, key))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken = append(s.taken, said)
	return true
}

// all that was taken until now.
func (s *siren) all() []taken {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.taken)
}

// provisional are those of them that a journal had to take.
func (s *siren) provisional() []taken {
	return slices.DeleteFunc(s.all(), func(t taken) bool { return !t.Provisional })
}
