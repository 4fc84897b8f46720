package edge

import (
	"fmt"
	"slices"
	"testing"

	"vigie/pkg/domain/controlroom"
)

// listen takes call after call until nothing is left to tell.
func listen(t *teller, before known) (said []string, now known) {
	for {
		values, now, _ := t.after(before)
		if len(values) == 0 {
			return said, before
		}
		for _, v := range values {
			said = append(said, string(v))
		}
		before = now
	}
}

func TestAFloodOfDoorsIsToldBehindWhoCannotWaitAndAllOfItInTheEnd(t *testing.T) {
	t.Parallel()
	tell := &teller{changed: make(chan struct{})}
	var doors []*place
	for k := range atMost + 500 {
		doors = append(doors, tell.add("north", controlroom.UrgencyOrdinary, fmt.Append(nil, "door ", k)))
	}
	tell.add("south", controlroom.UrgencyOrdinary, []byte("theft"))
	tell.add("north", controlroom.UrgencyDanger, []byte("duress"))
	sos := tell.add("south", controlroom.UrgencySOS, []byte("sos"))
	tell.drop(tell.add("north", controlroom.UrgencyNone, []byte("restored")))

	first, _, _ := tell.after(known{})
	if got := string(first[0]) + ", " + string(first[1]); len(first) != atOnce || got != "sos, duress" {
		t.Errorf("the first call is of %d and begins with %s", len(first), got)
	}
	said, now := listen(tell, known{})
	if len(said) != atMost+3 || !slices.Contains(said, "theft") || slices.Contains(said, fmt.Sprint("door ", atMost)) {
		t.Errorf("%d told", len(said))
	}
	_, _, changed := tell.after(now)
	tell.drop(sos)
	tell.drop(sos)
	for _, k := range []int{0, 7, atMost + 1} {
		tell.drop(doors[k])
	}
	select {
	case <-changed:
	default:
		t.Fatal("nobody is told that there is room")
	}
	said, _ = listen(tell, now)
	if want := []string{fmt.Sprint("door ", atMost), fmt.Sprint("door ", atMost+2)}; !slices.Equal(said, want) {
		t.Errorf("then %v, want %v", said, want)
	}
}

func TestOneCallIsBounded(t *testing.T) {
	t.Parallel()
	tell := &teller{changed: make(chan struct{})}
	for range 6 {
		tell.add("north", controlroom.UrgencyOrdinary, make([]byte, atOnceBytes/2-1))
	}
	tell.add("south", controlroom.UrgencyOrdinary, make([]byte, 2*atOnceBytes))
	var calls []int
	for before := (known{}); ; {
		values, now, _ := tell.after(before)
		if len(values) == 0 {
			break
		}
		calls, before = append(calls, len(values)), now
	}
	if !slices.Equal(calls, []int{2, 2, 2, 1}) {
		t.Errorf("calls of %v", calls)
	}
}
