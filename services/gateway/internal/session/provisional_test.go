package session_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"vigie/pkg/domain/watch"
	"vigie/pkg/edge"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow/livetest"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/services/gateway/internal/session"
)

func noticed(key string) func(*watchv1.ServerFrame) bool {
	return func(f *watchv1.ServerFrame) bool { return f.GetNotice().GetKey() == key }
}

func TestWhatWaitsForKafkaIsToldToConsolesAndToTheHandheldsOfTheSite(t *testing.T) {
	t.Parallel()
	open := &watchv1.Notice{Kind: "provisional", Room: "north", Key: "missed"}
	w := start(t, func(c *session.Config) {
		c.Provisional = func(to watch.Target) []*watchv1.Notice {
			if to.Team == "T-north-2" {
				return nil
			}
			return []*watchv1.Notice{open}
		}
	})
	livetest.Await(t, "the region is known", func() bool { return w.rooms.Board("north").Head().Offset > 0 })
	console, _ := w.watch(protocolJSON, w.chief("boss"), "room/north", nil)
	near, _ := w.watch(protocolProto, w.device("T-north-1", 0).Token, "team/T-north-1", nil)
	far, _ := w.watch(protocolProto, w.device("T-north-2", 0).Token, "team/T-north-2", nil)
	for _, c := range []*client{console, near} {
		c.until("what was missed", noticed("missed"))
	}
	atSite := func(site string) func(string, string) bool {
		return func(_, home string) bool { return home == site }
	}
	w.hub.NotifySite("north", &watchv1.Notice{Kind: "provisional", Key: "one"}, atSite("north-1"))
	w.hub.NotifySite("north", &watchv1.Notice{Kind: "provisional", Key: "two"}, atSite("north-2"))
	console.until("the one", noticed("one"))
	console.until("and the other", noticed("two"))
	near.until("the one", noticed("one"))
	far.until("its own and no other", func(f *watchv1.ServerFrame) bool {
		if n := f.GetNotice(); n != nil && n.GetKey() != "two" {
			t.Errorf("told of %q", n.GetKey())
		}
		return f.GetNotice().GetKey() == "two"
	})
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
