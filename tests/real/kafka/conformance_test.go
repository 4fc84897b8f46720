package kafka_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// restartCommand is the argument that makes this test binary the command by which the adapter's tests restart a broker; where
// to ask for it follows.
const restartCommand = "restart-a-broker"

// askForRestart is that command.
func askForRestart(url string) int {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, http.NoBody)
	if err == nil {
		var res *http.Response
		if res, err = http.DefaultClient.Do(req); err == nil {
			defer func() { _ = res.Body.Close() }()
			if res.StatusCode == http.StatusNoContent {
				return 0
			}
			err = fmt.Errorf("status %s", res.Status)
		}
	}
	fmt.Fprintln(os.Stderr, "restart a broker:", err)
	return 1
}

// restarter kills one broker after the other with -9 and starts it again, one at a time, as often as it is asked.
type restarter struct {
	mu   sync.Mutex
	next int
}

func (r *restarter) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	broker := r.next % len(shared.Kafka())
	r.next++
	shared.KillBroker(broker)
	if err := shared.RestartBroker(req.Context(), broker); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// The suite is that of the message adapter's own tests, which run it on the broker inside them. Here it runs whole, with all its
// messages and subscribers, and with brokers that are killed under it.
func TestWatermillsSuitePassesWholeOnRealKafka(t *testing.T) {
	suite := filepath.Join(t.TempDir(), "pubsub.test")
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-tags", "realkafka", "-o", suite, "./pkg/eventlog/kafkalog/pubsub")
	build.Dir = filepath.Join("..", "..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the suite: %v\n%s", err, out)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	restarts := &restarter{}
	server := httptest.NewServer(restarts)
	t.Cleanup(server.Close)
	// One after the other: a restart is for all who are on the brokers.
	for name, wanted := range map[string]int{
		"WatermillSuiteWithAGroup": 0, "WatermillSuiteWithAGroupAndOrder": 0, "WatermillSuiteWithoutAGroup": 0,
		"MessagesSurviveBrokersThatAreRestarted": 4,
	} {
		t.Run(name, func(t *testing.T) {
			before := restarts.next
			// More at a time than there are processors: they wait for brokers.
			c := exec.CommandContext(t.Context(), suite, "-test.run", "^Test"+name+"$", "-test.v", "-test.timeout", "10m", "-test.parallel", "6")
			c.Env = append(os.Environ(), "VIGIE_TEST_WHOLE=1", "VIGIE_KAFKA_BROKERS="+strings.Join(shared.Kafka(), ","),
				"VIGIE_TEST_KAFKA_RESTART="+self+" "+restartCommand+" "+server.URL)
			var said bytes.Buffer
			c.Stdout, c.Stderr = &said, &said
			if err := c.Run(); err != nil {
				whole := filepath.Join(shared.Dir(), name+".log")
				if err := os.WriteFile(whole, said.Bytes(), 0o600); err != nil {
					t.Error(err)
				}
				t.Fatalf("%v, all of it in %s\n%s", err, whole, verdicts(said.String()))
			}
			if got := restarts.next - before; got != wanted {
				t.Errorf("brokers were restarted %d times, want %d", got, wanted)
			}
		})
	}
}

// verdicts are the lines of a test's output that say what has failed, and its end.
func verdicts(said string) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	const end = 60
	var told []string
	for k, line := range lines {
		if k >= len(lines)-end || strings.Contains(line, "--- FAIL") || strings.Contains(line, "Error:") || strings.Contains(line, ".go:") {
			told = append(told, line)
		}
	}
	return strings.Join(told, "\n")
}
