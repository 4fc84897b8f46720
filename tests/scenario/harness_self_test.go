package scenario_test

import (
	"strings"
	"testing"
	"time"
)

// What a check cannot find it does not check: each is shown a log with the fault that it is for.
func TestTheChecksFindWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	request := func(k int64) *int64 { return &k }
	event := func(kind, mission, team string) map[string]any {
		return map[string]any{"type": kind, "mission": mission, "team": team}
	}
	outcomeOf := func(offset, intake int64, id string) record {
		r := record{Offset: offset, Version: uint64(offset) + 1, Intake: request(intake), Effective: true}
		r.Cause.Principal, r.Cause.ID = "account/a", id
		return r
	}
	with := func(events ...map[string]any) []record { return []record{{Effective: true, Events: events}} }
	said := func(p promise) *ledger { return &ledger{said: []promise{p}} }
	dawn := time.Now()
	after := func(seconds int) time.Time { return dawn.Add(time.Duration(seconds) * time.Second) }
	inTurn := func(first, second int64) *ledger {
		return &ledger{said: []promise{
			{room: "r", id: "a", version: 1, log: first, asked: after(0), told: after(1)},
			{room: "r", id: "b", version: 2, log: second, asked: after(2), told: after(3)},
			{room: "r", id: "c", version: 3, log: 0, asked: after(0), told: after(3)}, // beside both
		}}
	}
	for name, c := range map[string]struct {
		wrong []string
		says  string
	}{
		"a request without an outcome": {checkOutcomes([]record{outcomeOf(0, 0, "a"), outcomeOf(1, 2, "b")}), "1 was due"},
		"a command carried out twice":  {checkOutcomes([]record{outcomeOf(0, 0, "a"), outcomeOf(1, 1, "a")}), "carries out"},
		"a team with two missions":     {checkMissions(with(event("mission_offered", "M1", "t"), event("mission_offered", "M2", "t"))), "and it has M1"},
		"a mission with two ends": {checkMissions(with(event("mission_offered", "M1", "t"), event("mission_cleared", "M1", ""),
			event("mission_expired", "M1", ""))), "ends mission M1 again"},
		"a leg after the end": {checkMissions(with(event("mission_offered", "M1", "t"), event("mission_expired", "M1", ""),
			event("mission_accepted", "M1", ""))), "which has ended"},
		"a record whose bytes are not its hash's": {checkChain([]record{{Effective: true, Version: 1, Hash: "00"}}), "not that of its bytes"},
		"a fork":                            {checkChain([]record{{Effective: true, Version: 2}}), "does not follow"},
		"a lost alarm":                      {said(promise{alarm: true, room: "r", id: "k", intake: 7}).check("r", []record{outcomeOf(0, 0, "a")}), "said and not so"},
		"a yes to a void record":            {said(promise{room: "r", id: "a", outcome: "done", version: 1}).check("r", []record{{}}), "said and not so"},
		"a yes to what was refused":         {said(promise{room: "r", id: "a", outcome: "refused", version: 1}).check("r", []record{outcomeOf(0, 0, "a")}), "said and not so"},
		"an answer behind what came later":  {inTurn(6, 5).checkOrder("r", nil), "was answered before"},
		"nothing wrong with who came after": {inTurn(5, 6).checkOrder("r", nil), ""},
		"nothing wrong with an outcome":     {said(promise{room: "r", id: "a", outcome: "done", version: 1}).check("r", []record{outcomeOf(0, 0, "a")}), ""},
	} {
		found := strings.Join(c.wrong, "; ")
		if c.says == "" && found != "" || !strings.Contains(found, c.says) {
			t.Errorf("%s: found %q, want %q", name, found, c.says)
		}
	}
}
