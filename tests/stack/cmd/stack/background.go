package main

import (
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

	"vigie/tests/stack"
)

// serveCommand is what up runs in the background.
const serveCommand = "serve"

// home is the directory in which up and down find the background process. It
// holds a lock for as long as it lives, so that a stale file misleads nobody.
type home struct{ dir string }

func (h home) state() string { return filepath.Join(h.dir, "run.json") }
func (h home) log() string   { return filepath.Join(h.dir, "stack.log") }

// state is run.json.
type state struct {
	PID   int      `json:"pid"`
	Kafka []string `json:"kafka"`
	Redis string   `json:"redis_url,omitempty"`
	Logs  string   `json:"logs"`
}

// lock returns nil if a background process holds the lock.
func (h home) lock() (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(h.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case err == nil:
		return f, nil
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil, f.Close()
	default:
		return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
	}
}

func (h home) free() (bool, error) {
	f, err := h.lock()
	if f != nil {
		return true, f.Close()
	}
	return false, err
}

func (h home) read() (s state, err error) {
	content, err := os.ReadFile(h.state())
	if errors.Is(err, os.ErrNotExist) {
		return s, fmt.Errorf("the stack is just being started or stopped; try again in a moment: %w", err)
	}
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(content, &s)
}

// clear removes what a background process left that was killed, and says
// whether there was one. Its parts have died with it.
func (h home) clear() (died bool, err error) {
	s, err := h.read()
	switch {
	case errors.Is(err, os.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	}
	return true, errors.Join(stack.Remove(s.Logs), os.Remove(h.state()))
}

// print writes what a shell is to evaluate; sentences go to standard error.
func (s state) print() error {
	text := fmt.Sprintf("export VIGIE_KAFKA_BROKERS=%s\n", strings.Join(s.Kafka, ","))
	if len(s.Kafka) == 1 {
		text += "export VIGIE_KAFKA_SINGLE_NODE=true\n"
	}
	if s.Redis != "" {
		text += fmt.Sprintf("export VIGIE_REDIS_URL=%s\n", s.Redis)
	}
	_, err := os.Stdout.WriteString(text)
	return err
}

func say(format string, a ...any) { fmt.Fprintf(os.Stderr, format+"\n", a...) }

func up(ctx context.Context, h home, o stack.Options, args []string) error {
	free, err := h.free()
	if err != nil {
		return err
	}
	if !free {
		s, err := h.read()
		if err != nil {
			return err
		}
		say("The stack runs already (process %d, logs in %s).", s.PID, s.Logs)
		return s.print()
	}
	if _, err := h.clear(); err != nil {
		return err
	}
	say("Starting Kafka and Redis. The first time fetches 43 MB; later it takes about 20 seconds.")
	if err := stack.Prepare(ctx, o); err != nil {
		return err
	}
	begin := time.Now()
	s, err := spawn(ctx, h, args)
	if err != nil {
		return err
	}
	say("The stack runs (started in %.1f s, process %d, logs in %s). Stop it with: make stack-down", time.Since(begin).Seconds(), s.PID, s.Logs)
	return s.print()
}

// spawn starts the background process and waits until it is ready, which it
// says through a pipe, or until it has ended.
func spawn(ctx context.Context, h home, args []string) (s state, err error) {
	self, err := os.Executable()
	if err != nil {
		return s, err
	}
	out, err := os.OpenFile(h.log(), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return s, err
	}
	defer func() { _ = out.Close() }()
	ready, tell, err := os.Pipe()
	if err != nil {
		return s, err
	}
	defer func() { _ = ready.Close() }()
	cmd := exec.Command(self, append([]string{serveCommand}, args...)...) //nolint:gosec,noctx // this program; it outlives its starter
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = out, out, []*os.File{tell}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	_ = tell.Close() // ours; the child's is what ends the reading
	if err != nil {
		return s, err
	}
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })()
	line, err := io.ReadAll(ready)
	switch {
	case err != nil:
		return s, err
	case len(line) == 0:
		_ = cmd.Wait() // its last words come after it has let go of the pipe
		said, err := os.ReadFile(h.log())
		return s, errors.Join(fmt.Errorf("it did not start: %s", strings.TrimPrefix(strings.TrimSpace(string(said)), "stack: ")), err)
	}
	return s, json.Unmarshal(line, &s)
}

// readyFile is the first of exec.Cmd's ExtraFiles.
const readyFile = 3

// serve is the background process.
func serve(ctx context.Context, h home, o stack.Options) (err error) {
	held, err := h.lock()
	if err != nil {
		return err
	}
	if held == nil {
		return errors.New("another stack was started at the same moment")
	}
	defer func() { _ = held.Close() }()
	ready := os.NewFile(readyFile, "ready")
	defer func() { _ = ready.Close() }()
	syscall.CloseOnExec(readyFile) // the parts must not hold it open
	st, err := stack.Run(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Stop()) }()
	content, err := json.Marshal(state{PID: os.Getpid(), Kafka: st.Kafka(), Redis: st.RedisURL(), Logs: st.Dir()})
	if err != nil {
		return err
	}
	if err := os.WriteFile(h.state(), content, 0o600); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(h.state())) }()
	// Whether or not the starter still listens, the stack runs.
	_, _ = ready.Write(content)
	_ = ready.Close()
	<-ctx.Done()
	return nil
}

// stopTimeout is ample: the parts are killed, not asked.
const stopTimeout = 20 * time.Second

func down(ctx context.Context, h home) error {
	free, err := h.free()
	if err != nil {
		return err
	}
	if free {
		died, err := h.clear()
		if died {
			say("The stack had died; what it left behind is removed.")
		} else if err == nil {
			say("The stack does not run.")
		}
		return err
	}
	s, err := h.read()
	if err != nil {
		return err
	}
	if err := syscall.Kill(s.PID, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop process %d: %w", s.PID, err)
	}
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		switch free, err := h.free(); {
		case err != nil:
			return err
		case free:
			say("The stack is stopped; what it held is gone.")
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("process %d does not end; kill it with: kill -9 %d", s.PID, s.PID)
		}
	}
}
