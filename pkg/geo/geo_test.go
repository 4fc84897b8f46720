package geo_test

import (
	"testing"

	"pgregory.net/rapid"

	"vigie/pkg/geo"
)

func TestDistanceBetweenKnownPlaces(t *testing.T) {
	t.Parallel()
	cochin, hotelDieu := geo.FromDegrees(48.83722, 2.33872), geo.FromDegrees(48.85358, 2.34892)
	// 1.966 km on the WGS84 ellipsoid is 1.97 km on the sphere.
	if d := geo.Distance(cochin, hotelDieu); d < 1950 || d > 1990 {
		t.Errorf("distance = %d m, want about 1970", d)
	}
	// A quarter of a great circle.
	if d := geo.Distance(geo.FromDegrees(0, 0.0000001), geo.FromDegrees(90, 0)); d < 10_007_000 || d > 10_008_000 {
		t.Errorf("equator to pole = %d m", d)
	}
}

func TestDistanceIsAMetric(t *testing.T) {
	t.Parallel()
	point := rapid.Custom(func(t *rapid.T) geo.Point {
		return geo.Point{
			LatE7: rapid.Int32Range(-90e7, 90e7).Draw(t, "lat"),
			LonE7: rapid.Int32Range(-180e7, 180e7).Draw(t, "lon"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := point.Draw(t, "a"), point.Draw(t, "b"), point.Draw(t, "c")
		if geo.Distance(a, b) != geo.Distance(b, a) || geo.Distance(a, a) != 0 {
			t.Fatal("not symmetric, or not zero from a place to itself")
		}
		// Rounding to whole metres may cost one.
		if geo.Distance(a, c) > geo.Distance(a, b)+geo.Distance(b, c)+2 {
			t.Fatal("a detour is shorter")
		}
	})
}

func TestTheZeroPointIsNoFix(t *testing.T) {
	t.Parallel()
	if (geo.Point{}).Valid() || !geo.FromDegrees(48.8, 2.3).Valid() || (geo.Point{LatE7: 91e7}).Valid() {
		t.Error("Valid is wrong")
	}
}
