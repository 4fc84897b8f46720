package session_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"vigie/pkg/edge"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow/livetest"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/services/gateway/internal/notice"
	"vigie/services/gateway/internal/session"
)

func provisional(key string) *watchv1.Notice {
	return &watchv1.Notice{Kind: notice.Provisional, Room: "north", Key: key}
}

func TestWhatWaitsForKafkaIsToldToConsolesAndToTheHandheldsOfTheSite(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	livetest.Await(t, "the region is known", func() bool { return w.rooms.Board("north").Head().Offset > 0 })
	one, two := notice.Audience{Site: "north-1"}, notice.Audience{Site: "north-2"}
	w.hub.Tell(one, provisional("missed"))
	w.hub.Tell(one, provisional("past"))
	w.hub.Tell(one, notice.Over(provisional("past")))
	elsewhere := provisional("of the south")
	elsewhere.Room = "south"
	w.hub.Tell(one, elsewhere)
	console, _ := w.watch(protocolJSON, w.chief("boss"), "room/north", nil)
	near, _ := w.watch(protocolProto, w.device("T-north-1", 0).Token, "team/T-north-1", nil)
	far, _ := w.watch(protocolProto, w.device("T-north-2", 0).Token, "team/T-north-2", nil)
	// heard reads as many notices as there are keys.
	heard := func(who string, c *client, keys ...string) {
		t.Helper()
		for _, key := range keys {
			f := c.until("a notice", func(f *watchv1.ServerFrame) bool { return f.GetNotice() != nil })
			if got := f.GetNotice().GetKey(); got != key {
				t.Errorf("%s hears of %q, want %q", who, got, key)
			}
		}
	}
	heard("the console", console, "missed")
	heard("the handheld", near, "missed")
	w.hub.Tell(one, provisional("one"))
	heard("the console", console, "one")
	heard("the handheld", near, "one")
	w.hub.Tell(notice.Audience{Site: "north-2", Spared: "T-north-2"}, provisional("silent"))
	w.hub.Tell(notice.Audience{}, provisional("more"))
	w.hub.Tell(two, provisional("two"))
	w.hub.Tell(one, notice.Over(provisional("one")))
	heard("the console", console, "silent", "more", "two", "one")
	heard("the handheld", near, "one")
	heard("the other", far, "two")
}

func TestANoticeSpeaksToAHandheldInWords(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	livetest.Await(t, "the region is known", func() bool { return w.rooms.Board("north").Head().Offset > 0 })
	n := provisional("sos")
	n.Team, n.Site, n.Zone = "T-north-2", "north-1", "Z1"
	w.hub.Tell(notice.Audience{Site: "north-1"}, n)
	hand, _ := w.watch(protocolJSON, w.device("T-north-1", 0).Token, "team/T-north-1", nil)
	got := hand.until("the notice", func(f *watchv1.ServerFrame) bool { return f.GetNotice() != nil }).GetNotice()
	if got.GetCallSign() != "Alpha 2" || got.GetSiteName() != "Site 1" || got.GetZoneLabel() != "Emergency" || got.GetTeam() != "T-north-2" {
		t.Errorf("%v", got)
	}
}

func TestAnSOSWhileKafkaIsAwayIsAnsweredAsProvisional(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *session.Config) {
		way := edge.New(edge.Config{Settings: edge.Settings{JournalDir: t.TempDir()}, Writer: c.Desk.Intake, Logger: c.Logger})
		if err := way.Start(t.Context(), c.Rooms.Table()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := way.Stop(); err != nil {
				t.Error(err)
			}
		})
		c.Desk.Edge = way
	})
	c, _ := w.watch(protocolJSON, w.device("T-north-1", 0).Token, "team/T-north-1", nil)
	away := w.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: eventlog.TopicIntake, Err: kerr.NotEnoughReplicas, Count: -1})
	id := uuid.NewString()
	ask := func() *watchv1.Outcome {
		c.send(&watchv1.ClientFrame{Body: &watchv1.ClientFrame_Command{Command: &watchv1.Command{Id: id, Type: "sos"}}})
		return c.outcome(id)
	}
	if o := ask(); o.GetOutcome() != "provisional" || o.GetCode() != "provisional" || o.GetMessage() == "" || o.GetVersion() != 0 || o.GetRoom() != "north" {
		t.Errorf("%v", o)
	}
	away.Remove()
	var o *watchv1.Outcome
	livetest.Await(t, "the decision", func() bool {
		o = ask()
		return o.GetOutcome() != "provisional"
	})
	if o.GetOutcome() != "done" || o.GetVersion() == 0 {
		t.Errorf("%v", o)
	}
}
