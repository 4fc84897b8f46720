package kafkalog

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestATailRestsUntilItIsTimeOrItsBellRings(t *testing.T) {
	t.Parallel()
	north, south := bell{"log", 0}, bell{"log", 1}
	for name, c := range map[string]struct {
		ring   func(b *bells)
		rested time.Duration
	}{
		"nobody is in a hurry":           {func(*bells) {}, rest},
		"somebody waits for it":          {func(b *bells) { time.Sleep(rest / 10); b.ring(north) }, rest / 10},
		"for another partition":          {func(b *bells) { time.Sleep(rest / 10); b.ring(south) }, rest},
		"somebody came while it asked":   {func(b *bells) { b.ring(north) }, 0},
		"many wait for it, and go again": {func(b *bells) { b.ring(north); b.ring(north); b.ring(south) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := &bells{of: map[bell]chan struct{}{}}
				b.ring(north) // before it asks: what it asks then is asked afterwards
				rung, began := b.listen(north), time.Now()
				go c.ring(b)
				synctest.Wait()
				if err := awaitRing(t.Context(), rung, rest); err != nil || time.Since(began) != c.rested {
					t.Errorf("rested for %v, want %v; %v", time.Since(began), c.rested, err)
				}
			})
		})
	}
}
