package controlroom

import (
	"fmt"

	"vigie/pkg/es"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	logv1 "vigie/pkg/gen/vigie/log/v1"
)

// stepClock moves the room's clock back once for all that ask for the same step (protocol §3), to what the clock of the
// decider shows: by one that does not see the room ahead, deadlines would move and the room's clock would not.
func (d *decider) stepClock(q *intakev1.Request, b *intakev1.StepClock) Outcome {
	ahead := q.GetReceivedAtMs() - b.GetDeltaMs() // what the room's clock showed when it was asked
	delta := d.at - ahead
	if b.GetStep() != d.ClockSteps+1 || b.GetDeltaMs() >= 0 || delta >= 0 {
		return refused(&es.Refusal{Code: CodeAlreadyStepped, Message: "The room's clock has been set meanwhile: look at it again before asking."})
	}
	d.emit(&logv1.Event{Body: &logv1.Event_ClockStepped{ClockStepped: &logv1.ClockStepped{DeltaMs: delta}}})
	return d.done()
}

// raiseLevel waits until every process reads the level: one that does not would stop at the first event of it.
func (d *decider) raiseLevel(level uint32) Outcome {
	if level > d.facts.ReadLevel {
		return refused(&es.Refusal{Code: CodeLevelUnread, Message: fmt.Sprintf(
			"Level %d is not read by every process yet (%d is): bring all of them to the new version first.", level, d.facts.ReadLevel)})
	}
	d.emit(&logv1.Event{Body: &logv1.Event_LevelRaised{LevelRaised: &logv1.LevelRaised{Level: level}}})
	return d.done()
}

// clockStepped moves all that is to come with the clock: deadlines, and the times that speak of them.
func (s *State) clockStepped(delta int64) {
	s.ClockSteps++
	for id, t := range s.Deadlines {
		if t.Kind != timerOpen {
			t.Due += delta
			s.Deadlines[id] = t
		}
	}
	for _, i := range s.Incidents {
		i.JoinUntil += delta
		if i.Proposal.waits() {
			moved := *i.Proposal
			moved.Until += delta
			i.Proposal = &moved
		}
	}
	for _, m := range s.Missions {
		if m.Active() && m.AnswerBy != 0 {
			m.DeliverBy, m.AnswerBy = m.DeliverBy+delta, m.AnswerBy+delta
		}
	}
	for _, t := range s.Teams {
		if t.OnDuty {
			// What is compared with the times of facts to come moves with them.
			t.Since, t.Until, t.CrossedAt = t.Since+delta, t.Until+delta, t.CrossedAt+delta
		}
		if t.PlaceBy != "" {
			t.PlaceAt += delta
		}
		if t.ContactBy != "" {
			t.ContactAt += delta
		}
	}
}
