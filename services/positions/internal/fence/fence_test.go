package fence_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"vigie/pkg/domain/controlroom"
	regionv1 "vigie/pkg/gen/vigie/region/v1"
	"vigie/pkg/geo"
	"vigie/services/positions/internal/fence"
)

// Two sites 1.2 km apart, north of one another; the first has a car park and a narrow fence, the second two entrances.
func room() *regionv1.RoomConfiguration {
	return &regionv1.RoomConfiguration{
		Parameters: &regionv1.Parameters{FenceM: 200},
		Sites: []*regionv1.Site{
			{
				Id: "south", FenceM: 100, Entrances: []*regionv1.Entrance{{LatE7: lat, LonE7: lon}},
				Zones: []*regionv1.Zone{{Code: "HALL"}, {Code: "PARK", Area: &regionv1.Area{LatE7: lat + metre(60), LonE7: lon, RadiusM: 50}}},
			},
			{Id: "north", Entrances: []*regionv1.Entrance{{LatE7: lat + metre(1200), LonE7: lon}, {LatE7: lat + metre(1500), LonE7: lon}}},
		},
	}
}

const lat, lon = 488_378_000, 23_653_000

// metre is so many metres to the north.
func metre(m float64) int32 { return int32(math.Round(m * 1e7 / 111_195)) }

func at(m float64) geo.Point { return geo.Point{LatE7: lat + metre(m), LonE7: lon} }

func site(s string) controlroom.Place     { return controlroom.Place{Site: s} }
func zone(s, z string) controlroom.Place  { return controlroom.Place{Site: s, Zone: z} }
func enters(p controlroom.Place) crossing { return crossing{p, true} }
func leaves(p controlroom.Place) crossing { return crossing{p, false} }

type crossing struct {
	controlroom.Place
	Entered bool
}

// walker is a team whose room learns of every crossing before its next position.
type walker struct {
	places  *fence.Map
	track   fence.Track
	inside  []controlroom.Place
	crossed []crossing
}

func (w *walker) hears(f fence.Fix) {
	for _, c := range w.track.Take(w.places, f, w.inside) {
		w.crossed = append(w.crossed, crossing{c.Place, c.Entered})
		var left []controlroom.Place
		for _, p := range w.inside {
			if p != c.Place {
				left = append(left, p)
			}
		}
		w.inside = left
		if c.Entered {
			w.inside = append(w.inside, c.Place)
		}
	}
}

func TestCrossings(t *testing.T) {
	t.Parallel()
	type step struct {
		metres   float64 // north of the entrance of south
		accuracy int64
		seconds  int64 // since the step before
	}
	far := step{700, 15, 5}
	for name, c := range map[string]struct {
		inside []controlroom.Place
		walk   []step
		want   []crossing
	}{
		"a walk to a site enters it once": {
			walk: []step{far, {-60, 15, 5}, {-55, 15, 5}, {-50, 15, 5}, {-45, 15, 5}, {-45, 15, 5}}, want: []crossing{enters(site("south"))},
		},
		"two positions are not enough":                     {walk: []step{far, {-60, 15, 5}, {-60, 15, 5}}},
		"unless a minute lies between":                     {walk: []step{far, {-60, 15, 5}, {-60, 15, 60}}, want: []crossing{enters(site("south"))}},
		"one of them outside begins anew":                  {walk: []step{{-60, 15, 5}, {-60, 15, 5}, {-90, 15, 5}, {-60, 15, 5}, {-60, 15, 5}}},
		"a blurred position proves nothing":                {walk: []step{{-60, 90, 5}, {-60, 90, 5}, {-60, 90, 5}, {-60, 90, 60}}},
		"nor one that states no accuracy, near the border": {walk: []step{{-75, 0, 5}, {-75, 0, 5}, {-75, 0, 5}, {-75, 0, 60}}},
		"no receiver is as good as it may say":             {walk: []step{{-95, 1, 5}, {-95, 1, 5}, {-95, 1, 5}}},
		"a site with its zone is entered with it": {
			walk: []step{{60, 10, 5}, {60, 10, 5}, {60, 10, 5}}, want: []crossing{enters(site("south")), enters(zone("south", "PARK"))},
		},
		"beyond the border by its width is not left": {
			inside: []controlroom.Place{site("south")}, walk: []step{{-150, 15, 5}, {-150, 15, 5}, {-150, 15, 5}, {-150, 15, 99}},
		},
		"beyond that it is": {
			inside: []controlroom.Place{site("south")}, walk: []step{{-160, 15, 5}, {-160, 15, 5}, {-160, 15, 5}}, want: []crossing{leaves(site("south"))},
		},
		"from one site to the other": {
			inside: []controlroom.Place{site("south")},
			walk:   []step{{300, 15, 5}, {400, 15, 60}, {1050, 15, 600}, {1100, 15, 5}, {1200, 15, 5}, {1250, 15, 5}},
			want:   []crossing{leaves(site("south")), enters(site("north"))},
		},
		"any entrance is the site": {walk: []step{{1600, 15, 5}, {1600, 15, 5}, {1600, 15, 5}}, want: []crossing{enters(site("north"))}},
		"one that comes late says nothing": {
			walk: []step{far, {-60, 15, 5}, {-60, 15, 5}, {-60, 15, -20}, {-60, 15, 0}},
		},
	} {
		w, now := walker{places: fence.NewMap(room()), inside: c.inside}, int64(1_000_000)
		for _, s := range c.walk {
			now += s.seconds * 1000
			w.hears(fence.Fix{Point: at(s.metres), AccuracyM: s.accuracy, At: now})
		}
		if diff := cmp.Diff(c.want, w.crossed); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestACrossingIsToldUntilTheRoomKnowsOfIt(t *testing.T) {
	t.Parallel()
	places, track := fence.NewMap(room()), fence.Track{}
	told := 0
	for k := range int64(6) {
		told += len(track.Take(places, fence.Fix{Point: at(-50), AccuracyM: 10, At: 1000 + k*1000}, nil))
	}
	if told != 4 {
		t.Errorf("told %d times of 4 after the second position", told)
	}
	if again := track.Take(places, fence.Fix{Point: at(-50), AccuracyM: 10, At: 9000}, []controlroom.Place{site("south")}); len(again) != 0 {
		t.Errorf("told what is known: %v", again)
	}
}

// TestNoiseAtABorderDoesNotFlap: whoever does not move crosses a border at most once, wherever they stand, as long as positions
// are as good as they say.
func TestNoiseAtABorderDoesNotFlap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := walker{places: fence.NewMap(room())}
		if rapid.Bool().Draw(t, "inside") {
			w.inside = []controlroom.Place{site("south"), site("north")}
		}
		stands := rapid.Float64Range(-400, 2000).Draw(t, "stands")
		for k := range int64(rapid.IntRange(1, 60).Draw(t, "positions")) {
			accuracy := rapid.Float64Range(10, 120).Draw(t, "accuracy")
			off := rapid.Float64Range(-1, 1).Draw(t, "error") * accuracy
			w.hears(fence.Fix{Point: at(stands + off), AccuracyM: int64(math.Ceil(accuracy)), At: 1000 + k*30_000})
		}
		seen := map[controlroom.Place]int{}
		for _, c := range w.crossed {
			if seen[c.Place]++; seen[c.Place] > 1 {
				t.Fatalf("standing at %.0f m it crossed %v", stands, w.crossed)
			}
		}
	})
}

// TestAWalkIsSeenFromEndToEnd: whatever the noise, who has walked from one site to the other and stayed there is in the other,
// and each border was crossed once.
func TestAWalkIsSeenFromEndToEnd(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := walker{places: fence.NewMap(room()), inside: []controlroom.Place{site("south")}}
		now, place := int64(1000), -20.0
		for place < 1500 {
			now += 5000
			place += rapid.Float64Range(2, 10).Draw(t, "step")
			w.hears(fence.Fix{Point: at(place + rapid.Float64Range(-30, 30).Draw(t, "error")), AccuracyM: 30, At: now})
		}
		var sites []crossing
		for _, c := range w.crossed {
			if c.Zone == "" {
				sites = append(sites, c)
			}
		}
		if diff := cmp.Diff([]crossing{leaves(site("south")), enters(site("north"))}, sites); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestWhereAPositionIs(t *testing.T) {
	t.Parallel()
	m := fence.NewMap(room())
	for metres, want := range map[float64]controlroom.Place{
		-90: site("south"), 60: zone("south", "PARK"), 105: zone("south", "PARK"), 1300: site("north"), 1690: site("north"), 600: {}, -150: {},
	} {
		got, ok := m.At(fence.Fix{Point: at(metres)})
		if got != want || ok != (want != controlroom.Place{}) {
			t.Errorf("at %.0f m: %v, want %v", metres, got, want)
		}
	}
}

func TestWithoutARegionThereIsNothingToCross(t *testing.T) {
	t.Parallel()
	var track fence.Track
	m := fence.NewMap(nil)
	if got := track.Take(m, fence.Fix{Point: at(0), At: 1}, []controlroom.Place{site("south")}); got != nil {
		t.Errorf("crossed %v", got)
	}
	if _, ok := m.At(fence.Fix{Point: at(0)}); ok {
		t.Error("somewhere in nothing")
	}
}

func BenchmarkTakeInARoomOfTenSites(b *testing.B) {
	conf := &regionv1.RoomConfiguration{}
	for k := range int32(10) {
		conf.Sites = append(conf.Sites, &regionv1.Site{Id: string('a' + k), Entrances: []*regionv1.Entrance{
			{LatE7: lat + k*200_000, LonE7: lon}, {LatE7: lat + k*200_000, LonE7: lon + 30_000}, {LatE7: lat + k*200_000, LonE7: lon - 30_000},
		}})
	}
	m := fence.NewMap(conf)
	var track fence.Track
	now := int64(0)
	b.ReportAllocs()
	for b.Loop() {
		now += 1000
		track.Take(m, fence.Fix{Point: at(float64(now % 20_000)), AccuracyM: 15, At: now}, nil)
	}
}
