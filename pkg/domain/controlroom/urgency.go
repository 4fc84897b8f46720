package controlroom

import intakev1 "vigie/pkg/gen/vigie/intake/v1"

// Urgency orders what nobody has decided on yet by who cannot wait: where not everything finds a place, each urgency has
// its own, so that no flood of doors keeps an SOS from being heard.
type Urgency int

// From what nobody runs to up to what everybody does.
const (
	UrgencyNone Urgency = iota
	UrgencyOrdinary
	UrgencyDanger
	UrgencySOS
	// Urgencies is how many there are.
	Urgencies
)

// Urgency of a request, by what it says itself and by what its code means here. The end of an alarm is none, as is whatever
// is neither an alarm nor an SOS. A region of which nothing is known yet knows no codes.
func (r *Region) Urgency(q *intakev1.Request) Urgency {
	switch b := q.GetBody().(type) {
	case *intakev1.Request_RaiseSos:
		return UrgencySOS
	case *intakev1.Request_RaiseAlarm:
		if b.RaiseAlarm.GetRestore() {
			return UrgencyNone
		}
		if _, priority := r.classify(b.RaiseAlarm.GetCode(), b.RaiseAlarm.GetCategory()); priority == 1 {
			return UrgencyDanger
		}
		return UrgencyOrdinary
	}
	return UrgencyNone
}
