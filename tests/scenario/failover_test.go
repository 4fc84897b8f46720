package scenario_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"vigie/pkg/eventlog"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// failovers bounds how often leaders are killed until a journal has had something to show.
const failovers = 6

// F6 as people see it: for a while no broker leads the room's requests, or its decisions.
func TestWhenTheLeaderOfARoomIsKilledNothingIsLostAndWhatWaitedIsShownAndDecidedInOrder(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	desk, guard := night.Console("alpha", "dispatcher"), night.Guard("north-1").OnDuty()
	siren := night.Panel("alpha").Siren("north")
	panel := night.Panel("alpha")
	shown := func() bool {
		return slices.ContainsFunc(siren.provisional(), func(a taken) bool { return desk.noticed(a.AlarmID) && guard.noticed(a.AlarmID) })
	}
	var first []time.Duration
	for round := 0; round < 2 || !shown(); round++ {
		if round == failovers {
			t.Fatalf("%d leaders killed, and no alarm was shown before it was decided: %+v", round, siren.provisional())
		}
		leader := night.leader([]string{eventlog.TopicIntake, eventlog.TopicLog}[round%2], "alpha", 3)
		night.BrokerDies(leader)
		killed := time.Now()
		sos := &watchv1.Command{Id: uuid.NewString(), Type: "sos"}
		said := guard.ask(sos)
		if o := said.GetOutcome(); o != "provisional" && o != "done" {
			t.Errorf("an SOS while its leader is dead: %v", said)
		}
		// Whoever rings now is heard, at once or by the journal, and decided once another leads.
		key := fmt.Sprint("after-kill-", round)
		rung := panel.Sends(key, alarm{Code: "INTRUSION", Site: "south", Zone: "HALL"})
		desk.awaitWithin(recovery, "the first decision about what came after the kill", func() bool {
			_, ok := about(desk.watcher, (*logv1.Event).GetAlarmReceived, func(e *logv1.AlarmReceived) bool { return e.GetAlarm() == rung.AlarmID })
			return ok
		})
		first = append(first, time.Since(killed))
		if o := guard.do(sos); o.GetVersion() == 0 {
			t.Errorf("the SOS has the outcome %v", o)
		}
		if said.GetOutcome() == "provisional" {
			desk.nothingOpen(sos.GetId())
		}
		night.BrokerComesBack(leader)
	}
	siren.over()
	for _, a := range siren.provisional() {
		for _, w := range []*watcher{desk.watcher, guard.watcher} {
			w.nothingOpen(a.AlarmID)
		}
	}
	night.inOrder("alpha", siren)
	spread(t, "from the kill of a leader to the first decision at a console", first)
	t.Logf("%d of %d alarms of the siren had to wait in a journal", len(siren.provisional()), len(siren.all()))
}

// nothingOpen waits until whatever was shown as provisional under a key has been taken back.
func (w *watcher) nothingOpen(key string) {
	w.n.t.Helper()
	w.awaitWithin(recovery, "the end of the notice of "+key, func() bool {
		open := false
		for _, n := range w.notices {
			if n.GetKind() == "provisional" && n.GetKey() == key {
				open = !n.GetOver()
			}
		}
		return !open
	})
}

// inOrder: what a source was told was taken before it said the next is decided before it, and all of it is.
func (n *Night) inOrder(room string, s *siren) {
	n.t.Helper()
	said := s.all()
	var decided map[string]record
	n.Within(recovery, fmt.Sprintf("all %d alarms are decided", len(said)), func() (bool, string) {
		log, _ := n.Log(room)
		decided = map[string]record{}
		for _, r := range log {
			if _, known := decided[r.Cause.ID]; r.Effective && !known {
				decided[r.Cause.ID] = r
			}
		}
		missing := slices.DeleteFunc(slices.Clone(said), func(a taken) bool { return decided[a.RequestID].Version > 0 })
		return len(missing) == 0, fmt.Sprint(missing)
	})
	for k, a := range said {
		r := decided[a.RequestID]
		if !slices.Contains(r.types(), "alarm_received") {
			n.t.Errorf("%s: %+v", a.RequestID, r)
		}
		if k > 0 && r.Version < decided[said[k-1].RequestID].Version {
			n.t.Errorf("%s was decided before %s, which came before it", a.RequestID, said[k-1].RequestID)
		}
	}
}
