package session_test

import (
	"slices"
	"testing"
	"time"

	"vigie/pkg/follow/livetest"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// offered has a handheld sign on, be on duty and be offered a mission.
func offered(t *testing.T, w *world, protocol string) (*client, string) {
	t.Helper()
	hand, _ := w.watch(protocol, w.device("T-north-1", 0).Token, "team/T-north-1", nil)
	if o := hand.outcome(hand.command("team.on_duty", func(*watchv1.Command) {})); o.GetOutcome() != "done" {
		t.Fatal(o)
	}
	w.Ask("north", "source/panel", "a1", &intakev1.Request{Body: &intakev1.Request_RaiseAlarm{RaiseAlarm: &intakev1.RaiseAlarm{
		AlarmId: "al-1", Source: "panel", Code: "PB", Site: "north-1",
	}}})
	mission, _ := hand.offer()
	return hand, mission
}

// offer reads until the team is offered a mission, and gives it with the decision.
func (c *client) offer() (mission string, decided *watchv1.Decided) {
	c.t.Helper()
	decided = c.until("an offer", func(f *watchv1.ServerFrame) bool {
		for _, e := range f.GetEvent().GetEvents() {
			if mission = e.GetMissionOffered().GetMission(); mission != "" {
				return true
			}
		}
		return false
	}).GetEvent()
	return mission, decided
}

func TestTheCommandsOfASocketAreCarriedOutInTheirOrder(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	hand, mission := offered(t, w, protocolProto)
	acts := []string{"mission.accept", "mission.en_route", "mission.on_scene", "mission.clear"}
	var ids []string
	for _, act := range acts {
		ids = append(ids, hand.command(act, func(c *watchv1.Command) { c.Mission = mission }))
	}
	var told []string
	hand.until("four outcomes", func(f *watchv1.ServerFrame) bool {
		if o := f.GetOutcome(); o != nil {
			if o.GetOutcome() != "done" {
				t.Errorf("%v", o)
			}
			told = append(told, o.GetId())
		}
		return len(told) == len(ids)
	})
	var stored []string
	for _, r := range w.Requests("north") {
		if slices.Contains(ids, r.Cause.ID) {
			stored = append(stored, r.Cause.ID)
		}
	}
	if !slices.Equal(told, ids) || !slices.Equal(stored, ids) {
		t.Errorf("sent %v, stored %v, told %v", ids, stored, told)
	}
	// Sent again, as after a lost answer: the same outcome, and nothing else happens.
	hand.send(&watchv1.ClientFrame{Body: &watchv1.ClientFrame_Command{Command: &watchv1.Command{Id: ids[0], Type: acts[0], Mission: mission}}})
	if o := hand.outcome(ids[0]); o.GetOutcome() != "done" {
		t.Errorf("again: %v", o)
	}
}

func TestAnSOSWaitsForNoOtherCommand(t *testing.T) {
	t.Parallel()
	w := start(t, nil, "south") // nobody decides for north: what is asked there waits for its outcome
	hand, _ := w.watch(protocolJSON, w.device("T-north-1", 0).Token, "team/T-north-1", nil)
	begun := time.Now()
	hand.command("team.on_duty", func(*watchv1.Command) {})
	hand.command("team.on_duty", func(*watchv1.Command) {})
	hand.command("sos", func(c *watchv1.Command) { c.Lat, c.Lon = 48.8, 2.3 })
	livetest.Await(t, "the SOS is in intake", func() bool {
		return slices.ContainsFunc(w.Requests("north"), func(r requestOf) bool { return r.Body.GetRaiseSos() != nil })
	})
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestARefusalAtTheEdgeIsAnOutcomeToo(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	hand, _ := w.watch(protocolJSON, w.device("T-north-1", 0).Token, "team/T-north-1", nil)
	for code, c := range map[string]*watchv1.Command{
		"forbidden":       {Type: "incident.claim", Incident: "I1"},
		"invalid_request": {Type: "mission.accept"},
		"unknown_mission": {Type: "mission.accept", Mission: "M77"},
	} {
		id := hand.command(c.GetType(), func(sent *watchv1.Command) { sent.Incident, sent.Mission = c.GetIncident(), c.GetMission() })
		if o := hand.outcome(id); o.GetOutcome() != "refused" || o.GetCode() != code || o.GetMessage() == "" {
			t.Errorf("%v: %v", c, o)
		}
	}
}

func TestClientsTimesAreCorrectedByTheirClockAtHello(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	c := w.connect(protocolProto)
	behind := time.Now().Add(-time.Hour)
	c.send(&watchv1.ClientFrame{Body: &watchv1.ClientFrame_Hello{Hello: &watchv1.Hello{
		Token: w.chief("alice"), Now: stamp(behind), Watch: "room/north",
	}}})
	c.must()
	id := c.command("incident.open", func(o *watchv1.Command) {
		o.Site, o.Category, o.At = "north-1", "assistance", stamp(behind.Add(-time.Minute))
	})
	if o := c.outcome(id); o.GetOutcome() != "done" {
		t.Fatal(o)
	}
	for _, r := range w.Requests("north") {
		if r.Cause.ID == id {
			if off := r.DeviceAt - time.Now().Add(-time.Minute).UnixMilli(); off < -10_000 || off > 10_000 {
				t.Errorf("the act is %d ms off", off)
			}
			return
		}
	}
	t.Error("not in intake")
}

func TestAHandheldIsToldOfTeamsByTheirCallSigns(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	one, mission := offered(t, w, protocolJSON)
	two, _ := w.watch(protocolProto, w.device("T-north-2", 0).Token, "team/T-north-2", nil)
	two.outcome(two.command("team.on_duty", func(*watchv1.Command) {}))
	room, _ := w.watch(protocolProto, w.chief("alice"), "room/north", nil)
	room.command("mission.cancel", func(c *watchv1.Command) { c.Mission, c.Reason = mission, "wrong_team" })
	room.command("mission.assign", func(c *watchv1.Command) { c.Incident, c.Team, c.Reason = "I1", "T-north-2", "nearest" })
	next, decided := two.offer()
	if got := decided.GetCallSigns()["T-north-2"]; got != "Alpha 2" {
		t.Errorf("the offer speaks of %q", got)
	}
	two.outcome(two.command("mission.accept", func(c *watchv1.Command) { c.Mission = next }))
	o := one.outcome(one.command("mission.accept", func(c *watchv1.Command) { c.Mission = mission }))
	if o.GetCode() != "mission_ended" || o.GetTakenBy() != "T-north-2" || o.GetTakenByCallSign() != "Alpha 2" {
		t.Errorf("%v", o)
	}
}
