package archive

import (
	"context"
	"errors"
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
		g := NewReading(1)
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

func TestAReadingPausesForAsLongAsItWorked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, began := newPace(t.Context()), time.Now()
		const worked = 200 * time.Millisecond
		for range stretch - 1 {
			if err := p.step(); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(worked)
		if err := p.step(); err != nil || time.Since(began) != 2*worked {
			t.Errorf("error %v after %v, want none after %v", err, time.Since(began), 2*worked)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		p = newPace(ctx)
		p.records = stretch - 1
		<-time.After(worked)
		if err := p.step(); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want %v", err, context.Canceled)
		}
	})
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
	g := NewReading(1)
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
