package guard_test

import (
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/structpb"

	logv1 "vigie/pkg/gen/vigie/log/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/pkg/geo"
	"vigie/services/vigie/internal/sim/chance"
	"vigie/services/vigie/internal/sim/client"
	"vigie/services/vigie/internal/sim/guard"
)

func room() *client.Room {
	return &client.Room{
		Room: "alpha", Timezone: "Europe/Paris",
		Sites: []client.Site{
			{Site: "north", Entrances: []client.Entrance{{Lat: 48.85, Lon: 2.35}}, Zones: []client.Zone{{Code: "ED", IndoorWalkS: 60}}},
			{Site: "south", Entrances: []client.Entrance{{Lat: 48.8366, Lon: 2.352}}, Zones: []client.Zone{{Code: "ED", IndoorWalkS: 45}}},
		},
	}
}

// noon in Paris, well within the day shift.
var noon = time.Date(2026, 3, 3, 11, 0, 0, 0, time.UTC)

// world plays the room for one agent: it answers every command with done, and notes what was sent.
type world struct {
	t     *testing.T
	agent *guard.Agent
	now   time.Time
	said  []string
	cmds  []*watchv1.Command
	fixes []*watchv1.Fix
	// mute keeps outcomes back.
	mute    bool
	onDuty  int
	refused int
}

func (w *world) Linked(string, string, time.Time)       {}
func (w *world) Unlinked(string, string, time.Time)     {}
func (w *world) Offered(string, string)                 {}
func (w *world) OnDuty(string, string)                  { w.onDuty++ }
func (w *world) Refused(_, _, _, _ string)              { w.refused++ }
func (w *world) online() bool                           { on, _ := w.agent.Online(w.now); return on }
func (w *world) answer(c *watchv1.Command, code string) { w.agent.Answered(w.now, c, code) }
func (w *world) hear(events ...*logv1.Event) {
	w.agent.Hear(w.now, &watchv1.Decided{Events: events})
	w.tick()
}

func (w *world) offer(mission, incident, site string, p int) {
	w.hear(&logv1.Event{Body: &logv1.Event_MissionOffered{MissionOffered: &logv1.MissionOffered{
		Mission: mission, Incident: incident, Team: "t1", Site: site, Zone: "ED", Priority: int32(p),
	}}})
}

func newWorld(t *testing.T, seed chance.Seed, shifts ...client.Shift) *world {
	t.Helper()
	w := &world{t: t, now: noon}
	if len(shifts) == 0 {
		shifts = []client.Shift{{StartMinute: 7 * 60, EndMinute: 19 * 60}, {StartMinute: 19 * 60, EndMinute: 7 * 60}}
	}
	a, err := guard.New(guard.Config{
		Run: "r", Room: room(), Team: client.Team{Team: "t1", HomeSite: "north", Guards: 2, Transport: "vehicle", Shifts: shifts},
		Seed: seed, FixGap: time.Second, Watcher: w,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.agent = a
	w.tick()
	return w
}

// tick lets the agent act now and takes what it sends.
func (w *world) tick() {
	w.t.Helper()
	for _, f := range w.agent.Tick(w.now) {
		if c := f.GetCommand(); c != nil {
			w.said = append(w.said, c.GetType()+" "+c.GetMission())
			w.cmds = append(w.cmds, c)
			if !w.mute {
				w.answer(c, "")
			}
			continue
		}
		w.fixes = append(w.fixes, f.GetFix())
	}
}

// run lets the agent live for a time, woken when it wants to be.
func (w *world) run(d time.Duration) {
	w.t.Helper()
	for end := w.now.Add(d); ; {
		next := w.agent.Next()
		if !next.After(w.now) {
			w.t.Fatalf("wants to be woken at %v, which is not after %v", next, w.now)
		}
		if next.After(end) {
			w.now = end
			w.tick()
			return
		}
		w.now = next
		w.tick()
	}
}

// seed finds one whose lot for the first offer of incident I1 is as wanted, so that tests say what they are about.
func seed(t *testing.T, want func(is func(what string, p float64) bool) bool) chance.Seed {
	t.Helper()
	for s := range chance.Seed(100_000) {
		is := func(what string, p float64) bool { return s.Of(what, "alpha/t1", "I1-1").Happens(p) }
		if want(is) {
			return s
		}
	}
	t.Fatal("no such seed")
	return 0
}

func ordinary(is func(string, float64) bool) bool {
	return !is("declines", 0.3) && !is("unheard", 0.3) && !is("loses the link", 0.3)
}

func TestATeamSignsOnAtItsShiftAndTheReliefComesBeforeItsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	if !w.online() || w.onDuty != 1 {
		t.Fatalf("online %v, signed on %d times", w.online(), w.onDuty)
	}
	if got := w.cmds[0]; got.GetUntil().AsTime() != time.Date(2026, 3, 3, 18, 0, 0, 0, time.UTC) || len(got.GetGuards()) != 2 {
		t.Errorf("signed on with %v", got)
	}
	w.run(8 * time.Hour)
	if diff := cmp.Diff([]string{"team.on_duty ", "team.on_duty "}, w.said); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if at := w.cmds[1].GetAt().AsTime(); at.Before(noon.Add(7*time.Hour-2*time.Minute)) || at.After(noon.Add(7*time.Hour)) {
		t.Errorf("the relief came at %v", at)
	}
	if w.cmds[0].GetGuards()[0] == w.cmds[1].GetGuards()[0] || w.cmds[0].GetId() == w.cmds[1].GetId() {
		t.Error("the relief is the same people, or the same command")
	}
}

func TestATeamWithoutReliefSignsOffAndGoesOffline(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, client.Shift{StartMinute: 7 * 60, EndMinute: 13 * 60})
	w.run(2 * time.Hour)
	if diff := cmp.Diff([]string{"team.on_duty ", "team.off_duty "}, w.said); diff != "" || w.online() {
		t.Errorf("online %v (-want +got)\n%s", w.online(), diff)
	}
	w.run(18 * time.Hour)
	if len(w.said) != 3 || w.said[2] != "team.on_duty " || !w.online() {
		t.Errorf("next morning: %v, online %v", w.said, w.online())
	}
}

func TestAMissionRunsFromReceiptToClearance(t *testing.T) {
	t.Parallel()
	w := newWorld(t, seed(t, ordinary))
	w.offer("M1", "I1", "south", 1)
	if got := w.said[1:]; !cmp.Equal(got, []string{"mission.delivered M1", "mission.seen M1"}) {
		t.Fatalf("at once: %v", got)
	}
	w.run(3 * time.Hour)
	want := []string{"mission.accept M1", "mission.en_route M1", "mission.on_scene M1", "mission.clear M1"}
	if diff := cmp.Diff(want, w.said[3:]); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
	at := func(k int) time.Time { return w.cmds[k].GetAt().AsTime() }
	if answer := at(3).Sub(noon); answer < time.Second || answer > 30*time.Second {
		t.Errorf("answered after %v", answer)
	}
	// 1.5 km × 1.35 at 13 km/h is 9.3 min, and 45 s indoors.
	if travel := at(5).Sub(at(4)); travel < 5*time.Minute || travel > 20*time.Minute {
		t.Errorf("travelled for %v", travel)
	}
	if stay := at(6).Sub(at(5)); stay < time.Minute || stay > 2*time.Hour {
		t.Errorf("stayed for %v", stay)
	}
	for k := 1; k < len(w.cmds); k++ {
		if at(k).Before(at(k - 1)) {
			t.Errorf("%s is said to be before %s", w.said[k], w.said[k-1])
		}
	}
}

func TestFixesFollowTheTeamMoreOftenWhileItMoves(t *testing.T) {
	t.Parallel()
	w := newWorld(t, seed(t, ordinary))
	w.run(30 * time.Minute)
	if n := len(w.fixes); n < 6 || n > 8 {
		t.Errorf("%d fixes in half an hour at the base, want one in five minutes", n)
	}
	still := len(w.fixes)
	w.offer("M1", "I1", "south", 1)
	w.run(10 * time.Minute)
	if n := len(w.fixes) - still; n < 10 {
		t.Errorf("%d fixes in ten minutes on the way, want one in 30 s", n)
	}
	w.run(25 * time.Minute)
	south := geo.FromDegrees(48.8366, 2.352)
	nearest := int64(math.MaxInt64)
	for k, f := range w.fixes {
		nearest = min(nearest, geo.Distance(geo.FromDegrees(f.GetLat(), f.GetLon()), south))
		if k > 0 && f.GetAt().AsTime().Sub(w.fixes[k-1].GetAt().AsTime()) < time.Second {
			t.Error("two fixes within a second")
		}
	}
	if nearest > 200 {
		t.Errorf("never nearer to the scene than %d m", nearest)
	}
}

func TestADeclineSaysWhyAndLeavesTheTeamFree(t *testing.T) {
	t.Parallel()
	w := newWorld(t, seed(t, func(is func(string, float64) bool) bool { return is("declines", 0.04) && !is("unheard", 0.3) }))
	w.offer("M1", "I1", "north", 2)
	w.run(5 * time.Minute)
	last := w.cmds[len(w.cmds)-1]
	if last.GetType() != "mission.decline" || last.GetReason() == "" {
		t.Fatalf("said %v", w.said)
	}
	w.offer("M2", "I2", "north", 2)
	if w.said[len(w.said)-1] != "mission.seen M2" {
		t.Errorf("said %v", w.said)
	}
}

func TestARecalledTeamGoesHomeAndSaysNothingMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, seed(t, ordinary))
	w.offer("M1", "I1", "south", 1)
	w.run(4 * time.Minute)
	said := len(w.said)
	w.hear(event("M1", "cancelled"))
	w.run(2 * time.Hour)
	if len(w.said) != said {
		t.Errorf("still says %v", w.said[said:])
	}
	last := w.fixes[len(w.fixes)-1]
	if d := geo.Distance(geo.FromDegrees(last.GetLat(), last.GetLon()), geo.FromDegrees(48.85, 2.35)); d > 200 {
		t.Errorf("is %d m from its base", d)
	}
}

func TestASnapshotReplacesWhatTheRoomSaidAndNotWhatPeopleDid(t *testing.T) {
	t.Parallel()
	state := func(mission string) *structpb.Struct {
		missions := []any{}
		if mission != "" {
			missions = append(missions, map[string]any{"id": mission, "incident": "I1", "team": "t1", "state": "offered"})
		}
		s, err := structpb.NewStruct(map[string]any{
			"team": map[string]any{"id": "t1", "on_duty": true}, "missions": missions,
			"incidents": []any{map[string]any{"id": "I1", "site": "south", "zone": "ED", "priority": 1}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	t.Run("an offer is taken up", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, seed(t, ordinary))
		if err := w.agent.Restart(w.now, state("M1")); err != nil {
			t.Fatal(err)
		}
		w.run(3 * time.Hour)
		if w.said[len(w.said)-1] != "mission.clear M1" {
			t.Errorf("said %v", w.said)
		}
	})
	t.Run("what has ended is dropped", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, seed(t, ordinary))
		w.offer("M1", "I1", "south", 1)
		if err := w.agent.Restart(w.now, state("")); err != nil {
			t.Fatal(err)
		}
		said := len(w.said)
		w.run(time.Hour)
		if len(w.said) != said {
			t.Errorf("goes on: %v", w.said[said:])
		}
	})
	t.Run("an answer on its way keeps its mission", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, seed(t, ordinary))
		w.offer("M1", "I1", "south", 1)
		w.mute = true
		w.run(30 * time.Second)
		if err := w.agent.Restart(w.now, state("")); err != nil {
			t.Fatal(err)
		}
		w.run(time.Hour)
		if w.said[len(w.said)-1] == "mission.accept M1" {
			t.Error("stopped before the room had answered")
		}
	})
}

func TestTheSameSeedBehavesAlike(t *testing.T) {
	t.Parallel()
	night := func() []string {
		w := newWorld(t, 5)
		for k := range 20 {
			w.offer("M"+strconv.Itoa(k), "I"+strconv.Itoa(k), "north", 1+k%3)
			w.run(3 * time.Hour)
		}
		var out []string
		for _, c := range w.cmds {
			out = append(out, c.GetType()+c.GetMission()+c.GetAt().AsTime().String()+c.GetId())
		}
		return out
	}
	if diff := cmp.Diff(night(), night()); diff != "" {
		t.Errorf("two runs of a seed differ:\n%s", diff)
	}
}
