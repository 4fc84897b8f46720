package sim_test

import (
	"fmt"
	"slices"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/snapshot"
	"vigie/pkg/wire"
)

// restWithin is how long a world without faults may take until nothing is left of what began while there were some. A guard
// who had not looked at an offer when the faults ended may still do so for some minutes.
const restWithin = 400 * second

// comeToRest is liveness: without faults every request has an outcome, every command an answer, every mission an end, and
// whoever wants guards is being looked after.
func (w *world) comeToRest() {
	checked := int64(0)
	w.runUntil(w.now+restWithin, func() bool {
		if w.now < checked+second/2 || w.now < w.healed+5*second {
			return false
		}
		checked = w.now
		w.promptly()
		return w.unrest() == ""
	})
	if why := w.unrest(); why != "" {
		w.fail("liveness", "%d s after the last fault %s", (w.now-w.healed)/second, why)
	}
}

// promptly: when the last fault has been over for long enough, nothing waits for its outcome for longer than a take-over
// lasts.
func (w *world) promptly() {
	if w.now < w.healed+40*second {
		return
	}
	for _, r := range w.rooms {
		if n := r.oracle.intakeNext; n < r.intake.end() && w.now-r.intake.written[n] > second {
			w.fail("liveness", "request %d of %s has no outcome after %d ms", n, r.name, w.now-r.intake.written[n])
		}
	}
}

// unrest says what is left to be done.
func (w *world) unrest() string {
	for _, n := range w.nodes {
		if !n.up {
			return n.name + " is down"
		}
	}
	for _, r := range w.rooms {
		if why := r.unrest(); why != "" {
			return r.name + ": " + why
		}
	}
	return ""
}

func (r *room) unrest() string {
	o, w := r.oracle, r.w
	switch {
	case o.intakeNext < r.intake.end():
		return fmt.Sprintf("request %d of %d has no outcome", o.intakeNext, r.intake.end())
	case since(r.alarmsOpen) < w.healed:
		return fmt.Sprintf("%d alarms are not acknowledged", len(r.alarmsOpen))
	case since(r.dispatcher.open) < w.healed:
		return "a dispatcher has no answer"
	}
	for _, d := range r.devices {
		switch {
		case since(d.open) < w.healed || len(d.acts) > 0 && d.acts[0].since < w.healed:
			return d.name + " has no answer"
		case d.session == nil || !d.online || !d.session.welcomed:
			return d.name + " has no gateway"
		case !o.state.Teams[d.team].Reachable():
			return d.name + " is not known to be linked"
		}
	}
	for id, m := range o.state.Missions {
		if m.Active() && o.offered[id] < w.healed {
			return fmt.Sprintf("mission %s of %s is %s", id, m.Team, m.State)
		}
	}
	for id, i := range o.state.Incidents {
		if why := r.lookedAfter(i); why != "" {
			return fmt.Sprintf("incident %s %s", id, why)
		}
	}
	return r.readToTheEnd()
}

// lookedAfter: guards are wanted and there are some, or they are being looked for and somebody has been told.
func (r *room) lookedAfter(i *controlroom.Incident) string {
	if !i.Live() || i.State == controlroom.IncidentControlled || i.Mode == "manual" {
		return ""
	}
	guards := 0
	for _, id := range i.Missions {
		if m := r.oracle.state.Missions[id]; m.Active() || m.State == controlroom.MissionCleared && m.OnSceneAt != 0 {
			guards += m.Guards
		}
	}
	due, choosing := r.oracle.state.Deadlines["choose/"+i.ID]
	switch {
	case guards >= i.GuardsWanted:
	case !choosing:
		return fmt.Sprintf("has %d of %d guards and nobody is looked for", guards, i.GuardsWanted)
	case due.Due < epoch+r.w.now-2*second:
		return fmt.Sprintf("waits for a choice that was due %d ms ago", epoch+r.w.now-due.Due)
	case guards == 0 && i.NoTeam && i.Neglected < 2 && r.oracle.state.Deadlines["neglect/"+i.ID].Due == 0:
		return "has nobody, and nobody was told"
	}
	return ""
}

// readToTheEnd: all who read have read everything.
func (r *room) readToTheEnd() string {
	for _, n := range r.w.deciders {
		for _, d := range n.rooms {
			if d.r == r && (!d.log.atTheEnd() || !d.inIntake || d.writer.Backlog() > 0) {
				return n.name + " has not read everything"
			}
		}
	}
	for _, g := range r.w.gateways {
		if !g.boards[r.name].log.atTheEnd() {
			return g.name + " has not read everything"
		}
	}
	return ""
}

// promises are checked of a world at rest.
func (w *world) promises() {
	for _, r := range w.rooms {
		r.keptToClients()
		end := r.log.end() - 1
		for _, n := range w.deciders {
			for _, d := range n.rooms {
				if d.r == r {
					r.oracle.sameState(n.name, d.writer.Fold, end)
				}
			}
		}
		for _, g := range w.gateways {
			r.oracle.sameState(g.name, g.boards[r.name].fold, end)
		}
		r.replays(end)
	}
}

// keptToClients is I1, I2 and I6.
func (r *room) keptToClients() {
	for _, c := range r.acked {
		first := r.oracle.first[c]
		if first == nil || first.Refusal != nil {
			r.w.fail("I1", "alarm %v was acknowledged and is not in the log", c)
			continue
		}
		told := slices.ContainsFunc(first.Events, func(e *wireEvent) bool {
			return e.GetAlarmReceived() != nil || e.GetAlarmRestored() != nil || e.GetRequestUndecidable() != nil
		})
		if !told {
			r.w.fail("I1", "alarm %v was acknowledged and its outcome does not tell it", c)
		}
	}
	for _, y := range r.yeses {
		first := r.oracle.first[y.cause]
		switch {
		case first == nil || first.Offset != y.offset || first.Version != y.version:
			r.w.fail("I6", "%s was told of record %d (version %d) as the outcome of %v: it is not", y.who, y.offset, y.version, y.cause)
		case (first.Refusal == nil) != (y.code == ""):
			r.w.fail("I6", "%s was told %q of %v", y.who, y.code, y.cause)
		}
	}
}

// replays is I7: read from the beginning, and gone on from anywhere, the bytes give the same state.
func (r *room) replays(end int64) {
	everywhere := r.w.broken.forgetsVoids
	if r.w.chance.IntN(4) != 0 && !everywhere {
		return
	}
	f := controlroom.NewFold(r.name)
	at := r.w.between(2, end)
	for offset, value := range r.log.values {
		if (int64(offset) == at || everywhere) && f.Version > 0 {
			if f = r.again(f); f == nil {
				return
			}
		}
		s := wire.Decode(int64(offset), value)
		if j := f.Read(&s); j.Verdict == es.Halting {
			r.w.fail("I7", "replay halts at record %d: %s", offset, j.Reason)
			return
		}
	}
	r.oracle.sameState("a replay, saved at "+fmt.Sprint(at), f, end)
}

// again is a fold as it comes back from its snapshot.
func (r *room) again(f *controlroom.Fold) *controlroom.Fold {
	saved := f.Save()
	data, err := snapshot.Encode(r.name, &saved)
	if err != nil {
		r.w.fail("I7", "a snapshot cannot be written: %v", err)
		return nil
	}
	back, err := snapshot.Decode(r.name, data)
	if r.w.broken.forgetsVoids {
		clear(back.Voids)
	}
	if err == nil {
		f, err = es.Restore(r.name, controlroom.Rules(), back)
	}
	if err != nil {
		r.w.fail("I7", "a snapshot cannot be read: %v", err)
		return nil
	}
	return f
}
