package controlroom_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/domain/controlroom/choose"
	"vigie/pkg/es"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	regionv1 "vigie/pkg/gen/vigie/region/v1"
)

// The group of the tests: NORD and SUD are a quarter of an hour apart by car, LOIN is an hour from both.
func configuration() *regionv1.RoomConfiguration {
	site := func(id string, lat int32) *regionv1.Site {
		return &regionv1.Site{
			Id: id, Name: id, IndoorWalkS: 60, P1PerThousandDays: 500,
			Entrances: []*regionv1.Entrance{{Id: "main", LatE7: lat, LonE7: 23_500_000}},
			Zones:     []*regionv1.Zone{{Code: "emergency"}, {Code: "pharmacy", IndoorWalkS: 120}, {Code: "archive"}},
		}
	}
	team := func(id, home string, guards int32, capabilities ...string) *regionv1.Team {
		return &regionv1.Team{Id: id, CallSign: "call " + id, HomeSite: home, Guards: guards, Capabilities: capabilities, Transport: "vehicle"}
	}
	travel := func(from, to string, seconds int32) *regionv1.TravelTime {
		return &regionv1.TravelTime{FromSite: from, ToSite: to, Transport: "vehicle", Seconds: seconds}
	}
	plan := func(id, mode string, guards int32, categories ...string) *regionv1.Plan {
		return &regionv1.Plan{Id: id, Mode: mode, GuardsWanted: guards, Categories: categories, JoinWindowS: 300}
	}
	fire := plan("fire", "automatic", 1, "fire")
	fire.OwnSiteOnly, fire.Capabilities = true, []string{"fire"}
	brawl := plan("brawl", "automatic", 2, "imported_violence", "lone_worker")
	return &regionv1.RoomConfiguration{
		Room: room, Name: "Test", Timezone: "Europe/Paris",
		Sites: []*regionv1.Site{site("NORD", 489_000_000), site("SUD", 488_000_000), site("LOIN", 485_000_000)},
		Teams: []*regionv1.Team{
			team("N1", "NORD", 1, "intervention"), team("N2", "NORD", 1, "intervention", "fire"),
			team("S1", "SUD", 2, "intervention", "dog"), team("L1", "LOIN", 2, "intervention"),
		},
		Plans: []*regionv1.Plan{
			fire, brawl, plan("terror", "manual", 4, "terrorism"), plan("service", "proposed", 1, "assistance"), plan("any", "automatic", 1),
		},
		Codes: []*regionv1.Code{
			{Code: "BA", Category: "intrusion", Priority: 2},
			{Code: "PA", Category: "imported_violence", Priority: 1},
			{Code: "FA", Category: "fire", Priority: 1},
			{Code: "TR", Category: "technical", Priority: 3},
			{Code: "WX", Category: "terrorism", Priority: 1},
			{Code: "AS", Category: "assistance", Priority: 3},
		},
		TravelTimes: []*regionv1.TravelTime{
			travel("NORD", "SUD", 900), travel("SUD", "NORD", 900), travel("NORD", "LOIN", 3600), travel("SUD", "LOIN", 3600),
			travel("LOIN", "NORD", 3600), travel("LOIN", "SUD", 3600),
		},
		Parameters: &regionv1.Parameters{
			DeliveryS: 5, AnswerS: []int32{30, 90, 90}, NeglectS: []int32{30, 90, 90}, ChooseAgainS: 30, TargetS: []int32{480, 900, 1800},
			CrossingCapS: []int32{1200, 1200, 1800}, TurnoutS: 60,
		},
	}
}

const room = "room"

// night is a room whose deciders live in this test: what is asked is decided at once, and what falls due at its time.
// It is 22:00 at the sites when it starts.
type night struct {
	t     *testing.T
	state controlroom.State
	now   int64
	facts controlroom.Facts
	told  []string
	asked int
}

// quietNight is a night whose region is known; nobody is on duty.
func quietNight(t *testing.T) *night {
	t.Helper()
	n := &night{
		t: t, state: controlroom.Initial(), now: start,
		facts: controlroom.Facts{Room: room, LogID: "log", MinuteOfDay: 22 * 60, Positions: map[string]choose.Fix{}},
	}
	n.advance(0)
	n.ask(&intakev1.Request{Body: &intakev1.Request_ConfigureRegion{ConfigureRegion: &intakev1.ConfigureRegion{Content: configuration(), Hash: "h1"}}})
	n.told = nil
	return n
}

// start is the beginning of every night; it is not 0, which means "never" in many places.
const start = int64(1_000_000_000)

// staffed has these teams on duty and linked.
func staffed(t *testing.T, teams ...string) *night {
	t.Helper()
	n := quietNight(t)
	for _, team := range teams {
		n.starts(team)
		n.links(team, "hand-"+team)
	}
	n.told = nil
	return n
}

func (n *night) ask(q *intakev1.Request) *es.Refusal {
	n.t.Helper()
	n.asked++
	q.Principal, q.Id = "test", fmt.Sprint(n.asked)
	if q.GetRoom() == "" {
		q.Room = room
	}
	if q.GetReceivedAtMs() == 0 {
		q.ReceivedAtMs = n.now
	}
	if q.GetActor() == nil {
		q.Actor = &intakev1.Actor{Id: "dora", Role: "dispatcher"}
	}
	r := controlroom.Request{Body: q}
	r.Cause, r.ReceivedAt, r.DeviceAt = es.Cause{Principal: "test", ID: q.GetId()}, q.GetReceivedAtMs(), q.GetDeviceAtMs()
	out := controlroom.Decide(n.state, r, n.now, n.facts)
	n.fold(out)
	n.settle()
	return out.Refusal
}

func (n *night) fold(out controlroom.Outcome) {
	for _, e := range out.Events {
		n.state = controlroom.Evolve(n.state, n.now, e)
		n.told = append(n.told, tell(e))
	}
	if out.Refusal != nil {
		n.told = append(n.told, "refused: "+out.Refusal.Code)
	}
}

// advance lets seconds pass, with everything that falls due meanwhile.
func (n *night) advance(seconds int) {
	n.t.Helper()
	end := n.now + int64(seconds)*1000
	for {
		n.settle()
		next := end + 1
		controlroom.EachDeadline(n.state, func(d es.Deadline) { next = min(next, d.Due) })
		if next > end {
			break
		}
		n.now = max(n.now, next)
	}
	n.now = end
}

// settle answers what is due now, in the kernel's order.
func (n *night) settle() {
	n.t.Helper()
	for range 100 {
		var due []es.Deadline
		controlroom.EachDeadline(n.state, func(d es.Deadline) {
			if d.Due <= n.now {
				due = append(due, d)
			}
		})
		if len(due) == 0 {
			return
		}
		d := slices.MinFunc(due, func(a, b es.Deadline) int {
			return strings.Compare(fmt.Sprintf("%d %020d %s", a.Rank, a.Due, a.ID), fmt.Sprintf("%d %020d %s", b.Rank, b.Due, b.ID))
		})
		out := controlroom.DecideDue(n.state, d, n.now, n.facts)
		n.state = controlroom.Answered(n.state, d.ID)
		n.fold(out)
	}
	n.t.Fatal("the deadlines of one moment do not come to an end")
}

// expect compares what the log tells since the last time.
func (n *night) expect(want ...string) {
	n.t.Helper()
	if got := strings.Join(n.told, "\n"); got != strings.Join(want, "\n") {
		n.t.Errorf("want:\n  %s\ngot:\n  %s", strings.Join(want, "\n  "), strings.Join(n.told, "\n  "))
	}
	n.told = nil
}

// skip forgets what was told so far.
func (n *night) skip() *night {
	n.told = nil
	return n
}

func (n *night) incident(id string) *controlroom.Incident {
	n.t.Helper()
	i := n.state.Incidents[id]
	if i == nil {
		n.t.Fatalf("there is no incident %s", id)
	}
	return i
}

// tell is an event in one line.
func tell(e *logv1.Event) string {
	switch b := e.GetBody().(type) {
	case *logv1.Event_AlarmReceived:
		joined := ""
		if b.AlarmReceived.GetJoined() {
			joined = " joins"
		}
		return fmt.Sprintf("alarm %s %s%s %s", b.AlarmReceived.GetAlarm(), b.AlarmReceived.GetCategory(), joined, b.AlarmReceived.GetIncident())
	case *logv1.Event_IncidentOpened:
		o := b.IncidentOpened
		return fmt.Sprintf("%s opened by %s: %s P%d at %s, %d guards, %s", o.GetIncident(), o.GetOpenedBy(), o.GetCategory(), o.GetPriority(),
			strings.TrimSuffix(o.GetSite()+"/"+o.GetZone(), "/"), o.GetGuardsWanted(), o.GetMode())
	case *logv1.Event_IncidentAggravated:
		return fmt.Sprintf("%s aggravated to P%d %s, %d guards", b.IncidentAggravated.GetIncident(), b.IncidentAggravated.GetPriority(), b.IncidentAggravated.GetCategory(), b.IncidentAggravated.GetGuardsWanted())
	case *logv1.Event_IncidentNeglected:
		return fmt.Sprintf("%s neglected, step %d", b.IncidentNeglected.GetIncident(), b.IncidentNeglected.GetStep())
	case *logv1.Event_TeamsChosen:
		return fmt.Sprintf("%s: chosen %s", b.TeamsChosen.GetIncident(), strings.Join(b.TeamsChosen.GetChosen(), " "))
	case *logv1.Event_NoTeamFound:
		var why []string
		for _, x := range b.NoTeamFound.GetExclusions() {
			why = append(why, x.GetTeam()+" "+x.GetReason())
		}
		return fmt.Sprintf("%s: nobody (%s)", b.NoTeamFound.GetIncident(), strings.Join(why, ", "))
	case *logv1.Event_TeamsProposed:
		return fmt.Sprintf("%s: proposed %s", b.TeamsProposed.GetIncident(), strings.Join(b.TeamsProposed.GetProposed(), " "))
	case *logv1.Event_StillNoTeam:
		return b.StillNoTeam.GetIncident() + ": still nobody"
	case *logv1.Event_BackupRequested:
		return fmt.Sprintf("%s: %s asks for %d more, P%d, %d guards", b.BackupRequested.GetIncident(), b.BackupRequested.GetTeam(),
			b.BackupRequested.GetGuards(), b.BackupRequested.GetPriority(), b.BackupRequested.GetGuardsWanted())
	case *logv1.Event_MissionOffered:
		return fmt.Sprintf("%s offered to %s for %s", b.MissionOffered.GetMission(), b.MissionOffered.GetTeam(), b.MissionOffered.GetIncident())
	case *logv1.Event_MissionCancelled:
		return fmt.Sprintf("%s cancelled: %s", b.MissionCancelled.GetMission(), b.MissionCancelled.GetReason())
	case *logv1.Event_MissionDeclined:
		return fmt.Sprintf("%s declined: %s", b.MissionDeclined.GetMission(), b.MissionDeclined.GetReason())
	case *logv1.Event_LateAnswerHonoured:
		return fmt.Sprintf("%s for the late answer of %s to %s", b.LateAnswerHonoured.GetMission(), b.LateAnswerHonoured.GetTeam(), b.LateAnswerHonoured.GetPrevious())
	case *logv1.Event_SosRaised:
		return fmt.Sprintf("SOS of %s at %s: %s", b.SosRaised.GetTeam(), strings.TrimSuffix(b.SosRaised.GetSite()+"/"+b.SosRaised.GetZone(), "/"), b.SosRaised.GetIncident())
	case *logv1.Event_DutyEnded:
		return fmt.Sprintf("%s off duty: %s", b.DutyEnded.GetTeam(), b.DutyEnded.GetReason())
	}
	return short(e)
}

// short tells an event by its name and its first field, and whether it is implied.
func short(e *logv1.Event) string {
	m := e.ProtoReflect()
	f := m.WhichOneof(m.Descriptor().Oneofs().ByName("body"))
	body := m.Get(f).Message()
	fields := body.Descriptor().Fields()
	line := body.Get(fields.Get(0)).String() + " " + strings.TrimPrefix(strings.TrimPrefix(string(f.Name()), "mission_"), "incident_")
	if implied := fields.ByName("implied"); implied != nil && body.Get(implied).Bool() {
		line += " (implied)"
	}
	return line
}
