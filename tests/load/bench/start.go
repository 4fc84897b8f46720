package main

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
	"strings"
	"syscall"
	"time"

	"vigie/tests/fleet"
	"vigie/tests/front"
	"vigie/tests/stack"
)

// startVigie runs everything in one process, on a directory, or on an empty one of its own, and signs on. The directory goes
// with it.
func startVigie(ctx context.Context, s settings, dir string) (*system, error) {
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "vigie-bench-"); err != nil {
			return nil, err
		}
	}
	url, stop, err := launch(ctx, s, dir)
	stop = andRemove(stop, dir)
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	v, err := signOn(ctx, func(string) string { return url }, filepath.Join(dir, "first-accounts.json"))
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	v.halt = stop
	return v, nil
}

func andRemove(stop func() error, dir string) func() error {
	return func() error { return errors.Join(stop(), os.RemoveAll(dir)) }
}

func launch(ctx context.Context, s settings, dir string) (url string, stop func() error, err error) {
	stop = func() error { return nil }
	path, err := regionFile()
	if err != nil {
		return "", stop, err
	}
	c := exec.CommandContext(ctx, filepath.Join(s.bin, "vigie"), "up", "--json", "--listen", "127.0.0.1:0", //nolint:gosec // our own program
		"--log-level", "error", "--data", dir, "--region", path)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		return "", stop, err
	}
	if err := c.Start(); err != nil {
		return "", stop, err
	}
	lines := bufio.NewReader(out)
	line, err := lines.ReadBytes('\n')
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(io.Discard, lines) // it must never wait for its reader
	}()
	stop = func() error {
		err := c.Process.Signal(syscall.SIGTERM)
		<-read
		return errors.Join(err, c.Wait())
	}
	var ready struct{ URL string }
	if err == nil {
		err = json.Unmarshal(line, &ready)
	}
	if err != nil {
		return "", stop, fmt.Errorf("ready line %q: %w", line, err)
	}
	return ready.URL, stop, nil
}

// cluster is every service in a process of its own, on three brokers.
type cluster struct {
	*system
	stack *stack.Stack
	fleet *fleet.Fleet
}

// startCluster runs it and signs on.
func startCluster(ctx context.Context, s settings) (c *cluster, err error) {
	path, err := regionFile()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "vigie-bench-")
	if err != nil {
		return nil, err
	}
	st, err := stack.Run(ctx, stack.Options{Redis: true})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	c = &cluster{stack: st, fleet: &fleet.Fleet{
		Bin: s.bin, Dir: dir, Region: path, Brokers: strings.Join(st.Kafka(), ","), Redis: st.RedisURL(),
		Ended: func(name string, err error, again time.Duration) {
			_, _ = fmt.Fprintf(os.Stderr, "%s has ended (%v); it is started again in %v\n", name, err, again)
		},
	}}
	running, end := context.WithCancel(ctx)
	stop := func() error {
		end()
		c.fleet.Wait()
		return errors.Join(st.Stop(), os.RemoveAll(dir))
	}
	if err := c.join(running); err != nil {
		return nil, errors.Join(err, stop())
	}
	c.halt = stop
	return c, nil
}

func (c *cluster) join(ctx context.Context) error {
	if err := c.fleet.Prepare(ctx); err != nil {
		return err
	}
	for _, name := range []string{"dispatch-1", "dispatch-2", "alarms-1", "positions-1", "replay-1", "gateway-1"} {
		c.fleet.Start(ctx, name)
	}
	if !c.fleet.Await(ctx) {
		return ctx.Err()
	}
	var err error
	c.system, err = signOn(ctx, func(path string) string {
		for _, host := range c.fleet.Hosts(front.Service(path)) {
			return "http://" + host
		}
		return "http://nobody.invalid"
	}, c.fleet.FirstAccounts())
	return err
}
