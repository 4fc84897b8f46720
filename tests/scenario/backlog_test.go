package scenario_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// backlog is how many alarms and how many commands wait for a decider.
const backlog = 120

func TestThreeDecidersThatFindAnOldBacklogTogetherGiveEachRequestOneOutcome(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	token, alphas, bravos := night.as("dispatcher"), night.Panel("alpha"), night.Panel("bravo")
	night.Guard("north-1").OnDuty()
	alpha, bravo := night.chronicle("alpha"), night.chronicle("bravo")
	night.Joins("dispatch-3")
	// First those whom the log knows: one of them wrote last. Then three of whom nobody has heard.
	for round, deciders := range [][]string{{"dispatch-1", "dispatch-2", "dispatch-3"}, {"dispatch-4", "dispatch-5", "dispatch-6"}} {
		if round == 0 {
			night.Loses("dispatch")
		} else {
			night.Retires("dispatch")
			for _, name := range deciders {
				night.apart().add(name)
			}
		}
		begun := time.Now()
		var commands []string
		var asking sync.WaitGroup
		for k := range backlog {
			alphas.Sends(fmt.Sprintf("a-%d-%d", round, k), alarm{Code: "DOOR", Site: "south", Zone: fmt.Sprint(k)})
			bravos.Sends(fmt.Sprintf("b-%d-%d", round, k), alarm{Code: "DOOR", Site: "east", Zone: fmt.Sprint(k / 2)})
			if k%4 == 0 {
				id := uuid.NewString()
				commands = append(commands, id)
				asking.Go(func() {
					// Whether its outcome comes in time to be told does not matter here: it has to be in the log.
					_, _ = night.put("alpha", token, &watchv1.Command{Id: id, Type: "incident.open", Site: "north", Category: "access"})
				})
			}
		}
		night.Eventually("the oldest request is older than any decider waits", func() (bool, string) {
			age := time.Since(begun)
			return age > 2*time.Second, age.String()
		})
		before := [2]int{len(alpha.read()), len(bravo.read())}

		night.GetsBack("dispatch")
		asking.Wait()
		night.Within(startBound, "every request has its outcome", alpha.answered)
		night.Within(startBound, "every request has its outcome", bravo.answered)
		answered := map[string]bool{}
		for _, r := range alpha.effective(before[0]) {
			answered[r.Cause.ID] = true
		}
		for _, id := range commands {
			if !answered[id] {
				t.Errorf("command %s has no outcome", id)
			}
		}
		for k, c := range []*chronicle{alpha, bravo} {
			of := chronicle{n: night, room: c.room, records: c.records[before[k]:]}
			if voids := of.voids(""); 20*voids >= len(of.records) {
				t.Errorf("round %d: %d of %d records of %s are void", round, voids, len(of.records), c.room)
			}
		}
	}
	alpha.hasFewVoids()
	bravo.hasFewVoids()
}

func TestWhatGuardsAnswerWhileNobodyDecidesIsNotOvertakenByAnyDeadline(t *testing.T) {
	t.Parallel()
	night := Begin(t, atRate(20))
	desk := night.Console("alpha", "dispatcher")
	alpha := night.chronicle("alpha")
	yes, no, mute := night.Guard("north-1").OnDuty(), night.Guard("north-2").OnDuty(), night.Guard("south-1").OnDuty()
	// Each has an offer that nobody has answered yet when the last decider dies; of one there is not even a receipt.
	for _, where := range [][2]string{{"north", "HALL"}, {"north", "ED"}, {"south", "HALL"}} {
		desk.Opens(where[0], where[1], "access", 1)
	}
	offers := map[*Guard]string{}
	for _, g := range []*Guard{yes, no} {
		offers[g] = g.ExpectOffer().GetMission()
	}
	offers[mute] = mute.Rings().GetMission()
	night.Eventually("every request has its outcome", alpha.answered)
	night.Loses("dispatch")
	before := len(alpha.read())
	waiting := alpha.intakeEnd
	for g, said := range map[*Guard]*watchv1.Command{yes: {Type: "mission.accept"}, no: {Type: "mission.decline", Reason: "busy"}, mute: {Type: "mission.delivered"}} {
		said.Id, said.Mission = uuid.NewString(), offers[g]
		g.send(&watchv1.ClientFrame{Body: &watchv1.ClientFrame_Command{Command: said}})
	}
	night.Eventually("what they say is in intake", func() (bool, string) {
		alpha.read()
		return alpha.intakeEnd >= waiting+3, fmt.Sprintf("%d requests since", alpha.intakeEnd-waiting)
	})
	answeredAt := night.Now()
	night.Within(startBound, "every deadline is long past", func() (bool, string) {
		since := night.Now().Sub(answeredAt)
		return since > 5*time.Minute, since.String()
	})
	if now := len(alpha.read()); now != before {
		t.Fatalf("%d records were written while nobody decided", now-before)
	}

	night.GetsBack("dispatch")
	desk.Hears("expired", offers[mute])
	end := night.State("alpha")
	if m := night.Mission(end, offers[yes]); m.AcceptedAt == "" || m.State != "accepted" {
		t.Errorf("the mission that was accepted in time: %+v", m)
	}
	said := map[any]*Guard{}
	for g, mission := range offers {
		said[mission] = g
	}
	for _, r := range alpha.effective(before) {
		for _, e := range r.Events {
			g := said[e["mission"]] // nil: offered since, when one had declined, and nobody has said anything
			switch kind := e["type"]; {
			case kind == "mission_undelivered" && g != nil:
				t.Errorf("record %d: %v was delivered in time", r.Offset, e["mission"])
			case kind == "mission_expired" && g != nil && g != mute:
				t.Errorf("record %d: %v had its answer in time", r.Offset, e["mission"])
			}
		}
	}
	desk.Hears("declined", offers[no])
}
