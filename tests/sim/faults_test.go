package sim_test

import (
	"strings"

	"vigie/pkg/es"
)

// odds of what becomes of an append.
type odds struct {
	// lost is never stored, unheard is stored and not acknowledged, late is stored up to half a minute later, twice is stored
	// two times, slow takes its time.
	lost, unheard, late, twice, slow float64
}

// faults are what goes wrong in one run, drawn by its seed: each run has some kinds and not others, so that rare meetings
// of a few kinds are not drowned by all the rest.
type faults struct {
	kinds       []string
	log, intake odds
	limits      es.Limits

	// What happens to processes, every so often; 0: never.
	stopEvery, killEvery, slowEvery, dropEvery, awayEvery int64
	snapshotEvery                                         uint64
	overlaps, skews, cuts                                 bool
	beatsLost                                             float64
	beatsSlow                                             int64

	alarmEvery, deskEvery int64
	silent                float64

	// telemetryAwayUntil is when beats pass again that a leader of their partition has kept waiting.
	telemetryAwayUntil int64
	// awayUntil is when the broker can be reached again, changedAt when a process last came, went or was stopped.
	awayUntil, changedAt int64
}

// now gives the odds while faults last.
func (f *faults) now(w *world, o odds) odds {
	if w.calm {
		return odds{}
	}
	return o
}

func (f *faults) String() string {
	if len(f.kinds) == 0 {
		return "none"
	}
	return strings.Join(f.kinds, ", ")
}

// mild says that nothing happens for which a writer could not know better: voids stay rare.
func (f *faults) mild() bool {
	for _, k := range f.kinds {
		switch k {
		case "overlaps", "drops", "unheard", "lost", "silent guards":
		default:
			return false
		}
	}
	return true
}

// draw gives the faults of a seed.
func (w *world) draw() faults {
	f := faults{
		limits:     es.DefaultLimits().Waiting(),
		alarmEvery: w.between(1500, 6000), deskEvery: w.between(3000, 10_000), silent: 0.1, beatsSlow: 0,
	}
	if w.likely(0.2) {
		f.limits.Requests, f.limits.Deadlines = int(w.between(1, 4)), int(w.between(1, 4))
	}
	share := 1.0
	if w.likely(0.35) {
		share = 0.25
	}
	has := func(kind string, p float64) bool {
		if !w.likely(p * share) {
			return false
		}
		f.kinds = append(f.kinds, kind)
		return true
	}
	level := func() float64 { return float64(w.between(1, 20)) / 100 }
	if has("unheard", 0.4) {
		f.log.unheard, f.intake.unheard = level(), level()
	}
	if has("lost", 0.4) {
		f.log.lost, f.intake.lost = level(), level()
	}
	if has("late", 0.3) {
		f.log.late, f.intake.late = level()/2, level()/2
	}
	if has("twice", 0.3) {
		f.log.twice, f.intake.twice = level(), level()
	}
	if has("slow appends", 0.3) {
		f.log.slow, f.intake.slow = level(), level()
	}
	f.overlaps = has("overlaps", 0.5)
	if has("stops", 0.35) {
		f.stopEvery = w.between(4, 20) * second
	}
	if has("kills", 0.35) {
		f.killEvery, f.snapshotEvery = w.between(5, 25)*second, uint64(w.between(5, 40))
	}
	if has("slow readers", 0.3) {
		f.slowEvery = w.between(3, 20) * second
	}
	if has("drops", 0.4) {
		f.dropEvery = w.between(3, 20) * second
	}
	if has("broker away", 0.2) {
		f.awayEvery = w.between(8, 40) * second
	}
	if has("silent guards", 0.3) {
		f.silent = 0.6
	}
	f.skews = has("wrong clocks", 0.25)
	if has("beats lost", 0.2) {
		f.beatsLost, f.beatsSlow = level(), w.between(10, 12_000)
	}
	f.cuts = has("cut log", 0.06)
	return f
}

// mishap happens every so often while faults last.
func (w *world) mishap(every int64, do func()) {
	if every == 0 {
		return
	}
	var again func()
	again = func() {
		if !w.calm {
			do()
			w.after(w.between(every/2, every*2), again)
		}
	}
	w.after(w.between(every/2, every*2), again)
}

func (w *world) mishaps() {
	f := &w.faults
	w.mishap(f.stopEvery, func() { w.stop(pick(w, w.nodes), w.between(50, 20_000)) })
	w.mishap(f.killEvery, w.killOne)
	w.mishap(f.slowEvery, func() {
		r := pick(w, pick(w, []*partition{w.rooms[0].log, w.rooms[0].intake}).readers)
		r.slowUntil = w.now + w.between(1, 10)*second
		w.tell("%s reads %s slowly for a while", r.owner.name, r.p.name)
	})
	w.mishap(f.dropEvery, func() { pick(w, pick(w, w.rooms).devices).drop(w.between(100, 40_000)) })
	w.mishap(f.awayEvery, func() {
		f.awayUntil = w.now + w.between(200, 15_000)
		w.tell("the broker is away until %d", f.awayUntil)
	})
	if f.skews {
		w.skew()
	}
	if f.cuts {
		w.after(w.between(8, 14)*second, func() { w.rooms[0].cutLog(w.between(1, 6)) })
	}
}

// stop freezes a process; its clock goes on.
func (w *world) stop(n *node, span int64) {
	if n.up && n.stoppedUntil <= w.now {
		n.stoppedUntil, w.faults.changedAt = w.now+span, w.now+span
		w.tell("%s is stopped for %d ms", n.name, span)
	}
}

// killOne ends a process and starts it again later.
func (w *world) killOne() {
	w.faults.changedAt = w.now
	span := w.between(10, 15_000)
	if n := w.chance.IntN(len(w.deciders) + len(w.gateways)); n < len(w.deciders) {
		w.killDecider(w.deciders[n], span)
	} else {
		w.killGateway(w.gateways[n-len(w.deciders)], span)
	}
}

func (w *world) killDecider(d *deciderNode, span int64) {
	if !d.up {
		return
	}
	w.tell("%s is killed", d.name)
	d.up = false
	name := d.name
	if w.likely(0.5) {
		name = w.id("decider")
	}
	w.after(span, func() { d.start(name, w.likely(0.7)) })
}

func (w *world) killGateway(g *gatewayNode, span int64) {
	if !g.up {
		return
	}
	w.tell("%s is killed", g.name)
	g.up = false
	w.after(span, g.start)
}

// skew makes one clock wrong for a while, and sometimes ahead before it is set right.
func (w *world) skew() {
	wrong := func() {
		n := pick(w, w.nodes)
		by := pick(w, []int64{w.between(-2000, 2000), w.between(-300, 300) * second, 3600 * second, -3600 * second})
		n.setSkew(by)
		w.tell("the clock of %s is %d ms off", n.name, by)
		w.after(w.between(10, 40)*second, func() {
			n.setSkew(0)
			w.tell("the clock of %s is right again", n.name)
		})
	}
	w.after(w.between(0, 15)*second, wrong)
}

// hesitate keeps telemetry waiting now and then, for as long as a partition takes to find another leader: that is no fault.
func (w *world) hesitate() {
	w.faults.telemetryAwayUntil = w.now + w.between(100, 4000)
	w.after(w.between(10, 40)*second, w.hesitate)
}

// heal ends all faults: what is down comes up, what is stopped goes on, clocks are right.
func (w *world) heal() {
	w.calm, w.healed = true, w.now
	w.faults.awayUntil = 0
	w.after(w.between(5, 40)*second, w.hesitate)
	w.tell("all faults end")
	for _, n := range w.nodes {
		n.stoppedUntil = min(n.stoppedUntil, w.now)
		if n.skew != 0 {
			n.setSkew(0)
		}
	}
	for _, r := range w.rooms {
		for _, p := range []*partition{r.log, r.intake} {
			for _, reader := range p.readers {
				reader.slowUntil = 0
			}
		}
	}
}
