package sim

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
	"strconv"
	"sync"
	"syscall"
	"time"

	"vigie/pkg/app"
)

// place is where a server is found, and how to sign in there.
type place struct{ url, accounts string }

// server is a vigie of its own, in a process and a directory of its own.
type server struct {
	place
	dir     string
	process *os.Process
	out     sync.WaitGroup
	// ended is done, with its cause, when the process has exited.
	ended context.Context //nolint:containedctx // the life of the process
}

const (
	// startBound is long: a first start makes a broker, a directory and all rooms, perhaps beside other work.
	startBound = 90 * time.Second
	stopBound  = 30 * time.Second
)

// start runs this program's own "up" and waits until it is ready.
func start(ctx context.Context, o options, progress io.Writer) (*server, error) {
	if _, err := os.Stat(o.region); err != nil {
		return nil, app.Exit(app.BadRegion, fmt.Errorf("region: %w: name the file with --region, or run this where %s is", err, defaultRegion))
	}
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	dir, err := os.MkdirTemp("", "vigie-sim-")
	if err != nil {
		return nil, fmt.Errorf("temporary directory: %w", err)
	}
	_, _ = fmt.Fprintf(progress, "starting a server in %s\n", dir) // of no consequence
	s := &server{dir: dir}
	if err := s.launch(ctx, program, o); err != nil {
		return nil, s.discard(err)
	}
	return s, nil
}

// discard gives up a server that did not start.
func (s *server) discard(err error) error {
	if errors.Is(err, errInterrupted) {
		return errors.Join(err, os.RemoveAll(s.dir))
	}
	return fmt.Errorf("%w; its data and its log server.log are in %s", err, s.dir)
}

func (s *server) launch(ctx context.Context, program string, o options) error {
	data := filepath.Join(s.dir, "data")
	log, err := os.Create(filepath.Join(s.dir, "server.log"))
	if err != nil {
		return fmt.Errorf("log of the server: %w", err)
	}
	// Interrupting the simulation must not reach the server, which is stopped in order: hence a process group and no ctx.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), program, "up", //nolint:gosec // this very program
		"--data", data, "--region", o.region, "--listen", "127.0.0.1:0", "--clock-rate", strconv.Itoa(o.rate), "--json")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stderr = log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return errors.Join(fmt.Errorf("start the server: %w", err), log.Close())
	}
	if err := cmd.Start(); err != nil {
		return errors.Join(fmt.Errorf("start the server: %w", err), log.Close())
	}
	s.process = cmd.Process
	ended, end := context.WithCancelCause(context.WithoutCancel(ctx))
	s.ended = ended
	ready := make(chan string, 1)
	s.out.Go(func() {
		follow(stdout, ready)
		err := errors.Join(cmd.Wait(), log.Close())
		end(fmt.Errorf("the server has ended (%w)", errors.Join(err, errEnded)))
	})
	select {
	case url := <-ready:
		s.place = place{url: url, accounts: filepath.Join(data, "first-accounts.json")}
		return nil
	case <-ended.Done():
		err = context.Cause(ended)
	case <-time.After(startBound):
		err = fmt.Errorf("the server was not ready after %v", startBound)
	case <-ctx.Done():
		err = errInterrupted
	}
	s.terminate()
	return err
}

var errEnded = errors.New("exit")

// follow reads the server's lines to their end and tells the URL of the one that says ready.
func follow(stdout io.Reader, ready chan<- string) {
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		var line struct {
			Event string `json:"event"`
			URL   string `json:"url"`
		}
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Event == "ready" {
			select {
			case ready <- line.URL:
			default: // said before
			}
		}
	}
	_, _ = io.Copy(io.Discard, stdout) // of a line too long to be ours; the pipe must not fill
}

// terminate ends the process, if need be by force, and waits for it.
func (s *server) terminate() {
	_ = s.process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-s.ended.Done():
	case <-time.After(stopBound):
		_ = s.process.Kill()
	}
	s.out.Wait()
}

// onEnd tells the cause of the server's end, when it comes.
func (s *server) onEnd(tell context.CancelCauseFunc) {
	context.AfterFunc(s.ended, func() { tell(context.Cause(s.ended)) })
}

// stop ends the server. After a run that failed its data is kept and named.
func (s *server) stop(err error, progress io.Writer) error {
	s.terminate()
	if err == nil || errors.Is(err, errInterrupted) {
		if removing := os.RemoveAll(s.dir); removing != nil {
			err = errors.Join(err, fmt.Errorf("remove temporary directory: %w", removing))
		}
		return err
	}
	_, _ = fmt.Fprintf(progress, "the server's data and its log server.log are kept in %s\n", s.dir) // of no consequence
	return err
}
