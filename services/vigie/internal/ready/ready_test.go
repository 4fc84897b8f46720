package ready_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"

	"go.uber.org/fx"
	"go.uber.org/goleak"

	"vigie/pkg/app"
	"vigie/pkg/directory"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow/livetest"
	"vigie/services/vigie/internal/ready"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// screen is written to by the program and read by the test.
type screen struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// run announces a program that is ready once open is closed, and gives what it has printed until then and after.
func run(t *testing.T, p ready.Printer, first ready.First) (before, after string, said ready.Run) {
	t.Helper()
	out := &screen{}
	p.Data, p.Out, p.Rate = t.TempDir(), out, 60
	open := make(chan struct{})
	asked := make(chan struct{}, 100)
	check := func() app.Check {
		return app.Check{Name: "test", Ready: func(context.Context) error {
			select {
			case asked <- struct{}{}:
			default:
			}
			select {
			case <-open:
				return nil
			default:
				return errors.New("not yet")
			}
		}}
	}
	cfg := app.Default()
	cfg.Listen, cfg.LogLevel = "127.0.0.1:0", "error"
	kafka := kafkalog.Default()
	kafka.Brokers, kafka.PositionsBrokers = []string{"127.0.0.1:1"}, []string{"127.0.0.1:2"}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- app.Run(ctx, app.Module(cfg), fx.Module("test", fx.Provide(app.AsCheck(check))), fx.Invoke(
			func(lc fx.Lifecycle, address *app.Address, stop *app.Stop, log *slog.Logger) { //nolint:contextcheck // the announcement outlives the start
				var a *ready.Announcement
				lc.Append(fx.StartStopHook(
					func() {
						a = p.Begin(ready.Program{Address: address, Kafka: kafka, First: first, Fail: stop.Fail, Logger: log})
					},
					func() { a.End() },
				))
			}))
	}()
	<-asked
	<-asked // the first answer was no
	before = out.String()
	if _, err := ready.ReadRun(p.Data); err == nil {
		t.Error("a run file before it is ready")
	}
	close(open)
	livetest.Await(t, "announced", func() bool { return strings.HasSuffix(out.String(), "\n") })
	said, err := ready.ReadRun(p.Data)
	if err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := ready.ReadRun(p.Data); err == nil || !strings.Contains(err.Error(), "is vigie up running") {
		t.Errorf("after the end: %v", err)
	}
	return before, out.String(), said
}

func TestAProgramIsAnnouncedOnceItIsReadyAndTheFileGoesWithIt(t *testing.T) {
	t.Parallel()
	before, after, said := run(t, ready.Printer{JSON: true}, ready.First{})
	var line struct {
		Event, URL, Kafka string
		PositionsKafka    string `json:"positions_kafka"`
		PID               int
		ClockRate         int `json:"clock_rate"`
	}
	if err := json.Unmarshal([]byte(after), &line); err != nil || before != "" {
		t.Fatalf("%v: before %q, after %q", err, before, after)
	}
	if line.Event != "ready" || line.URL != said.URL || line.Kafka != "127.0.0.1:1" || line.PositionsKafka != "127.0.0.1:2" ||
		line.PID != os.Getpid() || line.ClockRate != 60 {
		t.Errorf("%+v, file %+v", line, said)
	}
}

func TestAPersonIsToldWhereToGoAndAtTheFirstStartHowToComeIn(t *testing.T) {
	t.Parallel()
	first := ready.First{FirstAccounts: &directory.FirstAccounts{Accounts: []directory.FirstAccount{{Account: "chief", Password: "correct-horse"}}}}
	for name, f := range map[string]ready.First{"first": first, "later": {}} {
		_, text, said := run(t, ready.Printer{}, f)
		if !strings.Contains(text, said.URL+"/docs") || !strings.Contains(text, "first-accounts.json") ||
			strings.Contains(text, "correct-horse") != (name == "first") {
			t.Errorf("%s: %s", name, text)
		}
	}
}
