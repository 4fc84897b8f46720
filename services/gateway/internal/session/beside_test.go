package session_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"vigie/pkg/eventlog"
	positionsv1 "vigie/pkg/gen/vigie/positions/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/services/gateway/internal/newest"
	"vigie/services/gateway/internal/notice"
	"vigie/services/gateway/internal/session"
)

func TestAConsoleThatComesLateIsToldOfAllThatIsOpen(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	const many = 600
	for k := range many {
		w.hub.Tell(notice.Audience{}, provisional(fmt.Sprint("p-", k)))
		undecided := provisional(fmt.Sprint("u-", k))
		undecided.Kind = notice.Undecided
		w.hub.Tell(notice.Audience{}, undecided)
	}
	late, _ := w.watch(protocolProto, w.chief("alice"), "room/north", nil)
	open := map[string]int{}
	late.until("all that is open", func(f *watchv1.ServerFrame) bool {
		if n := f.GetNotice(); n != nil {
			open[n.GetKind()+n.GetKey()]++
		}
		return len(open) == 2*many
	})
	w.hub.Tell(notice.Audience{}, provisional("last"))
	late.until("the last", func(f *watchv1.ServerFrame) bool {
		n := f.GetNotice()
		if n != nil && n.GetKey() != "last" {
			t.Errorf("told twice: %v", n)
		}
		return n.GetKey() == "last"
	})
}

// flood puts one fix after the other of two teams into a room, the last of them at the north pole.
func (w *world) flood(room string, fixes int) {
	w.t.Helper()
	var values [][]byte
	for k := range fixes {
		lat := int32(k)
		if k == fixes-1 {
			lat = 90e7
		}
		value, err := proto.Marshal(&positionsv1.Telemetry{Room: room, Body: &positionsv1.Telemetry_Fix{Fix: &positionsv1.Fix{
			Team: fmt.Sprint("T-north-", k%2+1), LatE7: lat, AtMs: int64(k), Source: strings.Repeat("handheld", 20),
		}}})
		if err != nil {
			w.t.Fatal(err)
		}
		values = append(values, value)
	}
	w.Append(eventlog.TopicPositions, room, values...)
}

func atThePole(f *watchv1.ServerFrame) bool { return f.GetPosition().GetLat() == 90 }

func TestAFloodOfPositionsCostsNoNoticeAndEveryConsoleLearnsThatItsRoomHasHalted(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *session.Config) {
		c.Timers.Write, c.Timers.Dead = time.Minute, time.Minute // they do not read for a while
	})
	reader, _ := w.watch(protocolProto, w.chief("alice"), "room/north", nil)
	var behind []*client
	for k := range 3 {
		c, _ := w.watch(protocolProto, w.chief(fmt.Sprint("bob-", k)), "room/north", nil)
		behind = append(behind, c)
	}
	const fixes = 5000
	const keys = 300
	w.flood("north", fixes)
	reader.until("the last fix", atThePole)
	for k := range keys {
		w.hub.Tell(notice.Audience{}, provisional(fmt.Sprint(k)))
	}
	w.hub.Tell(notice.Audience{}, notice.Over(provisional("0")))
	w.Append(eventlog.TopicLog, "north", []byte("no record"))
	for _, c := range append(behind, reader) {
		open, halted, newest := map[string]bool{}, false, c == reader
		c.until("all notices and the newest fix", func(f *watchv1.ServerFrame) bool {
			switch n := f.GetNotice(); {
			case n.GetKind() == "halted":
				halted = true
			case n.GetOver():
				delete(open, n.GetKey())
			case n != nil:
				open[n.GetKey()] = true
			}
			newest = newest || atThePole(f)
			return halted && newest && len(open) == keys-1 && !open["0"]
		})
	}
}

func TestWhoIsTooFarBehindToBeToldWhatIsOverBeginsAgain(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *session.Config) { c.Timers.Write, c.Timers.Dead = time.Minute, time.Minute })
	c, _ := w.watch(protocolProto, w.chief("alice"), "room/north", nil)
	w.hub.Tell(notice.Audience{}, provisional("first"))
	c.until("the first", func(f *watchv1.ServerFrame) bool { return f.GetNotice().GetKey() == "first" })
	// It stops in the middle of what no buffer holds, and then more is over than anybody keeps.
	long := provisional("long")
	long.Message = strings.Repeat("x", 256<<10)
	w.hub.Tell(notice.Audience{}, long)
	_, frame, err := c.NextReader()
	if err == nil {
		_, err = frame.Read(make([]byte, 1))
	}
	if err != nil {
		t.Fatal(err)
	}
	for k := range newest.Most + 1 {
		w.hub.Tell(notice.Audience{}, provisional(fmt.Sprint(k)))
		w.hub.Tell(notice.Audience{}, notice.Over(provisional(fmt.Sprint(k))))
	}
	if _, err := io.Copy(io.Discard, frame); err != nil {
		t.Fatal(err)
	}
	expectClosed(t, c, 4001)
	again, _ := w.watch(protocolProto, w.chief("bob"), "room/north", nil)
	again.until("what is open", func(f *watchv1.ServerFrame) bool { return f.GetNotice().GetKey() == "first" })
}
