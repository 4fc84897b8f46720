package parked_test

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/goleak"

	"vigie/pkg/app"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/eventlog/kafkalog/pubsub"
	"vigie/services/vigie/internal/parked"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a broker with the topic, and who parks there.
type site struct {
	t      *testing.T
	broker string
	pub    *pubsub.Publisher
}

func start(t *testing.T) *site {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	cfg := kafkalog.Default()
	cfg.Brokers, cfg.MetadataTTL = c.ListenAddrs(), 100*time.Millisecond
	log, err := kafkalog.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	for _, s := range kafkalog.Topics(1, 1, 1) {
		if s.Name != eventlog.TopicParked {
			continue
		}
		if err := log.CreateTopic(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	pub, err := pubsub.NewPublisher(log, pubsub.DefaultPublisher())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pub.Close() })
	return &site{t, c.ListenAddrs()[0], pub}
}

func (s *site) park(reason string) {
	s.t.Helper()
	msg := message.NewMessage(watermill.NewUUID(), []byte("what it was"))
	msg.Metadata.Set(app.ParkedReason, reason)
	msg.Metadata.Set(app.ParkedHandler, "test.handler")
	msg.Metadata.Set(app.ParkedTopic, eventlog.TopicPositions)
	msg.Metadata.Set(app.ParkedAt, "2026-01-02T03:04:05Z")
	if err := s.pub.Publish(eventlog.TopicParked, msg); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) run(ctx context.Context, out io.Writer, more ...string) error {
	c := parked.Command() //nolint:contextcheck // it is executed with one
	c.SetOut(out)
	c.SetErr(out)
	c.SilenceUsage, c.SilenceErrors = true, true
	c.SetArgs(append([]string{"--brokers", s.broker}, more...))
	return c.ExecuteContext(ctx)
}

func TestWhatIsParkedIsShownWithItsReason(t *testing.T) {
	t.Parallel()
	s := start(t)
	var out strings.Builder
	if err := s.run(t.Context(), &out); err != nil || out.String() != "" {
		t.Fatalf("nothing is parked: %v\n%s", err, out.String())
	}
	s.park("the first reason")
	s.park("the second reason")
	if err := s.run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	says := "2026-01-02T03:04:05Z  offset 0  test.handler, from vigie.positions, 11 bytes"
	if len(lines) != 2 || !strings.HasPrefix(lines[0], says) || !strings.HasSuffix(lines[0], ": the first reason") || !strings.HasSuffix(lines[1], ": the second reason") {
		t.Errorf("got\n%s", out.String())
	}

	out.Reset()
	if err := s.run(t.Context(), &out, "--json"); err != nil {
		t.Fatal(err)
	}
	var line struct {
		Offset          int64
		Handler, Reason string
		Payload         []byte
	}
	if err := json.NewDecoder(strings.NewReader(out.String())).Decode(&line); err != nil {
		t.Fatal(err)
	}
	if line.Handler != "test.handler" || line.Reason != "the first reason" || string(line.Payload) != "what it was" {
		t.Errorf("got %+v", line)
	}
}

func TestWhatIsParkedLaterIsShownToWhoFollows(t *testing.T) {
	t.Parallel()
	s := start(t)
	ctx, stop := context.WithCancel(t.Context())
	read, write := io.Pipe()
	over := make(chan error, 1)
	go func() {
		err := s.run(ctx, write, "--follow")
		_ = write.Close()
		over <- err
	}()
	s.park("later")
	first := make([]byte, 256)
	n, err := read.Read(first)
	if err != nil || !strings.Contains(string(first[:n]), ": later") {
		t.Errorf("got %q, %v", first[:n], err)
	}
	stop()
	if err := <-over; err != nil {
		t.Errorf("interrupted: %v", err)
	}
}
