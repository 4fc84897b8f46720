package fixes_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

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
		"a first one that says that it moves is moving": {
			[]*positionsv1.Fix{{Team: "T", LatE7: lat, LonE7: lon, AtMs: 1000, SpeedMmS: 1400}}, choose.Fix{LatE7: lat, LonE7: lon, At: 1000, Moving: true},
		},
		"one that is simulated is passed over": {
			[]*positionsv1.Fix{fix("T", lat, lon, 1000), {Team: "T", LatE7: lat + 10_000, LonE7: lon, AtMs: 2000, Mock: true}},
			choose.Fix{LatE7: lat, LonE7: lon, At: 1000},
		},
		"one that could be at several sites is passed over": {
			[]*positionsv1.Fix{fix("T", lat, lon, 1000), {Team: "T", LatE7: lat + 10_000, LonE7: lon, AtMs: 2000, AccuracyM: 401}},
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
		table.Follow(ctx, w.Log, w.Entry("north"), w.Clock, func(*positionsv1.Beat) {}, slog.New(slog.DiscardHandler))
	}()
	put("north", fix("T", lat, lon, 2))
	livetest.Await(t, "the last fix", func() bool { return table.Of("north")["T"].At == 2 })
	if len(table.Of("north")) != 1 {
		t.Errorf("got %v", table.Of("north"))
	}
	stop()
	<-done
}

// TestAStartKnowsThePositionsOfTheLastQuarterHourHoweverManyCameSince: five thousand a second fill any number of records in no
// time, and a team that stands still may have been silent for minutes.
func TestAStartKnowsThePositionsOfTheLastQuarterHourHoweverManyCameSince(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	now := w.Clock.Now().UnixMilli()
	encode := func(team string, ago int64) []byte {
		f := fix(team, lat, lon, now-ago*60_000)
		f.ReceivedAtMs = f.GetAtMs()
		value, err := proto.Marshal(&positionsv1.Telemetry{Room: "north", Body: &positionsv1.Telemetry_Fix{Fix: f}})
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	crowd := make([][]byte, 5000)
	for k := range crowd {
		crowd[k] = encode("crowd", 1)
	}
	old := make([][]byte, 100)
	for k := range old {
		old[k] = encode("old", 20)
	}
	w.Append(eventlog.TopicPositions, "north", old...)
	w.Append(eventlog.TopicPositions, "north", []byte("\xffnoise"), encode("still", 14))
	for range 5 {
		w.Append(eventlog.TopicPositions, "north", crowd...)
	}
	w.Append(eventlog.TopicPositions, "north", encode("last", 0))
	table := fixes.NewTable()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		table.Follow(ctx, w.Log, w.Entry("north"), w.Clock, func(*positionsv1.Beat) {}, slog.New(slog.DiscardHandler))
	}()
	select {
	case <-table.Read("north"):
	case <-time.After(20 * time.Second):
		t.Fatal("never read to the end")
	}
	got := table.Of("north")
	if got["last"].At != now || table.Teams("north") != len(got) {
		t.Errorf("read to the end, of %d teams the last: %+v", table.Teams("north"), got["last"])
	}
	if got["still"].At != now-14*60_000 || got["crowd"].At == 0 {
		t.Errorf("of %d teams the one that stands still: %+v", len(got), got["still"])
	}
	if _, read := got["old"]; read {
		t.Error("what is too old for anything was read")
	}
	stop()
	<-done
}

// BenchmarkFollow is what a fix costs a decider: reading, decoding and entering it.
func BenchmarkFollow(b *testing.B) {
	w := livetest.Start(b, "north")
	values := make([][]byte, 1000)
	now := w.Clock.Now().UnixMilli()
	for k := range values {
		f := fix("T", lat, lon, now+int64(k))
		f.Team, f.ReceivedAtMs, f.Device, f.Source, f.AccuracyM = fmt.Sprint("team-", k%200), now, "dev-0123456789abcdef", "handheld", 12
		value, err := proto.Marshal(&positionsv1.Telemetry{Room: "north", Body: &positionsv1.Telemetry_Fix{Fix: f}})
		if err != nil {
			b.Fatal(err)
		}
		values[k] = value
	}
	const batches = 200
	for range batches {
		w.Append(eventlog.TopicPositions, "north", values...)
	}
	end, err := proto.Marshal(&positionsv1.Telemetry{Room: "north", Body: &positionsv1.Telemetry_Fix{Fix: fix("end", lat, lon, now)}})
	if err != nil {
		b.Fatal(err)
	}
	w.Append(eventlog.TopicPositions, "north", end)
	for b.Loop() {
		table := fixes.NewTable()
		ctx, stop := context.WithCancel(b.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			table.Follow(ctx, w.Log, w.Entry("north"), w.Clock, func(*positionsv1.Beat) {}, slog.New(slog.DiscardHandler))
		}()
		livetest.Await(b, "the last fix", func() bool { return table.Of("north")["end"].At != 0 })
		stop()
		<-done
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/(batches*float64(len(values))), "us/fix")
}
