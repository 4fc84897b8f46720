package stack

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// Redis is a redis-server of a test's own, without a stack: one that can be hurt while others go on.
type Redis struct{ redis *redis }

// StartRedis runs one for the time of a test.
func StartRedis(tb testing.TB) *Redis {
	tb.Helper()
	program, err := redisServer(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	r, err := newRedis(tb.TempDir(), tools{redis: program}, nil)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(r.kill)
	alone := &Redis{r}
	alone.start(tb)
	return alone
}

func (r *Redis) start(tb testing.TB) {
	tb.Helper()
	ctx, done := context.WithTimeout(context.WithoutCancel(tb.Context()), startTimeout)
	defer done()
	if err := r.redis.start(ctx); err != nil {
		tb.Fatal(err)
	}
}

// Addr returns where it is.
func (r *Redis) Addr() string { return r.redis.addr() }

// Flush makes it forget everything.
func (r *Redis) Flush(tb testing.TB) {
	tb.Helper()
	r.Command(tb, "FLUSHALL")
}

// Restart ends it as a crash does and starts it with nothing.
func (r *Redis) Restart(tb testing.TB) {
	tb.Helper()
	r.redis.kill()
	if err := os.Remove(r.dump()); err != nil && !errors.Is(err, os.ErrNotExist) {
		tb.Fatal(err)
	}
	r.start(tb)
}

// Keep writes down what it holds.
func (r *Redis) Keep(tb testing.TB) {
	tb.Helper()
	r.Command(tb, "SAVE")
	if err := os.Rename(r.dump(), r.dump()+".kept"); err != nil {
		tb.Fatal(err)
	}
}

// Revert ends it as a crash does and starts it with what was kept.
func (r *Redis) Revert(tb testing.TB) {
	tb.Helper()
	r.redis.kill()
	kept, err := os.ReadFile(r.dump() + ".kept")
	if err == nil {
		err = os.WriteFile(r.dump(), kept, 0o600) //nolint:gosec // in a directory of the test's own
	}
	if err != nil {
		tb.Fatal(err)
	}
	r.start(tb)
}

func (r *Redis) dump() string { return filepath.Join(r.redis.dir, "dump.rdb") }

// Command sends a command that has to succeed.
func (r *Redis) Command(tb testing.TB, command string) {
	tb.Helper()
	ctx, done := context.WithTimeout(context.WithoutCancel(tb.Context()), startTimeout)
	defer done()
	if err := r.redis.command(ctx, command); err != nil {
		tb.Fatal(err)
	}
}
