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
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// process is one program of the product, over all its runs. Its methods are for one goroutine at a time.
type process struct {
	name    string
	command []string
	env     []string // nil: that of the tests
	logPath string
	life    context.Context //nolint:containedctx // that of the process

	cmd   *exec.Cmd
	ended chan error
	// url is where it is, while it is ready and runs.
	url atomic.Pointer[string]
}

// startBound is for the slowest honest start on a busy machine.
const startBound = 30 * time.Second

// start runs it and returns when it is ready.
func (p *process) start() (endpoint, error) {
	log, err := os.OpenFile(p.logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return endpoint{}, err
	}
	defer func() { _ = log.Close() }() // the process has its own
	p.cmd = exec.CommandContext(p.life, p.command[0], p.command[1:]...)
	p.cmd.Env, p.cmd.Stderr = p.env, log
	// Ours, so that waiting for the process does not wait for the reading.
	stdout, write, err := os.Pipe()
	if err != nil {
		return endpoint{}, err
	}
	p.cmd.Stdout = write
	err = p.cmd.Start()
	_ = write.Close() // the process has its own
	if err != nil {
		return endpoint{}, errors.Join(err, stdout.Close())
	}
	p.ended = make(chan error, 1)
	ready := make(chan endpoint, 1)
	go func() {
		// All lines are read, so that the program never waits for its reader.
		readReady(stdout, func(at endpoint) {
			p.url.Store(&at.URL)
			ready <- at
		})
		_ = stdout.Close() // read to its end
		p.url.Store(nil)
		p.ended <- p.cmd.Wait()
	}()
	select {
	case at := <-ready:
		return at, nil
	case err := <-p.ended:
		p.ended <- err
		return endpoint{}, fmt.Errorf("%s ended before it was ready: %w", p.name, err)
	case <-time.After(startBound):
		return endpoint{}, errors.Join(fmt.Errorf("%s was not ready within %v", p.name, startBound), p.kill())
	}
}

func readReady(r io.Reader, ready func(endpoint)) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var line struct {
			Event string `json:"event"`
			endpoint
		}
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Event == "ready" {
			ready(line.endpoint)
		}
	}
}

// at is where it is; empty while it is not to be reached.
func (p *process) at() string {
	if url := p.url.Load(); url != nil {
		return *url
	}
	return ""
}

func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("kill %s: %w", p.name, err)
	}
	<-p.ended
	return nil
}

// stopBound is what the program promises, and a margin for a busy machine.
const stopBound = 15 * time.Second

func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop %s: %w", p.name, err)
	}
	select {
	case err := <-p.ended:
		if err != nil {
			return fmt.Errorf("%s, asked to stop: %w", p.name, err)
		}
		return nil
	case <-time.After(stopBound):
		return errors.Join(fmt.Errorf("%s did not stop within %v", p.name, stopBound), p.kill())
	}
}

// wait gives the exit status of a program that ends by itself.
func (p *process) wait() (int, error) {
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-time.After(patience):
		return 0, fmt.Errorf("%s still runs after %v", p.name, patience)
	}
}

// told is how many lines of the log a failure shows, each cut at longestLine.
const (
	told        = 40
	longestLine = 500
)

func (p *process) story() string {
	raw, err := os.ReadFile(p.logPath)
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
