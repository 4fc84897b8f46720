// Package controlroom is the aggregate of Vigie: the story of one control room, from alarms over incidents to missions
// and teams. [Decide] and [DecideDue] turn a request or a deadline that fell due into events or a refusal; [Evolve] folds
// events into the state. Everything is pure: no clock, no chance, no I/O; the same inputs give the same bytes. Whoever
// shows, replays or checks a room folds it with this package.
package controlroom

import (
	"fmt"

	"vigie/pkg/domain/controlroom/choose"
	"vigie/pkg/es"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	logv1 "vigie/pkg/gen/vigie/log/v1"
)

// Facts are what a decision may know beside the state: handed in, never looked up.
type Facts struct {
	Room string
	// LogID is the id of the room's log in the room table.
	LogID string
	// ReadLevel is the highest level that every process is known to read, the one that decides included.
	ReadLevel uint32
	// MinuteOfDay is the local time at the sites.
	MinuteOfDay int32
	// Positions are the last fixes of teams.
	Positions map[string]choose.Fix
}

type (
	// Request is the kernel's with the requests of a control room.
	Request = es.Request[*intakev1.Request]
	// Outcome is the kernel's with the events of a control room.
	Outcome = es.Outcome[*logv1.Event]
	// Decision is the kernel's with the events of a control room.
	Decision = es.Decision[*logv1.Event]
	// Stored is a decision as read from the log.
	Stored = es.Stored[*logv1.Event]
	// Domain is the kernel's of this domain.
	Domain = es.Domain[State, *logv1.Event, *intakev1.Request, Facts]
	// Fold is the kernel's of this domain.
	Fold = es.Fold[State, *logv1.Event, *intakev1.Request, Facts]
	// Writer is the kernel's of this domain.
	Writer = es.Writer[State, *logv1.Event, *intakev1.Request, Facts]
)

// MaxLevel is the highest level of the log that this program reads and writes.
const MaxLevel = 1

// Rules is this domain as the kernel wants it.
func Rules() *Domain {
	return &Domain{
		Initial: Initial, Clone: Clone, Evolve: Evolve,
		Open: OpenDeadline, Deadlines: EachDeadline, Answered: Answered,
		Level:      func(e *logv1.Event) uint32 { return e.GetLevelRaised().GetLevel() },
		MaxLevel:   MaxLevel,
		Reopens:    reopens,
		StepsClock: func(e *logv1.Event) bool { return e.GetClockStepped() != nil },
		AsksStep:   func(r *intakev1.Request) bool { return r.GetStepClock() != nil },
		Heard:      heard,
		Decide:     Decide, DecideDue: DecideDue, Undecidable: Undecidable,
	}
}

// NewFold is a room before its first record.
func NewFold(room string) *Fold { return es.NewFold(room, Rules()) }

// decider gathers the events of one decision.
type decider struct {
	State
	at     int64
	facts  Facts
	words  words
	events []*logv1.Event
	// opened counts the incidents and missions of this decision.
	incidents, missions int64
}

func (d *decider) nextIncident() string {
	d.incidents++
	return fmt.Sprintf("I%d", d.LastIncident+d.incidents)
}

func (d *decider) nextMission() string {
	d.missions++
	return fmt.Sprintf("M%d", d.LastMission+d.missions)
}

func (d *decider) done() Outcome { return Outcome{Events: d.events} }

func refused(r *es.Refusal) Outcome { return Outcome{Refusal: r} }
