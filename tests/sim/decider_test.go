package sim_test

import (
	"maps"
	"slices"
	"time"

	"vigie/pkg/beat"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	positionsv1 "vigie/pkg/gen/vigie/positions/v1"
	"vigie/pkg/snapshot"
	"vigie/pkg/wire"
)

// deciderNode is a dispatch process: one decider for each room.
type deciderNode struct {
	*node
	rooms []*decider
}

// decider is the loop around the writer of one room, as services/dispatch has it.
type decider struct {
	n       *deciderNode
	r       *room
	writer  *controlroom.Writer
	heard   *beat.Heard
	company *beat.Company

	log, intake *reader
	inIntake    bool
	halted      string
	// unsettled: the last append was not acknowledged; its bytes go out again.
	unsettled bool
	armed     int64

	// What is on the disk of the machine: it outlives the process.
	saved   *controlroom.Saved
	witness struct {
		offset int64
		hash   es.Hash
	}
}

// realTime is the time of timers and of beats, which no clock moves.
func (w *world) realTime() time.Time { return time.UnixMilli(w.now) }

// start begins a life of the process; a name of its own tells it from the one before.
func (n *deciderNode) start(name string, fromSnapshot bool) {
	n.name, n.up, n.stoppedUntil = name, true, 0
	n.life++
	n.w.byName[name] = n.node
	n.w.tell("%s starts", name)
	for _, d := range n.rooms {
		d.start(fromSnapshot)
	}
	n.beats(beat.Dispatch)
}

func (d *decider) start(fromSnapshot bool) {
	d.halted, d.unsettled, d.armed, d.inIntake = "", false, 0, false
	d.heard = beat.NewHeard(1, d.r.w.realTime())
	d.company = beat.NewCompany(d.heard, d.n.name)
	limits := d.r.w.faults.limits
	if limits.Standby > 0 && d.r.w.broken.neverWaits {
		limits.Standby, limits.Spread = 0, 0
	}
	fold := es.NewFold(d.r.name, d.r.w.broken.rules())
	if fromSnapshot && d.saved != nil {
		if fold = d.restore(d.saved); fold == nil {
			return
		}
	}
	d.writer = es.NewWriterAt(fold, d.n.name, limits, wire.Encode)
	d.log = d.r.log.read(d.n.node, d.writer.Next, d.read, d.atEnd, func() { d.halt("the log ends before what was read") })
}

// restore goes on from the bytes of a snapshot, if the log contains it.
func (d *decider) restore(s *controlroom.Saved) *controlroom.Fold {
	data, err := snapshot.Encode(d.r.name, s)
	if err != nil {
		d.r.w.fail("I7", "a snapshot cannot be written: %v", err)
		return nil
	}
	saved, err := snapshot.Decode(d.r.name, data)
	if err != nil {
		d.r.w.fail("I7", "a snapshot cannot be read: %v", err)
		return nil
	}
	if d.r.w.broken.forgetsVoids {
		clear(saved.Voids)
	}
	fold, err := es.Restore(d.r.name, d.r.w.broken.rules(), saved)
	if err != nil {
		d.r.w.fail("I7", "a snapshot cannot be gone on from: %v", err)
		return nil
	}
	offset, hash := fold.LastRead()
	if offset >= d.r.log.end() || d.r.decoded[offset].Hash != hash {
		d.halt("the log does not contain the snapshot")
		return nil
	}
	if w := d.witness; w.offset < fold.Next && w.offset >= 0 && d.r.version() > 0 && d.r.decoded[w.offset].Hash != w.hash {
		d.halt("the log does not contain what was witnessed")
		return nil
	}
	return fold
}

func (d *decider) halt(reason string) {
	if d.halted == "" {
		d.halted = reason
		d.r.w.tell("%s halts room %s: %s", d.n.name, d.r.name, reason)
		if !d.r.cut {
			d.r.w.fail("I8", "%s halts on a log that is whole: %s", d.n.name, reason)
		}
	}
}

func (d *decider) tick() es.Tick { return es.Tick{Now: d.n.clock(), Mono: d.r.w.now + 1} }

func (d *decider) read(offset int64, _ []byte) bool {
	s := d.r.w.broken.record(d.writer.Fold, d.r.stored(offset))
	j := d.writer.Read(s)
	d.r.oracle.agree(d.n.name, d.writer.Fold, offset, j.Verdict)
	if j.Verdict == es.Halting {
		d.halt(j.Reason)
		return false
	}
	if offset == d.witness.offset && d.witness.hash != (es.Hash{}) && d.witness.hash != s.Hash {
		d.halt("a record is not the one that was witnessed")
		return false
	}
	if offset > d.witness.offset || d.witness.hash == (es.Hash{}) {
		d.witness.offset, d.witness.hash = offset, s.Hash
	}
	if every := d.r.w.faults.snapshotEvery; every > 0 && j.Verdict == es.Effective && d.inIntake && d.writer.Version%every == 0 {
		saved := d.writer.Save()
		d.saved = &saved
	}
	return true
}

func (d *decider) atEnd() {
	d.writer.CaughtUp(d.tick())
	if !d.inIntake {
		if d.witness.hash != (es.Hash{}) && d.writer.Next <= d.witness.offset {
			d.halt("the log ends before what was witnessed")
			return
		}
		d.inIntake = true
		d.step() // an empty log is opened before the first request is heard
		d.intake = d.r.intake.read(d.n.node, d.writer.IntakeNext, func(offset int64, value []byte) bool {
			d.writer.Request(wire.DecodeRequest(offset, value))
			return true
		}, d.step, func() { d.halt("intake ends before what was read") })
	}
	d.step()
}

// wake is the timer of the loop.
func (d *decider) wake() {
	if d.log.atTheEnd() && !d.log.over && !d.r.w.away() {
		d.writer.CaughtUp(d.tick())
	}
	d.step()
}

func (d *decider) step() {
	if d.halted != "" || !d.inIntake {
		return
	}
	w, t := d.r.w, d.tick()
	d.lookAround(t)
	trust := d.company.Trust(t.Now, w.realTime())
	if w.broken.trustsItsClock {
		trust.Write, trust.Expire = true, true
	}
	if trust.Write {
		t.NoExpiry = !trust.Expire
		d.decide(t)
	}
	d.arm(w.now + d.untilNext())
}

func (d *decider) decide(t es.Tick) {
	w := d.r.w
	s := d.writer.Step(t, controlroom.Facts{
		Room: d.r.name, LogID: d.r.logID, ReadLevel: d.heard.Level(d.n.name, controlroom.MaxLevel, d.writer.Level, w.realTime()),
		MinuteOfDay: d.r.minuteOfDay(t.Now), Positions: d.r.fixes,
	})
	if len(s.Faults) > 0 {
		w.fail("I3", "the rules failed on a deadline: %v", s.Faults)
	}
	if s.AskWatermark {
		d.fetchWatermark()
	}
	if len(s.Batch) == 0 {
		return
	}
	if w.telling {
		w.tell("%s sends %d decisions from version %d on to %s", d.n.name, len(s.Batch), wire.Decode(0, s.Batch[0]).Version, d.r.name)
	}
	d.r.log.produce(d.n.node, w.faults.now(w, w.faults.log), s.Batch, func(a es.Appended) {
		if w.broken.takesUnknownForWritten {
			a = es.Written
		}
		d.unsettled = a == es.Unsettled
		d.writer.Appended(a, d.tick())
		d.step()
	})
}

// fetchWatermark asks where intake ends, until the broker says so.
func (d *decider) fetchWatermark() {
	w := d.r.w
	d.n.after(w.latency(), func() {
		if w.away() {
			d.n.after(100, d.fetchWatermark)
			return
		}
		end := d.r.intake.end()
		d.n.after(w.latency(), func() {
			d.writer.Watermark(end)
			d.step()
		})
	})
}

// shortest is how long a decider sleeps that waits for its turn: a little more than the one that ships, for speed.
const shortest = 25

// untilNext is how long the loop sleeps.
func (d *decider) untilNext() int64 {
	if d.writer.Backlog() > 0 {
		return shortest
	}
	longest := second
	if d.unsettled {
		longest = 250
	}
	if due, ok := d.writer.NextDue(); ok {
		return min(max(due-d.n.clock(), shortest), longest)
	}
	return longest
}

func (d *decider) arm(at int64) {
	if d.armed == 0 || at < d.armed {
		d.armed = at
		d.n.after(at-d.r.w.now, func() {
			if d.armed == at { // no earlier one was set meanwhile
				d.armed = 0
				d.wake()
			}
		})
	}
}

func (d *decider) lookAround(t es.Tick) {
	now := d.r.w.realTime()
	if !d.company.Due(now) {
		return
	}
	for _, q := range d.company.Asks(beat.Room{
		First: d.writer.First(), At: d.writer.At, ClockSteps: d.writer.State.ClockSteps, Gateways: linkedGateways(d.writer.State),
	}, t.Now, now) {
		d.r.w.tell("%s asks %s for %v", d.n.name, d.r.name, q)
		q.Principal, q.Id = "dispatch/"+d.n.name, d.r.w.id("ask")
		d.r.ask(d.n.node, q, func(es.Appended) {})
	}
}

func linkedGateways(s controlroom.State) []string {
	seen := map[string]bool{}
	for _, team := range s.Teams {
		for _, link := range team.Links {
			seen[link.Gateway] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// ask stores a request as an edge does.
func (r *room) ask(from *node, q *intakev1.Request, answer func(es.Appended)) {
	if q.GetRoom() == "" {
		q.Room = r.name
	}
	q.ReceivedAtMs = from.clock()
	value, err := wire.EncodeRequest(q)
	if err != nil {
		r.w.fail("I3", "a request cannot be encoded: %v", err)
		return
	}
	r.intake.produce(from, r.w.faults.now(r.w, r.w.faults.intake), [][]byte{value}, answer)
}

// beats tells all deciders, every 5 s, that a process lives and what its clock shows.
func (n *node) beats(service string) {
	b := &positionsv1.Beat{Process: n.name, Service: service, ClockMs: n.clock(), Level: controlroom.MaxLevel}
	for _, other := range n.w.deciders {
		for _, d := range other.rooms {
			delay := n.w.between(2, 10)
			switch {
			case !n.w.calm && n.w.likely(n.w.faults.beatsLost):
				continue
			case !n.w.calm:
				delay += n.w.between(0, n.w.faults.beatsSlow)
			default:
				delay += max(0, n.w.faults.telemetryAwayUntil-n.w.now)
			}
			d.n.after(delay, func() { d.heard.Take(b, n.w.realTime()) })
		}
	}
	n.after(beat.Every.Milliseconds(), func() { n.beats(service) })
}
