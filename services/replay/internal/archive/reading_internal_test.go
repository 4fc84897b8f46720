package archive

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow/past"
)

func TestWhoeverFindsNoPlaceWaitsAndIsThenToldSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := NewReading(1, 1_000_000)
		leave, err := g.turn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := g.turn(t.Context()); !errors.Is(err, ErrBusy) || time.Since(began) != patience {
			t.Errorf("error %v after %v, want %v after %v", err, time.Since(began), ErrBusy, patience)
		}
		time.AfterFunc(time.Second, leave)
		if leave, err = g.turn(t.Context()); err != nil {
			t.Fatalf("a place that became free was not given: %v", err)
		}
		defer leave()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := g.turn(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want %v", err, context.Canceled)
		}
	})
}

// work goes through a stretch that takes a while, and says when the next may begin.
func work(t *testing.T, p *pace, takes time.Duration) time.Time {
	t.Helper()
	for k := range stretch {
		if k == stretch-1 {
			<-time.After(takes)
		}
		if err := p.step(); err != nil {
			t.Error(err)
		}
	}
	return time.Now()
}

func TestAReadingPausesForAsLongAsItWorked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, began := NewReading(1, 1_000_000), time.Now()
		const worked = 200 * time.Millisecond
		if took := work(t, g.newPace(t.Context()), worked).Sub(began); took != 2*worked {
			t.Errorf("a stretch took %v, want %v", took, 2*worked)
		}
		began = time.Now()
		if took := work(t, g.newPace(t.Context()), 3*longestWork).Sub(began); took != 4*longestWork {
			t.Errorf("a stretch that waited for the broker took %v, want %v", took, 4*longestWork)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		p := g.newPace(ctx)
		p.records = stretch - 1
		<-time.After(worked)
		if err := p.step(); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want %v", err, context.Canceled)
		}
	})
}

func TestAllReadingsTogetherKeepToTheRateAndToHalfOfAProcessor(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ takes, perStretch time.Duration }{
		"fast readers": {time.Millisecond, stretch * time.Millisecond}, // one record in a millisecond, as the rate says
		"slow readers": {time.Second, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g, began := NewReading(2, 1000), time.Now()
				const stretches = 5
				var both sync.WaitGroup
				for range 2 {
					both.Go(func() {
						p := g.newPace(t.Context())
						for range stretches {
							work(t, p, tt.takes)
						}
					})
				}
				both.Wait()
				if took, want := time.Since(began), 2*stretches*tt.perStretch; took != want {
					t.Errorf("%d stretches took %v, want %v", 2*stretches, took, want)
				}
			})
		})
	}
}

func TestTheNearestFoldBeforeThePointIsReadOnFrom(t *testing.T) {
	t.Parallel()
	room := &Room{RoomEntry: eventlog.RoomEntry{Room: "main"}}
	other := &Room{RoomEntry: eventlog.RoomEntry{Room: "other"}}
	at := func(next int64) *controlroom.Fold {
		f := controlroom.NewFold("main")
		f.Next = next
		return f
	}
	g := NewReading(1, 1_000_000)
	g.put(room, at(10))
	g.put(room, at(50))
	for _, tt := range []struct{ point, next int64 }{{60, 50}, {60, 10}, {60, 0}} {
		if f := g.take(room, past.AtOffset(tt.point)); f.Next != tt.next {
			t.Errorf("point %d from %d, want from %d", tt.point, f.Next, tt.next)
		}
	}
	g.put(room, at(50))
	if f := g.take(room, past.AtOffset(20)); f.Next != 0 {
		t.Errorf("a point before every fold is read from %d", f.Next)
	}
	if f := g.take(other, past.AtOffset(60)); f.Next != 0 {
		t.Error("another room's fold was taken")
	}
	g.put(room, at(60))
	g.put(room, at(70))
	if len(g.shelf) != shelved {
		t.Errorf("%d folds are kept, want %d", len(g.shelf), shelved)
	}
}
