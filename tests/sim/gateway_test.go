package sim_test

import (
	"vigie/pkg/beat"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/domain/watch"
	"vigie/pkg/es"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	"vigie/pkg/wire"
)

// gatewayNode is a gateway with its boards, its sockets and the receiver of alarms.
type gatewayNode struct {
	*node
	number int
	boards map[string]*board
	order  []*board
}

// board is a room as a gateway has folded it.
type board struct {
	g      *gatewayNode
	r      *room
	fold   *controlroom.Fold
	log    *reader
	ready  bool
	halted string
	// hashes of all records since the first, frames by team of what concerns it.
	hashes []es.Hash
	frames map[string][]frame

	waiting  map[es.Cause][]func(answer)
	sessions []*session
}

// frame is what a team's handheld is sent of one decision.
type frame struct {
	offset int64
	hash   es.Hash
	events []*logv1.Event
}

// answer to a command: unknown, or the outcome that was read back.
type answer struct {
	known   bool
	code    string
	version uint64
	offset  int64
	mission string
}

func (g *gatewayNode) start() {
	g.life++
	before := g.name
	g.name = g.w.id("gateway")
	g.up, g.stoppedUntil = true, 0
	g.w.byName[g.name] = g.node
	g.w.tell("%s starts", g.name)
	g.boards, g.order = map[string]*board{}, nil
	for _, r := range g.w.rooms {
		b := &board{
			g: g, r: r, fold: es.NewFold(r.name, g.w.broken.rules()), frames: map[string][]frame{}, waiting: map[es.Cause][]func(answer){},
		}
		g.boards[r.name], g.order = b, append(g.order, b)
		b.log = r.log.read(g.node, 0, b.read, func() { b.ready = true }, func() { b.halt("the log ends before what was read") })
		if before != "" {
			b.keepAsking(&intakev1.Request{Body: &intakev1.Request_GatewayLost{GatewayLost: &intakev1.GatewayLost{Gateway: before}}})
		}
	}
	g.beats(beat.Gateway)
}

// keepAsking stores a fact of this gateway, however often it takes.
func (b *board) keepAsking(q *intakev1.Request) {
	q.Principal, q.Id = "gateway/"+b.g.name, b.g.w.id("fact")
	b.retry(q)
}

func (b *board) retry(q *intakev1.Request) {
	b.r.ask(b.g.node, q, func(a es.Appended) {
		if a != es.Written {
			b.g.after(200, func() { b.retry(q) })
		}
	})
}

func (b *board) halt(reason string) {
	if b.halted == "" {
		b.halted, b.ready = reason, false
		b.g.w.tell("%s halts room %s: %s", b.g.name, b.r.name, reason)
		if !b.r.cut {
			b.g.w.fail("I8", "%s halts on a log that is whole: %s", b.g.name, reason)
		}
	}
}

func (b *board) read(offset int64, _ []byte) bool {
	s := b.g.w.broken.record(b.fold, b.r.stored(offset))
	j := b.fold.Read(s)
	b.r.oracle.agree(b.g.name, b.fold, offset, j.Verdict)
	if j.Verdict == es.Halting {
		b.halt(j.Reason)
		return false
	}
	b.hashes = append(b.hashes, s.Hash)
	if j.Verdict == es.Void && !b.g.w.broken.answersVoids {
		return true
	}
	if s.Intake != es.NoIntake {
		for _, tell := range b.waiting[s.Cause] {
			tell(b.outcome(s.Cause, s))
		}
		delete(b.waiting, s.Cause)
	}
	for _, team := range b.r.teams {
		if seen := (watch.Target{Room: b.r.name, Team: team}).Events(b.fold.State, s.Events); len(seen) > 0 {
			b.frames[team] = append(b.frames[team], frame{offset, s.Hash, seen})
		}
	}
	for _, s := range b.sessions {
		s.push()
	}
	return true
}

// outcome answers what the board has read back of a cause.
func (b *board) outcome(c es.Cause, s *wire.Stored) answer {
	first, known := b.fold.Outcome(c)
	if !known { // only of a rule that is broken
		first = es.First{Version: s.Version, Offset: s.Offset}
	}
	a := answer{known: true, code: first.Code, version: first.Version, offset: first.Offset}
	if first.Offset < b.r.log.end() { // else it was cut off
		if r := b.r.decoded[first.Offset].Refusal; r != nil {
			a.mission = r.Mission
		}
	}
	return a
}

// alarm stores what a source has sent; it is acknowledged when it is durable.
func (b *board) alarm(q *intakev1.Request, tell func(stored bool)) {
	b.r.ask(b.g.node, q, func(a es.Appended) { tell(a == es.Written) })
}

// outcomeBound is how long a durable request may take to be decided and read back.
const outcomeBound = 10 * second

// submit takes a command to its outcome.
func (b *board) submit(q *intakev1.Request, tell func(answer)) {
	c := es.Cause{Principal: q.GetPrincipal(), ID: q.GetId()}
	if !b.ready {
		tell(answer{})
		return
	}
	if _, known := b.fold.Outcome(c); known {
		tell(b.outcome(c, nil))
		return
	}
	b.r.ask(b.g.node, q, func(a es.Appended) {
		switch _, known := b.fold.Outcome(c); {
		case a != es.Written:
			tell(answer{})
		case known:
			tell(b.outcome(c, nil))
		default:
			b.waiting[c] = append(b.waiting[c], tell)
			b.g.after(outcomeBound, func() { tell(answer{}) })
		}
	})
}

// session is a handheld's socket at a gateway.
type session struct {
	b        *board
	d        *device
	id       string
	over     bool
	cursor   int64 // the offset of the last record that was sent
	sentAt   int64
	welcomed bool
}

// hello begins a session at the device's cursor, or with a snapshot when the gateway cannot go on from there.
func (b *board) hello(d *device, cursor int64, hash es.Hash) *session {
	s := &session{b: b, d: d, id: b.g.w.id("session"), cursor: cursor}
	b.sessions = append(b.sessions, s)
	d.w.tell("%s says hello to %s at %d", d.name, b.g.name, cursor)
	b.begin(s, hash)
	b.link(s)
	return s
}

func (b *board) begin(s *session, hash es.Hash) {
	switch {
	case s.over:
	case !b.ready || len(b.hashes) == 0 || s.cursor >= int64(len(b.hashes)):
		b.g.after(100, func() { b.begin(s, hash) }) // this gateway is behind what the device has seen
		return
	case s.cursor < 0 || b.hashes[s.cursor] != hash || b.g.w.likely(0.1):
		s.cursor = int64(len(b.hashes)) - 1
		at, state := s.cursor, (watch.Target{Room: b.r.name, Team: s.d.team}).State(b.fold.State)
		last := b.hashes[at]
		s.send(func() { s.d.snapshot(at, last, state) })
	}
	s.welcomed = true
	s.push()
}

// push sends what the session has not been sent.
func (s *session) push() {
	if s.over || !s.welcomed {
		return
	}
	frames := s.b.frames[s.d.team]
	for k := len(frames) - 1; k >= 0 && frames[k].offset > s.cursor; k-- {
		if k > 0 && frames[k-1].offset > s.cursor {
			continue
		}
		for _, f := range frames[k:] {
			s.cursor = f.offset
			s.send(func() { s.d.take(f) })
		}
	}
}

// send keeps the order of a socket; what is sent to one that is dead is lost.
func (s *session) send(arrive func()) {
	w := s.b.g.w
	s.sentAt = max(s.sentAt+1, w.now+w.between(2, 60))
	w.after(s.sentAt-w.now, func() {
		if s.d.session == s && s.d.online && s.b.g.up {
			arrive()
		}
	})
}

// link says that the device is linked, for as long as the session lasts.
func (b *board) link(s *session) {
	b.keepAsking(&intakev1.Request{Body: &intakev1.Request_LinkBack{LinkBack: &intakev1.LinkBack{
		Device: s.d.name, Team: s.d.team, Gateway: b.g.name, Session: s.id,
	}}})
	b.watchLink(s)
}

// watchLink has a device known again that the room took for gone and was not.
func (b *board) watchLink(s *session) {
	b.g.after(5*second, func() {
		if s.over {
			return
		}
		if team := b.fold.State.Teams[s.d.team]; team != nil {
			if _, known := team.Links[s.d.name]; !known {
				b.link(s)
				return
			}
		}
		b.watchLink(s)
	})
}

// silentAfter is when a socket of which nothing is heard is dead.
const silentAfter = 25 * second

// lose ends a session, at once when the device says so, else when its silence is noticed.
func (s *session) lose(said bool) {
	delay := silentAfter
	if said {
		delay = 0
	}
	s.b.g.after(delay, func() {
		if s.over {
			return
		}
		s.over = true
		s.b.keepAsking(&intakev1.Request{Body: &intakev1.Request_LinkLost{LinkLost: &intakev1.LinkLost{
			Device: s.d.name, Team: s.d.team, Gateway: s.b.g.name, Session: s.id,
		}}})
	})
}
