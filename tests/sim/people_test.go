package sim_test

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
)

// client is somebody outside who asks and is answered; an unknown outcome is asked for again under the same id.
type client struct {
	w    *world
	name string
	// open are the commands that have no outcome yet, and since when.
	open map[string]int64
}

func newClient(w *world, name string) *client {
	return &client{w: w, name: name, open: map[string]int64{}}
}

// yes is an outcome that a client was told.
type yes struct {
	who   string
	cause es.Cause
	answer
}

// since is the earliest of some times; none: the end of time.
func since(open map[string]int64) int64 {
	first := int64(math.MaxInt64)
	for _, at := range open {
		first = min(first, at)
	}
	return first
}

// gateway is one that takes connections now, or nil.
func (w *world) gateway() *gatewayNode {
	up := make([]*gatewayNode, 0, 3)
	for _, g := range w.gateways {
		if g.up {
			up = append(up, g)
		}
	}
	if len(up) == 0 {
		return nil
	}
	return pick(w, up)
}

// command asks until there is an outcome, or so many times; 0: for ever.
func (c *client) command(r *room, via func() *gatewayNode, q *intakev1.Request, tries int, done func(answer)) {
	q.Principal, q.Id = c.name, c.w.id("command")
	c.open[q.GetId()] = c.w.now
	c.attempt(r, via, q, tries, done)
}

func (c *client) attempt(r *room, via func() *gatewayNode, q *intakev1.Request, tries int, done func(answer)) {
	over := false
	end := func(a answer) {
		if over {
			return
		}
		over = true
		switch {
		case a.known:
			r.yeses = append(r.yeses, yes{c.name, es.Cause{Principal: q.GetPrincipal(), ID: q.GetId()}, a})
			delete(c.open, q.GetId())
			done(a)
		case tries == 1:
			delete(c.open, q.GetId())
			done(a)
		default:
			c.w.after(c.w.between(100, 1000), func() { c.attempt(r, via, q, max(0, tries-1), done) })
		}
	}
	if g := via(); g != nil {
		g.after(c.w.between(1, 30), func() {
			g.boards[r.name].submit(q, func(a answer) { c.w.after(c.w.between(1, 30), func() { end(a) }) })
		})
	}
	c.w.after(12*second, func() { end(answer{}) })
}

// alarm is sent by a source until it is acknowledged.
func (r *room) alarm(source string, q *intakev1.Request) {
	q.Principal, q.Id = "source/"+source, r.w.id("alarm")
	q.GetRaiseAlarm().AlarmId = q.GetId()
	r.alarmsOpen[q.GetId()] = r.w.now
	r.sendAlarm(q)
}

func (r *room) sendAlarm(q *intakev1.Request) {
	over := false
	end := func(stored bool) {
		switch {
		case over:
			return
		case stored:
			r.acked = append(r.acked, es.Cause{Principal: q.GetPrincipal(), ID: q.GetId()})
			delete(r.alarmsOpen, q.GetId())
			if r.w.likely(0.1) && !r.w.calm { // a source that has not understood sends it once more
				r.w.after(r.w.between(10, 3000), func() { r.sendAlarm(q) })
			}
		default:
			r.w.after(r.w.between(200, 2000), func() { r.sendAlarm(q) })
		}
		over = true
	}
	if g := r.w.gateway(); g != nil {
		g.after(r.w.between(1, 30), func() {
			g.boards[r.name].alarm(q, func(stored bool) { r.w.after(r.w.between(1, 30), func() { end(stored) }) })
		})
	}
	r.w.after(8*second, func() { end(false) })
}

// sources send alarms while the faults last.
func (r *room) sources() {
	if r.w.calm && !r.cut { // of a log that was cut, what comes next tells
		return
	}
	site := pick(r.w, r.conf.GetSites())
	a := &intakev1.RaiseAlarm{
		Source: "panel-" + pick(r.w, []string{"1", "2", "3"}), Code: pick(r.w, r.conf.GetCodes()).GetCode(),
		Site: site.GetId(), Zone: pick(r.w, site.GetZones()).GetCode(), Restore: r.w.likely(0.1),
	}
	if r.w.likely(0.03) {
		a.Code, a.Site = "??", "elsewhere"
	}
	burst := 1
	if r.w.likely(0.1) {
		burst = 5
	}
	for range burst {
		r.alarm(a.GetSource(), &intakev1.Request{
			DeviceAtMs: epoch + r.w.now, Body: &intakev1.Request_RaiseAlarm{RaiseAlarm: &intakev1.RaiseAlarm{
				Source: a.GetSource(), Code: a.GetCode(), Site: a.GetSite(), Zone: a.GetZone(), Restore: a.GetRestore(),
			}},
		})
	}
	if r.w.likely(0.03) {
		r.noise()
	}
	r.w.after(r.w.between(100, 2*r.w.faults.alarmEvery), r.sources)
}

// noise is what no edge should let in: bytes that mean nothing, another room's request, another use of an id.
func (r *room) noise() {
	g := r.w.gateway()
	if g == nil {
		return
	}
	q := &intakev1.Request{Principal: "stranger", Id: "1", Body: &intakev1.Request_EndDuty{EndDuty: &intakev1.EndDuty{Team: r.w.id("nobody")}}}
	switch r.w.chance.IntN(3) {
	case 0:
		r.intake.produce(g.node, odds{}, [][]byte{[]byte("\xffnoise")}, func(es.Appended) {})
		return
	case 1:
		q.Id, q.Room = r.w.id("stray"), "another"
	}
	r.ask(g.node, q, func(es.Appended) {})
}

// desk is a dispatcher, who acts on what a gateway shows.
func (r *room) desk() {
	if r.w.calm {
		return
	}
	r.w.after(r.w.between(500, 2*r.w.faults.deskEvery), r.desk)
	g := r.w.gateway()
	if g == nil || !g.boards[r.name].ready {
		return
	}
	s := &g.boards[r.name].fold.State
	var live []string
	for _, id := range slices.Sorted(maps.Keys(s.Incidents)) {
		if s.Incidents[id].Live() {
			live = append(live, id)
		}
	}
	if len(live) == 0 {
		return
	}
	q := r.order(s.Incidents[pick(r.w, live)])
	q.Actor = &intakev1.Actor{Id: "dora", Role: pick(r.w, []string{"dispatcher", "chief"})}
	q.ValidUntilMs = g.clock() + 30*second
	r.dispatcher.command(r, r.w.gateway, q, 3, func(answer) {})
}

func (r *room) order(i *controlroom.Incident) *intakev1.Request {
	switch r.w.chance.IntN(8) {
	case 0, 1, 2:
		return &intakev1.Request{Body: &intakev1.Request_AssignMission{AssignMission: &intakev1.AssignMission{
			Incident: i.ID, Team: pick(r.w, r.teams), Reason: pick(r.w, []string{"", "go"}),
		}}}
	case 3:
		return &intakev1.Request{Body: &intakev1.Request_ClaimIncident{ClaimIncident: &intakev1.ClaimIncident{Incident: i.ID}}}
	case 4:
		return &intakev1.Request{Body: &intakev1.Request_ControlIncident{ControlIncident: &intakev1.ControlIncident{Incident: i.ID}}}
	case 5:
		return &intakev1.Request{Body: &intakev1.Request_CancelIncident{CancelIncident: &intakev1.CancelIncident{Incident: i.ID, Reason: "test"}}}
	case 6:
		if len(i.Missions) > 0 {
			return &intakev1.Request{Body: &intakev1.Request_CancelMission{CancelMission: &intakev1.CancelMission{Mission: pick(r.w, i.Missions)}}}
		}
		return &intakev1.Request{Body: &intakev1.Request_OpenIncident{OpenIncident: &intakev1.OpenIncident{
			Site: i.Site, Category: pick(r.w, []string{"access", "delinquency", "internal_violence"}),
		}}}
	}
	return &intakev1.Request{Body: &intakev1.Request_CloseIncident{CloseIncident: &intakev1.CloseIncident{
		Incident: i.ID, Disposition: cmp.Or(i.Disposition, "genuine"),
	}}}
}
