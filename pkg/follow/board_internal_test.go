package follow

import (
	"context"
	"errors"
	"testing"
	"time"

	"vigie/pkg/eventlog"
)

func TestAnAnswerThatMayHaveBeenOnItsWayDoesNotCount(t *testing.T) {
	t.Parallel()
	b := NewBoard(nil, eventlog.RoomEntry{Room: "north"}, nil)
	b.progress(0, 0)
	now := time.Now()
	ended, end := context.WithCancel(t.Context())
	end()
	for _, came := range []string{"nothing", "what was asked before"} {
		if err := b.AwaitHeard(ended, now); !errors.Is(err, context.Canceled) {
			t.Errorf("%s has come since: %v", came, err)
		}
		b.progress(0, 0)
	}
	if err := b.AwaitHeard(ended, now); err != nil {
		t.Errorf("what was asked since has been answered: %v", err)
	}
}
