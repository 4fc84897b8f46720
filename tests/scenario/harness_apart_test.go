package scenario_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"vigie/pkg/eventlog"

	"vigie/tests/front"
	"vigie/tests/stack"
)

// kafka is shared by all nights, since three brokers take longer to start than a night to play. A night has it to itself and
// begins by taking away what the one before has left: rooms are partitions of topics with fixed names, and every decider
// decides for all of them.
var kafka struct {
	sync.Mutex
	*stack.Stack
}

// processes is each service in a process of its own, with what they share: Kafka, one directory, one clock, and a front that
// lets everything be reached at one address.
type processes struct {
	setting
	t        *testing.T
	home     string
	life     context.Context //nolint:containedctx // of the whole night
	brokers  string
	services []*process
	front    *front.Front
	prepared bool
}

// apart waits until no other night has Kafka.
func apart(t *testing.T, s setting, home string) *processes {
	t.Helper()
	kafka.Lock()
	t.Cleanup(kafka.Unlock)
	p := &processes{setting: s, t: t, home: home, life: untilDeadline(t), brokers: strings.Join(kafka.Kafka(), ",")}
	for _, name := range []string{
		"dispatch-1", "dispatch-2", "alarms-1", "alarms-2", "positions-1", "positions-2", "replay-1", "replay-2", "gateway-1", "gateway-2",
	} {
		p.add(name)
	}
	return p
}

// add makes a service that has not been started; what it is given overrides what all are given.
func (p *processes) add(name string, env ...string) *process {
	p.t.Helper()
	region, err := filepath.Abs(p.region)
	if err != nil {
		p.t.Fatal(err)
	}
	program, _, _ := strings.Cut(name, "-")
	s := &process{
		name: name, command: []string{programs.path(p.t, program), "--json"}, logPath: filepath.Join(p.home, name+".log"), life: p.life,
		env: append([]string{
			"VIGIE_LISTEN=127.0.0.1:0", "VIGIE_KAFKA_BROKERS=" + p.brokers, "VIGIE_DIRECTORY_URL=" + filepath.Join(p.data, "directory.db"),
			"VIGIE_CLOCK_RATE=" + strconv.Itoa(p.rate), "VIGIE_CLOCK_PATH=" + filepath.Join(p.data, "clock.json"),
			"VIGIE_DISPATCH_NAME=" + name, "VIGIE_DISPATCH_WITNESS_PATH=" + filepath.Join(p.data, name+".json"),
			"VIGIE_DISPATCH_SNAPSHOT_DIR=" + p.snapshots(name), "VIGIE_DISPATCH_SNAPSHOT_EVERY=20",
			"VIGIE_GATEWAY_NAME=" + name, "VIGIE_GATEWAY_REGION=" + region, "VIGIE_POSITIONS_NAME=" + name,
			"VIGIE_REDIS_URL=" + cmp.Or(p.redis, kafka.RedisURL()),
		}, append(p.internal(name), env...)...),
	}
	p.services = append(p.services, s)
	return s
}

// snapshots is where a decider keeps its rooms.
func (p *processes) snapshots(name string) string { return filepath.Join(p.data, "snapshots", name) }

// named gives the services of a name, all of "dispatch" or the one "dispatch-1".
func (p *processes) named(name string) (list []*process) {
	for _, s := range p.services {
		if s.name == name || strings.HasPrefix(s.name, name+"-") {
			list = append(list, s)
		}
	}
	return list
}

// hosts gives where the processes of a service are that run.
func (p *processes) hosts(service string) []string {
	var hosts []string
	for _, s := range p.named(service) {
		if host, ok := strings.CutPrefix(s.at(), "http://"); ok {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// each does the same to some services at once.
func each(services []*process, do func(*process) error) error {
	errs := make([]error, len(services))
	var together sync.WaitGroup
	for k, s := range services {
		together.Go(func() { errs[k] = do(s) })
	}
	together.Wait()
	return errors.Join(errs...)
}

func begin(s *process) error {
	_, err := s.start()
	return err
}

func (p *processes) start() (endpoint, error) {
	if err := p.prepare(); err != nil {
		return endpoint{}, err
	}
	if err := each(p.services, begin); err != nil {
		running := make([]*process, 0, len(p.services))
		for _, s := range p.services {
			if s.at() != "" {
				running = append(running, s)
			}
		}
		return endpoint{}, errors.Join(err, each(running, (*process).kill))
	}
	var err error
	if p.front, err = front.Open(p.life, p.listen, p.hosts); err != nil {
		return endpoint{}, errors.Join(err, each(p.services, (*process).kill))
	}
	return endpoint{
		URL: p.front.URL(), Kafka: p.brokers, PositionsKafka: p.brokers, PID: p.named("dispatch-1")[0].cmd.Process.Pid, ClockRate: p.rate,
	}, err
}

// prepare does what an operator does once.
func (p *processes) prepare() error {
	if p.prepared {
		return nil
	}
	run := func(args ...string) error {
		if got := vigie(p.t, args...); got.status != 0 {
			return fmt.Errorf("%s %s: %v", args[0], args[1], got)
		}
		return nil
	}
	var accounts error
	var together sync.WaitGroup
	together.Go(func() { accounts = run("account", "init", "--data", p.data, "--region", p.region) })
	topics := wipe(p.life)
	if topics == nil {
		topics = run("topics", "apply", "--brokers", p.brokers, "--region", p.region)
	}
	together.Wait()
	if err := errors.Join(topics, accounts); err != nil {
		return fmt.Errorf("prepare the night: %w", err)
	}
	p.prepared = true
	return nil
}

func (p *processes) kill() error {
	err := each(p.services, (*process).kill)
	p.front.Close()
	return err
}

func (p *processes) stop() error {
	err := each(p.services, (*process).stop)
	p.front.Close()
	return err
}

func (p *processes) deciders() (at []string) {
	for _, host := range p.hosts("dispatch") {
		at = append(at, "http://"+host)
	}
	return at
}

func (p *processes) log() []string { return []string{"--brokers", p.brokers} }

func (p *processes) story() string {
	var b strings.Builder
	for _, s := range p.services {
		fmt.Fprintf(&b, "--- %s\n%s\n", s.name, s.story())
	}
	return b.String()
}

// wipe removes all topics, and waits until no broker knows of them.
func wipe(ctx context.Context) error {
	ctx, done := context.WithTimeout(ctx, startBound)
	defer done()
	client, err := kafka.Client("")
	if err != nil {
		return err
	}
	defer client.Close()
	names := []string{eventlog.TopicRooms, eventlog.TopicIntake, eventlog.TopicLog, eventlog.TopicPositions, eventlog.TopicParked}
	remove, ask := kmsg.NewPtrDeleteTopicsRequest(), kmsg.NewPtrMetadataRequest()
	remove.TimeoutMillis = 10_000
	for _, name := range names {
		topic := kmsg.NewDeleteTopicsRequestTopic()
		topic.Topic = &name
		remove.Topics, remove.TopicNames = append(remove.Topics, topic), append(remove.TopicNames, name)
		known := kmsg.NewMetadataRequestTopic()
		known.Topic = &name
		ask.Topics = append(ask.Topics, known)
	}
	if _, err := remove.RequestWith(ctx, client); err != nil {
		return err
	}
	for _, broker := range client.SeedBrokers() {
		for gone := false; !gone; {
			seen, err := ask.RequestWith(ctx, broker)
			if err != nil {
				return err
			}
			gone = true
			for _, topic := range seen.Topics {
				gone = gone && errors.Is(kerr.ErrorForCode(topic.ErrorCode), kerr.UnknownTopicOrPartition)
			}
			if err := pause(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// pause is between two looks at what changes by itself.
func pause(ctx context.Context) error {
	select {
	case <-time.After(20 * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// apart gives the night's processes, for nights that are about them.
func (n *Night) apart() *processes {
	n.t.Helper()
	p, ok := n.top.(*processes)
	if !ok {
		n.t.Fatal("this night is about services in processes of their own: list it in aboutProcesses")
	}
	return p
}

// Loses kills services and leaves the others running.
func (n *Night) Loses(name string) {
	n.t.Helper()
	if err := each(n.apart().named(name), (*process).kill); err != nil {
		n.t.Fatal(err)
	}
}

// GetsBack starts them again.
func (n *Night) GetsBack(name string) {
	n.t.Helper()
	if err := each(n.apart().named(name), begin); err != nil {
		n.t.Fatal(err)
	}
}
