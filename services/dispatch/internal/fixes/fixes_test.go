package fixes_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"vigie/pkg/domain/controlroom/choose"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow/livetest"
	positionsv1 "vigie/pkg/gen/vigie/positions/v1"
	"vigie/services/dispatch/internal/fixes"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const lat, lon = 488_378_000, 23_653_000

func fix(team string, latE7, lonE7 int32, at int64) *positionsv1.Fix {
	return &positionsv1.Fix{Team: team, LatE7: latE7, LonE7: lonE7, AtMs: at}
}

func TestTheLastFixOfATeamIsKept(t *testing.T) {
	t.Parallel()
	// 10 000 e-7 degrees of latitude are 111 m.
	for name, c := range map[string]struct {
		take []*positionsv1.Fix
		want choose.Fix
	}{
		"the first is not moving": {[]*positionsv1.Fix{fix("T", lat, lon, 1000)}, choose.Fix{LatE7: lat, LonE7: lon, At: 1000}},
		"an older one that comes late is passed over": {
			[]*positionsv1.Fix{fix("T", lat, lon, 2000), fix("T", lat+10_000, lon, 1000)}, choose.Fix{LatE7: lat, LonE7: lon, At: 2000},
		},
		"the same one again changes nothing": {
			[]*positionsv1.Fix{fix("T", lat, lon, 2000), fix("T", lat, lon, 2000)}, choose.Fix{LatE7: lat, LonE7: lon, At: 2000},
		},
		"a hundred metres in a minute is moving": {
			[]*positionsv1.Fix{fix("T", lat, lon, 0), fix("T", lat+10_000, lon, 60_000)},
			choose.Fix{LatE7: lat + 10_000, LonE7: lon, At: 60_000, Moving: true},
		},
		"a hundred metres in an hour is noise": {
			[]*positionsv1.Fix{fix("T", lat, lon, 0), fix("T", lat+10_000, lon, 3_600_000)},
			choose.Fix{LatE7: lat + 10_000, LonE7: lon, At: 3_600_000},
		},
		"whoever stands still has stopped moving": {
			[]*positionsv1.Fix{fix("T", lat, lon, 0), fix("T", lat+10_000, lon, 60_000), fix("T", lat+10_000, lon, 70_000)},
			choose.Fix{LatE7: lat + 10_000, LonE7: lon, At: 70_000},
		},
		"a place that is not on Earth is passed over": {
			[]*positionsv1.Fix{fix("T", lat, lon, 1000), fix("T", 900_000_001, lon, 2000), fix("T", lat, -1_800_000_001, 3000)},
			choose.Fix{LatE7: lat, LonE7: lon, At: 1000},
		},
	} {
		table := fixes.NewTable()
		for _, f := range c.take {
			table.Take("north", f)
		}
		if diff := cmp.Diff(map[string]choose.Fix{"T": c.want}, table.Of("north")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestRoomsAreApartAndCopiesAreCopies(t *testing.T) {
	t.Parallel()
	table := fixes.NewTable()
	table.Take("north", fix("T", lat, lon, 1))
	delete(table.Of("north"), "T")
	if len(table.Of("north")) != 1 || len(table.Of("south")) != 0 {
		t.Errorf("north %v, south %v", table.Of("north"), table.Of("south"))
	}
}

func TestTelemetryIsFollowedPastWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	put := func(room string, f *positionsv1.Fix) {
		value, err := proto.Marshal(&positionsv1.Telemetry{Room: room, Body: &positionsv1.Telemetry_Fix{Fix: f}})
		if err != nil {
			t.Fatal(err)
		}
		w.Append(eventlog.TopicPositions, "north", value)
	}
	put("north", fix("T", lat, lon, 1))
	w.Append(eventlog.TopicPositions, "north", []byte("\xffnoise"))
	put("south", fix("stranger", lat, lon, 1))
	table := fixes.NewTable()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		table.Follow(ctx, w.Log, w.Entry("north"), func(*positionsv1.Beat) {}, slog.New(slog.DiscardHandler))
	}()
	put("north", fix("T", lat, lon, 2))
	livetest.Await(t, "the last fix", func() bool { return table.Of("north")["T"].At == 2 })
	if len(table.Of("north")) != 1 {
		t.Errorf("got %v", table.Of("north"))
	}
	stop()
	<-done
}
