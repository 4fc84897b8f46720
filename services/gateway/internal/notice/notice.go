// Package notice says of a request what whoever watches the room is told before there is a decision on it. It is pure.
package notice

import (
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// Kinds of notices that are about a request; each ends with another of its kind and key that says that it is over.
const (
	Provisional = "provisional"
	Undecided   = "undecided"
)

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
