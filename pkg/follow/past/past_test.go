package past_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow"
	"vigie/pkg/follow/followtest"
	"vigie/pkg/follow/past"
	"vigie/pkg/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func unhurried() error { return nil }

func encode(t *testing.T, v controlroom.View) string {
	t.Helper()
	b, err := past.Encode(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// views folds the log of a room and gives its state after each record, and when each effective one was decided.
func views(t *testing.T, room *followtest.Room) (states []string, at []int64) {
	t.Helper()
	fold := controlroom.NewFold(followtest.Name)
	err := room.Log.Scan(t.Context(), eventlog.TopicLog, room.Partition, 0, room.Next(), func(r eventlog.Record) error {
		s := wire.Decode(r.Offset, r.Value)
		if fold.Read(&s).Verdict == es.Effective {
			at = append(at, s.At)
		} else {
			at = append(at, -1)
		}
		states = append(states, encode(t, controlroom.Show(followtest.Name, fold)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return states, at
}

func TestTheStateAtEachOffsetIsTheFoldUpToIt(t *testing.T) {
	t.Parallel()
	room := followtest.Start(t)
	room.Tell(nil)
	states, _ := views(t, room)
	resumed := controlroom.NewFold(followtest.Name)
	for offset, want := range states {
		p := past.AtOffset(int64(offset))
		for name, fold := range map[string]*controlroom.Fold{"fresh": controlroom.NewFold(followtest.Name), "resumed": resumed} {
			if !p.Ahead(fold) {
				t.Fatalf("offset %d is not ahead of a %s fold at %d", offset, name, fold.Next)
			}
			got, err := past.Show(t.Context(), room.Log, room.RoomEntry, fold, p, unhurried)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, encode(t, got)); diff != "" {
				t.Errorf("%s, offset %d (-want +got):\n%s", name, offset, diff)
			}
		}
	}
	if past.AtOffset(0).Ahead(resumed) {
		t.Error("the first record is ahead of a fold that has read them all")
	}
}

func TestTheStateAtAnInstantHasEveryEffectiveRecordNotLaterThanIt(t *testing.T) {
	t.Parallel()
	room := followtest.Start(t)
	room.Tell(nil)
	states, at := views(t, room)
	for instant := followtest.Begin - 1; instant <= at[len(at)-1]+1; instant += 500 {
		last := len(states) - 1
		for offset, decided := range at {
			if decided > instant {
				last = offset - 1
				break
			}
		}
		want := encode(t, controlroom.Show(followtest.Name, controlroom.NewFold(followtest.Name)))
		if last >= 0 {
			want = states[last]
		}
		got, err := past.Show(t.Context(), room.Log, room.RoomEntry, controlroom.NewFold(followtest.Name),
			past.AtInstant(time.UnixMilli(instant)), unhurried)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, encode(t, got)); diff != "" {
			t.Errorf("at %d (-want +got):\n%s", instant, diff)
		}
	}
}

func TestAnOffsetThatIsNotThereIsBeyondTheEnd(t *testing.T) {
	t.Parallel()
	room := followtest.Start(t)
	_, err := past.Show(t.Context(), room.Log, room.RoomEntry, controlroom.NewFold(followtest.Name), past.AtOffset(room.Next()), unhurried)
	var beyond *past.BeyondEndError
	if !errors.As(err, &beyond) || beyond.End != room.Next() {
		t.Errorf("error %v, want one beyond %d", err, room.Next())
	}
}

func TestADamagedRecordHaltsWhoeverPassesItAndNobodyElse(t *testing.T) {
	t.Parallel()
	room := followtest.Start(t)
	room.Tell(nil)
	bad := room.Damage(room.Flipped())
	at := func(offset int64) error {
		_, err := past.Show(t.Context(), room.Log, room.RoomEntry, controlroom.NewFold(followtest.Name), past.AtOffset(offset), unhurried)
		return err
	}
	if err := at(bad - 1); err != nil {
		t.Errorf("before the damage: %v", err)
	}
	if err := at(bad); !errors.Is(err, follow.ErrHalted) {
		t.Errorf("at the damage: %v, want %v", err, follow.ErrHalted)
	}
}

func TestAnotherRoomsLogIsRefused(t *testing.T) {
	t.Parallel()
	room := followtest.Start(t)
	entry := room.RoomEntry
	entry.LogID = "log-2"
	_, err := past.Show(t.Context(), room.Log, entry, controlroom.NewFold(entry.Room), past.AtOffset(0), unhurried)
	if !errors.Is(err, follow.ErrHalted) {
		t.Errorf("error %v, want %v", err, follow.ErrHalted)
	}
}

func TestAReadingThatWasCutOffCanBeGoneOnFrom(t *testing.T) {
	t.Parallel()
	room := followtest.Start(t)
	room.Tell(nil)
	states, _ := views(t, room)
	fold, read := controlroom.NewFold(followtest.Name), 0
	end := past.AtOffset(room.Next() - 1)
	_, err := past.Show(t.Context(), room.Log, room.RoomEntry, fold, end, func() error {
		if read++; read > 3 {
			return context.DeadlineExceeded
		}
		return nil
	})
	if !errors.Is(err, context.DeadlineExceeded) || fold.Next != 3 {
		t.Fatalf("error %v at %d, want %v at 3", err, fold.Next, context.DeadlineExceeded)
	}
	got, err := past.Show(t.Context(), room.Log, room.RoomEntry, fold, end, unhurried)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(states[len(states)-1], encode(t, got)); diff != "" {
		t.Error(diff)
	}
}

func TestAnInstantIsReadInEveryZone(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"2026-11-22T21:30:00Z": 1795383000000, "2026-11-22T22:30:00.5+01:00": 1795383000500, "yesterday": -1, "2026-11-22": -1, "": -1,
	} {
		got, err := past.ParseInstant(text)
		if (err != nil) != (want < 0) || err == nil && got.UnixMilli() != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}
