package sim_test

import (
	"fmt"
	"slices"
	"strings"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/domain/watch"
	"vigie/pkg/es"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	"vigie/pkg/wire"
)

// oracle reads each record as it is stored, by a second and naive reading of the protocol, and checks what was promised.
type oracle struct {
	r     *room
	state controlroom.State

	version    uint64
	hash       es.Hash
	intakeNext int64
	at         int64
	level      uint32

	// effective says it of each record, heads what the head is after it.
	effective []bool
	heads     []es.Hash
	// first is the first outcome of each cause.
	first map[es.Cause]*wire.Stored
	ended map[string]controlroom.MissionState
	// seen are the offsets whose decisions a team sees, in order.
	seen map[string][]int64
	// offered is when, in real time, each mission began.
	offered map[string]int64

	voids, expiries, honoured, steps int
}

func newOracle(r *room) *oracle {
	return &oracle{
		r: r, state: controlroom.Initial(), level: 1,
		first: map[es.Cause]*wire.Stored{}, ended: map[string]controlroom.MissionState{}, seen: map[string][]int64{},
		offered: map[string]int64{},
	}
}

func (o *oracle) judge(s *wire.Stored) bool {
	steps := slices.ContainsFunc(s.Events, func(e *logv1.Event) bool { return e.GetClockStepped() != nil })
	switch {
	case s.Damage != "", s.Room != o.r.name, s.Version != o.version+1, s.PrevHash != o.hash, s.Level > o.level:
		return false
	case s.At < o.at && !steps:
		return false
	case s.Intake != es.NoIntake:
		return s.Intake == o.intakeNext
	}
	due, open := controlroom.OpenDeadline(o.state, s.Deadline)
	return open && due <= s.At
}

// read takes the next record. live says that it is being written now, and by whom is known.
func (o *oracle) read(s *wire.Stored, live bool) {
	ok := o.judge(s)
	o.effective = append(o.effective, ok)
	if !ok {
		o.heads = append(o.heads, o.hash)
		o.voids++
		if o.r.w.telling {
			o.r.w.tell("log %s %d: void, version %d of %s", o.r.name, s.Offset, s.Version, s.Decider)
		}
		return
	}
	if o.r.w.telling {
		o.r.w.tell("log %s %d: %s", o.r.name, s.Offset, describe(s))
	}
	if live && !o.r.cut {
		o.before(s)
	}
	if _, known := o.first[s.Cause]; !known && s.Intake != es.NoIntake {
		o.first[s.Cause] = s
	}
	o.version, o.hash, o.at = s.Version, s.Hash, s.At
	o.heads = append(o.heads, o.hash)
	if s.Intake == es.NoIntake {
		o.state = controlroom.Answered(o.state, s.Deadline)
	} else {
		o.intakeNext++
	}
	for _, e := range s.Events {
		o.about(e)
		if m := missionOf(e); m != "" && o.state.Missions[m] == nil {
			o.offered[m] = o.r.w.now
		}
		o.state = controlroom.Evolve(o.state, s.At, e)
		o.level = max(o.level, e.GetLevelRaised().GetLevel())
	}
	o.after(s)
}

// before checks a decision against the state that it was made in.
func (o *oracle) before(s *wire.Stored) {
	w := o.r.w
	if s.Intake == es.NoIntake {
		o.expiry(s)
	} else {
		q := o.r.requests[s.Intake]
		if q.Cause != s.Cause || q.ValueHash != s.RequestHash {
			w.fail("I3", "record %d answers request %d with what another has asked", s.Offset, s.Intake)
		}
		o.outcome(s)
	}
	if (s.Refusal != nil || s.RepeatOf != 0) && len(s.Events) > 0 {
		w.fail("I3", "record %d is refused or a repeat and has events", s.Offset)
	}
	offered := map[string]bool{}
	for _, e := range s.Events {
		if step := e.GetClockStepped(); step != nil {
			o.stepped(s, step.GetDeltaMs())
		}
		m := e.GetMissionOffered()
		if m == nil {
			continue
		}
		t := o.state.Teams[m.GetTeam()]
		if t.Mission != "" || offered[t.ID] {
			w.fail("I10", "record %d offers mission %s to team %s, which has one", s.Offset, m.GetMission(), t.ID)
		}
		if m.GetBy() == "automatic" && (!t.OnDuty || !t.Reachable()) {
			w.fail("I16", "record %d sends team %s by itself: on duty %v, reachable %v", s.Offset, t.ID, t.OnDuty, t.Reachable())
		}
		if o.state.Missions[m.GetMission()] != nil {
			w.fail("I15", "record %d offers mission %s a second time", s.Offset, m.GetMission())
		}
		offered[t.ID] = true
	}
}

// outcome is I3: the same cause has one outcome, and the same again when it comes again.
func (o *oracle) outcome(s *wire.Stored) {
	if s.Cause == (es.Cause{}) {
		return
	}
	q := o.r.requests[s.Intake]
	first, known := o.first[s.Cause]
	switch {
	case !known:
		if s.RepeatOf != 0 {
			o.r.w.fail("I3", "record %d repeats %d and is the first of its cause", s.Offset, s.RepeatOf)
		}
	case q.Unreadable != "":
	case q.ContentHash == first.ContentHash && s.RepeatOf != first.Version:
		o.r.w.fail("I3", "request %d was decided twice: as %d and as %d", s.Intake, first.Version, s.Version)
	case q.ContentHash == first.ContentHash:
	case heard(q.Body):
		if s.Refusal != nil || s.RepeatOf != 0 {
			o.r.w.fail("I3", "request %d is an alarm under a used id (version %d) and was not heard", s.Intake, first.Version)
		}
	case s.Refusal == nil:
		o.r.w.fail("I3", "request %d is another use of an id (version %d) and was not refused", s.Intake, first.Version)
	}
}

// heard: an alarm or an SOS is never refused for its id.
func heard(q *intakev1.Request) bool { return q.GetRaiseAlarm() != nil || q.GetRaiseSos() != nil }

// expiry is F13: what was asked in time is answered first, and a wrong clock takes nothing away.
func (o *oracle) expiry(s *wire.Stored) {
	w := o.r.w
	timer := o.state.Deadlines[s.Deadline]
	if timer.Kind == "open" || timer.Kind == "choose" {
		return
	}
	o.expiries++
	author := w.byName[s.Decider]
	if n := o.intakeNext; n < o.r.intake.end() && author.clockAt(o.r.intake.written[n]) < timer.Due {
		w.fail("F13", "record %d: %s expired, due at %d, before request %d, which had come %d ms earlier by the clock of %s",
			s.Offset, s.Deadline, timer.Due-epoch, n, timer.Due-author.clockAt(o.r.intake.written[n]), s.Decider)
	}
	if off := author.skew; (off > 1500 || off < -1500) && o.wellKnown(author) {
		w.fail("F13", "record %d: %s expired by the clock of %s, which is %d ms off", s.Offset, s.Deadline, s.Decider, off)
	}
	if early := timer.Due - (epoch + w.now); early > 1200 && !w.faults.skews {
		w.fail("F13", "record %d: %s expired %d ms too early", s.Offset, s.Deadline, early)
	}
}

// stepped: deadlines move by as much as the clock does, and only when it was wrong.
func (o *oracle) stepped(s *wire.Stored, delta int64) {
	o.steps++
	if off := delta - (s.At - o.at); off > 2*second || off < -2*second {
		o.r.w.fail("F13", "record %d moves all deadlines by %d ms and the clock by %d ms", s.Offset, delta, s.At-o.at)
	}
	if !o.r.w.faults.skews {
		o.r.w.fail("F13", "record %d sets the clock of the room back by %d ms, and no clock was wrong", s.Offset, -delta)
	}
}

// wellKnown says that a process whose clock is wrong has long been hearing enough others to know.
func (o *oracle) wellKnown(n *node) bool {
	w := o.r.w
	since := n.skews[len(n.skews)-1].since
	right := 0
	for _, other := range w.nodes {
		if other != n && other.up && other.stoppedUntil < w.now && other.skew == 0 {
			right++
		}
	}
	return w.faults.beatsLost == 0 && w.now-since > 15*second && w.now-w.faults.changedAt > 15*second && right >= 3
}

// about is I11: nothing follows the end of a mission.
func (o *oracle) about(e *logv1.Event) {
	if m := missionOf(e); m != "" {
		if state, over := o.ended[m]; over {
			o.r.w.fail("I11", "%s comes after mission %s has ended as %s", kindOf(e), m, state)
		}
	}
	if h := e.GetLateAnswerHonoured(); h != nil {
		o.honoured++
	}
}

// after checks every state.
func (o *oracle) after(s *wire.Stored) {
	w := o.r.w
	active := map[string]string{}
	for id, m := range o.state.Missions {
		if before, over := o.ended[id]; over && m.State != before {
			w.fail("I11", "mission %s ended as %s and is %s", id, before, m.State)
		}
		if !m.Active() {
			o.ended[id] = m.State
			continue
		}
		if other := active[m.Team]; other != "" {
			w.fail("I10", "record %d: team %s has missions %s and %s", s.Offset, m.Team, min(other, id), max(other, id))
		}
		active[m.Team] = id
		if i := o.state.Incidents[m.Incident]; !i.Live() {
			w.fail("I11", "record %d: mission %s is active for %s, which is %s", s.Offset, id, i.ID, i.State)
		}
	}
	for id, t := range o.state.Teams {
		if t.Mission != active[id] {
			w.fail("I10", "record %d: team %s takes itself to be on %q and is on %q", s.Offset, id, t.Mission, active[id])
		}
	}
	o.nothingIsSilent(s)
	if len(s.Events) == 0 {
		return
	}
	for _, team := range o.r.teams {
		if len((watch.Target{Room: o.r.name, Team: team}).Events(o.state, s.Events)) > 0 {
			o.seen[team] = append(o.seen[team], s.Offset)
		}
	}
}

// nothingIsSilent is I12: somebody goes, went or is being looked for, or those who must know were or will be told.
func (o *oracle) nothingIsSilent(s *wire.Stored) {
	for id, i := range o.state.Incidents {
		if !i.Live() || i.State == controlroom.IncidentControlled {
			continue
		}
		_, telling := o.state.Deadlines["neglect/"+id]
		gone := slices.ContainsFunc(i.Missions, func(id string) bool {
			m := o.state.Missions[id]
			return m.Accepted() || m.State == controlroom.MissionCleared
		})
		if !gone && !telling && i.Neglected < 2 {
			o.r.w.fail("I12", "record %d: incident %s is silent", s.Offset, id)
		}
	}
}

// agree compares what a reader made of a record with what it is.
func (o *oracle) agree(who string, f *controlroom.Fold, offset int64, v es.Verdict) {
	if o.r.cut || o.r.w.failed != nil {
		return // whoever has seen what was lost must halt: see atRest
	}
	w := o.r.w
	switch {
	case v == es.Halting:
		w.fail("I8", "%s halts at record %d of a log that is whole: %s", who, offset, f.Halted())
	case (v == es.Effective) != o.effective[offset]:
		w.fail("I6", "%s takes record %d to be %v and it is not", who, offset, v)
	case f.Hash != o.heads[offset]:
		w.fail("I7", "%s has another head after record %d", who, offset)
	}
	if offset%sampled == sampled-1 {
		o.sameState(who, f, offset)
	}
}

// sampled is after how many records whole states are compared.
const sampled = 64

func (o *oracle) sameState(who string, f *controlroom.Fold, offset int64) {
	got := controlroom.StateHash(f)
	want, known := o.r.states[offset]
	if !known {
		o.r.states[offset] = got
	} else if got != want {
		o.r.w.fail("I7", "%s has another state after record %d: %s, not %s", who, offset, got[:8], want[:8])
	}
}

func describe(s *wire.Stored) string {
	what := []string{fmt.Sprintf("version %d by %s", s.Version, s.Decider)}
	if s.Intake == es.NoIntake {
		what = append(what, "due "+s.Deadline)
	} else {
		what = append(what, fmt.Sprintf("request %d", s.Intake))
	}
	if s.RepeatOf != 0 {
		what = append(what, fmt.Sprintf("repeat of %d", s.RepeatOf))
	}
	if s.Refusal != nil {
		what = append(what, "refused "+s.Refusal.Code)
	}
	for _, e := range s.Events {
		what = append(what, strings.TrimSpace(kindOf(e)+" "+missionOf(e)))
	}
	return strings.Join(what, ", ")
}

func kindOf(e *logv1.Event) string {
	m := e.ProtoReflect()
	return string(m.WhichOneof(m.Descriptor().Oneofs().Get(0)).Name())
}

// missionOf gives the mission that an event moves, or "".
func missionOf(e *logv1.Event) string {
	m := e.ProtoReflect()
	body := m.Get(m.WhichOneof(m.Descriptor().Oneofs().Get(0))).Message()
	if f := body.Descriptor().Fields().ByName("mission"); f != nil {
		return body.Get(f).String()
	}
	return ""
}
