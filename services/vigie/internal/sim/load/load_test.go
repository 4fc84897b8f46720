package load_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigie/services/vigie/internal/sim/chance"
	"vigie/services/vigie/internal/sim/client"
	"vigie/services/vigie/internal/sim/load"
)

// region has as many sites and visits as the example of thirty-nine hospitals.
func region() []client.Room {
	codes := []client.Code{
		{Code: "PANIC", Category: "internal_violence", Priority: 1},
		{Code: "THEFT", Category: "delinquency", Priority: 2},
		{Code: "DOOR", Category: "access", Priority: 3},
		{Code: "ASSIST", Category: "assistance", Priority: 3},
	}
	rooms := []client.Room{{Room: "alpha", Timezone: "Europe/Paris", Codes: codes}, {Room: "bravo", Timezone: "Europe/Paris", Codes: codes}}
	for i := range 39 {
		s := client.Site{Site: string(rune('a'+i%26)) + string(rune('a'+i/26)), Zones: []client.Zone{{Code: "URG"}, {Code: "PARKING"}}}
		if i < 20 {
			s.YearlyVisits = 58_500
		}
		r := &rooms[i%2]
		r.Sites = append(r.Sites, s)
	}
	return rooms
}

var midnight = time.Date(2026, 3, 3, 23, 0, 0, 0, time.UTC) // in Paris

func generate(t *testing.T, seed chance.Seed, length time.Duration) *load.Night {
	t.Helper()
	n, err := load.Generate(region(), seed, midnight, length)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestADayOfTheWholeRegionHasAboutTwelveHundredAlarms(t *testing.T) {
	t.Parallel()
	const days = 5
	byPriority, all, reports := map[int]float64{}, 0.0, 0.0
	evening, morning := 0, 0
	for seed := range chance.Seed(days) {
		n := generate(t, seed, 24*time.Hour)
		all += float64(len(n.Alarms))
		reports += float64(len(n.Reports))
		for _, a := range n.Alarms {
			byPriority[a.Priority]++
			if a.Priority == 1 && a.At >= 20*time.Hour {
				evening++
			}
			if a.Priority == 1 && a.At >= 4*time.Hour && a.At < 8*time.Hour {
				morning++
			}
		}
	}
	if perDay := all / days; perDay < 1050 || perDay > 1350 {
		t.Errorf("%.0f alarms a day, want about 1200", perDay)
	}
	for p, want := range map[int]float64{1: .15, 2: .35, 3: .50} {
		if got := byPriority[p] / all; math.Abs(got-want) > 0.04 {
			t.Errorf("P%d is %.3f of all, want %.2f", p, got, want)
		}
	}
	if evening < 2*morning {
		t.Errorf("violence: %d in the evening, %d in the morning", evening, morning)
	}
	if reports < 80 || reports > 220 {
		t.Errorf("%.0f reports in %d days, want about 30 a day", reports, days)
	}
}

func TestTheSameSeedBringsTheSameNight(t *testing.T) {
	t.Parallel()
	one := generate(t, 7, 6*time.Hour)
	if diff := cmp.Diff(one, generate(t, 7, 6*time.Hour)); diff != "" {
		t.Errorf("the same seed differs:\n%s", diff)
	}
	if cmp.Equal(one, generate(t, 8, 6*time.Hour)) {
		t.Error("another seed brings the same night")
	}
	keys := map[string]bool{}
	last := time.Duration(0)
	for _, a := range one.Alarms {
		if keys[a.Key] {
			t.Errorf("key %s twice", a.Key)
		}
		keys[a.Key] = true
		if a.At < last || a.At >= 6*time.Hour {
			t.Errorf("%s at %v is out of order or time", a.Key, a.At)
		}
		last = a.At
	}
}

// A longer simulation is the shorter one and more: what is compared over two hours holds for the first of four.
func TestALongerNightBeginsWithTheShorterOne(t *testing.T) {
	t.Parallel()
	long := generate(t, 3, 4*time.Hour)
	inLong := map[string]load.Alarm{}
	for _, a := range long.Alarms {
		inLong[a.Key] = a
	}
	for _, a := range generate(t, 3, 2*time.Hour).Alarms {
		if diff := cmp.Diff(a, inLong[a.Key]); diff != "" {
			t.Errorf("%s differs:\n%s", a.Key, diff)
		}
	}
}

const calls = `Call Number,Unit ID,Received DtTm,On Scene DtTm,Available DtTm
1,E1,04/07/2020 11:53:08 PM,04/08/2020 12:00:00 AM,04/08/2020 12:15:40 AM
2,E2,04/08/2020 01:00:10 AM,,04/08/2020 01:30:00 AM
2,E3,04/08/2020 01:00:00 AM,04/08/2020 01:20:00 AM,04/08/2020 01:50:00 AM
2,E4,04/08/2020 01:00:05 AM,04/08/2020 01:10:00 AM,04/08/2020 01:20:00 AM
3,E5,04/08/2020 02:00:00 AM,04/08/2020 02:10:00 AM,04/08/2020 02:05:00 AM
4,E6,04/08/2020 03:00:00 AM,04/08/2020 02:50:00 AM,04/08/2020 03:30:00 AM
,E7,04/08/2020 03:00:00 AM,,
5,E8,never,,
6,E9,04/08/2020 11:59:59 PM
`

func TestACallFileIsReadAsOneCallPerNumber(t *testing.T) {
	t.Parallel()
	got, err := load.ReadCalls(strings.NewReader(calls))
	if err != nil {
		t.Fatal(err)
	}
	at := func(day, h, m, s int) time.Time { return time.Date(2020, 4, day, h, m, s, 0, time.UTC) }
	want := []load.Call{
		{Number: "1", Received: at(7, 23, 53, 8), Stay: 15*time.Minute + 40*time.Second},
		{Number: "2", Received: at(8, 1, 0, 0), Stay: 10 * time.Minute}, // the earliest row, the first unit on scene
		{Number: "3", Received: at(8, 2, 0, 0)},                         // left before it came
		{Number: "4", Received: at(8, 3, 0, 0)},                         // came before the call
		{Number: "6", Received: at(8, 23, 59, 59)},                      // a row that ends early
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestTheDayBeginsWithTheSimulation(t *testing.T) {
	t.Parallel()
	all, err := load.ReadCalls(strings.NewReader(calls))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, day string
		length    time.Duration
		want      map[string]time.Duration
		err       string
	}{
		{
			name: "the fullest day when none is named", length: 24 * time.Hour,
			want: map[string]time.Duration{"call-2": time.Hour, "call-3": 2 * time.Hour, "call-4": 3 * time.Hour, "call-6": 24*time.Hour - time.Second},
		},
		{name: "the day that is named", day: "2020-04-07", length: 24 * time.Hour, want: map[string]time.Duration{"call-1": 23*time.Hour + 53*time.Minute + 8*time.Second}},
		{name: "no further than the simulation goes", day: "2020-04-08", length: 2*time.Hour + time.Second, want: map[string]time.Duration{"call-2": time.Hour, "call-3": 2 * time.Hour}},
		{name: "a day without calls", day: "2021-01-01", length: time.Hour, err: "choose a day from 2020-04-07 to 2020-04-08"},
		{name: "no day at all", day: "yesterday", length: time.Hour, err: "YYYY-MM-DD"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			n, err := load.FromCalls(all, tc.day, region(), 1, tc.length)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("err = %v, want %q", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]time.Duration{}
			for _, a := range n.Alarms {
				got[a.Key] = a.At
				if a.Room == "" || a.Site == "" || a.Zone == "" || a.Code == "" || a.Priority == 0 {
					t.Errorf("%+v has no place or no meaning", a)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestAFileThatIsNoCallFileIsRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty":         "",
		"other columns": "a,b\n1,2\n",
		"no calls":      "Call Number,Received DtTm,On Scene DtTm,Available DtTm\n",
		"broken quote":  "Call Number,Received DtTm,On Scene DtTm,Available DtTm\n1,\"x\n",
	} {
		if c, err := load.ReadCalls(strings.NewReader(text)); err == nil {
			t.Errorf("%s: read as %v", name, c)
		}
	}
}

func FuzzReadCalls(f *testing.F) {
	f.Add(calls)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := load.ReadCalls(strings.NewReader(text))
		if err != nil {
			return
		}
		for i, c := range got {
			if c.Number == "" || c.Stay < 0 || i > 0 && c.Received.Before(got[i-1].Received) {
				t.Fatalf("%+v", got)
			}
		}
	})
}
