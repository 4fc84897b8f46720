package desk_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/structpb"

	logv1 "vigie/pkg/gen/vigie/log/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/services/vigie/internal/sim/chance"
	"vigie/services/vigie/internal/sim/client"
	"vigie/services/vigie/internal/sim/desk"
	"vigie/services/vigie/internal/sim/load"
)

var noon = time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)

// world is the room around one desk.
type world struct {
	t      *testing.T
	desk   *desk.Desk
	now    time.Time
	said   []*watchv1.Command
	live   int
	opened []string
	alarms []string
	began  int64
}

func (w *world) Began(_ string, at *watchv1.Cursor)     { w.began = at.GetOffset() }
func (w *world) Alarm(_, incident, alarm string)        { w.alarms = append(w.alarms, incident+" "+alarm) }
func (w *world) Opened(_, command string)               { w.opened = append(w.opened, command) }
func (w *world) Live(_ string, n int)                   { w.live = n }
func (w *world) Refused(string, string, string, string) {}

func newWorld(t *testing.T, seed chance.Seed, reports ...load.Report) *world {
	t.Helper()
	w := &world{t: t, now: noon}
	w.desk = desk.New(desk.Config{
		Run: "r", Seed: seed, Reports: reports, Start: noon, Watcher: w,
		Room: &client.Room{Room: "alpha", Teams: []client.Team{{Team: "n1", HomeSite: "north"}, {Team: "s1", HomeSite: "south"}}},
	})
	w.desk.Linked(noon, &watchv1.Cursor{Offset: 42})
	return w
}

func (w *world) hear(events ...*logv1.Event) { w.desk.Hear(w.now, &watchv1.Decided{Events: events}) }

// run lets the desk work for a time.
func (w *world) run(d time.Duration) {
	w.t.Helper()
	for end := w.now.Add(d); ; {
		w.said = append(w.said, commands(w.desk.Tick(w.now))...)
		next := w.desk.Next()
		if next.After(end) {
			w.now = end
			return
		}
		w.now = next
	}
}

func commands(frames []*watchv1.ClientFrame) []*watchv1.Command {
	var out []*watchv1.Command
	for _, f := range frames {
		out = append(out, f.GetCommand())
	}
	return out
}

func (w *world) types() []string {
	var out []string
	for _, c := range w.said {
		out = append(out, c.GetType())
	}
	return out
}

func opens(id, category, mode string) *logv1.Event {
	return &logv1.Event{Body: &logv1.Event_IncidentOpened{IncidentOpened: &logv1.IncidentOpened{
		Incident: id, Site: "south", Category: category, Priority: 1, Mode: mode,
	}}}
}

func onDuty(team string) []*logv1.Event {
	return []*logv1.Event{
		{Body: &logv1.Event_DutyStarted{DutyStarted: &logv1.DutyStarted{Team: team}}},
		{Body: &logv1.Event_DeviceLinked{DeviceLinked: &logv1.DeviceLinked{Team: team, Device: "d-" + team}}},
	}
}

func offers(mission, incident, team string) *logv1.Event {
	return &logv1.Event{Body: &logv1.Event_MissionOffered{MissionOffered: &logv1.MissionOffered{Mission: mission, Incident: incident, Team: team}}}
}

func arrives(mission string) *logv1.Event {
	return &logv1.Event{Body: &logv1.Event_MissionArrived{MissionArrived: &logv1.MissionArrived{Mission: mission}}}
}

func clears(mission string) *logv1.Event {
	return &logv1.Event{Body: &logv1.Event_MissionCleared{MissionCleared: &logv1.MissionCleared{Mission: mission}}}
}

func declines(mission string) *logv1.Event {
	return &logv1.Event{Body: &logv1.Event_MissionDeclined{MissionDeclined: &logv1.MissionDeclined{Mission: mission}}}
}

func controlled(incident string) *logv1.Event {
	return &logv1.Event{Body: &logv1.Event_IncidentControlled{IncidentControlled: &logv1.IncidentControlled{Incident: incident}}}
}

func ends(incident string) *logv1.Event {
	return &logv1.Event{Body: &logv1.Event_IncidentClosed{IncidentClosed: &logv1.IncidentClosed{Incident: incident}}}
}

func TestAnIncidentIsLedControlledAndClosedWithADisposition(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.hear(opens("I1", "internal_violence", "automatic"), offers("M1", "I1", "s1"))
	w.run(time.Minute)
	w.hear(arrives("M1"))
	w.run(30 * time.Minute)
	w.hear(controlled("I1"))
	w.run(5 * time.Minute)
	if got := w.types(); !cmp.Equal(got, []string{"incident.claim", "incident.control"}) {
		t.Fatalf("while a team is there: %v", got)
	}
	w.hear(clears("M1"))
	w.run(2 * time.Minute)
	last := w.said[len(w.said)-1]
	if last.GetType() != "incident.close" || last.GetDisposition() == "" || len(w.said) != 3 {
		t.Fatalf("in the end: %v", w.said)
	}
	w.hear(ends("I1"))
	w.run(2 * time.Hour)
	if len(w.said) != 3 || w.live != 0 || w.began != 42 {
		t.Errorf("afterwards: %v, %d live, began at %d", w.said, w.live, w.began)
	}
}

func TestWhatThePlanDoesNotSendIsSentByHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.hear(append(onDuty("n1"), onDuty("s1")...)...)
	w.hear(opens("I1", "fire", "manual"))
	assigned := func() []string {
		var out []string
		for _, c := range w.said {
			if c.GetType() == "mission.assign" {
				out = append(out, c.GetTeam())
			}
		}
		return out
	}
	w.run(30 * time.Second)
	if got := assigned(); !cmp.Equal(got, []string{"s1"}) {
		t.Fatalf("assigned %v, want the site's own team", got)
	}
	w.hear(offers("M1", "I1", "s1"), declines("M1"), &logv1.Event{Body: &logv1.Event_DeviceUnlinked{DeviceUnlinked: &logv1.DeviceUnlinked{Team: "s1", Device: "d-s1"}}})
	w.run(time.Minute)
	if got := assigned(); !cmp.Equal(got, []string{"s1", "n1"}) {
		t.Fatalf("after the decline: %v", got)
	}
	w.desk.Answered(w.now, w.said[len(w.said)-1], "team_busy")
	w.run(time.Minute)
	if got := assigned(); len(got) != 3 {
		t.Errorf("after the refusal: %v", got)
	}
}

func TestNobodyIsSentIntoTerror(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.hear(onDuty("s1")...)
	w.hear(opens("I1", "terrorism", "manual"))
	w.run(20 * time.Minute)
	if slices.Contains(w.types(), "mission.assign") || !slices.Contains(w.types(), "incident.control") {
		t.Errorf("said %v", w.types())
	}
}

func TestWhatNobodyComesToIsSettledByTelephone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.hear(opens("I1", "access", "automatic"))
	w.run(time.Hour)
	last := w.said[len(w.said)-1]
	if last.GetType() != "incident.cancel" || last.GetReason() == "" {
		t.Errorf("said %v", w.types())
	}
}

func TestReportsOpenIncidentsAndTooLateIsAskedAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, load.Report{At: time.Minute, Room: "alpha", Site: "south", Zone: "ED", Category: "assistance", Priority: 3})
	w.run(2 * time.Minute)
	if len(w.said) != 1 || w.said[0].GetType() != "incident.open" || w.said[0].GetSite() != "south" {
		t.Fatalf("said %v", w.said)
	}
	first := w.said[0]
	w.desk.Answered(w.now, first, "too_late")
	w.run(time.Second)
	if len(w.said) != 2 || w.said[1].GetId() == first.GetId() || w.said[1].GetCategory() != "assistance" {
		t.Fatalf("said %v", w.said)
	}
	w.desk.Answered(w.now, w.said[1], "")
	if !cmp.Equal(w.opened, []string{w.said[1].GetId()}) {
		t.Errorf("opened %v", w.opened)
	}
}

func TestASnapshotIsSeenThroughLikeEverythingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	s, err := structpb.NewStruct(map[string]any{
		"incidents": []any{
			map[string]any{"id": "I1", "state": "controlled", "site": "south"},
			map[string]any{"id": "I2", "state": "closed", "site": "south"},
			map[string]any{"id": "I3", "state": "on_scene", "site": "north"},
		},
		"missions": []any{map[string]any{"id": "M3", "incident": "I3", "team": "n1", "state": "on_scene", "accepted_at": "x"}},
		"teams":    []any{map[string]any{"id": "n1", "on_duty": true, "reachable": true, "mission": "M3"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.desk.Restart(w.now, s); err != nil {
		t.Fatal(err)
	}
	w.run(2 * time.Minute)
	if w.live != 2 || !slices.ContainsFunc(w.said, func(c *watchv1.Command) bool {
		return c.GetType() == "incident.close" && c.GetIncident() == "I1"
	}) {
		t.Errorf("%d live, said %v", w.live, w.said)
	}
	w.hear(clears("M3"))
	w.run(2 * time.Minute)
	if !slices.ContainsFunc(w.said, func(c *watchv1.Command) bool {
		return c.GetType() == "incident.control" && c.GetIncident() == "I3"
	}) {
		t.Errorf("said %v", w.said)
	}
}
