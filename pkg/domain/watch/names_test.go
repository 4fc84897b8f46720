package watch_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/domain/watch"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	regionv1 "vigie/pkg/gen/vigie/region/v1"
)

func TestTeamsAreNamedAsTheRadioCallsThem(t *testing.T) {
	t.Parallel()
	s := controlroom.Evolve(inDanger(), 0, &logv1.Event{Body: &logv1.Event_RegionConfigured{RegionConfigured: &logv1.RegionConfigured{
		Content: &regionv1.RoomConfiguration{Teams: []*regionv1.Team{{Id: "A", CallSign: "Alpha"}, {Id: "C", CallSign: "Charlie"}}},
	}}})
	events := []*logv1.Event{
		{Body: &logv1.Event_MissionCancelled{MissionCancelled: &logv1.MissionCancelled{Mission: "M1", TakenBy: "C"}}},
		{Body: &logv1.Event_DutyStarted{DutyStarted: &logv1.DutyStarted{Team: "A"}}},
		{Body: &logv1.Event_DutyEnded{DutyEnded: &logv1.DutyEnded{Team: "gone"}}},
		{},
	}
	want := map[string]string{"A": "Alpha", "C": "Charlie", "gone": "gone"}
	if diff := cmp.Diff(want, watch.CallSigns(s, events)); diff != "" {
		t.Error(diff)
	}
	shown := watch.Target{Room: "north", Team: "A"}.State(s)
	if diff := cmp.Diff(map[string]string{"C": "Charlie"}, shown.CallSigns); diff != "" {
		t.Errorf("who is in danger: %s", diff)
	}
}
