package decider_test

import (
	"testing"

	"vigie/pkg/eventlog"
	"vigie/pkg/follow/livetest"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	positionsv1 "vigie/pkg/gen/vigie/positions/v1"
	"vigie/pkg/wire"
	"vigie/services/dispatch/internal/decider"
	"vigie/services/dispatch/internal/fixes"
)

// lately reads what is known of positions when it is first asked whether it has.
type lately struct {
	*fixes.Table
	known *positionsv1.Fix
}

func (l lately) Read(room string) <-chan struct{} {
	l.Take(room, l.known)
	l.CaughtUp(room)
	return l.Table.Read(room)
}

// TestABacklogIsDecidedByThePositionsThatAreKnown: a node that comes back with alarms in its backlog knows where its teams are
// before it chooses among them; and where telemetry does not come it chooses without.
func TestABacklogIsDecidedByThePositionsThatAreKnown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		positions func(at int64) decider.Positions
		source    string
	}{
		"telemetry is there": {func(at int64) decider.Positions {
			return lately{fixes.NewTable(), &positionsv1.Fix{Team: "T-north-1", LatE7: 488_478_000, LonE7: 23_653_000, AtMs: at}}
		}, "fix"},
		"telemetry is away": {func(int64) decider.Positions { return fixes.NewTable() }, "base"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := livetest.Start(t, "north")
			w.Configure("north")
			w.StartDuty("north", "T-north-1")
			w.Ask("north", "gateway", "link", &intakev1.Request{Body: &intakev1.Request_LinkBack{
				LinkBack: &intakev1.LinkBack{Device: "device", Team: "T-north-1", Gateway: "gateway", Session: "1"},
			}})
			w.Ask("north", "source/panel", "1", alarm("north", "1"))
			positions := c.positions(w.Clock.Now().UnixMilli())
			decide(t, w, "north", "a", func(cfg *decider.Config) { cfg.Positions = positions })
			var chosen *logv1.TeamsChosen
			livetest.Await(t, "a choice", func() bool {
				chosen = choice(w.Read(eventlog.TopicLog, "north"))
				return chosen != nil
			})
			if len(chosen.GetCandidates()) != 1 || chosen.GetCandidates()[0].GetPlaceSource() != c.source {
				t.Errorf("chosen by %v, want %s", chosen, c.source)
			}
		})
	}
}

// choice gives the first that a log speaks of.
func choice(log [][]byte) *logv1.TeamsChosen {
	for k, value := range log {
		for _, e := range wire.Decode(int64(k), value).Events {
			if e.GetTeamsChosen() != nil {
				return e.GetTeamsChosen()
			}
		}
	}
	return nil
}
