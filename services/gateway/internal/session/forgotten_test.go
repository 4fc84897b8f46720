package session_test

import (
	"fmt"
	"testing"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow"
	"vigie/pkg/follow/livetest"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/pkg/wire"
)

// history is the log of room north as this test writes it, at the hours it says: nobody else decides there.
type history struct {
	w    *world
	fold *controlroom.Fold
}

// tell writes a decision made at a time in milliseconds, and waits until the gateway has read it.
func (h *history) tell(at int64, events ...*logv1.Event) {
	h.w.t.Helper()
	f := h.fold
	d := wire.Decision{
		Room: "north", Version: f.Version + 1, PrevHash: f.Hash, Decider: "h", At: at, Level: 1, Intake: f.IntakeNext,
		Origin:  es.Origin{Cause: es.Cause{Principal: "test", ID: fmt.Sprint(f.Version)}},
		Outcome: controlroom.Outcome{Events: events},
	}
	if f.Version == 0 {
		d.Origin, d.Intake, d.Deadline = es.Origin{}, es.NoIntake, "open"
		d.Events = []*logv1.Event{{Body: &logv1.Event_LogOpened{LogOpened: &logv1.LogOpened{LogId: h.w.Entry("north").LogID}}}}
	}
	value, _ := wire.Encode(&d)
	offset := h.w.Append(eventlog.TopicLog, "north", value)
	s := wire.Decode(offset, value)
	if j := f.Read(&s); j.Verdict != es.Effective {
		h.w.t.Fatalf("decision %d: %+v", d.Version, j)
	}
	board := h.w.rooms.Board("north")
	livetest.Await(h.w.t, "it is read", func() bool { return board.Head().Offset == offset })
}

func opened(incident string) *logv1.Event {
	return &logv1.Event{Body: &logv1.Event_IncidentOpened{IncidentOpened: &logv1.IncidentOpened{
		Incident: incident, Site: "north-1", Category: "access", Priority: 3, GuardsWanted: 1, Mode: "manual",
	}}}
}

func closed(incident string) *logv1.Event {
	return &logv1.Event{Body: &logv1.Event_IncidentClosed{IncidentClosed: &logv1.IncidentClosed{Incident: incident, Disposition: "test"}}}
}

// Given a handheld that was off with an open offer, when the room has forgotten that mission, then it starts over: it must
// not take itself to be told everything and keep the offer on its screen.
func TestAHandheldThatMissedWhatTheRoomHasForgottenStartsOver(t *testing.T) {
	t.Parallel()
	const day = int64(24 * 3600 * 1000)
	w := start(t, nil, "south")
	h := &history{w: w, fold: controlroom.NewFold("north")}
	h.tell(1000)
	h.tell(2000, opened("I1"))
	h.tell(3000, &logv1.Event{Body: &logv1.Event_MissionOffered{MissionOffered: &logv1.MissionOffered{
		Mission: "M1", Incident: "I1", Team: "T-north-1", Guards: 2, DeliverByMs: 8000, AnswerByMs: 93_000,
	}}})
	away := cursor(w.rooms.Board("north").Head())
	h.tell(4000, &logv1.Event{Body: &logv1.Event_MissionExpired{MissionExpired: &logv1.MissionExpired{Mission: "M1"}}})
	h.tell(5000, closed("I1"))

	token, chief := w.device("T-north-1", 0).Token, w.chief("alice")
	come := func(token, what string) *watchv1.ServerFrame {
		c, first := w.watch(protocolJSON, token, what, away)
		defer func() { _ = c.Close() }()
		if first.GetWelcome() != nil && what != "room/north" {
			c.until("the end of the mission", func(f *watchv1.ServerFrame) bool {
				events := f.GetEvent().GetEvents()
				return len(events) == 1 && events[0].GetMissionExpired().GetMission() == "M1"
			})
		}
		return first
	}
	h.tell(4000+day, opened("I2")) // a day later it is still known
	if first := come(token, "team/T-north-1"); !first.GetWelcome().GetRecovered() {
		t.Errorf("what is known is told: %v", first)
	}

	h.tell(5000+day, opened("I3"))
	first := come(token, "team/T-north-1").GetSnapshot()
	if state := first.GetState().AsMap(); first == nil || len(state["missions"].([]any)) != 0 || first.GetCursor().GetOffset() <= away.GetOffset() {
		t.Errorf("what is forgotten is not passed over: %v", first)
	}
	if first := come(chief, "room/north"); !first.GetWelcome().GetRecovered() {
		t.Errorf("a room is told everything: %v", first)
	}
}

func cursor(p follow.Position) *watchv1.Cursor {
	return &watchv1.Cursor{LogId: p.LogID, Offset: p.Offset, Hash: controlroom.Hex(p.Hash)}
}
