package projection

import (
	"math/rand/v2"
	"sync"
	"time"
)

// breaker lets nobody wait for a Redis that has just failed: after a failure all are told so at once, until one caller is let
// through to see whether it is back.
type breaker struct {
	min, max time.Duration

	mu    sync.Mutex // guards what follows
	rest  time.Duration
	until time.Time // of the rest; zero while all is well
	probe bool      // one caller is trying
	last  error     // why it rests
}

// enter says why the caller should not even try, or nil; then it must leave.
func (b *breaker) enter(now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until.IsZero() {
		return nil
	}
	if b.probe || now.Before(b.until) {
		return b.last
	}
	b.probe = true
	return nil
}

// leave takes note of how it went.
func (b *breaker) leave(now time.Time, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probe = false
	if err == nil {
		b.rest, b.until, b.last = 0, time.Time{}, nil
		return
	}
	b.last = err
	if now.Before(b.until) {
		return // one of those who were under way when it began to rest
	}
	b.rest = min(max(2*b.rest, b.min), b.max)
	b.until = now.Add(b.rest/2 + rand.N(b.rest/2+1)) //nolint:gosec // jitter needs no secrecy
}

// abandon is leave for a caller that gave up by itself, which says nothing of Redis.
func (b *breaker) abandon() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probe = false
}
