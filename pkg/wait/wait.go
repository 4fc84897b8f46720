// Package wait waits in real time, for as long as somebody still wants to.
package wait

import (
	"context"
	"math/rand/v2"
	"time"
)

// For waits for d, or fails as ctx does when that ends first.
func For(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// About waits for about d.
func About(ctx context.Context, d time.Duration) error { return For(ctx, Roughly(d)) }

// Roughly gives between half of d and d: those who lost the same thing do not come back for it in step.
func Roughly(d time.Duration) time.Duration {
	return d/2 + rand.N(d/2+1) //nolint:gosec // chance needs no secrecy here
}
