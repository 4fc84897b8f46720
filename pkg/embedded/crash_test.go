package embedded_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/fx"

	"vigie/pkg/app"
	"vigie/pkg/embedded"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
)

// The test binary runs itself as a child where a process must die.
const (
	childDir  = "VIGIE_TEST_CHILD_DIR"
	childTask = "VIGIE_TEST_CHILD_TASK"

	taskAppend = "append"
	taskLimit  = "limit"
)

var logging = fx.Supply(slog.New(slog.DiscardHandler))

// child appends until it is killed or can no longer, and tells of every
// acknowledged record on its output.
func child(dir, task string) int {
	if task == taskLimit {
		limit := syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			return 99
		}
	}
	err := app.Run(context.Background(), logging, embedded.Module(config(dir, "north")),
		fx.Invoke(func(lc fx.Lifecycle, cfg kafkalog.Config) error {
			l, err := kafkalog.New(cfg)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithCancel(context.Background())
			var group sync.WaitGroup
			lc.Append(fx.StartStopHook(
				func() { appendUntil(ctx, l, &group) },
				func() {
					cancel()
					group.Wait()
					l.Close()
				},
			))
			return nil
		}))
	return app.Report(os.Stderr, "child", err)
}

func appendUntil(ctx context.Context, l *kafkalog.Log, group *sync.WaitGroup) {
	var mu sync.Mutex
	for w := range 4 {
		for _, topic := range []string{eventlog.TopicIntake, eventlog.TopicLog} {
			group.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					value := fmt.Sprintf("%d/%d/%s", w, i, strings.Repeat("x", 500))
					offset, err := l.Append(ctx, topic, 0, [][]byte{[]byte(value)})
					if err != nil {
						continue
					}
					mu.Lock()
					_, _ = fmt.Fprintf(os.Stdout, "%s %d %s\n", topic, offset, value)
					mu.Unlock()
				}
			})
		}
	}
}

// run starts a child and returns it with the records it says are acknowledged.
func run(t *testing.T, dir, task string) (*exec.Cmd, *bufio.Scanner, *strings.Builder) {
	t.Helper()
	cmd := exec.CommandContext(deadline(t), os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, childTask+"="+task)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	said := new(strings.Builder)
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out), said
}

// acknowledged is what a child was told is stored.
type acknowledged map[string]map[int64]string

func (a acknowledged) add(t *testing.T, line string) {
	t.Helper()
	var topic, value string
	var offset int64
	if _, err := fmt.Sscan(line, &topic, &offset, &value); err != nil {
		return // the line that the child died in
	}
	if a[topic] == nil {
		a[topic] = make(map[int64]string)
	}
	a[topic][offset] = value
}

// keeps checks that the directory, opened anew, has all of it.
func (a acknowledged) keeps(t *testing.T, dir string) {
	t.Helper()
	r := start(t, config(dir, "north"))
	defer r.stop(t)
	for topic, records := range a {
		values := r.values(t, topic, 0)
		for offset, value := range records {
			if offset >= int64(len(values)) || values[offset] != value {
				t.Errorf("%s: acknowledged offset %d is lost (the log ends at %d)", topic, offset, len(values))
			}
		}
	}
}

func TestAKilledProcessLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	acked := acknowledged{}
	for round := range 3 {
		cmd, lines, said := run(t, dir, taskAppend)
		for n := 0; n < 200+70*round && lines.Scan(); n++ {
			acked.add(t, lines.Text())
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // what it said before it died counts too
			acked.add(t, lines.Text())
		}
		if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("the child ended by itself: %v: %s", err, said)
		}
		if len(acked[eventlog.TopicLog]) == 0 || len(acked[eventlog.TopicIntake]) == 0 {
			t.Fatal("nothing was acknowledged")
		}
		acked.keeps(t, dir)
	}
}

// full runs a child into the limit and checks how it ends.
func full(t *testing.T, dir, task string) acknowledged {
	t.Helper()
	acked := acknowledged{}
	cmd, lines, said := run(t, dir, task)
	for lines.Scan() {
		acked.add(t, lines.Text())
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != app.DiskFull {
		t.Fatalf("the child ended with %v, want status %d: %s", err, app.DiskFull, said)
	}
	if !strings.Contains(said.String(), "disk full: make room") {
		t.Errorf("the child said %q", said)
	}
	if len(acked[eventlog.TopicLog]) == 0 {
		t.Error("nothing was acknowledged")
	}
	return acked
}

func TestAFileThatMayNotGrowStopsTheProcessAndLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	full(t, dir, taskLimit).keeps(t, dir)
}

func TestAFullDiskStopsTheProcessAndLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	small := t.TempDir()
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=3m"); err != nil {
		// Only root may mount: the limit on the size of files, above, is the
		// same path for everybody else.
		t.Logf("no file system of our own: %v", err)
		return
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(small, 0); err != nil {
			t.Error(err)
		}
	})
	dir := filepath.Join(small, "kafka")
	acked := full(t, dir, taskAppend)
	roomy := t.TempDir()
	if err := os.CopyFS(roomy, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	acked.keeps(t, roomy)
}

func TestTooLittleSpaceIsRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	cfg := config(t.TempDir(), "north")
	cfg.MinFree = 1 << 62
	_, err := embedded.Start(deadline(t), cfg)
	if !errors.Is(err, embedded.ErrDiskFull) || app.Status(embedded.Exit(err)) != app.DiskFull {
		t.Errorf("got %v, want ErrDiskFull", err)
	}
}

func TestWhatCannotBeSyncedIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := start(t, config(dir, "north"))
	r.fill(t, 0, 1, all...)
	// A segment of a kind that the system refuses to sync.
	segment := filepath.Join(dir, "main", "partitions", eventlog.TopicLog+"-0", "999.dat")
	if err := os.Symlink("/dev/null", segment); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(segment+".txt", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Append(deadline(t), eventlog.TopicLog, 0, [][]byte{[]byte("x")}); !errors.Is(err, eventlog.ErrUnknownOutcome) {
		t.Errorf("got %v, want ErrUnknownOutcome", err)
	}
	<-r.broker.Failed()
	if err := r.broker.Err(); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("failed with %v, want EINVAL", err)
	}
	ctx, cancel := context.WithCancel(deadline(t))
	cancel()
	if _, _, err := r.Bounds(ctx, eventlog.TopicLog, 0); err == nil {
		t.Error("a broker that failed still answers")
	}
	r.stop(t)
}
