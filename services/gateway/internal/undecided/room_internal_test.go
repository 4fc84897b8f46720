package undecided

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"vigie/pkg/domain/controlroom"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/services/gateway/internal/notice"
)

// desk is a room before somebody who keeps what is told, and intake behind it.
type desk struct {
	*room
	t      *testing.T
	intake []controlroom.Urgency
	shown  []string
	said   int32
	now    time.Time
}

func newDesk(t *testing.T, bounds notice.Bounds, intake ...controlroom.Urgency) *desk {
	t.Helper()
	d := &desk{t: t, intake: intake, now: time.Now()}
	d.room = newRoom(Config{Bounds: bounds, Notify: func(n *watchv1.Notice) {
		switch {
		case n.GetKey() == "more":
			d.said = n.GetMore()
		case n.GetOver():
			d.shown = slices.DeleteFunc(d.shown, func(k string) bool { return k == n.GetKey() })
		case slices.Contains(d.shown, n.GetKey()):
			t.Errorf("%s is told twice", n.GetKey())
		default:
			d.shown = append(d.shown, n.GetKey())
		}
	}}, "north")
	d.reads(0)
	return d
}

// reads enters intake from an offset on.
func (d *desk) reads(from int64) {
	for k, urgency := range d.intake[from:] {
		offset := from + int64(k)
		var n *watchv1.Notice
		if urgency != controlroom.UrgencyNone {
			n = &watchv1.Notice{Kind: notice.Undecided, Room: "north", Key: fmt.Sprint(offset), Offset: offset}
		}
		d.enter(offset, n, urgency, d.now)
	}
}

// expect looks when everything before next has been decided.
func (d *desk) expect(what string, next int64, again bool, more int32, shown ...string) {
	d.t.Helper()
	if got := d.settle(next, d.now); got != again {
		d.t.Errorf("%s: read again %v", what, got)
	}
	if d.said != more || !slices.Equal(d.shown, shown) {
		d.t.Errorf("%s: %v and %d more are shown, want %v and %d", what, d.shown, d.said, shown, more)
	}
}

func TestWhatFoundNoPlaceIsReadAgain(t *testing.T) {
	t.Parallel()
	const door, danger, sos = controlroom.UrgencyOrdinary, controlroom.UrgencyDanger, controlroom.UrgencySOS
	d := newDesk(t, notice.Bounds{Shown: 2, Held: 4}, door, door, door, door, door, controlroom.UrgencyNone, door, door, danger, door, sos)
	d.expect("too early", 0, false, 0)
	d.now = d.now.Add(After)
	d.expect("the most urgent first", 0, false, 6, "10", "8", "0", "1")
	d.expect("the next in line", 1, false, 5, "10", "8", "1", "2")
	d.expect("room for more", 2, true, 4, "10", "8", "2", "3")
	if from := d.anew(2); from != 4 {
		t.Fatalf("read from %d", from)
	}
	d.reads(4)
	d.expect("nothing is told again", 2, false, 4, "10", "8", "2", "3")
	d.expect("and what was read again has waited", 4, true, 2, "10", "8", "4", "6")
	if from := d.anew(9); from != 9 {
		t.Errorf("what is decided meanwhile is read again, from %d", from)
	}
	d.reads(9)
	d.expect("the last door", 9, false, 0, "10", "9")
	if from := d.anew(9); from != 11 {
		t.Errorf("asked for nothing, it reads from %d", from)
	}
	d.expect("all is over", 11, false, 0)
	if len(d.known) != 0 {
		t.Errorf("known for ever: %v", d.known)
	}
}

func TestWhatWasUndoneIsToldAnew(t *testing.T) {
	t.Parallel()
	d := newDesk(t, notice.Bounds{Shown: 2, Held: 4}, controlroom.UrgencyDanger, controlroom.UrgencyDanger, controlroom.UrgencySOS)
	d.now = d.now.Add(After)
	d.expect("two are open", 1, false, 0, "2", "1")
	d.expect("one is undone", 0, true, 0, "2", "1")
	d.expect("until it is read", 0, true, 0, "2", "1")
	if from := d.anew(0); from != 0 || len(d.shown) != 0 {
		t.Errorf("from %d, shown %v", from, d.shown)
	}
	d.reads(0)
	d.expect("too early", 0, false, 0)
	d.now = d.now.Add(After)
	d.expect("all three", 0, false, 0, "2", "0", "1")
}
