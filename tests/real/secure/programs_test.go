package secure_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"

	"vigie/tests/stack"
)

// binaries are the programs under test: from where VIGIE_BIN is, or built once.
type binaries struct {
	mu  sync.Mutex
	dir string
}

func (b *binaries) path(t *testing.T, name string) string {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if given := os.Getenv("VIGIE_BIN"); given != "" {
		if path := filepath.Join(filepath.Dir(given), name); exists(path) {
			return path
		}
	}
	if b.dir == "" {
		dir, err := os.MkdirTemp("", "vigie-bin-") //nolint:usetesting // for all tests, not for the first
		if err != nil {
			t.Fatal(err)
		}
		b.dir = dir
	}
	path := filepath.Join(b.dir, name)
	if exists(path) {
		return path
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "./services/"+name+"/cmd/"+name)
	build.Dir = filepath.Join("..", "..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, out)
	}
	return path
}

func (b *binaries) clean() {
	if b.dir != "" {
		_ = os.RemoveAll(b.dir) // a temporary directory
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// signedIn is the environment of a program that comes as user.
func signedIn(user string) []string {
	return []string{
		"VIGIE_KAFKA_SINGLE_NODE=true", "VIGIE_KAFKA_BROKERS=" + strings.Join(shared.Kafka(), ","), "VIGIE_KAFKA_TLS_CA=" + shared.CAFile(),
		"VIGIE_KAFKA_USER=" + user, "VIGIE_KAFKA_PASSWORD=" + shared.Password(user),
	}
}

// ran is a program that has ended.
type ran struct {
	stdout, stderr string
	status         int
}

func (r ran) String() string {
	return fmt.Sprintf("exit status %d\nstdout: %s\nstderr: %s", r.status, r.stdout, r.stderr)
}

// run runs a program to its end.
func run(t *testing.T, env []string, name string, args ...string) ran {
	t.Helper()
	program := programs.path(t, name) // which may take longer than what it does
	c := exec.CommandContext(deadline(t), program, args...)
	var stdout, stderr bytes.Buffer
	c.Env, c.Stdout, c.Stderr = env, &stdout, &stderr
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s %v: %v", name, args, err)
	}
	return ran{stdout.String(), stderr.String(), c.ProcessState.ExitCode()}
}

// vigie runs the command line as user.
func vigie(t *testing.T, user string, args ...string) ran {
	t.Helper()
	return run(t, signedIn(user), "vigie", args...)
}

// spare is a partition of no room, for what is no part of any story.
const spare = 2

var once sync.Once //nolint:gochecknoglobals // the topics are made once for all tests

// applied makes the topics and the rules as an operator does.
func applied(t *testing.T) {
	t.Helper()
	once.Do(func() {
		got := vigie(t, stack.Admin, "topics", "apply", "--acls", "--brokers", shared.Kafka()[0], "--region", region())
		if got.status != 0 {
			t.Fatalf("topics apply: %v", got)
		}
		admin := open(t, access(stack.Admin))
		for _, s := range kafkalog.Topics(spare+1, 1, 1) {
			if s.Name == eventlog.TopicRooms {
				continue
			}
			if err := admin.CreateTopic(deadline(t), s); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// service is a program of the product that runs.
type service struct {
	name, url string
	cmd       *exec.Cmd
	log       string
	ended     chan error
}

// start runs a service as itself and returns when it is ready.
func start(ctx context.Context, t *testing.T, name, home string, env ...string) *service {
	t.Helper()
	s := &service{name: name, log: filepath.Join(home, name+".log"), ended: make(chan error, 1)}
	said, err := os.Create(s.log)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = said.Close() }() // the process has its own

	program := programs.path(t, name) //nolint:contextcheck // building is no part of the service's life
	s.cmd = exec.CommandContext(ctx, program, "--json")
	s.cmd.Env, s.cmd.Stderr = append(signedIn(name), env...), said
	stdout, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stdout = write
	err = s.cmd.Start()
	_ = write.Close() // the process has its own
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan string, 1)
	go func() {
		announced(stdout, ready)
		_ = stdout.Close() // read to its end
		s.ended <- s.cmd.Wait()
	}()
	t.Cleanup(func() { s.stop(t) })
	select {
	case s.url = <-ready:
	case err := <-s.ended:
		s.ended <- err
		t.Fatalf("%s ended before it was ready: %v\n%s", name, err, s.story())
	case <-ctx.Done():
		t.Fatalf("%s does not become ready\n%s", name, s.story())
	}
	return s
}

// announced reads all that a program says, and where it is when it is ready.
func announced(r io.Reader, ready chan<- string) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		var line struct{ Event, URL string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Event == "ready" {
			ready <- line.URL
		}
	}
}

func (s *service) stop(t *testing.T) {
	t.Helper()
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	if err := <-s.ended; err != nil {
		t.Errorf("%s did not end well: %v\n%s", s.name, err, s.story())
	}
}

func (s *service) story() string {
	said, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(said)
}
