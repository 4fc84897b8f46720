package session_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"vigie/pkg/follow"
	"vigie/pkg/follow/livetest"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// step is what a client has been given: a snapshot at an offset, or an event.
type step struct {
	snapshot bool
	offset   int64
}

// wanderer is a client that comes and goes at random, with the cursor of what it has applied, and now and then with none
// or with one that is not of this log.
type wanderer struct {
	w        *world
	chance   *rand.Rand
	protocol string
	token    string
	watch    string
	cursor   *watchv1.Cursor
	given    []step
}

// visit stays for some frames, or until the client has seen the last offset.
func (v *wanderer) visit(t *testing.T, last int64) {
	t.Helper()
	from := v.cursor
	mustSnapshot := from == nil
	switch v.chance.IntN(8) {
	case 0:
		from, mustSnapshot = nil, true
	case 1:
		if from != nil {
			from, mustSnapshot = &watchv1.Cursor{LogId: from.GetLogId(), Offset: from.GetOffset(), Hash: from.GetHash()[2:] + "00"}, true
		}
	case 2:
		if from != nil {
			from, mustSnapshot = &watchv1.Cursor{LogId: "another", Offset: from.GetOffset(), Hash: from.GetHash()}, true
		}
	}
	c, first := v.w.watch(v.protocol, v.token, v.watch, from)
	defer func() { _ = c.Close() }()
	switch {
	case first.GetSnapshot() != nil:
		v.cursor = first.GetSnapshot().GetCursor()
		v.given = append(v.given, step{true, v.cursor.GetOffset()})
	case mustSnapshot:
		t.Errorf("from %v: a welcome", from)
	case !first.GetWelcome().GetRecovered() || first.GetWelcome().GetCursor().GetOffset() != v.cursor.GetOffset():
		t.Errorf("from %v: %v", from, first)
	}
	for n := v.chance.IntN(30); n >= 0 && v.cursor.GetOffset() < last; {
		f, err := c.next()
		if err != nil {
			t.Errorf("%s: %v", v.watch, err)
			return
		}
		if e := f.GetEvent(); e != nil {
			v.cursor = &watchv1.Cursor{LogId: v.cursor.GetLogId(), Offset: e.GetOffset(), Hash: e.GetHash()}
			v.given = append(v.given, step{false, e.GetOffset()})
			n--
		}
	}
}

func TestAClientThatComesAndGoesSeesEachOffsetOnceInOrderWithoutAHoleOrASnapshot(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	w.StartDuty("north", "T-north-1")
	const many = 150
	wanderers := make([]*wanderer, 6)
	for k := range wanderers {
		wanderers[k] = &wanderer{
			// An account each: of many sockets of one the oldest is ended.
			w: w, chance: rand.New(rand.NewPCG(uint64(k), 7)), token: w.chief(fmt.Sprint("alice-", k)), watch: "room/north",
			protocol: []string{protocolJSON, protocolProto}[k%2],
		}
		wanderers[k].visit(t, w.rooms.Board("north").Head().Offset) // each begins before anything has happened
	}
	var writing sync.WaitGroup
	writing.Go(func() {
		for k := range many {
			w.Ask("north", "account/x", fmt.Sprint("ask-", k), &intakev1.Request{Body: &intakev1.Request_OpenIncident{
				OpenIncident: &intakev1.OpenIncident{Site: []string{"north-1", "nowhere"}[k%2], Category: "assistance"},
			}})
		}
	})
	// While decisions come in, then until each has seen the last.
	var visiting sync.WaitGroup
	stop := make(chan struct{})
	for _, v := range wanderers {
		visiting.Go(func() {
			for done := false; !done; {
				select {
				case <-stop:
					done = true
				default:
				}
				// The end is not known yet: a visit ends after some frames of what there is.
				if head := w.rooms.Board("north").Head(); v.cursor == nil || head.Offset > v.cursor.GetOffset() {
					v.visit(t, head.Offset)
				}
			}
		})
	}
	writing.Wait()
	board := w.rooms.Board("north")
	livetest.Await(t, "all asked is decided", func() bool {
		records, _ := board.Since(follow.Position{LogID: w.Entry("north").LogID, Offset: -1})
		answers := 0
		for _, r := range records {
			if r.Cause.Principal == "account/x" {
				answers++
			}
		}
		return answers == many
	})
	close(stop)
	visiting.Wait()
	records, ok := board.Since(follow.Position{LogID: w.Entry("north").LogID, Offset: -1})
	if !ok {
		t.Fatal("the board has forgotten the beginning")
	}
	var visible []int64 // what a console is told
	for _, r := range records {
		if len(r.Events) > 0 || r.Refusal != nil {
			visible = append(visible, r.Offset)
		}
	}
	last := visible[len(visible)-1]
	events := 0
	for k, v := range wanderers {
		for v.cursor == nil || v.cursor.GetOffset() < last {
			v.visit(t, last)
		}
		at := int64(-1)
		for _, s := range v.given {
			if s.snapshot {
				at = s.offset
				continue
			}
			events++
			if want := following(visible, at); s.offset != want {
				t.Fatalf("client %d was given %d after %d, want %d", k, s.offset, at, want)
			}
			at = s.offset
		}
	}
	if events == 0 {
		t.Error("only snapshots were given")
	}
}

// following is the first offset after at that is visible.
func following(visible []int64, at int64) int64 {
	for _, offset := range visible {
		if offset > at {
			return offset
		}
	}
	return -1
}
