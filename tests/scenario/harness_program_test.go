package scenario_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// programs are the binaries under test.
var programs binaries

// binaries come from where VIGIE_BIN is, or are built once.
type binaries struct {
	mu  sync.Mutex
	dir string // of what the suite has built itself
}

// path gives the program of a service.
func (b *binaries) path(t *testing.T, name string) string {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if given := os.Getenv("VIGIE_BIN"); given != "" {
		path := given
		if name != "vigie" {
			path = filepath.Join(filepath.Dir(given), name)
		}
		if _, err := os.Stat(path); err == nil {
			absolute, err := filepath.Abs(path)
			if err != nil {
				t.Fatal(err)
			}
			return absolute
		} else if name == "vigie" {
			t.Fatalf("VIGIE_BIN: %v", err)
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
	if _, err := os.Stat(path); err == nil {
		return path
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "./services/"+name+"/cmd/"+name)
	build.Dir = filepath.Join("..", "..")
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

// ran is a command line that has ended.
type ran struct {
	stdout, stderr string
	status         int
}

func (r ran) String() string {
	return fmt.Sprintf("exit status %d\nstdout: %s\nstderr: %s", r.status, r.stdout, r.stderr)
}

// commandBound is for a command that reads a small log, or fails to start.
const commandBound = 30 * time.Second

// vigie runs the command line to its end; status -1 when there was none.
func vigie(t *testing.T, args ...string) ran {
	t.Helper()
	ctx, done := context.WithTimeout(context.WithoutCancel(t.Context()), commandBound)
	defer done()
	c := exec.CommandContext(ctx, programs.path(t, "vigie"), args...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Errorf("%v: %v\n%s%s", args, err, &stdout, &stderr)
		return ran{status: -1}
	}
	return ran{stdout.String(), stderr.String(), c.ProcessState.ExitCode()}
}
