package sim_test

import (
	"slices"

	"vigie/pkg/domain/watch"
	"vigie/pkg/es"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	logv1 "vigie/pkg/gen/vigie/log/v1"
)

// device is a team's handheld with its guard.
type device struct {
	*client
	r    *room
	team string

	online  bool
	session *session
	gateway *gatewayNode
	// cursor is the last record that was seen; -1: none.
	cursor int64
	hash   es.Hash
	// acts are what the guard has done and the room has not answered, in order.
	acts    []*act
	sending bool
	// known are the missions that the guard has dealt with, over those that want nothing more of the team.
	known, over map[string]bool
}

type act struct {
	body  *intakev1.Request
	done  func(answer)
	since int64
}

// signOn puts the team on duty and brings the handheld into the network.
func (d *device) signOn() {
	d.do(&intakev1.Request{Body: &intakev1.Request_StartDuty{StartDuty: &intakev1.StartDuty{
		Team: d.team, UntilMs: epoch + 24*3600*second,
	}}}, nil)
	d.connect()
}

// connect finds a gateway, sooner or later.
func (d *device) connect() {
	if d.session != nil {
		return
	}
	g := d.w.gateway()
	if g == nil || !g.boards[d.r.name].ready {
		d.w.after(d.w.between(300, 2000), d.connect)
		return
	}
	d.online, d.gateway = true, g
	d.session = g.boards[d.r.name].hello(d, d.cursor, d.hash)
	d.notice(g.life)
	d.send()
}

// notice: a gateway that died is noticed after a while, and another one found.
func (d *device) notice(life int) {
	s := d.session
	d.w.after(3*second, func() {
		switch {
		case d.session != s:
		case d.gateway.up && d.gateway.life == life:
			d.notice(life)
		default:
			d.session = nil
			d.connect()
		}
	})
}

// drop takes the handheld out of the network for a while.
func (d *device) drop(span int64) {
	if d.session == nil || !d.online {
		return
	}
	d.w.tell("%s is out of reach for %d ms", d.name, span)
	d.session.lose(d.w.likely(0.3))
	d.online = false
	d.w.after(span, func() {
		d.session = nil
		d.connect()
	})
}

// do is an act of the guard, now.
func (d *device) do(q *intakev1.Request, done func(answer)) {
	q.DeviceAtMs = epoch + d.w.now
	q.Actor = &intakev1.Actor{Id: "guard-" + d.team, Role: "guard"}
	if done == nil {
		done = func(answer) {}
	}
	d.acts = append(d.acts, &act{q, done, d.w.now})
	d.send()
}

// send passes the acts on, one after the other; without network they wait.
func (d *device) send() {
	if d.sending || len(d.acts) == 0 || !d.online {
		return
	}
	d.sending = true
	a := d.acts[0]
	via := func() *gatewayNode {
		if d.online && d.gateway.up {
			return d.gateway
		}
		return nil
	}
	d.command(d.r, via, a.body, 0, func(got answer) {
		d.sending, d.acts = false, d.acts[1:]
		a.done(got)
		d.send()
	})
}

// in checks that a stream has no hole and repeats nothing (I17 to I20).
func (d *device) in(offset int64, hash es.Hash) {
	if !d.r.cut {
		if offset <= d.cursor {
			d.w.fail("I18", "%s is sent record %d after %d", d.name, offset, d.cursor)
		}
		seen := d.r.oracle.seen[d.team]
		if k, _ := slices.BinarySearch(seen, d.cursor+1); k < len(seen) && seen[k] < offset {
			d.w.fail("I19", "%s is sent record %d after %d and not %d", d.name, offset, d.cursor, seen[k])
		}
	}
	d.cursor, d.hash = offset, hash
}

// snapshot is where the stream begins anew.
func (d *device) snapshot(offset int64, hash es.Hash, s watch.TeamState) {
	d.cursor, d.hash = offset, hash
	for _, m := range s.Missions {
		d.meet(m.ID)
	}
}

func (d *device) take(f frame) {
	d.in(f.offset, f.hash)
	for _, e := range f.events {
		switch b := e.GetBody().(type) {
		case *logv1.Event_MissionOffered:
			d.meet(b.MissionOffered.GetMission())
		case *logv1.Event_LateAnswerHonoured:
			d.known[b.LateAnswerHonoured.GetMission()] = true
			d.work(b.LateAnswerHonoured.GetMission())
		case *logv1.Event_MissionCancelled, *logv1.Event_MissionExpired, *logv1.Event_MissionDeclined, *logv1.Event_MissionCleared:
			d.over[missionOf(e)] = true
		}
	}
}

// meet shows an offer to the guard, who answers, or not.
func (d *device) meet(mission string) {
	if d.known[mission] {
		return
	}
	d.known[mission] = true
	d.do(&intakev1.Request{Body: &intakev1.Request_ReportDelivered{ReportDelivered: &intakev1.ReportDelivered{Mission: mission, Device: d.name}}}, nil)
	wait := d.w.between(500, 8000)
	if !d.w.calm {
		if d.w.faults.dropEvery > 0 && d.w.likely(0.2) { // what is said meanwhile comes late
			d.w.after(wait/3, func() { d.drop(d.w.between(20, 100) * second) })
		}
		switch {
		case d.w.likely(d.w.faults.silent):
			wait = d.w.between(20, 110) * second // far too late, or just
		case d.w.likely(0.1):
			d.w.after(wait, func() {
				d.over[mission] = true
				d.do(&intakev1.Request{Body: &intakev1.Request_DeclineMission{DeclineMission: &intakev1.DeclineMission{Mission: mission, Reason: "busy"}}}, nil)
			})
			return
		}
	}
	d.w.after(wait/2, func() {
		d.do(&intakev1.Request{Body: &intakev1.Request_ReportSeen{ReportSeen: &intakev1.ReportSeen{Mission: mission, Device: d.name}}}, nil)
	})
	d.w.after(wait, func() { d.accept(mission) })
}

func (d *device) accept(mission string) {
	if d.over[mission] {
		return
	}
	said := epoch + d.w.now
	d.do(&intakev1.Request{Body: &intakev1.Request_AcceptMission{AcceptMission: &intakev1.AcceptMission{Mission: mission}}}, func(a answer) {
		d.answered(mission, said, a)
	})
	d.work(mission)
}

// answered: what was said in time is not refused as too late (domain §2); on a refusal the guard does what it says.
func (d *device) answered(mission string, said int64, a answer) {
	if a.code == "mission_expired" && !d.w.faults.skews && !d.r.cut {
		if ended := d.r.oracle.state.Missions[mission]; ended != nil && said < ended.EndedAt-20 && said > ended.OfferedAt {
			d.w.fail("F13", "%s accepted %s %d ms before it expired and is told that it was too late", d.name, mission, ended.EndedAt-said)
		}
	}
	if a.code == "" {
		return
	}
	d.over[mission] = true
	if a.code == "continue" && !d.known[a.mission] {
		d.known[a.mission] = true
		d.work(a.mission)
	}
}

// work takes the guard to the scene and back, as long as nobody calls them off.
func (d *device) work(mission string) {
	on := d.w.between(1, 8) * second
	scene := on + d.w.between(2, 20)*second
	done := scene + d.w.between(2, 30)*second
	for _, leg := range []struct {
		at   int64
		body *intakev1.Request
	}{
		{on, &intakev1.Request{Body: &intakev1.Request_ReportEnRoute{ReportEnRoute: &intakev1.ReportEnRoute{Mission: mission}}}},
		{scene, &intakev1.Request{Body: &intakev1.Request_ReportOnScene{ReportOnScene: &intakev1.ReportOnScene{Mission: mission}}}},
		{done, &intakev1.Request{Body: &intakev1.Request_ClearMission{ClearMission: &intakev1.ClearMission{Mission: mission}}}},
	} {
		d.w.after(leg.at, func() {
			if !d.over[mission] {
				d.do(leg.body, func(a answer) {
					if a.code != "" {
						d.over[mission] = true
					}
				})
			}
		})
	}
}

// needsHelp is the guard's SOS.
func (d *device) needsHelp() {
	d.do(&intakev1.Request{Body: &intakev1.Request_RaiseSos{RaiseSos: &intakev1.RaiseSos{Team: d.team, Guard: "guard-" + d.team}}}, nil)
}
