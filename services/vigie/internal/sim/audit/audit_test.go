package audit_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigie/pkg/es"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	"vigie/pkg/wire"
	"vigie/pkg/wire/line"
	"vigie/services/vigie/internal/sim/audit"
)

var zero = time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)

// story writes records as the server shows them.
type story struct {
	t       *testing.T
	records []json.RawMessage
}

func (s *story) add(after time.Duration, cause string, change func(*line.Record), events ...*logv1.Event) {
	s.t.Helper()
	k := len(s.records)
	stored := wire.Stored{}
	stored.Offset, stored.Version, stored.At, stored.Events = int64(k), uint64(k)+1, zero.Add(after).UnixMilli(), events
	stored.Cause = es.Cause{Principal: "source/alpha-panel", ID: cause}
	r := line.Of("alpha", &stored, es.Judgement{Verdict: es.Effective})
	if change != nil {
		change(&r)
	}
	raw, err := json.Marshal(r)
	if err != nil {
		s.t.Fatal(err)
	}
	s.records = append(s.records, raw)
}

func at(d time.Duration) int64 { return zero.Add(d).UnixMilli() }

func alarm(id, incident string) *logv1.Event {
	return &logv1.Event{Body: &logv1.Event_AlarmReceived{AlarmReceived: &logv1.AlarmReceived{Alarm: id, Incident: incident}}}
}

func opened(id string, after time.Duration) *logv1.Event {
	return &logv1.Event{Body: &logv1.Event_IncidentOpened{IncidentOpened: &logv1.IncidentOpened{
		Incident: id, Site: "north", Priority: 1, ReceivedAtMs: at(after), NeglectedAtMs: at(after + 30*time.Second),
	}}}
}

func offered(mission, incident, team string) *logv1.Event {
	return &logv1.Event{Body: &logv1.Event_MissionOffered{MissionOffered: &logv1.MissionOffered{Mission: mission, Incident: incident, Team: team}}}
}

func delivered(mission string) *logv1.Event {
	return &logv1.Event{Body: &logv1.Event_MissionDelivered{MissionDelivered: &logv1.MissionDelivered{Mission: mission}}}
}

func accepted(mission string) *logv1.Event {
	return &logv1.Event{Body: &logv1.Event_MissionAccepted{MissionAccepted: &logv1.MissionAccepted{Mission: mission}}}
}

func arrived(mission string, device time.Duration) *logv1.Event {
	return &logv1.Event{Body: &logv1.Event_MissionArrived{MissionArrived: &logv1.MissionArrived{Mission: mission, DeviceAtMs: at(device)}}}
}

func cleared(mission string) *logv1.Event {
	return &logv1.Event{Body: &logv1.Event_MissionCleared{MissionCleared: &logv1.MissionCleared{Mission: mission}}}
}

func expired(mission string) *logv1.Event {
	return &logv1.Event{Body: &logv1.Event_MissionExpired{MissionExpired: &logv1.MissionExpired{Mission: mission}}}
}

func neglected(incident string) *logv1.Event {
	return &logv1.Event{Body: &logv1.Event_IncidentNeglected{IncidentNeglected: &logv1.IncidentNeglected{Incident: incident, Step: 1}}}
}

func closed(incident string) *logv1.Event {
	return &logv1.Event{Body: &logv1.Event_IncidentClosed{IncidentClosed: &logv1.IncidentClosed{Incident: incident}}}
}

func TestWhatIsWrongIsFoundAndNothingElse(t *testing.T) {
	t.Parallel()
	const s = time.Second
	good := func(w *story) {
		w.add(0, "k1", nil, opened("I1", 0), alarm("a1", "I1"))
		w.add(s, "", nil, offered("M1", "I1", "t1"))
		w.add(2*s, "c1", nil, delivered("M1"))
		w.add(10*s, "c2", nil, accepted("M1"))
		w.add(300*s, "c3", nil, arrived("M1", 290*s))
		w.add(900*s, "c4", nil, cleared("M1"))
		w.add(950*s, "c5", nil, closed("I1"))
	}
	always := map[string][]audit.Span{"t1": {{From: zero.Add(-time.Hour)}}, "t2": {{From: zero.Add(-time.Hour)}}}
	for _, tc := range []struct {
		name     string
		tell     func(*story)
		evidence audit.Evidence
		want     []string
	}{
		{"a night without fault", good, audit.Evidence{Alarms: map[string]bool{"k1": false}}, nil},
		{"an alarm that is nowhere", good, audit.Evidence{Alarms: map[string]bool{"k1": false, "k2": false}}, []string{"lost: alarm k2"}},
		{"a report that opened nothing", good, audit.Evidence{Reports: []string{"r1"}}, []string{"lost: report r1"}},
		{"the end of an alarm whose incident is over", func(w *story) {
			w.add(0, "k1", nil, &logv1.Event{Body: &logv1.Event_AlarmRestored{AlarmRestored: &logv1.AlarmRestored{Alarm: "a1"}}})
		}, audit.Evidence{Alarms: map[string]bool{"k1": true}}, nil},
		{"an alarm recorded twice", func(w *story) {
			good(w)
			w.add(951*s, "k9", nil, opened("I2", 951*s), alarm("a1", "I2"), neglected("I2"), closed("I2"))
		}, audit.Evidence{}, []string{"duplicated: alarm a1"}},
		{"a cause with two outcomes", func(w *story) {
			good(w)
			w.add(951*s, "c5", nil)
		}, audit.Evidence{}, []string{"duplicated: cause c5"}},
		{"a repeat is no second outcome, and neither is a void record", func(w *story) {
			good(w)
			w.add(951*s, "c5", func(r *line.Record) { r.RepeatOf = 7 })
			w.add(951*s, "c5", func(r *line.Record) { r.Effective = false })
			w.add(951*s, "c5", func(r *line.Record) {
				r.Cause.Principal, r.Refusal = "account/dora", &line.Refusal{Code: "id_reused"}
			})
		}, audit.Evidence{}, nil},
		{"an alarm under the key of another one, stored and refused", func(w *story) {
			good(w)
			w.add(951*s, "k1", func(r *line.Record) { r.Refusal = &line.Refusal{Code: "id_reused"} })
		}, audit.Evidence{Alarms: map[string]bool{"k1": false}}, []string{"lost: alarm k1 of source/alpha-panel was stored and refused (id_reused)"}},
		{"an alarm under the key of another one, heard", func(w *story) {
			good(w)
			intake := int64(40)
			w.add(951*s, "k1", func(r *line.Record) { r.Intake = &intake }, opened("I2", 951*s), alarm("a1-40", "I2"), neglected("I2"), closed("I2"))
		}, audit.Evidence{Alarms: map[string]bool{"k1": false}}, nil},
		{"a team with two missions", func(w *story) {
			w.add(0, "k1", nil, opened("I1", 0), offered("M1", "I1", "t1"), delivered("M1"), accepted("M1"))
			w.add(s, "", nil, offered("M2", "I1", "t1"), delivered("M2"))
		}, audit.Evidence{}, []string{"duplicated: team t1"}},
		{"a mission with two ends", func(w *story) {
			good(w)
			w.add(951*s, "", nil, expired("M1"))
		}, audit.Evidence{}, []string{"duplicated: mission M1"}},
		{"nobody coming and nobody told", func(w *story) {
			w.add(0, "k1", nil, opened("I1", 0))
			w.add(60*s, "", nil, offered("M1", "I1", "t1"), delivered("M1"), accepted("M1"))
		}, audit.Evidence{}, []string{"lost: incident I1"}},
		{"nobody coming, and told", func(w *story) {
			w.add(0, "k1", nil, opened("I1", 0))
			w.add(31*s, "", nil, neglected("I1"))
		}, audit.Evidence{}, nil},
		{"whoever had accepted is gone, and nobody is told", func(w *story) {
			w.add(0, "k1", nil, opened("I1", 0), offered("M1", "I1", "t1"), delivered("M1"), accepted("M1"))
			w.add(60*s, "", nil, &logv1.Event{Body: &logv1.Event_MissionCancelled{MissionCancelled: &logv1.MissionCancelled{Mission: "M1"}}})
		}, audit.Evidence{}, []string{"lost: incident I1"}},
		{"an offer that a connected handheld never got", func(w *story) {
			w.add(0, "k1", nil, opened("I1", 0), offered("M1", "I1", "t1"))
			w.add(30*s, "", nil, expired("M1"), neglected("I1"))
		}, audit.Evidence{Connected: always}, []string{"lost: mission M1"}},
		{"an offer that the handheld got, and whose receipt is under way", func(w *story) {
			w.add(0, "k1", nil, opened("I1", 0), offered("M1", "I1", "t1"))
			w.add(30*s, "", nil, expired("M1"), neglected("I1"))
		}, audit.Evidence{Connected: always, Offers: map[string]bool{"M1": true}}, nil},
		{"an offer to a handheld without link", func(w *story) {
			w.add(0, "k1", nil, opened("I1", 0), offered("M1", "I1", "t1"))
			w.add(30*s, "", nil, expired("M1"), neglected("I1"))
		}, audit.Evidence{Connected: map[string][]audit.Span{"t1": {{zero.Add(-s), zero.Add(4 * s)}, {From: zero.Add(5 * s)}}}}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := &story{t: t}
			tc.tell(w)
			r := audit.NewRoom("alpha")
			for _, raw := range w.records {
				if _, err := r.Read(raw); err != nil {
					t.Fatal(err)
				}
			}
			tc.evidence.Until, tc.evidence.Slack = zero.Add(time.Hour), s
			_, findings := r.Check(tc.evidence)
			var got []string
			for _, f := range findings {
				got = append(got, fmt.Sprintf("%s: %s", f.Kind, f.What))
			}
			if len(got) != len(tc.want) {
				t.Fatalf("found %q, want %q", got, tc.want)
			}
			for k := range got {
				if !strings.HasPrefix(got[k], tc.want[k]) {
					t.Errorf("found %q, want %q", got[k], tc.want[k])
				}
			}
		})
	}
}

func TestTheFiguresAreThoseOfTheLog(t *testing.T) {
	t.Parallel()
	const s = time.Second
	w := &story{t: t}
	w.add(0, "k1", nil, opened("I1", 0), alarm("a1", "I1"))
	w.add(s, "", nil, offered("M1", "I1", "t1"))
	w.add(5*s, "", nil, &logv1.Event{Body: &logv1.Event_MissionDeclined{MissionDeclined: &logv1.MissionDeclined{Mission: "M1"}}})
	w.add(5*s, "", nil, offered("M2", "I1", "t2"))
	w.add(6*s, "", nil, delivered("M2"), accepted("M2"))
	w.add(600*s, "", nil, arrived("M2", 470*s)) // told late, there in time
	w.add(700*s, "", nil, cleared("M2"))
	w.add(710*s, "", nil, closed("I1"))
	w.add(800*s, "k2", nil, opened("I2", 800*s), neglected("I2"))
	r := audit.NewRoom("alpha")
	for _, raw := range w.records {
		if _, err := r.Read(raw); err != nil {
			t.Fatal(err)
		}
	}
	got, findings := r.Check(audit.Evidence{
		Alarms: map[string]bool{"k1": false}, Until: zero.Add(time.Hour), Slack: s, Home: map[string]string{"t1": "north", "t2": "south"},
	})
	if len(findings) != 0 {
		t.Errorf("found %v", findings)
	}
	if d := got.Legs.Travel; len(d) != 0 {
		t.Errorf("travel without departure: %v", d)
	}
	got.Legs = audit.Legs{}
	want := audit.Sums{
		Incidents: 2, Open: 1, Missions: 2, AcrossSites: 1, Declined: 1, OnScene: 1, Neglected: 1,
		Wanted: map[int]int{1: 2}, InTime: map[int]int{1: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	var all audit.Sums
	all.Add(got)
	all.Add(got)
	if all.Incidents != 4 || all.Wanted[1] != 4 {
		t.Errorf("twice that is %+v", all)
	}
}

func TestALogThatHaltsEndsTheAudit(t *testing.T) {
	t.Parallel()
	w := &story{t: t}
	w.add(0, "k1", func(r *line.Record) { r.Effective, r.Halts = false, "cut" })
	if _, err := audit.NewRoom("alpha").Read(w.records[0]); err == nil || !strings.Contains(err.Error(), "cut") {
		t.Errorf("err = %v", err)
	}
	if _, err := audit.NewRoom("alpha").Read(json.RawMessage(`[]`)); err == nil {
		t.Error("read what is no record")
	}
}
