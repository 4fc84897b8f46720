package guard

import (
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// shift is one run of a daily shift.
type shift struct{ start, end time.Time }

// duty is who is signed on.
type duty struct {
	// on is the shift that the room has confirmed; zero: nobody.
	on shift
	// asked that something is under way, for want.
	asked    bool
	want     shift
	tryAgain time.Time
}

// ended: the room says that nobody is on duty any more.
func (d *duty) ended() { d.on = shift{} }

// relief comes so long before its shift begins: a team is re-manned at the briefing, not left empty at seven sharp.
func (a *Agent) relief() time.Duration { return a.lot("relief").Between(0, 2*time.Minute) }

// wanted is the shift that should be on now.
func (a *Agent) wanted(now time.Time) (shift, bool) {
	if s, ok := a.shiftAt(now.Add(a.relief())); ok {
		return s, true
	}
	return a.shiftAt(now)
}

func (a *Agent) shiftAt(t time.Time) (shift, bool) {
	for _, s := range a.shiftsAround(t) {
		if !t.Before(s.start) && t.Before(s.end) {
			return s, true
		}
	}
	return shift{}, false
}

// shiftsAround are the runs of yesterday, today and tomorrow, in local time: a day may have 23 or 25 hours.
func (a *Agent) shiftsAround(t time.Time) []shift {
	var out []shift
	y, m, d := t.In(a.loc).Date()
	for day := -1; day <= 1; day++ {
		for _, s := range a.Team.Shifts {
			end := s.EndMinute
			if end <= s.StartMinute {
				end += 24 * 60
			}
			out = append(out, shift{
				start: time.Date(y, m, d+day, 0, s.StartMinute, 0, 0, a.loc),
				end:   time.Date(y, m, d+day, 0, end, 0, 0, a.loc),
			})
		}
	}
	return out
}

// nextShift is when wanted may change.
func (a *Agent) nextShift(now time.Time) time.Time {
	next := now.Add(24 * time.Hour)
	for _, s := range a.shiftsAround(now) {
		for _, t := range []time.Time{s.start.Add(-a.relief()), s.end} {
			if t.After(now) && t.Before(next) {
				next = t
			}
		}
	}
	return next
}

// shift signs on and off. Whoever is on a mission stays on until it is over.
func (a *Agent) shift(now time.Time) {
	want, wanted := a.wanted(now)
	if a.duty.asked || a.cur != nil || now.Before(a.duty.tryAgain) {
		return
	}
	switch {
	case wanted && !want.start.Equal(a.duty.on.start):
		a.duty.asked, a.duty.want = true, want
		a.say(now, &watchv1.Command{
			Type: "team.on_duty", Team: a.Team.Team, Guards: a.guards(want), Until: timestamppb.New(want.end),
		})
	case !wanted && a.OnDuty():
		a.duty.asked, a.duty.want = true, shift{}
		a.say(now, &watchv1.Command{Type: "team.off_duty", Team: a.Team.Team})
	}
}

// guards are pseudonyms; another shift is other people.
func (a *Agent) guards(s shift) []string {
	out := make([]string, 0, a.Team.Guards)
	for k := range max(1, a.Team.Guards) {
		out = append(out, a.Team.Team+"-"+s.start.In(a.loc).Format("15")+"-g"+strconv.Itoa(k+1))
	}
	return out
}

func (a *Agent) dutyAnswered(now time.Time, c *watchv1.Command, code string) {
	a.duty.asked = false
	if code != "" {
		a.duty.tryAgain = now.Add(time.Minute)
		return
	}
	a.duty.on = a.duty.want
	if c.GetType() == "team.off_duty" {
		a.duty.on = shift{}
		return
	}
	a.Watcher.OnDuty(a.Room.Room, a.Team.Team)
}
