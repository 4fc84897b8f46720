// Package desk is a dispatcher in a control room: somebody leads each incident, sends teams by hand where the plan does not
// send them by itself, takes reports by telephone, and sees every incident through to its end. [Desk] is pure, as a client of
// a link: told the time and what the room says, it answers with commands.
package desk

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"vigie/pkg/domain/controlroom"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/services/vigie/internal/sim/chance"
	"vigie/services/vigie/internal/sim/client"
	"vigie/services/vigie/internal/sim/load"
)

// Config of a desk.
type Config struct {
	// Run tells the ids of this run from those of every other.
	Run  string
	Room *client.Room
	Seed chance.Seed
	// Reports come by telephone; Start is when their time begins.
	Reports []load.Report
	Start   time.Time
	Watcher Watcher
}

// Watcher hears what the rest of the simulation wants to know. It is called from the goroutine of the desk's link.
type Watcher interface {
	// Began tells from which offset on the log is this simulation's.
	Began(room string, at *watchv1.Cursor)
	// Alarm tells the incident of an alarm.
	Alarm(room, incident, alarm string)
	// Opened tells that a report has become an incident.
	Opened(room, command string)
	// Live tells how many incidents have not ended.
	Live(room string, n int)
	// Refused tells a refusal.
	Refused(room, team, command, code string)
}

// Desk is one dispatcher. It is not safe for concurrent use.
type Desk struct {
	Config
	out       []*watchv1.ClientFrame
	ids       int
	agenda    []task // in order of time
	incidents map[string]*incident
	missions  map[string]*mission
	teams     map[string]*team
	began     bool
}

type incident struct {
	id, site, category string
	priority           int
	manual, claimed    bool
	// ctrl that it is controlled, arrived that somebody has been there, closing that it has been asked to close.
	ctrl, arrived, closing bool
	// active missions.
	active map[string]bool
}

type mission struct {
	incident, team string
	accepted       bool
}

type team struct {
	onDuty  bool
	links   map[string]bool
	mission string
}

// task is something to be done at a time.
type task struct {
	at       time.Time
	incident string
	do       func(*Desk, time.Time, *incident)
}

// New returns a desk before it has seen its room.
func New(c Config) *Desk {
	d := &Desk{Config: c, incidents: map[string]*incident{}, missions: map[string]*mission{}, teams: map[string]*team{}}
	for _, t := range c.Room.Teams {
		d.teams[t.Team] = &team{links: map[string]bool{}}
	}
	for _, r := range c.Reports {
		d.later(c.Start.Add(r.At), "", func(d *Desk, now time.Time, _ *incident) {
			d.say(now, &watchv1.Command{
				Type: "incident.open", Site: r.Site, Zone: r.Zone, Category: r.Category, Priority: int32(r.Priority), //nolint:gosec // 1 to 3
				Text: "Reported by telephone",
			})
		})
	}
	return d
}

// Tick does what is due.
func (d *Desk) Tick(now time.Time) []*watchv1.ClientFrame {
	for len(d.agenda) > 0 && !now.Before(d.agenda[0].at) {
		t := d.agenda[0]
		d.agenda = d.agenda[1:]
		if i := d.incidents[t.incident]; i != nil || t.incident == "" {
			t.do(d, now, i)
		}
	}
	out := d.out
	d.out = nil
	return out
}

// Next is when something is due.
func (d *Desk) Next() time.Time {
	if len(d.agenda) == 0 {
		return d.Start.Add(365 * 24 * time.Hour)
	}
	return d.agenda[0].at
}

// Online is always: a desk is manned.
func (d *Desk) Online(time.Time) (online, lost bool) { return true, false }

// Linked tells where the log stood when the desk first saw it.
func (d *Desk) Linked(_ time.Time, at *watchv1.Cursor) {
	if !d.began {
		d.began = true
		d.Watcher.Began(d.Room.Room, at)
	}
}

// Unlinked is nothing to a desk: it goes on from its cursor.
func (d *Desk) Unlinked(time.Time) {}

func (d *Desk) later(at time.Time, incident string, do func(*Desk, time.Time, *incident)) {
	t := task{at, incident, do}
	k, _ := slices.BinarySearchFunc(d.agenda, t, func(a, b task) int { return cmp.Or(a.at.Compare(b.at), -1) })
	d.agenda = slices.Insert(d.agenda, k, t)
}

func (d *Desk) say(at time.Time, c *watchv1.Command) {
	d.ids++
	c.Id = uuid.NewSHA1(uuid.NameSpaceOID, []byte(d.Run+"/desk/"+d.Room.Room+"/"+strconv.Itoa(d.ids))).String()
	c.At = timestamppb.New(at)
	d.out = append(d.out, &watchv1.ClientFrame{Body: &watchv1.ClientFrame_Command{Command: c}})
}

func (d *Desk) lot(what string, i *incident) chance.Lot {
	return d.Seed.Of("desk "+what, d.Room.Room, i.id)
}

// Answered goes on from an outcome: what was too late when its turn came is asked again.
func (d *Desk) Answered(now time.Time, c *watchv1.Command, code string) {
	if code == "" {
		if c.GetType() == "incident.open" {
			d.Watcher.Opened(d.Room.Room, c.GetId())
		}
		return
	}
	d.Watcher.Refused(d.Room.Room, "", c.GetType(), code)
	switch {
	case code == "too_late":
		d.say(now, again(c))
	case c.GetType() == "incident.close":
		if i := d.incidents[c.GetIncident()]; i != nil {
			i.closing = false // a mission was active after all: its end brings it up again
		}
	case c.GetType() == "mission.assign":
		d.later(now.Add(30*time.Second), c.GetIncident(), assign)
	}
}

// again is the same command under another id.
func again(c *watchv1.Command) *watchv1.Command {
	return &watchv1.Command{
		Type: c.GetType(), Incident: c.GetIncident(), Team: c.GetTeam(), Site: c.GetSite(), Zone: c.GetZone(), Category: c.GetCategory(),
		Priority: c.GetPriority(), Text: c.GetText(), Reason: c.GetReason(), Disposition: c.GetDisposition(),
	}
}

// Restart takes the room as a snapshot shows it; what is open in it is seen through like everything else.
func (d *Desk) Restart(now time.Time, shown *structpb.Struct) error {
	encoded, err := shown.MarshalJSON()
	if err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	var v controlroom.View
	if err := json.Unmarshal(encoded, &v); err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	d.missions = map[string]*mission{}
	for _, t := range v.Teams {
		links := map[string]bool{}
		if t.Reachable {
			links["?"] = true
		}
		d.teams[t.ID] = &team{onDuty: t.OnDuty, links: links, mission: t.Mission}
	}
	before := d.incidents
	d.incidents = map[string]*incident{}
	for _, i := range v.Incidents {
		if i.State == controlroom.IncidentClosed || i.State == controlroom.IncidentCancelled {
			continue
		}
		x := before[i.ID]
		if x == nil {
			x = &incident{id: i.ID, site: i.Site, category: i.Category, priority: i.Priority}
			d.startWith(now, x)
		}
		x.claimed, x.ctrl = i.ClaimedBy != "", i.State == controlroom.IncidentControlled
		x.arrived = x.arrived || i.State == controlroom.IncidentOnScene
		x.active = map[string]bool{}
		d.incidents[i.ID] = x
	}
	for _, m := range v.Missions {
		x := &mission{incident: m.Incident, team: m.Team, accepted: m.AcceptedAt != ""}
		d.missions[m.ID] = x
		if i := d.incidents[m.Incident]; i != nil && m.EndedAt == "" {
			i.active[m.ID] = true
		}
	}
	for _, i := range d.incidents {
		d.seeThrough(now, i)
	}
	d.Watcher.Live(d.Room.Room, len(d.incidents))
	return nil
}
