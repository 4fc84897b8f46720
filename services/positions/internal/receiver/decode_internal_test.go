package receiver

import (
	"errors"
	"math"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"vigie/pkg/geo"
)

func sane(tb testing.TB, reports []report, err error) {
	tb.Helper()
	if err != nil {
		if !errors.Is(err, errMalformed) || err.Error() == "" || reports != nil {
			tb.Fatalf("%v with %d reports", err, len(reports))
		}
		return
	}
	if len(reports) > batch {
		tb.Fatalf("%d reports", len(reports))
	}
	for _, r := range reports {
		lat, lon := r.at.Degrees()
		if math.Abs(lat) > 90 || math.Abs(lon) > 180 || !r.located && r.at != (geo.Point{}) {
			tb.Fatalf("a place at %v, %v", lat, lon)
		}
		if !(r.accuracyM >= 0 && r.accuracyM <= widest) || !(r.speed >= 0 && r.speed <= fastest) {
			tb.Fatalf("accuracy %v, speed %v", r.accuracyM, r.speed)
		}
		if y := r.measured.UTC().Year(); !r.measured.IsZero() && (y < 1970 || y > 2201) {
			tb.Fatalf("measured in %d", y)
		}
	}
}

func FuzzOwnTracks(f *testing.F) {
	for _, seed := range []string{
		`{"_type":"location","tid":"G7","tst":1790000000,"lat":48.8394,"lon":2.3626,"acc":12,"vel":4,"inregions":["x"],"_id":"a"}`,
		`[{"_type":"location","tst":1,"lat":-90,"lon":180},{"_type":"transition","event":"enter"}]`, `{"_type":"lwt","tst":1}`, ``, `[]`, `[null]`, `null`,
		`{"_type":"location","tst":1e308,"lat":1e308,"lon":-1e308,"acc":-1,"vel":1e308}`, `{"_type":"location","lat":"1"}`, `{"_type":7}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		reports, err := decodeOwnTracks(body)
		sane(t, reports, err)
	})
}

func FuzzOsmAndParameters(f *testing.F) {
	for _, seed := range []string{
		"id=1&timestamp=1377177267&lat=60.0&lon=30.0&speed=0.0&bearing=0.0&altitude=0&accuracy=12&hdop=1.0&batt=87&charge=false&valid=1",
		"location=48.8,2.3&timestamp=2016-01-27T18:55:47Z", "timestamp=2016-01-27 18:55:47", "timestamp=1377177267000&alarm=sos", "lat=NaN&lon=Inf",
		"lat=1e999&lon=0x1p-2&speed=-1&accuracy=NaN", "valid=0&lat=x", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		reports, err := decodeQuery(values)
		sane(t, reports, err)
	})
}

func FuzzTraccar(f *testing.F) {
	for _, seed := range []string{
		`{"device_id":"48241179","location":{"timestamp":"2025-06-15T13:45:12.862Z","coords":{"latitude":48.84,"longitude":2.36,"accuracy":5,"speed":0,"heading":-1},"alarm":"sos","mock":false,"extras":{}}}`,
		`[{"device_id":"1","location":[{"coords":{"latitude":1,"longitude":1}},{"extras":{"alarm":"sos"}}]}]`, `{"location":{"coords":null}}`,
		`{"location":null}`, `{}`, `[{"device_id":"1"},{"device_id":"2"}]`, `{"location":{"timestamp":7,"coords":{"latitude":null}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		_, reports, err := decodeTraccar(body)
		sane(t, reports, err)
	})
}

func TestTimesOfTrackers(t *testing.T) {
	t.Parallel()
	want := time.Date(2016, 1, 27, 18, 55, 47, 0, time.UTC)
	for _, s := range []string{
		"1453920947", "1453920947000", "2016-01-27T18:55:47Z", "2016-01-27T19:55:47+01:00", "2016-01-27T18:55:47", "2016-01-27 18:55:47", "1453920947.0",
	} {
		var r report
		if err := r.measure(s); err != nil || !r.measured.Equal(want) {
			t.Errorf("%s: %v, %v", s, r.measured.UTC(), err)
		}
	}
	for _, s := range []string{"0", "-1", "NaN", "1e30", "27/01/2016", "now", "0001-01-01T00:00:00Z"} {
		var r report
		if err := r.measure(s); !errors.Is(err, errMalformed) {
			t.Errorf("%s: %v, %v", s, r.measured, err)
		}
	}
}

func TestBatchesAreBoundedAndOfOneDevice(t *testing.T) {
	t.Parallel()
	many := "[" + strings.Repeat("{},", batch) + "{}]"
	if _, err := decodeOwnTracks([]byte(many)); !errors.Is(err, errMalformed) {
		t.Errorf("many messages: %v", err)
	}
	half := `{"device_id":"1","location":[` + strings.Repeat("{},", batch/2) + "{}]}"
	if _, _, err := decodeTraccar([]byte("[" + half + "," + half + "]")); !errors.Is(err, errMalformed) {
		t.Errorf("many locations: %v", err)
	}
	if _, _, err := decodeTraccar([]byte(`[{"device_id":"1"},{"device_id":"2"}]`)); !errors.Is(err, errMalformed) {
		t.Errorf("two devices: %v", err)
	}
}

// TestSpeedsOfAllProtocolsAreTheSame: km/h, knots and m/s of one movement.
func TestSpeedsOfAllProtocolsAreTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		speed := float64(rapid.IntRange(0, 50).Draw(t, "m/s"))
		parameters, err := decodeQuery(url.Values{"speed": {number64(speed / metresPerKnot)}})
		if err != nil {
			t.Fatal(err)
		}
		app, err := decodeOwnTracks([]byte(`{"_type":"location","tst":1,"lat":1,"lon":1,"vel":` + number64(speed*3.6) + `}`))
		if err != nil {
			t.Fatal(err)
		}
		_, json, err := decodeTraccar([]byte(`{"location":{"coords":{"latitude":1,"longitude":1,"speed":` + number64(speed) + `}}}`))
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range []report{parameters[0], app[0], json[0]} {
			if diff := cmp.Diff(math.Round(speed*1000), math.Round(got.speed*1000)); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}

func number64(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
