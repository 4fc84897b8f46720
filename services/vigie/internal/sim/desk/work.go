package desk

import (
	"maps"
	"slices"
	"time"

	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// startWith plans what a dispatcher does with a new incident, whatever comes of it.
func (d *Desk) startWith(now time.Time, i *incident) {
	d.later(now.Add(d.lot("claims after", i).Between(4*time.Second, 25*time.Second)), i.id, claim)
	if i.manual {
		if i.category == "terrorism" {
			// Nobody is sent inside; the police are.
			d.later(now.Add(d.lot("police after", i).Between(3*time.Minute, 10*time.Minute)), i.id, control)
		} else {
			d.later(now.Add(d.lot("assigns after", i).Between(6*time.Second, 20*time.Second)), i.id, assign)
		}
	}
	d.later(now.Add(patience), i.id, giveUp)
}

// patience is when a dispatcher settles by telephone what no team has come to.
const patience = 45 * time.Minute

// claim: most incidents are led by somebody.
func claim(d *Desk, now time.Time, i *incident) {
	if !i.claimed && !i.ctrl && d.lot("claims", i).Happens(0.9) {
		d.say(now, &watchv1.Command{Type: "incident.claim", Incident: i.id})
	}
}

// assign sends a team by hand: one of the site, as long as there is one to reach.
func assign(d *Desk, now time.Time, i *incident) {
	if i.ctrl || i.arrived || len(i.active) > 0 {
		return
	}
	if t := d.idle(i.site); t != "" {
		d.say(now, &watchv1.Command{Type: "mission.assign", Incident: i.id, Team: t, Reason: "sent by the dispatcher"})
		return
	}
	d.later(now.Add(30*time.Second), i.id, assign)
}

func (d *Desk) idle(site string) string {
	for _, own := range []bool{true, false} {
		for _, id := range slices.Sorted(maps.Keys(d.teams)) {
			t, conf := d.teams[id], d.Room.Team(id)
			if conf != nil && (conf.HomeSite == site) == own && t.onDuty && len(t.links) > 0 && t.mission == "" {
				return id
			}
		}
	}
	return ""
}

// control: it is under control on the spot; who has not arrived is recalled.
func control(d *Desk, now time.Time, i *incident) {
	if !i.ctrl {
		d.say(now, &watchv1.Command{Type: "incident.control", Incident: i.id})
	}
}

// closeIt says how it ended, when nobody is busy with it any more.
func closeIt(d *Desk, now time.Time, i *incident) {
	if len(i.active) > 0 || i.closing {
		return // planned again when the last has cleared
	}
	i.closing = true
	kinds := []string{"genuine", "false_alarm", "police", "other", "test", "duplicate"}
	d.say(now, &watchv1.Command{
		Type: "incident.close", Incident: i.id, Disposition: kinds[d.lot("disposition", i).Pick([]float64{55, 25, 6, 10, 2, 2})],
	})
}

// giveUp cancels what nobody has come to for so long that it has settled itself.
func giveUp(d *Desk, now time.Time, i *incident) {
	switch {
	case i.arrived || i.ctrl:
		return
	case d.coming(i):
		d.later(now.Add(patience/3), i.id, giveUp)
		return
	}
	d.say(now, &watchv1.Command{Type: "incident.cancel", Incident: i.id, Reason: "settled"})
}

func (d *Desk) coming(i *incident) bool {
	for id := range i.active {
		if m := d.missions[id]; m != nil && m.accepted {
			return true
		}
	}
	return false
}

// seeThrough plans the end of an incident whose teams have all left.
func (d *Desk) seeThrough(now time.Time, i *incident) {
	switch {
	case len(i.active) > 0:
	case i.ctrl:
		d.later(now.Add(d.lot("closes after", i).Between(20*time.Second, 90*time.Second)), i.id, closeIt)
	case i.arrived:
		d.later(now.Add(d.lot("controls after", i).Between(5*time.Second, 20*time.Second)), i.id, control)
	case i.manual:
		d.later(now.Add(20*time.Second), i.id, assign)
	}
}

// onScene: after a while the team says that it has it in hand.
func (d *Desk) onScene(now time.Time, i *incident) {
	if i.arrived {
		return
	}
	i.arrived = true
	expected := []time.Duration{30 * time.Minute, 18 * time.Minute, 12 * time.Minute}[min(max(i.priority, 1), 3)-1]
	d.later(now.Add(d.lot("in hand after", i).Between(expected/6, expected/3)), i.id, control)
}
