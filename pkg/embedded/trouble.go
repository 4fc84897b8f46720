package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"syscall"

	"github.com/twmb/franz-go/pkg/kfake"
)

// ErrDiskFull says that the broker's disk has no room left.
var ErrDiskFull = errors.New("disk full")

// trouble is the first failure to store something. It is final: after a
// failed write or sync nobody knows what is on disk, except by starting anew.
type trouble struct {
	failed chan struct{}

	mu      sync.Mutex // guards what follows
	running bool
	first   error
}

func newTrouble() *trouble { return &trouble{failed: make(chan struct{})} }

// begin makes the brokers' warnings count; while they open their directory
// they only tell what they find there.
func (t *trouble) begin() {
	t.mu.Lock()
	t.running = true
	t.mu.Unlock()
}

func (t *trouble) err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.first
}

// fail records the first failure and returns it.
func (t *trouble) fail(err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.first == nil {
		t.first = fmt.Errorf("the log cannot be stored; nothing is acknowledged from here on: %w", named(err))
		close(t.failed)
	}
	return t.first
}

// named adds ErrDiskFull where more room is the cure: also for a quota and a
// limit on the size of files.
func named(err error) error {
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(err, full) && !errors.Is(err, ErrDiskFull) {
			return fmt.Errorf("%w: make room on the disk and start again; nothing acknowledged is lost: %w", ErrDiskFull, err)
		}
	}
	return err
}

// logger returns what the main broker logs to. The broker tells of a write
// that failed nowhere else: a warning that carries an error while it runs is
// one, and is taken for final before the broker goes on.
func (t *trouble) logger(log *slog.Logger) kfake.Logger { return watchful{quiet{log}, t} }

type watchful struct {
	quiet
	t *trouble
}

func (w watchful) Logf(level kfake.LogLevel, format string, args ...any) {
	w.quiet.Logf(level, format, args...)
	if level == kfake.LogLevelNone || level > kfake.LogLevelWarn {
		return
	}
	w.t.mu.Lock()
	running := w.t.running
	w.t.mu.Unlock()
	for _, arg := range args {
		if err, ok := arg.(error); ok && running {
			_ = w.t.fail(err)
		}
	}
}

// quiet passes on what a broker thinks is worth a warning.
type quiet struct{ log *slog.Logger }

func (q quiet) Logf(level kfake.LogLevel, format string, args ...any) {
	if level == kfake.LogLevelError || level == kfake.LogLevelWarn {
		q.log.WarnContext(context.Background(), "embedded broker warns", "text", fmt.Sprintf(format, args...))
	}
}
