package audit

import (
	"maps"
	"slices"
	"time"
)

// delivery is how soon a connected handheld should have confirmed an offer (domain §2).
const delivery = 5 * time.Second

// Check gives the figures of the room and what is wrong. The room is not to be read further.
func (r *Room) Check(e Evidence) (Sums, []Finding) {
	r.checkHeld(e)
	s := Sums{Wanted: map[int]int{}, InTime: map[int]int{}}
	for _, id := range slices.Sorted(maps.Keys(r.incidents)) {
		i := r.incidents[id]
		r.checkWaits(e, i)
		s.incident(i, e.Until)
	}
	for _, id := range slices.Sorted(maps.Keys(r.missions)) {
		m := r.missions[id]
		r.checkGiven(e, m)
		s.mission(m, r.incidents[m.incident], e.Home[m.team])
	}
	return s, r.findings
}

// checkHeld: what was answered is in exactly one incident. The end of an alarm may come when its incident is over.
func (r *Room) checkHeld(e Evidence) {
	for _, key := range slices.Sorted(maps.Keys(e.Alarms)) {
		switch held := r.held[key]; {
		case len(held) == 0:
			r.found(Lost, "alarm %s was answered and is not in the log", key)
		case len(held) > 1:
			r.found(Duplicated, "alarm %s is in %v", key, held)
		case held[0] == "" && !e.Alarms[key]:
			r.found(Lost, "alarm %s is in no incident", key)
		}
	}
	for _, id := range e.Reports {
		if r.opened[id] == "" {
			r.found(Lost, "report %s was answered and opened no incident", id)
		}
	}
}

// checkWaits: nobody coming and nobody told.
func (r *Room) checkWaits(e Evidence, i *incident) {
	i.stopWaiting(e.Until)
	for _, w := range i.waits {
		if waited := w.To.Sub(w.From); waited > i.neglectIn+e.Slack {
			r.found(Lost, "incident %s (P%d) waited %v from %s on with nobody coming and nobody told",
				i.id, i.priority, waited.Round(time.Second), w.From.Format(time.TimeOnly))
		}
	}
}

// checkGiven: a team whose client was connected all the while must have had the offer.
func (r *Room) checkGiven(e Evidence, m *mission) {
	by := m.offered.Add(delivery + e.Slack)
	if m.receipt || e.Offers[m.id] || by.After(e.Until) || !m.ended.IsZero() && m.ended.Before(by) {
		return
	}
	if slices.ContainsFunc(e.Connected[m.team], func(s Span) bool {
		return !s.From.After(m.offered) && (s.To.IsZero() || !s.To.Before(by))
	}) {
		r.found(Lost, "mission %s was offered to %s at %s, whose client was connected and never got it",
			m.id, m.team, m.offered.Format(time.TimeOnly))
	}
}

func (s *Sums) incident(i *incident, until time.Time) {
	s.Incidents++
	if !i.closed {
		s.Open++
	}
	if i.neglected {
		s.Neglected++
	}
	if i.noTeam {
		s.NoTeam++
	}
	if !i.first.IsZero() {
		s.Legs.Offer = append(s.Legs.Offer, i.first.Sub(i.received))
	}
	target := Targets(i.priority)
	switch {
	case !i.arrived.IsZero():
		s.Wanted[i.priority]++
		if i.arrived.Sub(i.received) <= target {
			s.InTime[i.priority]++
		}
	case i.over && i.ended.Sub(i.received) > target, !i.over && until.Sub(i.received) > target:
		s.Wanted[i.priority]++ // somebody should have been there by then
	}
}

func (s *Sums) mission(m *mission, i *incident, home string) {
	s.Missions++
	switch m.end {
	case "mission_declined":
		s.Declined++
	case "mission_expired":
		s.Expired++
	}
	if !m.accepted.IsZero() && i != nil && i.site != home {
		s.AcrossSites++
	}
	if !m.there.IsZero() {
		s.OnScene++
	}
	leg := func(to *[]time.Duration, from, until time.Time) {
		if !from.IsZero() && !until.IsZero() {
			*to = append(*to, until.Sub(from))
		}
	}
	leg(&s.Legs.Deliver, m.offered, m.delivered)
	leg(&s.Legs.Answer, m.offered, m.accepted)
	leg(&s.Legs.Turnout, m.accepted, m.left)
	leg(&s.Legs.Travel, m.left, m.there)
	if m.end == "mission_cleared" {
		leg(&s.Legs.Stay, m.there, m.ended)
	}
}
