// Package audit checks a simulation against the effective log of each room, as an auditor reads it: that nothing was lost,
// nothing happened twice, and how soon somebody was on scene. It believes the log and what the clients themselves saw, never
// the server's word. [Room] is pure; records go in with Read, in order, and findings come out of Check.
package audit

import (
	"fmt"
	"time"
)

// CheckedBy says what lost and duplicated mean.
const CheckedBy = "effective log of every room, read as an auditor, against what the clients sent and received. " +
	"lost: an alarm answered 202, or a report answered done, that is not in exactly one incident; an alarm that was stored and refused; " +
	"an incident live and not controlled past its neglect time, plus 2 s of real time, with neither an accepted mission nor IncidentNeglected; " +
	"an offer without receipt, never seen by the team's own client, that stood for 5 s of domain time plus 2 s of real time while that client was connected. " +
	"duplicated: a cause with two effective outcomes; an alarm recorded twice; a team with two missions at once; a mission with two ends"

// Finding is one thing that is wrong.
type Finding struct {
	// Kind is Lost or Duplicated.
	Kind Kind
	Room string
	What string
}

func (f Finding) String() string { return fmt.Sprintf("%s in room %s: %s", f.Kind, f.Room, f.What) }

// Kind of a finding.
type Kind string

// The kinds of findings.
const (
	Lost       Kind = "lost"
	Duplicated Kind = "duplicated"
)

// Span is a time in which a client was connected; the zero To is still.
type Span struct{ From, To time.Time }

// Evidence is what the clients know of one room.
type Evidence struct {
	// Alarms answered 202: the source's key of each, and whether it reports an end.
	Alarms map[string]bool
	// Reports are the ids of incident.open that were answered done.
	Reports []string
	// Offers are the missions whose offer a handheld has got.
	Offers map[string]bool
	// Connected are the times in which each team's handheld was.
	Connected map[string][]Span
	// Home is the home site of each team.
	Home map[string]string
	// Slack is 2 s of real time in domain time: what networks and deciders may take.
	Slack time.Duration
	// Until is the domain time at which the log was read.
	Until time.Time
}

// Targets is how soon somebody should be on scene, by priority.
func Targets(priority int) time.Duration {
	return []time.Duration{8 * time.Minute, 15 * time.Minute, 30 * time.Minute}[min(max(priority, 1), 3)-1]
}

// Sums are the figures of one room, or of all.
type Sums struct {
	Incidents, Open, Missions, AcrossSites, Declined, Expired, OnScene, Neglected, NoTeam int
	// Wanted and InTime count incidents by priority: those whose first arrival was, or should have been, and those in time.
	Wanted, InTime map[int]int
	Legs           Legs
}

// Add adds another room's.
func (s *Sums) Add(o Sums) {
	s.Incidents += o.Incidents
	s.Open += o.Open
	s.Missions += o.Missions
	s.AcrossSites += o.AcrossSites
	s.Declined += o.Declined
	s.Expired += o.Expired
	s.OnScene += o.OnScene
	s.Neglected += o.Neglected
	s.NoTeam += o.NoTeam
	if s.Wanted == nil {
		s.Wanted, s.InTime = map[int]int{}, map[int]int{}
	}
	for p, n := range o.Wanted {
		s.Wanted[p] += n
	}
	for p, n := range o.InTime {
		s.InTime[p] += n
	}
	s.Legs.add(o.Legs)
}

// Legs are how long each part of the way took, of all missions that got so far; for people who look for what is slow.
type Legs struct {
	// Offer is from the receipt of what opened an incident to its first offer.
	Offer, Deliver, Answer, Turnout, Travel, Stay []time.Duration
}

func (l *Legs) add(o Legs) {
	l.Offer = append(l.Offer, o.Offer...)
	l.Deliver = append(l.Deliver, o.Deliver...)
	l.Answer = append(l.Answer, o.Answer...)
	l.Turnout = append(l.Turnout, o.Turnout...)
	l.Travel = append(l.Travel, o.Travel...)
	l.Stay = append(l.Stay, o.Stay...)
}
