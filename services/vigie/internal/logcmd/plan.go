package logcmd

import (
	"fmt"

	"vigie/pkg/app"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow"
	"vigie/pkg/wire"
	"vigie/pkg/wire/line"
)

// plan is what reopening a room's log at a good record means.
type plan struct {
	room eventlog.RoomEntry
	good controlroom.Good
	dead controlroom.Dead
	// shown are the first of the records that will count no more.
	shown []line.Record
	// effective counts those of them that counted until now, answered is behind the last request that they answered.
	effective, answered int64
	// end is the offset behind the last record that can be read.
	end int64
	// next is the next request to be answered when those before it are gone, else 0.
	next int64
}

// mostShown bounds the list of what is lost.
const mostShown = 50

// pass gives the records of a log that can be read, in order, as often as it is called.
type pass func(each func(eventlog.Record) error) error

// planner reads a log for a plan.
type planner struct {
	plan
	want  int64
	fold  *controlroom.Fold
	found bool
	// last is the last record before anything that cannot be trusted.
	last controlroom.Good
	bad  *line.Record
}

// newPlan finds the good record, and what lies behind it.
func newPlan(room eventlog.RoomEntry, want int64, records pass) (plan, error) {
	expected, err := follow.Reopenings(room.Room, records)
	if err != nil {
		return plan{}, err
	}
	nothing := controlroom.Good{Head: es.Head{Level: 1}, Offset: -1, LogID: room.LogID}
	p := planner{plan: plan{room: room, good: nothing}, want: want, fold: controlroom.NewFold(room.Room), found: want == -1, last: nothing}
	p.fold.Expect(expected...)
	if err := records(p.read); err != nil {
		return plan{}, err
	}
	p.dead.Records = p.end - 1 - want
	switch {
	case want < -1 || !p.found:
		return plan{}, app.Exit(app.Usage, fmt.Errorf("record %d is not one after which room %s can go on: %s", want, room.Room, p.advice()))
	case p.good.Offset >= 0 && p.fold.State.LogID != "" && p.fold.State.LogID != room.LogID:
		return plan{}, app.Exit(app.LogDamaged, fmt.Errorf("this is the log %s, the room table says %s", p.fold.State.LogID, room.LogID))
	}
	return p.plan, nil
}

func (p *planner) read(record eventlog.Record) error {
	s := wire.Decode(record.Offset, record.Value)
	j := p.fold.Read(&s)
	for _, e := range s.Events {
		p.dead.Reopenings = max(p.dead.Reopenings, e.GetLogReopened().GetNumber())
	}
	p.end = s.Offset + 1
	if j.Verdict == es.Effective {
		p.last = controlroom.Good{Head: p.fold.Head, Offset: s.Offset, LogID: p.room.LogID}
		if s.Offset == p.want {
			p.good, p.found = p.last, true
		}
		p.bad = nil
	} else if j.Verdict == es.Halting && p.bad == nil {
		bad := line.Of(p.room.Room, &s, j)
		p.bad = &bad
	}
	if s.Offset > p.want {
		p.lose(&s, j)
	}
	return nil
}

// lose notes a record that will count no more.
func (p *planner) lose(s *wire.Stored, j es.Judgement) {
	incident, mission := controlroom.Numbered(s.Events)
	p.dead.LastIncident, p.dead.LastMission = max(p.dead.LastIncident, incident), max(p.dead.LastMission, mission)
	if j.Verdict == es.Effective {
		p.effective++
	}
	if s.Intake != es.NoIntake {
		p.answered = max(p.answered, s.Intake+1)
	}
	if len(p.shown) < mostShown {
		p.shown = append(p.shown, line.Of(p.room.Room, s, j))
	}
}

// advice is where the room can go on.
func (p *planner) advice() string {
	if p.bad != nil {
		return fmt.Sprintf("the last good one before record %d (%s) is --good-offset %d; -1 begins the room anew", p.bad.Offset, p.bad.Halts, p.last.Offset)
	}
	return fmt.Sprintf("give the offset of an effective record, as vigie log tail shows them; the last is --good-offset %d", p.last.Offset)
}

// withIntake checks that what would be decided again is still there.
func (p *plan) withIntake(start, end, next int64) error {
	p.next = next
	switch {
	case next != 0 && (next < p.good.IntakeNext || next > end):
		return usage("--intake-next %d: the next request to be answered is %d, and intake ends at %d: give a number from the one to the other", next, p.good.IntakeNext, end)
	case end < p.good.IntakeNext:
		return usage("intake ends at %d and request %d was answered before record %d: intake was cut too; give an earlier --good-offset", end, p.good.IntakeNext-1, p.good.Offset)
	case start > max(p.good.IntakeNext, next):
		return usage("requests %d to %d would be decided again and are gone (intake begins at %d): give --intake-next %d to go on without them, or a later --good-offset",
			p.good.IntakeNext, start-1, start, start)
	}
	return nil
}

// again is the range of requests whose outcome is lost and that are decided again.
func (p *plan) again() (from, to int64) {
	from = max(p.good.IntakeNext, p.next)
	return from, max(from, p.answered)
}

// record is what is written, if at an offset.
func (p *plan) record(offset int64, by controlroom.ReopenedBy) ([]byte, es.Hash) {
	by.IntakeNext = p.next
	d := controlroom.Reopen(p.room.Room, p.good, offset, p.dead, by)
	return wire.Encode(&d)
}
