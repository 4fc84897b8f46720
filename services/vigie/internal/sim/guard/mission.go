package guard

import (
	"strconv"
	"time"

	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/pkg/geo"
)

// step is what the team does next in a mission.
type step int

const (
	toAnswer step = iota + 1
	toLeave
	toArrive
	toClear
)

// mission is a mission as the team sees it.
type mission struct {
	id, incident, site, zone string
	priority                 int
	step                     step
	due                      time.Time
	// accepted is that the team has said yes, whether or not the room has heard it.
	accepted bool
	// unanswered counts the commands about it that have no outcome yet.
	unanswered int
	// said are the legs after delivered and seen, with their times.
	said []leg
	// lostAt is the step with which the link is lost; 0: it is not.
	lostAt step
	// key names it for the draws: another offer for the same incident is another matter.
	key string
}

type leg struct {
	kind string
	at   time.Time
}

// How people behave.
const (
	declineChance  = 0.04
	unheardChance  = 0.02 // the handheld is in a pocket: no answer in time
	linkLossChance = 0.01
	longestStay    = 2 * time.Hour
	travelSigma    = 0.2
)

// begin takes up an offer: how it will be answered is settled here.
func (a *Agent) begin(now time.Time, m *mission) {
	a.cur = m
	a.offers[m.incident]++
	m.key = m.incident + "-" + strconv.Itoa(a.offers[m.incident])
	median := 14 * time.Second
	if m.priority == 1 {
		median = 8 * time.Second
	}
	delay := a.lot("answers after", m.key).LogNormal(median, 0.5)
	if a.lot("unheard", m.key).Happens(unheardChance) {
		delay = 10 * time.Minute
	}
	m.step, m.due = toAnswer, now.Add(delay)
	if a.lot("loses the link", m.key).Happens(linkLossChance) {
		m.lostAt = []step{toAnswer, toArrive, toClear}[a.lot("loses the link where", m.key).Pick([]float64{1, 2, 1})]
	}
	a.loseLink(now, m)
}

// loseLink loses the link if this is where it happens: behind the lift door, on the way, in the basement.
func (a *Agent) loseLink(now time.Time, m *mission) {
	if m.lostAt != m.step {
		return
	}
	m.lostAt = 0
	// Receipts are sent at once; a second later the door closes.
	a.hangFrom = now.Add(time.Second)
	a.hangTill = a.hangFrom.Add(min(a.lot("is without link for", m.key).LogNormal(90*time.Second, 0.7), 10*time.Minute))
}

// act does the step that is due, at the time at which it was.
func (a *Agent) act(m *mission) {
	at := m.due
	switch m.step {
	case toAnswer:
		if a.lot("declines", m.key).Happens(declineChance) {
			reasons := []string{"with_patient", "securing_scene", "short_of_guards"}
			a.report(m, "mission.decline", at, reasons[a.lot("declines because", m.key).Pick([]float64{1, 1, 1})])
			a.finish(at)
			return
		}
		m.accepted = true
		a.report(m, "mission.accept", at, "")
		m.step, m.due = toLeave, at.Add(a.turnout(m))
	case toLeave:
		a.report(m, "mission.en_route", at, "")
		m.step, m.due = toArrive, a.setOut(m, at)
	case toArrive:
		a.report(m, "mission.on_scene", at, "")
		m.step, m.due = toClear, at.Add(a.stay(m))
	case toClear:
		a.report(m, "mission.clear", at, "")
		a.goHome(at)
		a.finish(at)
		return
	}
	a.loseLink(at, m)
}

// report says a leg of a mission and remembers it, in case it has to be said of another mission.
func (a *Agent) report(m *mission, kind string, at time.Time, reason string) {
	m.said = append(m.said, leg{kind, at})
	m.unanswered++
	a.say(at, &watchv1.Command{Type: kind, Mission: m.id, Reason: reason})
}

// receipts are the device's own: no person has to do anything.
func (a *Agent) receipts(now time.Time, id string) {
	a.say(now, &watchv1.Command{Type: "mission.delivered", Mission: id})
	a.say(now, &watchv1.Command{Type: "mission.seen", Mission: id})
}

func (a *Agent) turnout(m *mission) time.Duration {
	median := time.Minute
	if m.priority == 1 {
		median = 35 * time.Second
	}
	return a.lot("turns out in", m.key).LogNormal(median, 0.4)
}

func (a *Agent) stay(m *mission) time.Duration {
	if a.Stay != nil {
		if known := a.Stay(m.incident); known > 0 {
			return known
		}
	}
	median := []time.Duration{23 * time.Minute, 14 * time.Minute, 9 * time.Minute}[min(max(m.priority, 1), 3)-1]
	return min(a.lot("stays", m.key).LogNormal(median, 0.7), longestStay)
}

// setOut starts the way to the scene and gives the time of arrival there.
func (a *Agent) setOut(m *mission, at time.Time) time.Time {
	site := a.Room.Site(m.site)
	takes := a.street(at, site.Entrance()) + site.IndoorWalk(m.zone)
	takes = time.Duration(float64(takes) * a.lot("travels", m.key).Factor(travelSigma))
	return a.walk(at, spot(site.Entrance(), a.lot("scene", m.site, m.zone)), takes)
}

func (a *Agent) goHome(at time.Time) {
	takes := a.street(at, a.Room.Site(a.Team.HomeSite).Entrance()) + 2*time.Minute
	a.walk(at, a.home(), takes)
}

// walk begins a way to a point and gives the arrival.
func (a *Agent) walk(at time.Time, to geo.Point, takes time.Duration) time.Time {
	a.move = move{from: a.move.at(at), to: to, leaves: at, arrive: at.Add(takes)}
	return a.move.arrive
}

// onSite is how near an entrance counts as being there; detour is road over straight line.
const (
	onSite = 400
	detour = 1.35
)

// street is the way from where the team is to an entrance: Paris by vehicle is 13 km/h by day, 20 by night (domain §3).
func (a *Agent) street(at time.Time, entrance geo.Point) time.Duration {
	metres := float64(geo.Distance(a.move.at(at), entrance))
	if metres <= onSite {
		return 0
	}
	speed := 1.3
	if a.Team.Transport == "vehicle" {
		speed = 13 / 3.6
		if h := at.In(a.loc).Hour(); h >= 23 || h < 5 {
			speed = 20 / 3.6
		}
	}
	return time.Duration(metres * detour / speed * float64(time.Second))
}

// finish ends the present mission as far as the team is concerned, and takes up the one that was offered meanwhile.
func (a *Agent) finish(now time.Time) {
	a.last, a.cur = a.cur, nil
	if n := a.next; n != nil {
		a.next = nil
		a.begin(now, n)
	}
}

// drop gives the present mission up: the room has said so.
func (a *Agent) drop(now time.Time) {
	if s := a.cur.step; s == toArrive || s == toClear {
		a.goHome(now)
	}
	a.finish(now)
}
