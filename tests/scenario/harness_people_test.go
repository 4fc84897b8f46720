package scenario_test

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// Guard is a handheld of a team and whoever holds it.
type Guard struct {
	*watcher
	team, device string
	answered     map[string]bool
}

// Guard signs a handheld on and connects it.
func (n *Night) Guard(team string) *Guard {
	n.t.Helper()
	g := n.Handheld(team, "guard-"+team)
	g.ComeBack()
	return g
}

// Handheld signs one on that is still offline.
func (n *Night) Handheld(team, guard string) *Guard {
	n.t.Helper()
	token, device := n.DeviceToken(team, guard, 0)
	return &Guard{watcher: n.watcher(guard, "team/"+team, token, inJSON), team: team, device: device, answered: map[string]bool{}}
}

// ComeBack connects with what the handheld has applied so far. The link is in the log when it returns.
func (g *Guard) ComeBack() *Guard {
	g.n.t.Helper()
	g.connect()
	if g.ended != nil {
		g.n.t.Fatalf("%s: %v", g.name, g.ended)
	}
	session := g.begun[len(g.begun)-1].GetWelcome().GetSession() + g.begun[len(g.begun)-1].GetSnapshot().GetSession()
	hear(g.watcher, "its own link", (*logv1.Event).GetDeviceLinked, func(e *logv1.DeviceLinked) bool { return e.GetSession() == session })
	return g
}

// GoOffline loses the network, noticed by the server.
func (g *Guard) GoOffline() { g.cut() }

// OnDuty begins the shift.
func (g *Guard) OnDuty() *Guard {
	g.n.t.Helper()
	g.do(&watchv1.Command{Type: "team.on_duty", Guards: []string{g.name}})
	return g
}

// OnDutyWith begins the shift of a team of several.
func (g *Guard) OnDutyWith(others ...string) *Guard {
	g.n.t.Helper()
	g.do(&watchv1.Command{Type: "team.on_duty", Guards: append([]string{g.name}, others...)})
	return g
}

// OffDuty ends the shift.
func (g *Guard) OffDuty() {
	g.n.t.Helper()
	g.do(&watchv1.Command{Type: "team.off_duty"})
}

// Rings waits for the next offer and leaves it at that.
func (g *Guard) Rings() *logv1.MissionOffered {
	g.n.t.Helper()
	offer := hear(g.watcher, "an offer", (*logv1.Event).GetMissionOffered, g.unanswered)
	g.answered[offer.GetMission()] = true
	return offer
}

// unanswered are offers to the team itself: it also sees who else is sent to where it is.
func (g *Guard) unanswered(o *logv1.MissionOffered) bool {
	return o.GetTeam() == g.team && !g.answered[o.GetMission()]
}

// ExpectOffer waits for the next offer, and confirms its delivery as handhelds do.
func (g *Guard) ExpectOffer() *logv1.MissionOffered {
	g.n.t.Helper()
	offer := g.Rings()
	g.Reports("delivered", offer.GetMission())
	return offer
}

// ExpectNoOffer is asked after something that would have followed an offer.
func (g *Guard) ExpectNoOffer() {
	g.n.t.Helper()
	if heard(g.watcher, (*logv1.Event).GetMissionOffered, g.unanswered) {
		g.n.t.Fatalf("%s should not have an offer\nwhat came: %s", g.name, g.seen())
	}
}

// Reports a leg of a mission: delivered, seen, en_route, on_scene, clear.
func (g *Guard) Reports(leg, mission string) {
	g.n.t.Helper()
	g.do(&watchv1.Command{Type: "mission." + leg, Mission: mission})
}

// says a leg from a goroutine of the guard's own; the outcome may be a refusal, or be lost with the night.
func (g *Guard) says(leg, mission string) {
	id := uuid.NewString()
	frame, err := protojson.Marshal(&watchv1.ClientFrame{Body: &watchv1.ClientFrame_Command{Command: &watchv1.Command{
		Id: id, Type: "mission." + leg, Mission: mission,
	}}})
	if err != nil || g.conn.WriteMessage(websocket.TextMessage, frame) != nil {
		return
	}
	patient := time.After(patience)
	for {
		g.mu.Lock()
		o, changed, ended := g.outcomes[id], g.changed, g.ended
		g.mu.Unlock()
		if o != nil || ended != nil {
			return
		}
		select {
		case <-changed:
		case <-patient:
			return
		}
	}
}

// Accept says yes.
func (g *Guard) Accept(o *logv1.MissionOffered) {
	g.n.t.Helper()
	g.Reports("accept", o.GetMission())
}

// Decline says no.
func (g *Guard) Decline(o *logv1.MissionOffered, reason string) {
	g.n.t.Helper()
	g.do(&watchv1.Command{Type: "mission.decline", Mission: o.GetMission(), Reason: reason})
}

// AcceptedAt sends a yes that was given at another time.
func (g *Guard) AcceptedAt(o *logv1.MissionOffered, at time.Time) *watchv1.Outcome {
	g.n.t.Helper()
	return g.ask(&watchv1.Command{Type: "mission.accept", Mission: o.GetMission(), At: timestamppb.New(at)})
}

// Finish takes an accepted mission to its end.
func (g *Guard) Finish(mission string) {
	g.n.t.Helper()
	for _, leg := range []string{"en_route", "on_scene", "clear"} {
		g.Reports(leg, mission)
	}
}

// Console is a desk of the room.
type Console struct {
	*watcher
	room, role string
}

// Console opens a desk for a role.
func (n *Night) Console(room, role string) *Console {
	n.t.Helper()
	c := &Console{watcher: n.watcher(role, "room/"+room, n.as(role), inProto), room: room, role: role}
	c.connect()
	if c.ended != nil {
		n.t.Fatalf("%s: %v", c.name, c.ended)
	}
	return c
}

// Opens an incident heard of by telephone, and gives its id.
func (c *Console) Opens(site, zone, category string, priority int32) string {
	c.n.t.Helper()
	o := c.do(&watchv1.Command{Type: "incident.open", Site: site, Zone: zone, Category: category, Priority: priority})
	return c.opened(func(d *watchv1.Decided) bool { return d.GetOffset() == o.GetOffset() })
}

// Incident that an alarm has opened or joined.
func (c *Console) Incident(a taken) string {
	c.n.t.Helper()
	return hear(c.watcher, "alarm "+a.AlarmID, (*logv1.Event).GetAlarmReceived,
		func(e *logv1.AlarmReceived) bool { return e.GetAlarm() == a.AlarmID }).GetIncident()
}

func (c *Console) opened(in func(*watchv1.Decided) bool) (incident string) {
	c.n.t.Helper()
	c.await("the incident", func() bool {
		for _, d := range c.events {
			for _, e := range d.GetEvents() {
				if o := e.GetIncidentOpened(); o != nil && in(d) {
					incident = o.GetIncident()
					return true
				}
			}
		}
		return false
	})
	return incident
}

// Claims leads an incident from here on.
func (c *Console) Claims(incident string) {
	c.n.t.Helper()
	c.do(&watchv1.Command{Type: "incident.claim", Incident: incident})
}

// Controls says that it is under control.
func (c *Console) Controls(incident string) {
	c.n.t.Helper()
	c.do(&watchv1.Command{Type: "incident.control", Incident: incident})
}

// Closes an incident.
func (c *Console) Closes(incident, disposition string) {
	c.n.t.Helper()
	c.do(&watchv1.Command{Type: "incident.close", Incident: incident, Disposition: disposition, Text: "Noted by the desk."})
}

// Hears waits until a mission has come to a leg or an end, in the words of the events.
func (c *Console) Hears(leg, mission string) {
	c.n.t.Helper()
	c.await(fmt.Sprintf("mission %s %s", mission, leg), func() bool {
		for _, d := range c.events {
			for _, e := range d.GetEvents() {
				if missionEvent(e) == leg+" "+mission {
					return true
				}
			}
		}
		return false
	})
}

// missionEvent is the leg and the mission of an event, or nothing.
func missionEvent(e *logv1.Event) string {
	m := e.ProtoReflect()
	f := m.WhichOneof(m.Descriptor().Oneofs().ByName("body"))
	if f == nil {
		return ""
	}
	id := f.Message().Fields().ByName("mission")
	leg, ok := strings.CutPrefix(string(f.Name()), "mission_")
	if !ok || id == nil {
		return ""
	}
	return leg + " " + m.Get(f).Message().Get(id).String()
}

// Panel is a source of alarms.
type Panel struct {
	n         *Night
	name, key string
}

// Panel of a room, as the first start made it.
func (n *Night) Panel(room string) *Panel {
	n.t.Helper()
	for _, s := range n.first.Sources {
		if s.Source == room+"-panel" {
			return &Panel{n, s.Source, s.Key}
		}
	}
	n.t.Fatalf("first-accounts.json has no source of %s", room)
	return nil
}

// taken is the 202 to an alarm.
type taken struct {
	AlarmID   string `json:"alarm_id"`
	RequestID string `json:"request_id"`
	Room      string
	Offset    int64
	// Provisional says that it is in a journal and has no offset yet.
	Provisional bool
}

// alarm is what a panel says.
type alarm struct {
	Code    string `json:"code"`
	Site    string `json:"site"`
	Zone    string `json:"zone"`
	Text    string `json:"text,omitempty"`
	Restore bool   `json:"restore,omitempty"`
}

// Rings raises an alarm, and has to hear that it is durable.
func (p *Panel) Rings(code, site, zone string) taken {
	p.n.t.Helper()
	key, a := uuid.NewString(), alarm{Code: code, Site: site, Zone: zone}
	got := p.Sends(key, a)
	for got.Provisional && pause(p.n.life) == nil { // a busy disk; its offset follows
		got = p.Tries(key, a)
	}
	return got
}

// Sends an alarm under a key.
func (p *Panel) Sends(key string, a alarm) taken {
	p.n.t.Helper()
	p.n.claims.asks(key)
	raw := p.n.must(http.StatusAccepted, http.MethodPost, "/v1/alarms", p.key, a, "Idempotency-Key", key)
	got := decode[taken](p.n, raw)
	p.n.claims.add(promiseOf(raw, key))
	return got
}
