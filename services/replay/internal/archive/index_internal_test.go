package archive

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	"vigie/pkg/wire"
)

func opened(incident string) *logv1.Event {
	return &logv1.Event{Body: &logv1.Event_IncidentOpened{IncidentOpened: &logv1.IncidentOpened{Incident: incident, Site: "pitie"}}}
}

func TestTheIndexSpansAllThatIsAboutAnIncident(t *testing.T) {
	t.Parallel()
	effective, void := es.Judgement{Verdict: es.Effective}, es.Judgement{Verdict: es.Void, Reason: "stale_version"}
	state := controlroom.Initial()
	state.Missions["M1"] = &controlroom.Mission{ID: "M1", Incident: "I1"}
	accepted := &logv1.Event{Body: &logv1.Event_MissionAccepted{MissionAccepted: &logv1.MissionAccepted{Mission: "M1"}}}
	x := newIndex()
	for offset, r := range []struct {
		judgement es.Judgement
		wire.Decision
	}{
		{void, wire.Decision{Outcome: es.Outcome[*logv1.Event]{Events: []*logv1.Event{opened("I1")}}}},
		{effective, wire.Decision{Version: 1, Outcome: es.Outcome[*logv1.Event]{Events: []*logv1.Event{opened("I1")}}}},
		{effective, wire.Decision{Version: 2, Outcome: es.Outcome[*logv1.Event]{Events: []*logv1.Event{accepted}}}},
		{effective, wire.Decision{Version: 3, Outcome: es.Outcome[*logv1.Event]{Refusal: &es.Refusal{Incident: "I77"}}}},
		{effective, wire.Decision{Version: 4, Outcome: es.Outcome[*logv1.Event]{Events: []*logv1.Event{opened("I2")}}}},
		{effective, wire.Decision{Version: 5, Deadline: "neglect/I2"}},
		{effective, wire.Decision{Version: 6, RepeatOf: 2}},
		{effective, wire.Decision{Version: 7, Deadline: "shift/T1"}},
	} {
		x.add(&wire.Stored{Decision: r.Decision, Offset: int64(offset)}, r.judgement, state)
	}
	want := map[string]*span{"I1": {first: 0, last: 6, site: "pitie"}, "I2": {first: 4, last: 5, site: "pitie"}}
	if diff := cmp.Diff(want, x.spans, cmp.AllowUnexported(span{})); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[int64]string{0: "stale_version"}, x.voids); diff != "" {
		t.Errorf("voids (-want +got):\n%s", diff)
	}
	if len(x.early) != 0 {
		t.Errorf("early %v", x.early)
	}
}
