package scenario_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
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
	// wait gives the exit status of a product that ends by itself.
	wait() (status int, err error)
	// story is the tail of what it has logged.
	story() string
}

// endpoint is where a running product is.
type endpoint struct {
	URL            string `json:"url"`
	Kafka          string `json:"kafka"`
	PositionsKafka string `json:"positions_kafka"`
	PID            int    `json:"pid"`
	ClockRate      int    `json:"clock_rate"`
}

// allInOne is vigie up.
type allInOne struct {
	setting
	program, logPath string
	life             context.Context //nolint:containedctx // that of the process

	process *exec.Cmd
	ended   chan error
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

func (a *allInOne) command() []string {
	return append(slices.Clone(a.through), a.program,
		"up", "--data", a.data, "--region", a.region, "--listen", a.listen, "--json", "--clock-rate", strconv.Itoa(a.rate))
}

// startBound is for the slowest honest start on a busy machine.
const startBound = 30 * time.Second

func (a *allInOne) start() (endpoint, error) {
	log, err := os.OpenFile(a.logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return endpoint{}, err
	}
	defer func() { _ = log.Close() }() // the process has its own
	command := a.command()
	a.process = exec.CommandContext(a.life, command[0], command[1:]...)
	a.process.Stderr = log
	// Ours, so that waiting for the process does not wait for the reading.
	stdout, write, err := os.Pipe()
	if err != nil {
		return endpoint{}, err
	}
	a.process.Stdout = write
	err = a.process.Start()
	_ = write.Close() // the process has its own
	if err != nil {
		return endpoint{}, errors.Join(err, stdout.Close())
	}
	a.ended = make(chan error, 1)
	ready := make(chan endpoint, 1)
	go func() {
		// All lines are read, so that the program never waits for its reader.
		readReady(stdout, ready)
		_ = stdout.Close() // read to its end
		a.ended <- a.process.Wait()
	}()
	select {
	case at := <-ready:
		return at, nil
	case err := <-a.ended:
		a.ended <- err
		return endpoint{}, fmt.Errorf("vigie up ended before it was ready: %w", err)
	case <-time.After(startBound):
		return endpoint{}, errors.Join(fmt.Errorf("vigie up was not ready within %v", startBound), a.kill())
	}
}

func readReady(r io.Reader, ready chan<- endpoint) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var line struct {
			Event string `json:"event"`
			endpoint
		}
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Event == "ready" {
			ready <- line.endpoint
		}
	}
}

func (a *allInOne) kill() error {
	if err := a.process.Process.Kill(); err != nil {
		return err
	}
	<-a.ended
	return nil
}

// stopBound is what the program promises, and a margin for a busy machine.
const stopBound = 15 * time.Second

func (a *allInOne) stop() error {
	if err := a.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-a.ended:
		if err != nil {
			return fmt.Errorf("vigie up, asked to stop: %w", err)
		}
		return nil
	case <-time.After(stopBound):
		return errors.Join(fmt.Errorf("vigie up did not stop within %v", stopBound), a.kill())
	}
}

func (a *allInOne) wait() (int, error) {
	select {
	case <-a.ended:
		return a.process.ProcessState.ExitCode(), nil
	case <-time.After(patience):
		return 0, fmt.Errorf("vigie up still runs after %v", patience)
	}
}

// told is how many lines of the log a failure shows, each cut at longestLine.
const (
	told        = 40
	longestLine = 500
)

func (a *allInOne) story() string {
	raw, err := os.ReadFile(a.logPath)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	lines = lines[max(0, len(lines)-told):]
	for k, line := range lines {
		lines[k] = line[:min(len(line), longestLine)]
	}
	return strings.Join(lines, "\n")
}

// regionFile is a region of the repository.
func regionFile(name string) string {
	return filepath.Join("..", "..", "deployments", "regions", name)
}
