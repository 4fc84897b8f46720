package scenario_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// rooms of the region that the nights are played in.
func rooms() []string { return []string{"alpha", "bravo"} }

// checkPromises holds the log against everything that was said in the night.
func (n *Night) checkPromises() {
	n.t.Helper()
	for _, room := range rooms() {
		var log []record
		n.Eventually("every request of "+room+" has its outcome", func() (bool, string) {
			var end int64
			log, end = n.Log(room)
			answered := int64(0)
			for _, r := range log {
				if r.Effective && r.Intake != nil {
					answered++
				}
			}
			return answered == end, fmt.Sprintf("%d of %d", answered, end)
		})
		for _, wrong := range slices.Concat(checkChain(log), checkOutcomes(log), checkMissions(log), n.claims.check(room, log),
			n.claims.checkOrder(room, log), n.checkStreams(room, log)) {
			n.t.Errorf("room %s: %s", room, wrong)
		}
	}
}

// checkVerify has the program itself read its log from where it is kept.
func (n *Night) checkVerify() {
	n.t.Helper()
	got := vigie(n.t, append([]string{"log", "verify", "--json"}, n.top.log()...)...)
	var report struct {
		OK    bool
		Rooms []struct{ OK bool }
	}
	if err := json.Unmarshal([]byte(got.stdout), &report); got.status != 0 || err != nil || !report.OK || len(report.Rooms) != len(rooms()) {
		n.t.Errorf("vigie log verify: %v", got)
	}
}

// checkChain follows hashes and versions over the bytes as stored.
func checkChain(log []record) (wrong []string) {
	version, head := uint64(0), strings.Repeat("0", 2*sha256.Size)
	for k, r := range log {
		if r.Offset != int64(k) {
			wrong = append(wrong, fmt.Sprintf("record %d stands at offset %d", k, r.Offset))
		}
		var stored logv1.Record
		if err := proto.Unmarshal(r.Raw, &stored); err != nil {
			wrong = append(wrong, fmt.Sprintf("record %d: %v", r.Offset, err))
			continue
		}
		before, err := hex.DecodeString(r.PrevHash)
		sum := sha256.Sum256(append(before, stored.GetDecision()...))
		if err != nil || r.Hash != hex.EncodeToString(sum[:]) {
			wrong = append(wrong, fmt.Sprintf("record %d: its hash is not that of its bytes", r.Offset))
		}
		if !r.Effective {
			continue
		}
		if r.Version != version+1 || r.PrevHash != head {
			wrong = append(wrong, fmt.Sprintf("record %d is effective and does not follow version %d", r.Offset, version))
		}
		version, head = r.Version, r.Hash
	}
	return wrong
}

// checkOutcomes: every request has one outcome, in the order of intake, and the same cause is carried out once.
func checkOutcomes(log []record) (wrong []string) {
	next, first := int64(0), map[string]uint64{}
	for _, r := range log {
		if !r.Effective || r.Intake == nil {
			continue
		}
		if *r.Intake != next {
			wrong = append(wrong, fmt.Sprintf("record %d answers request %d, and %d was due", r.Offset, *r.Intake, next))
		}
		next = *r.Intake + 1
		if r.Cause.ID == "" {
			continue // nobody can say whose request it was
		}
		cause := r.Cause.Principal + " " + r.Cause.ID
		version, repeated := first[cause]
		switch {
		case !repeated && r.RepeatOf != 0:
			wrong = append(wrong, fmt.Sprintf("record %d repeats what never was", r.Offset))
		case repeated && r.RepeatOf != version && !r.heard() && (r.Refusal == nil || r.Refusal.Code != "id_reused"):
			wrong = append(wrong, fmt.Sprintf("record %d carries out %s again, after version %d", r.Offset, cause, version))
		case !repeated:
			first[cause] = r.Version
		}
	}
	return wrong
}

// heard: the record is of an alarm that was sent under the id of another one.
func (r record) heard() bool {
	return slices.ContainsFunc(r.Events, func(e map[string]any) bool {
		alarm, _ := e["alarm"].(string)
		return strings.HasSuffix(alarm, fmt.Sprintf("-%d", *r.Intake))
	})
}

// checkMissions: a team has one active mission at most; a mission ends once, and nothing follows its end.
func checkMissions(log []record) (wrong []string) {
	team, ended, active := map[string]string{}, map[string]bool{}, map[string]string{}
	for _, r := range log {
		if !r.Effective {
			continue
		}
		for _, e := range r.Events {
			kind, _ := e["type"].(string)
			mission, _ := e["mission"].(string)
			switch kind {
			case "mission_offered", "late_answer_honoured":
				who, _ := e["team"].(string)
				if other := active[who]; other != "" {
					wrong = append(wrong, fmt.Sprintf("record %d gives %s the mission %s, and it has %s", r.Offset, who, mission, other))
				}
				if _, known := team[mission]; known {
					wrong = append(wrong, fmt.Sprintf("record %d begins mission %s again", r.Offset, mission))
				}
				team[mission], active[who] = who, mission
			case "mission_declined", "mission_expired", "mission_cleared", "mission_cancelled":
				if ended[mission] {
					wrong = append(wrong, fmt.Sprintf("record %d ends mission %s again", r.Offset, mission))
				}
				ended[mission] = true
				delete(active, team[mission])
			default:
				if strings.HasPrefix(kind, "mission_") && ended[mission] {
					wrong = append(wrong, fmt.Sprintf("record %d: %s of mission %s, which has ended", r.Offset, kind, mission))
				}
			}
		}
	}
	return wrong
}

// check: whatever was answered with yes is in the log, effective, as it was said.
func (l *ledger) check(room string, log []record) (wrong []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	byIntake, byID := map[int64]record{}, map[string]record{}
	for _, r := range log {
		if r.Effective && r.Intake != nil {
			byIntake[*r.Intake], byID[r.Cause.ID] = r, r
		}
	}
	for _, p := range l.said {
		if p.room != room {
			continue
		}
		r := record{}
		switch {
		case p.provisional:
			r = byID[p.id]
		case p.alarm:
			r = byIntake[p.intake]
		case p.log >= 0 && p.log < int64(len(log)):
			r = log[p.log]
		}
		if !r.Effective || r.Cause.ID != p.id || !p.alarm && (r.Version != p.version || p.code != "id_reused" && (r.Refusal != nil) != (p.outcome == "refused")) {
			wrong = append(wrong, fmt.Sprintf("said and not so: %v; the log has %+v", p, r.Cause))
		}
	}
	return wrong
}

// checkOrder: whoever had an answer before somebody else began to ask comes first in the log (I9). The log gives the one order
// in which all of them can have happened, so that nothing has to be searched for. What a journal took has no place yet when it
// is answered.
func (l *ledger) checkOrder(room string, log []record) (wrong []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	byIntake := map[int64]int64{}
	for _, r := range log {
		if r.Effective && r.Intake != nil {
			byIntake[*r.Intake] = r.Offset
		}
	}
	type placed struct {
		promise
		at int64
	}
	var asking []placed
	for _, p := range l.said {
		at := p.log
		if p.alarm {
			at = byIntake[p.intake]
		}
		if p.room == room && !p.provisional && p.code != "id_reused" {
			asking = append(asking, placed{p, at})
		}
	}
	told := slices.SortedFunc(slices.Values(asking), func(a, b placed) int { return a.told.Compare(b.told) })
	slices.SortFunc(asking, func(a, b placed) int { return a.asked.Compare(b.asked) })
	heard, last := 0, placed{at: -1}
	for _, p := range asking {
		for ; heard < len(told) && told[heard].told.Before(p.asked); heard++ {
			if told[heard].at > last.at {
				last = told[heard]
			}
		}
		if last.at > p.at {
			wrong = append(wrong, fmt.Sprintf("%v was answered before %v was asked, and stands behind it: at %d and %d", last, p, last.at, p.at))
		}
	}
	return wrong
}

// checkStreams: what clients were shown is what the log holds; a console has missed nothing between two of its events.
func (n *Night) checkStreams(room string, log []record) (wrong []string) {
	for _, w := range n.watchers {
		w.mu.Lock()
		if w.broken != "" {
			wrong = append(wrong, w.name+": "+w.broken)
		}
		at := -1
		for _, e := range w.events {
			if w.watch != "room/"+room {
				break
			}
			k := int(e.GetOffset())
			if k >= len(log) {
				break // written since the log was read: deadlines fall due all the time
			}
			if r := log[k]; !r.Effective || r.Hash != e.GetHash() || r.Version != e.GetVersion() || len(r.Events) != len(e.GetEvents()) {
				wrong = append(wrong, fmt.Sprintf("%s was shown at %d version %d, %s %v; the log has version %d, effective %v, %s %v",
					w.name, k, e.GetVersion(), e.GetHash(), e.GetEvents(), r.Version, r.Effective, r.Hash, r.types()))
				break
			}
			for missed := at + 1; at >= 0 && missed < k && !w.again(int64(missed)); missed++ {
				if r := log[missed]; r.Effective && (len(r.Events) > 0 || r.Refusal != nil) {
					wrong = append(wrong, fmt.Sprintf("%s was not shown record %d", w.name, missed))
				}
			}
			at = k
		}
		w.mu.Unlock()
	}
	return wrong
}

// again says whether a record was within a snapshot with which a later connection began.
func (w *watcher) again(offset int64) bool {
	return slices.ContainsFunc(w.begun[1:], func(f *watchv1.ServerFrame) bool { return offset <= f.GetSnapshot().GetCursor().GetOffset() })
}
