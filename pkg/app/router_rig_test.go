package app_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/fx"

	"vigie/pkg/app"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/eventlog/kafkalog/pubsub"
)

const work = "test.work"

// rig is a process with a router, and the messages that go in and out.
type rig struct {
	cfg     app.RouterConfig
	bus     *gochannel.GoChannel
	sub     message.Subscriber
	parking message.Publisher
	parked  <-chan *message.Message
	metrics *prometheus.Registry
	checks  []app.Check
	log     journal

	cancel context.CancelFunc
	over   chan error
}

// journal collects log lines.
type journal struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{cfg: app.DefaultRouter(), over: make(chan error, 1)}
	r.cfg.RetryMin, r.cfg.RetryMax = time.Millisecond, 2*time.Millisecond
	r.bus = gochannel.NewGoChannel(gochannel.Config{}, watermill.NopLogger{})
	t.Cleanup(func() { _ = r.bus.Close() })
	r.sub, r.parking = r.bus, r.bus
	var err error
	if r.parked, err = r.bus.Subscribe(t.Context(), r.cfg.ParkTopic); err != nil {
		t.Fatalf("subscribe to parked: %v", err)
	}
	return r
}

type checks struct {
	fx.In
	All []app.Check `group:"checks"`
}

// service is a module with a router of its own.
func (r *rig) service(name string, handle message.NoPublishHandlerFunc) fx.Option {
	return fx.Module(name,
		fx.Provide(func() message.Publisher { return r.parking }, fx.Private),
		app.RouterModule(r.cfg),
		fx.Invoke(func(router *app.Router) error { return router.AddConsumerHandler(name+".handler", work, r.sub, handle) }),
	)
}

func (r *rig) run(t *testing.T, opts ...fx.Option) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r.cancel = cancel
	up := make(chan string, 1)
	go func() {
		r.over <- app.Run(ctx, app.Module(config()), fx.Options(opts...),
			fx.Decorate(func() *slog.Logger { return app.NewLogger(&r.log, true, slog.LevelInfo) }),
			fx.Populate(&r.metrics),
			fx.Invoke(func(c checks) { r.checks = c.All }),
			fx.Invoke(announce(up)))
	}()
	select {
	case <-up:
	case err := <-r.over:
		t.Fatalf("Run: %v", err)
	}
}

// end stops the process, or waits until it has stopped by itself.
func (r *rig) end(t *testing.T) error {
	t.Helper()
	r.cancel()
	return r.await(t)
}

func (r *rig) await(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.over:
		return err
	case <-time.After(30 * time.Second):
		t.Fatal("the process does not end")
		return nil
	}
}

func (r *rig) publish(t *testing.T, msg *message.Message) {
	t.Helper()
	if err := r.bus.Publish(work, msg); err != nil {
		t.Fatalf("publish: %v", err)
	}
}

func (r *rig) nextParked(t *testing.T) *message.Message {
	t.Helper()
	select {
	case msg := <-r.parked:
		msg.Ack()
		return msg
	case <-time.After(30 * time.Second):
		t.Fatal("nothing was parked")
		return nil
	}
}

// nothingParked publishes to the topic of parked messages itself and expects to see that.
func (r *rig) nothingParked(t *testing.T) {
	t.Helper()
	go func() { _ = r.bus.Publish(r.cfg.ParkTopic, message.NewMessage("end of the test", nil)) }()
	if msg := r.nextParked(t); msg.UUID != "end of the test" {
		t.Errorf("%s was parked: %v", msg.UUID, msg.Metadata)
	}
}

// metric returns the value of a counter, or how many a histogram has observed.
func (r *rig) metric(t *testing.T, name string, labels ...string) int {
	t.Helper()
	families, err := r.metrics.Gather()
	if err != nil {
		t.Fatalf("gather: %v", err)
	}
	total := 0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			var values []string
			for _, l := range m.GetLabel() {
				values = append(values, l.GetValue())
			}
			if strings.Contains(strings.Join(values, " "), strings.Join(labels, " ")) {
				total += int(m.GetCounter().GetValue()) + int(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return total
}

func (r *rig) expect(t *testing.T, done, failed, retries, parked int) {
	t.Helper()
	for _, m := range []struct {
		name, label string
		want        int
	}{
		{"vigie_message_seconds", "done", done},
		{"vigie_message_seconds", "failed", failed},
		{"vigie_message_retries_total", "", retries},
		{"vigie_messages_parked_total", "", parked},
	} {
		if got := r.metric(t, m.name, m.label); got != m.want {
			t.Errorf("%s %s: got %d, want %d", m.name, m.label, got, m.want)
		}
	}
}

func (r *rig) ready(t *testing.T) error {
	t.Helper()
	if len(r.checks) != 1 {
		t.Fatalf("%d readiness checks, want 1", len(r.checks))
	}
	return r.checks[0].Ready(t.Context())
}

// overKafka starts a broker with the topic of the tests, and makes subscribers of one group.
func overKafka(t *testing.T) (*kafkalog.Log, func() *pubsub.Subscriber) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatalf("start broker: %v", err)
	}
	t.Cleanup(cluster.Close)
	cfg := kafkalog.Default()
	cfg.Brokers, cfg.MetadataTTL = cluster.ListenAddrs(), 100*time.Millisecond
	log, err := kafkalog.New(cfg)
	if err != nil {
		t.Fatalf("new log: %v", err)
	}
	t.Cleanup(log.Close)
	settings := kafkalog.TopicSettings{Name: work, Partitions: 1, Retention: kafkalog.Forever}
	if err := log.CreateTopic(t.Context(), settings); err != nil {
		t.Fatalf("create topic: %v", err)
	}
	return log, func() *pubsub.Subscriber {
		t.Helper()
		cfg := pubsub.DefaultSubscriber()
		cfg.Group = "g"
		sub, err := pubsub.NewSubscriber(log, cfg)
		if err != nil {
			t.Fatalf("new subscriber: %v", err)
		}
		t.Cleanup(func() { _ = sub.Close() })
		return sub
	}
}
