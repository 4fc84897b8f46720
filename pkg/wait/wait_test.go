package wait_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"vigie/pkg/wait"
)

func TestWaiting(t *testing.T) {
	t.Parallel()
	if err := wait.About(t.Context(), time.Millisecond); err != nil {
		t.Error(err)
	}
	over, end := context.WithCancel(t.Context())
	end()
	if err := wait.For(over, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits any more: %v", err)
	}
}

func TestRoughlyIsNeverMoreThanAskedNorLessThanHalf(t *testing.T) {
	t.Parallel()
	for range 1000 {
		if d := wait.Roughly(time.Second); d < time.Second/2 || d > time.Second {
			t.Fatal(d)
		}
	}
	if d := wait.Roughly(0); d != 0 {
		t.Errorf("%v of nothing", d)
	}
}
