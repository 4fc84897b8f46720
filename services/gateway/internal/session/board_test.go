package session_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigie/pkg/follow/livetest"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// views are those of a client that knows no rules: a snapshot, and what took its place since.
type views map[string]map[string]any

func (v views) put(state map[string]any) {
	for _, kind := range []string{"incidents", "missions", "teams"} {
		list, _ := state[kind].([]any)
		for _, one := range list {
			view := one.(map[string]any)
			if v[kind] == nil {
				v[kind] = map[string]any{}
			}
			v[kind][view["id"].(string)] = view
		}
	}
}

func TestAClientWithoutRulesShowsWhatTheRoomDoes(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	token := w.chief("alice")
	room, first := w.watch(protocolJSON, token, "room/north", nil)
	shown := views{}
	shown.put(first.GetSnapshot().GetState().AsMap())
	hand, mission := offered(t, w, protocolJSON)
	var last string
	for _, act := range []string{"mission.accept", "mission.on_scene"} {
		last = hand.command(act, func(c *watchv1.Command) { c.Mission = mission })
	}
	hand.outcome(last)
	opening := room.command("incident.open", func(c *watchv1.Command) {
		c.Site, c.Category, c.Priority, c.Text = "north-2", "access", 3, "la porte bleue"
	})
	room.until("the outcome", func(f *watchv1.ServerFrame) bool {
		shown.put(f.GetBoard().GetChanges().AsMap())
		return f.GetOutcome().GetId() == opening
	})
	// Compared when nothing was decided between two snapshots.
	for before := int64(-1); ; {
		// Whoever writes looks at the room between any two answers.
		for range 2 {
			room.send(&watchv1.ClientFrame{Body: &watchv1.ClientFrame_Ping{Ping: &watchv1.Ping{}}})
			room.until("pong", func(f *watchv1.ServerFrame) bool {
				shown.put(f.GetBoard().GetChanges().AsMap())
				return f.GetPong() != nil
			})
		}
		_, anew := w.watch(protocolJSON, token, "room/north", nil)
		if at := anew.GetSnapshot().GetCursor().GetOffset(); at != before {
			before = at
			continue
		}
		now := views{}
		now.put(anew.GetSnapshot().GetState().AsMap())
		if diff := cmp.Diff(now, shown); diff != "" {
			t.Errorf("-snapshot +changes\n%s", diff)
		}
		break
	}
	texts := 0
	for _, one := range shown["incidents"] {
		if text, ok := one.(map[string]any)["text"].(map[string]any); ok && text["clear"] == "la porte bleue" {
			texts++
		}
	}
	if texts != 1 || len(shown["missions"]) == 0 {
		t.Errorf("%d readable texts, %d missions", texts, len(shown["missions"]))
	}
}

func TestAHandheldGetsItsWholeStateWithEachChange(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	hand, mission := offered(t, w, protocolJSON)
	hand.command("mission.accept", func(c *watchv1.Command) { c.Mission = mission })
	hand.until("the accepted mission", func(f *watchv1.ServerFrame) bool {
		state := f.GetBoard().GetState().AsMap()
		missions, _ := state["missions"].([]any)
		return len(missions) == 1 && missions[0].(map[string]any)["state"] == "accepted" && missions[0].(map[string]any)["id"] == mission
	})
}

func TestAPingIsAnsweredWithTheTimeOfTheRoomAndTheAgeOfWhatIsShown(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	room, _ := w.watch(protocolJSON, w.chief("alice"), "room/north", nil)
	before := w.Clock.Now()
	var pong *watchv1.Pong
	livetest.Await(t, "the log is heard of after it was asked for", func() bool {
		room.send(&watchv1.ClientFrame{Body: &watchv1.ClientFrame_Ping{Ping: &watchv1.Ping{}}})
		pong = room.until("pong", func(f *watchv1.ServerFrame) bool { return f.GetPong() != nil }).GetPong()
		return pong.GetLogHeard().AsTime().After(before)
	})
	now := pong.GetNow().AsTime()
	if now.Before(before.Add(-time.Millisecond)) || now.After(w.Clock.Now()) || pong.GetLogHeard().AsTime().After(now) {
		t.Errorf("pong %v, asked at %v", pong, before)
	}
}
