package directory

import (
	"fmt"
	"sync"
	"time"
)

const (
	maxFailures   = 5
	failureWindow = time.Minute
	retryBusy     = time.Second
)

// TriesError is ErrTooManyTries with the time to wait.
type TriesError struct{ RetryAfter time.Duration }

func (e *TriesError) Error() string {
	return fmt.Sprintf("too many sign-ins: try again in %d s", int64((e.RetryAfter+time.Second-1)/time.Second))
}

// Is makes errors.Is(err, ErrTooManyTries) true.
func (e *TriesError) Is(target error) bool { return target == ErrTooManyTries }

// tries counts wrong passwords per account over the last minute. It is kept in
// memory: it slows guessing down, and can lock nobody out for longer.
//
// What is remembered is bounded by time: two hashes at a time make some
// thousands of failures a minute.
type tries struct {
	mu      sync.Mutex // guards failed and sweptAt
	failed  map[string][]time.Time
	sweptAt time.Time
}

func (t *tries) check(account string, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := recent(t.failed[account], now)
	if len(f) < maxFailures {
		return nil
	}
	return &TriesError{RetryAfter: f[len(f)-maxFailures].Add(failureWindow).Sub(now)}
}

func (t *tries) fail(account string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.sweptAt).Abs() >= failureWindow {
		t.sweptAt = now
		for a, f := range t.failed {
			if len(recent(f, now)) == 0 {
				delete(t.failed, a)
			}
		}
	}
	t.failed[account] = append(recent(t.failed[account], now), now)
}

func (t *tries) forget(account string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.failed, account)
}

// recent keeps what lies within the window, on either side: a clock that was
// set back must not lengthen it.
func recent(failed []time.Time, now time.Time) []time.Time {
	kept := make([]time.Time, 0, maxFailures)
	for _, at := range failed {
		if now.Sub(at).Abs() < failureWindow {
			kept = append(kept, at)
		}
	}
	return kept
}
