// Package notice says of a request what whoever watches the room is told before there is a decision on it. It is pure.
package notice

import (
	"fmt"
	"math"

	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// Kinds of notices that are about a request; each ends with another of its kind and key that says that it is over.
const (
	Provisional = "provisional"
	Undecided   = "undecided"
)

// Audience is who is told: the consoles of the notice's room, and the handhelds of teams at home at a site.
type Audience struct {
	Site string
	// Spared is a team that must not sound: its SOS is silent.
	Spared string
}

// Reaches says whether the handhelds of a team at home at a site are among the audience.
func (a Audience) Reaches(team, home string) bool {
	return home != "" && home == a.Site && team != a.Spared
}

// Bounds of what is open, for each urgency of each room.
type Bounds struct {
	// Shown is how much is told one by one: whoever has so many alarms before him needs no longer list to know.
	Shown int
	// Held is how much is known, that which is shown included.
	Held int
}

// OrDefault are the bounds, or those that hold where none are given.
func (b Bounds) OrDefault() Bounds {
	if b == (Bounds{}) {
		return Bounds{Shown: 1000, Held: 4000}
	}
	return b
}

// Of gives the notice of a kind about a request, or nil when it is neither an alarm nor an SOS. The end of an alarm is
// none: there is nothing to run to.
func Of(kind string, q *intakev1.Request) *watchv1.Notice {
	n := &watchv1.Notice{Kind: kind, Room: q.GetRoom()}
	var what string
	switch b := q.GetBody().(type) {
	case *intakev1.Request_RaiseAlarm:
		if b.RaiseAlarm.GetRestore() {
			return nil
		}
		what, n.Key = "An alarm", b.RaiseAlarm.GetAlarmId()
		n.Site, n.Zone, n.Code = b.RaiseAlarm.GetSite(), b.RaiseAlarm.GetZone(), b.RaiseAlarm.GetCode()
	case *intakev1.Request_RaiseSos:
		what, n.Key = "An SOS", q.GetId()
		n.Team, n.Site, n.Zone = b.RaiseSos.GetTeam(), b.RaiseSos.GetSite(), b.RaiseSos.GetZone()
	default:
		return nil
	}
	if kind == Provisional {
		n.Message = what + " was taken while the log cannot be reached: act on it, the room decides later."
	} else {
		n.Message = what + " is stored and nobody has decided on it yet."
	}
	return n
}

// Over is the end of a notice.
func Over(n *watchv1.Notice) *watchv1.Notice {
	return &watchv1.Notice{Kind: n.GetKind(), Room: n.GetRoom(), Key: n.GetKey(), Over: true, Message: "It is over."}
}

// More says how many are open of a kind beside those that are shown; of none, that this is over. Of what is taken while the
// log is away nobody may know how many there are.
func More(kind, room string, n int, atLeast bool) *watchv1.Notice {
	more := &watchv1.Notice{Kind: kind, Room: room, Key: "more", More: int32(min(n, math.MaxInt32))} //nolint:gosec // within
	if n == 0 {
		return Over(more)
	}
	number := fmt.Sprint(n)
	if atLeast {
		number = "at least " + number
	}
	more.Message = "And " + number + " more are stored and nobody has decided on them yet."
	if kind == Provisional {
		more.Message = "And " + number + " more were taken while the log cannot be reached."
	}
	return more
}
