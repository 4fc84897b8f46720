// Package guard is how a team of guards with its handheld behaves. [Agent] is pure: told the time and what the room says, it
// answers with what the handheld sends and when it wants to be woken. Whatever people do carries the time at which they did
// it, whenever the network lets it through.
package guard

import (
	"strconv"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/pkg/geo"
	"vigie/services/vigie/internal/sim/chance"
	"vigie/services/vigie/internal/sim/client"
)

// Config of an agent.
type Config struct {
	// Run tells the ids of this run from those of every other.
	Run  string
	Room *client.Room
	Team client.Team
	Seed chance.Seed
	// FixGap is the least time between two fixes.
	FixGap time.Duration
	// Stay gives the time on scene of an incident where it is known, else 0; it may be nil.
	Stay    func(incident string) time.Duration
	Watcher Watcher
}

// Watcher hears what an audit and a progress line want to know. It is called from the goroutine of the agent's link.
type Watcher interface {
	// Linked and Unlinked bound a time in which the device was connected.
	Linked(room, team string, now time.Time)
	Unlinked(room, team string, now time.Time)
	// Offered tells an offer that the device has got.
	Offered(room, mission string)
	// Refused tells a refusal.
	Refused(room, team, command, code string)
	// OnDuty tells each sign-on that the room has confirmed.
	OnDuty(room, team string)
}

// Agent is one team. It is not safe for concurrent use.
type Agent struct {
	Config
	id  string
	loc *time.Location
	out []*watchv1.ClientFrame
	ids int
	// offers counts those of each incident.
	offers map[string]int

	duty     duty
	now      time.Time
	cur      *mission
	next     *mission // offered while cur waits for its last word
	last     *mission // the one before cur, of which word may still come
	move     move
	fixAt    time.Time
	lastFix  time.Time
	hangFrom time.Time // the link is lost from then
	hangTill time.Time
}

// New returns a team at its home site, off duty.
func New(c Config) (*Agent, error) {
	loc, err := c.Room.Location()
	if err != nil {
		return nil, err
	}
	a := &Agent{Config: c, id: c.Room.Room + "/" + c.Team.Team, loc: loc, offers: map[string]int{}}
	home := a.home()
	a.move = move{from: home, to: home}
	return a, nil
}

// OnDuty says that the room has confirmed the sign-on.
func (a *Agent) OnDuty() bool { return !a.duty.on.end.IsZero() }

// Online says whether the handheld wants its link: on duty, and while anything of the shift is not over.
func (a *Agent) Online(now time.Time) (online, lost bool) {
	lost = !now.Before(a.hangFrom) && now.Before(a.hangTill)
	_, wanted := a.wanted(now)
	return !lost && (wanted || a.OnDuty() || a.duty.asked || a.cur != nil), lost
}

// Linked tells that the device is connected.
func (a *Agent) Linked(now time.Time, _ *watchv1.Cursor) {
	a.Watcher.Linked(a.Room.Room, a.Team.Team, now)
}

// Unlinked tells that it is not any more.
func (a *Agent) Unlinked(now time.Time) { a.Watcher.Unlinked(a.Room.Room, a.Team.Team, now) }

// Tick does what has fallen due and gives what is to be sent.
func (a *Agent) Tick(now time.Time) []*watchv1.ClientFrame {
	a.now = now
	for a.cur != nil && !now.Before(a.cur.due) {
		a.act(a.cur)
	}
	a.shift(now)
	a.fix(now)
	out := a.out
	a.out = nil
	return out
}

// Next is when Tick has something to do again.
func (a *Agent) Next() time.Time {
	next := a.nextShift(a.now)
	earlier := func(t time.Time) {
		if t.After(a.now) && t.Before(next) {
			next = t
		}
	}
	if a.cur != nil {
		earlier(a.cur.due)
	}
	earlier(a.hangFrom)
	earlier(a.hangTill)
	earlier(a.fixAt)
	earlier(a.duty.tryAgain)
	return next
}

// say sends a command of something done at that time.
func (a *Agent) say(at time.Time, c *watchv1.Command) {
	a.ids++
	c.Id = uuid.NewSHA1(uuid.NameSpaceOID, []byte(a.Run+"/"+a.id+"/"+strconv.Itoa(a.ids))).String()
	c.At = timestamppb.New(at)
	a.out = append(a.out, &watchv1.ClientFrame{Body: &watchv1.ClientFrame_Command{Command: c}})
}

func (a *Agent) lot(what string, ids ...string) chance.Lot {
	return a.Seed.Of(what, append([]string{a.id}, ids...)...)
}

// Answered tells the outcome of a command; an empty code is done.
func (a *Agent) Answered(now time.Time, c *watchv1.Command, code string) {
	a.now = now
	if code != "" {
		a.Watcher.Refused(a.Room.Room, a.Team.Team, c.GetType(), code)
	}
	switch c.GetType() {
	case "team.on_duty", "team.off_duty":
		a.dutyAnswered(now, c, code)
		return
	}
	for _, m := range []*mission{a.cur, a.last} {
		if m != nil && m.id == c.GetMission() {
			m.unanswered--
		}
	}
	// Whatever a refusal says (stand down, continue with the other, it has ended), this mission is not ours any more.
	if code != "" && a.cur != nil && a.cur.id == c.GetMission() {
		a.drop(now)
	}
}

// move is a way from one point to another; before and after it the team stands still.
type move struct {
	from, to       geo.Point
	leaves, arrive time.Time
}

func (m move) at(t time.Time) geo.Point {
	if !t.Before(m.arrive) || !m.arrive.After(m.leaves) {
		return m.to
	}
	if !t.After(m.leaves) {
		return m.from
	}
	part := float64(t.Sub(m.leaves)) / float64(m.arrive.Sub(m.leaves))
	between := func(a, b int32) int32 { return a + int32(part*float64(b-a)) }
	return geo.Point{LatE7: between(m.from.LatE7, m.to.LatE7), LonE7: between(m.from.LonE7, m.to.LonE7)}
}

func (m move) moving(t time.Time) bool { return !t.Before(m.leaves) && t.Before(m.arrive) }

// spot is a place within some 60 m of an entrance.
func spot(entrance geo.Point, lot chance.Lot) geo.Point {
	const reach = 5000 // ten-millionths of a degree: 56 m of latitude
	shift := func(l chance.Lot) int32 { return int32((l.Unit()*2 - 1) * reach) }
	return geo.Point{LatE7: entrance.LatE7 + shift(lot), LonE7: entrance.LonE7 + shift(lot*7919)}
}

func (a *Agent) home() geo.Point {
	return spot(a.Room.Site(a.Team.HomeSite).Entrance(), a.lot("base"))
}

const (
	fixMoving = 30 * time.Second
	fixStill  = 5 * time.Minute
)

// fix sends where the team is, more often on the way.
func (a *Agent) fix(now time.Time) {
	moving := a.move.moving(now)
	if soon := a.lastFix.Add(max(fixMoving, a.FixGap)); moving && a.fixAt.After(soon) {
		a.fixAt = soon
	}
	if online, _ := a.Online(now); !online || !a.OnDuty() {
		// Nobody is located off duty (domain §3); the first fix comes with the link.
		a.fixAt = now.Add(fixStill)
		a.lastFix = time.Time{}
		return
	}
	if a.lastFix.IsZero() {
		a.fixAt = now
	}
	if a.fixAt.After(now) {
		return
	}
	every := fixStill
	if moving {
		every = fixMoving
	}
	a.lastFix, a.fixAt = now, now.Add(max(every, a.FixGap))
	lat, lon := a.move.at(now).Degrees()
	a.out = append(a.out, &watchv1.ClientFrame{Body: &watchv1.ClientFrame_Fix{Fix: &watchv1.Fix{
		Lat: lat, Lon: lon, AccuracyM: 5 + 20*a.lot("accuracy", strconv.FormatInt(now.Unix(), 10)).Unit(), At: timestamppb.New(now),
	}}})
}
