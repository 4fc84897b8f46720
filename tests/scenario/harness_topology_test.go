package scenario_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

// topology is how the product is run: the same nights are to pass in one process and in many.
type topology interface {
	// start runs it on its data and returns when it is ready.
	start() (endpoint, error)
	// kill ends it as a power cut does.
	kill() error
	// stop asks it to end and waits; the error says so when it did not end well.
	stop() error
	// deciders are the addresses of the processes that decide.
	deciders() []string
	// log is how a command line reads the log of a product that does not run.
	log() []string
	// story is the tail of what it has logged.
	story() string
}

// endpoint is where a running product is.
type endpoint struct {
	URL            string `json:"url"`
	Kafka          string `json:"kafka"`
	PositionsKafka string `json:"positions_kafka"`
	// PID is that of a process which decides.
	PID       int `json:"pid"`
	ClockRate int `json:"clock_rate"`
}

// topologyVariable names the topology; all in one process when it is not set.
const topologyVariable = "VIGIE_TOPOLOGY"

// onKafka says that each service is to be a process of its own, on Kafka.
func onKafka() bool { return os.Getenv(topologyVariable) == "kafka" }

// begin makes what a night is played on.
func (s setting) begin(t *testing.T, home string) topology {
	t.Helper()
	if onKafka() {
		return apart(t, s, home)
	}
	return &allInOne{
		setting: s, program: programs.path(t, "vigie"),
		process: &process{name: "vigie up", logPath: filepath.Join(home, "server.log"), life: untilDeadline(t)},
	}
}

// allInOne is vigie up.
type allInOne struct {
	setting
	*process
	program string
}

// untilDeadline ends with the test, or shortly before the time of all tests is over: nothing may outlive them.
func untilDeadline(t *testing.T) context.Context {
	t.Helper()
	ctx, done := context.WithCancel(context.Background())
	if deadline, ok := t.Deadline(); ok {
		ctx, done = context.WithDeadline(context.Background(), deadline.Add(-2*time.Second))
	}
	t.Cleanup(done)
	return ctx
}

func (a *allInOne) start() (endpoint, error) {
	a.command = append(slices.Clone(a.through), a.program,
		"up", "--data", a.data, "--region", a.region, "--listen", a.listen, "--json", "--clock-rate", strconv.Itoa(a.rate))
	return a.process.start()
}

func (a *allInOne) deciders() []string { return []string{a.at()} }

func (a *allInOne) log() []string { return []string{"--data", a.data} }

// node is the embedded node, for nights that are about it.
func (n *Night) node() *allInOne {
	n.t.Helper()
	a, ok := n.top.(*allInOne)
	if !ok {
		n.t.Fatal("this night is about the embedded node: list it in aboutTheNode")
	}
	return a
}

// regionFile is a region of the repository.
func regionFile(name string) string {
	return filepath.Join("..", "..", "deployments", "regions", name)
}
