package projection

import (
	"errors"
	"testing"
	"time"
)

func TestTheBreakerLetsOneAtATimeSeeWhetherRedisIsBack(t *testing.T) {
	t.Parallel()
	b := breaker{min: 100 * time.Millisecond, max: time.Second}
	now := time.Unix(1000, 0)
	broken := errors.New("broken")
	enter := func(want error) {
		t.Helper()
		if err := b.enter(now); !errors.Is(err, want) || (want == nil) != (err == nil) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	enter(nil)
	enter(nil) // while all is well, as many as like
	b.leave(now, broken)
	first := b.until
	b.leave(now, broken) // that of the other
	if b.until != first {
		t.Error("those who were under way make the rest longer")
	}
	enter(broken)
	rest := b.rest
	for range 20 {
		now = b.until
		enter(nil)
		enter(broken) // one is trying
		b.leave(now, broken)
		if b.rest > b.max || b.rest < min(2*rest, b.max) {
			t.Errorf("after a rest of %v one of %v", rest, b.rest)
		}
		rest = b.rest
		enter(broken)
	}
	now = b.until
	enter(nil)
	b.abandon() // it gave up by itself
	enter(nil)
	b.leave(now, nil)
	enter(nil)
	enter(nil)
}
