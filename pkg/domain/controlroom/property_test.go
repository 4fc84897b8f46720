package controlroom_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/es/estest"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	"vigie/pkg/wire"
)

type race = estest.Race[controlroom.State, *logv1.Event, *intakev1.Request, controlroom.Facts]

// TestAnyNightKeepsItsPromises drives whole rooms through racing deciders, stored bytes and folds: I3, I4, I7, I10, I11, I12.
func TestAnyNightKeepsItsPromises(t *testing.T) {
	t.Parallel()
	rapid.Check(t, anyNight)
}

// FuzzNights lets the fuzzer choose the night.
func FuzzNights(f *testing.F) { f.Fuzz(rapid.MakeFuzz(anyNight)) }

func anyNight(t *rapid.T) {
	r := &race{
		Room: room, Domain: controlroom.Rules(), Encode: wire.Encode, Decode: wire.Decode, Now: start,
		Facts:  controlroom.Facts{Room: room, LogID: "log", MinuteOfDay: 22 * 60},
		Limits: es.Limits{Requests: 4, Deadlines: 4, Bytes: 1 << 20, ReadBack: 2000, Retry: 50},
	}
	r.Start(0, rapid.Int64Range(-400, 400).Draw(t, "skew"))
	put(t, r, configure(configuration(), "h1"))
	for _, team := range teams {
		put(t, r, &intakev1.Request{Body: &intakev1.Request_StartDuty{StartDuty: &intakev1.StartDuty{Team: team}}})
		put(t, r, link(team))
	}
	choose := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "choice") }
	for range rapid.IntRange(10, 40).Draw(t, "chapters") {
		for range choose(4) {
			put(t, r, drawRequest(t, r.Now))
		}
		for range choose(30) {
			if err := r.Step(choose); err != nil {
				t.Fatal(err)
			}
		}
		r.Now += int64(rapid.SampledFrom([]int{0, 10, 1000, 6000, 31_000, 100_000, 700_000}).Draw(t, "pass"))
		if choose(2) == 0 {
			if err := r.Settle(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := r.Settle(); err != nil {
		t.Fatal(err)
	}
	told, err := r.Check()
	if err != nil {
		t.Fatal(err)
	}
	if told.IntakeNext != int64(len(r.Intake)) {
		t.Fatalf("%d of %d requests have an outcome", told.IntakeNext, len(r.Intake))
	}
	for _, d := range r.Deciders {
		if got, want := controlroom.StateHash(d.Fold), controlroom.StateHash(told.Fold); got != want {
			t.Fatalf("%s folds another room: %s, not %s", d.Name, got, want)
		}
		knowsWhoLives(t, d.State)
	}
	promises(t, told.Effective)
	foldsAlikeFromAnywhere(t, r, controlroom.StateHash(told.Fold))
}

// knowsWhoLives compares what a state keeps beside its incidents with the incidents.
func knowsWhoLives(t rapid.TB, s controlroom.State) {
	t.Helper()
	want := map[string]*controlroom.Incident{}
	for id, i := range s.Incidents {
		if i.Live() {
			want[id] = i
		}
	}
	got := map[string]*controlroom.Incident{}
	for i := range s.Live() {
		got[i.ID] = i
	}
	if !maps.Equal(got, want) {
		t.Fatalf("%d incidents are told to live, %d do", len(got), len(want))
	}
}

var teams = []string{"N1", "N2", "S1", "L1"}

func link(team string) *intakev1.Request {
	return &intakev1.Request{Body: &intakev1.Request_LinkBack{LinkBack: &intakev1.LinkBack{Team: team, Device: "d" + team, Gateway: "gw", Session: "s"}}}
}

// put stores a request as an edge does; now and then the same bytes come twice, or again under an id of before.
func put(t *rapid.T, r *race, q *intakev1.Request) {
	q.Room, q.Principal, q.Id, q.ReceivedAtMs = room, "edge", fmt.Sprint(len(r.Intake)), r.Now
	q.Actor = &intakev1.Actor{Id: "dora", Role: rapid.SampledFrom([]string{"dispatcher", "chief"}).Draw(t, "role")}
	if rapid.IntRange(0, 30).Draw(t, "reuse") == 0 {
		q.Id = "1"
	}
	value, err := wire.EncodeRequest(q)
	if err != nil {
		t.Fatal(err)
	}
	if rapid.IntRange(0, 40).Draw(t, "noise") == 0 {
		value = value[:len(value)/2]
	}
	for range 1 + rapid.IntRange(0, 8).Draw(t, "twice")/8 {
		r.Ask(wire.DecodeRequest(int64(len(r.Intake)), value))
	}
}

func drawRequest(t *rapid.T, now int64) *intakev1.Request {
	pick := func(what string, from ...string) string { return rapid.SampledFrom(from).Draw(t, what) }
	team := func() string { return pick("team", teams...) }
	mission := func() string { return fmt.Sprintf("M%d", rapid.IntRange(1, 6).Draw(t, "mission")) }
	incident := func() string { return fmt.Sprintf("I%d", rapid.IntRange(1, 4).Draw(t, "incident")) }
	kinds := []func() *intakev1.Request{
		func() *intakev1.Request {
			return alarmOf("A", pick("source", "p1", "p2"), pick("code", "BA", "PA", "FA", "TR", "WX", "AS", "??"),
				pick("site", "NORD", "SUD", "LOIN", "MARS"), pick("zone", "pharmacy", "emergency"))
		},
		func() *intakev1.Request { return accept(mission()) },
		func() *intakev1.Request { return onScene(mission()) },
		func() *intakev1.Request { return cleared(mission()) },
		func() *intakev1.Request { return decline(mission(), "no") },
		func() *intakev1.Request { return delivered(mission()) },
		func() *intakev1.Request { return seen(mission()) },
		func() *intakev1.Request { return heard(accept(mission()), 0) },
		func() *intakev1.Request { return heard(onScene(mission()), 0) },
		func() *intakev1.Request { return heard(seen(mission()), 0) },
		func() *intakev1.Request { return backup(mission(), int32(rapid.IntRange(0, 3).Draw(t, "more"))) },
		func() *intakev1.Request { return note(incident(), nil) },
		func() *intakev1.Request { return propose(incident()) },
		func() *intakev1.Request { return enRoute(mission()) },
		func() *intakev1.Request { return assign(incident(), team(), pick("reason", "", "go")) },
		func() *intakev1.Request { return recall(mission(), "") },
		func() *intakev1.Request { return control(incident()) },
		func() *intakev1.Request { return closing(incident(), "genuine") },
		func() *intakev1.Request { return cancelling(incident(), "a test") },
		func() *intakev1.Request { return claim(incident()) },
		func() *intakev1.Request { return open("NORD", "pharmacy", "access", 3) },
		func() *intakev1.Request {
			return &intakev1.Request{Body: &intakev1.Request_RaiseSos{RaiseSos: &intakev1.RaiseSos{Team: pick("team", append(teams, "")...)}}}
		},
		func() *intakev1.Request {
			return &intakev1.Request{Body: &intakev1.Request_StartDuty{StartDuty: &intakev1.StartDuty{Team: team()}}}
		},
		func() *intakev1.Request {
			return &intakev1.Request{Body: &intakev1.Request_EndDuty{EndDuty: &intakev1.EndDuty{Team: team()}}}
		},
		func() *intakev1.Request { return link(team()) },
		func() *intakev1.Request {
			return crossing(team(), pick("site", "NORD", "SUD"), pick("zone", "", "pharmacy"), rapid.Bool().Draw(t, "entered"))
		},
		func() *intakev1.Request {
			id := team()
			return &intakev1.Request{Body: &intakev1.Request_LinkLost{LinkLost: &intakev1.LinkLost{Team: id, Device: "d" + id, Gateway: "gw", Session: "s"}}}
		},
		func() *intakev1.Request {
			return &intakev1.Request{Body: &intakev1.Request_GatewayLost{GatewayLost: &intakev1.GatewayLost{Gateway: "gw"}}}
		},
	}
	weights := []int{0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3}
	for k := range kinds {
		weights = append(weights, k)
	}
	q := kinds[rapid.SampledFrom(weights).Draw(t, "kind")]()
	q.DeviceAtMs = now - rapid.SampledFrom([]int64{0, 2000, 40_000}).Draw(t, "device late by")
	return q
}

// promises checks every state of a night, decision by decision.
func promises(t *rapid.T, decisions []controlroom.Stored) {
	rules := controlroom.Rules()
	state := rules.Initial()
	ended := map[string]controlroom.MissionState{}
	watching := newClient()
	for k := range decisions {
		d := &decisions[k]
		if d.Intake == es.NoIntake {
			state = rules.Answered(state, d.Deadline)
		}
		for _, e := range d.Events {
			about(t, ended, e)
			turns(t, &state, e)
			state = rules.Evolve(state, d.At, e)
		}
		if (d.Refusal != nil || d.RepeatOf != 0) && len(d.Events) > 0 {
			t.Fatalf("decision %d is refused or a repeat and has events", d.Version)
		}
		oneMissionPerTeam(t, &state)
		endsOnce(t, &state, ended)
		nothingIsSilent(t, &state)
		watching.sees(t, &state, d.Events)
	}
}

// about: I11, nothing follows the end of a mission.
func about(t *rapid.T, ended map[string]controlroom.MissionState, e *logv1.Event) {
	m := e.ProtoReflect()
	body := m.Get(m.WhichOneof(m.Descriptor().Oneofs().ByName("body"))).Message()
	f := body.Descriptor().Fields().ByName("mission")
	if f == nil {
		return
	}
	if state, over := ended[body.Get(f).String()]; over {
		t.Fatalf("%s comes after the mission has ended as %s", tell(e), state)
	}
}

// turns: no team is passed over for an offer that a lost link took back before it reached anybody.
func turns(t *rapid.T, s *controlroom.State, e *logv1.Event) {
	var incident string
	var passedOver []*logv1.Exclusion
	switch b := e.GetBody().(type) {
	case *logv1.Event_TeamsChosen:
		incident, passedOver = b.TeamsChosen.GetIncident(), b.TeamsChosen.GetExclusions()
	case *logv1.Event_TeamsProposed:
		incident, passedOver = b.TeamsProposed.GetIncident(), b.TeamsProposed.GetExclusions()
	case *logv1.Event_NoTeamFound:
		incident, passedOver = b.NoTeamFound.GetIncident(), b.NoTeamFound.GetExclusions()
	}
	for _, x := range passedOver {
		var last *controlroom.Mission
		for _, id := range s.Incidents[incident].Missions {
			if m := s.Missions[id]; m.Team == x.GetTeam() {
				last = m
			}
		}
		asked := last != nil && (last.State != controlroom.MissionExpired || last.DeliveredAt != 0 || last.EndedAt >= last.AnswerBy)
		if x.GetReason() == "already_tried" && !asked {
			t.Fatalf("%s is passed over for %s and was not asked: %+v", x.GetTeam(), incident, last)
		}
	}
}

// oneMissionPerTeam is I10, and that team and mission know each other.
func oneMissionPerTeam(t *rapid.T, s *controlroom.State) {
	active := map[string]string{}
	for _, m := range s.Missions {
		if !m.Active() {
			continue
		}
		if other := active[m.Team]; other != "" {
			t.Fatalf("team %s has missions %s and %s", m.Team, other, m.ID)
		}
		active[m.Team] = m.ID
	}
	for id, team := range s.Teams {
		if team.Mission != active[id] {
			t.Fatalf("team %s takes itself to be on %q and is on %q", id, team.Mission, active[id])
		}
	}
}

// endsOnce is I11, and that an ended incident has nobody on the way.
func endsOnce(t *rapid.T, s *controlroom.State, ended map[string]controlroom.MissionState) {
	for id, m := range s.Missions {
		if before, over := ended[id]; over && m.State != before {
			t.Fatalf("mission %s ended as %s and is %s", id, before, m.State)
		}
		if !m.Active() {
			ended[id] = m.State
		} else if i := s.Incidents[m.Incident]; !i.Live() {
			t.Fatalf("mission %s is active for %s, which is %s", id, i.ID, i.State)
		}
	}
}

// nothingIsSilent is I12: somebody goes, went or is being looked for, or those who must know were told.
func nothingIsSilent(t *rapid.T, s *controlroom.State) {
	for id, i := range s.Incidents {
		_, choosing := s.Deadlines["choose/"+id]
		_, telling := s.Deadlines["neglect/"+id]
		gone := slices.ContainsFunc(i.Missions, func(id string) bool {
			m := s.Missions[id]
			return m.Accepted() || m.State == controlroom.MissionCleared
		})
		silent := i.Live() && i.State != controlroom.IncidentControlled && !gone && !telling && i.Neglected < 2
		if silent {
			t.Fatalf("%s is silent: %+v (choosing: %v)", id, i, choosing)
		}
		if !i.Live() && (choosing || telling) {
			t.Fatalf("%s has ended and has deadlines", id)
		}
	}
}

// foldsAlikeFromAnywhere is I7: what was read up to anywhere and cloned goes on to the same bytes.
func foldsAlikeFromAnywhere(t *rapid.T, r *race, want string) {
	f := controlroom.NewFold(room)
	at := rapid.IntRange(0, len(r.Log)).Draw(t, "snapshot")
	for k, value := range r.Log {
		if k == at {
			f.State = controlroom.Clone(f.State)
		}
		s := wire.Decode(int64(k), value)
		f.Read(&s)
	}
	if got := controlroom.StateHash(f); got != want {
		t.Fatalf("going on from %d gives %s, not %s", at, got, want)
	}
}
