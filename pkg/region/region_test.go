package region_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	regionv1 "vigie/pkg/gen/vigie/region/v1"
	"vigie/pkg/region"
)

const shipped = "../../deployments/regions"

const goldenHash = "3ef7b6b573b9eaf0442736a503e47e0af6656a1d077ce92950a22e2ef01a5028"

func load(t *testing.T, file string) *region.Region {
	t.Helper()

	r, err := region.Load(filepath.Join(shipped, file))
	if err != nil {
		t.Fatal(err)
	}

	return r
}

func TestTheSmallRegionHasTwoRoomsThatShareNothing(t *testing.T) {
	t.Parallel()

	r := load(t, "two-sites.yaml")

	if diff := cmp.Diff([]string{"alpha", "bravo"}, r.RoomIDs()); diff != "" {
		t.Error(diff)
	}

	for site, want := range map[string]string{"north": "alpha", "south": "alpha", "east": "bravo", "west": ""} {
		if got, ok := r.RoomOfSite(site); got != want || ok != (want != "") {
			t.Errorf("room of %s: %q, %v", site, got, ok)
		}
	}

	bravo := r.Rooms[1].Configuration
	if len(bravo.GetTeams()) != 1 || bravo.GetTeams()[0].GetId() != "east-1" || len(bravo.GetSites()) != 1 {
		t.Errorf("bravo has %v", bravo.GetTeams())
	}

	if loc, err := region.Location(bravo); err != nil || loc.String() != "Europe/Paris" {
		t.Errorf("location: %v, %v", loc, err)
	}
}

func TestTheExampleOfThirtyNineHospitalsIsCompleteAndMannedAroundTheClock(t *testing.T) {
	t.Parallel()

	r := load(t, "aphp.yaml")
	sites, teams := 0, 0

	for _, room := range r.Rooms {
		cfg := room.Configuration
		sites += len(cfg.GetSites())
		teams += len(cfg.GetTeams())

		for _, s := range cfg.GetSites() {
			for minute := range int32(24 * 60) {
				if !manned(cfg, s.GetId(), minute) {
					t.Errorf("%s has no intervention team at minute %d", s.GetId(), minute)
					break
				}
			}
		}
	}

	if len(r.Rooms) != 6 || sites != 39 || teams < 85 || teams > 100 {
		t.Errorf("%d rooms, %d sites, %d teams", len(r.Rooms), sites, teams)
	}
}

func manned(cfg *regionv1.RoomConfiguration, site string, minute int32) bool {
	for _, team := range cfg.GetTeams() {
		if team.GetHomeSite() != site || !strings.Contains(strings.Join(team.GetCapabilities(), " "), "intervention") {
			continue
		}

		for _, s := range team.GetShifts() {
			from, to := s.GetStartMinute(), s.GetEndMinute()
			if from < to && minute >= from && minute < to || from > to && (minute >= from || minute < to) {
				return true
			}
		}
	}

	return false
}

func TestWhatTheFileLeavesOutHasTheValuesOfThePolicy(t *testing.T) {
	t.Parallel()

	want := &regionv1.Parameters{
		DeliveryS: 5, AnswerS: []int32{30, 90, 90}, NeglectS: []int32{30, 90, 90}, ChooseAgainS: 30,
		TargetS: []int32{480, 900, 1800}, CrossingCapS: []int32{1200, 1200, 1800}, FixMovingS: 120, FixStillS: 900,
		VehicleDayMmS: 3611, VehicleNightMmS: 5556, FootMmS: 1300, DetourPermille: 1350, CoverPermille: 1000,
		OnSceneS: []int32{1800, 1080, 720}, BusyPermille: 300, WeightPermille: []int32{1000, 300, 100}, TurnoutS: 50, FenceM: 150, ProposalS: []int32{15, 120, 120},
	}

	got := load(t, "two-sites.yaml").Rooms[0].Configuration.GetParameters()
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func TestARoomOverridesWhatTheRegionSays(t *testing.T) {
	t.Parallel()

	data, err := os.ReadFile("testdata/overrides.yaml")
	if err != nil {
		t.Fatal(err)
	}

	r, err := region.Parse("overrides.yaml", data)
	if err != nil {
		t.Fatal(err)
	}

	one, two := r.Rooms[0].Configuration, r.Rooms[1].Configuration

	type view struct {
		Plans, Codes, Zones []string
		Answer              []int32
		Night, Detour       int32
	}

	look := func(cfg *regionv1.RoomConfiguration) view {
		p := cfg.GetParameters()
		v := view{Answer: p.GetAnswerS(), Night: p.GetVehicleNightMmS(), Detour: p.GetDetourPermille()}

		for _, p := range cfg.GetPlans() {
			v.Plans = append(v.Plans, p.GetId()+" "+p.GetMode()+" "+strings.Join(p.GetSites(), "+"))
		}

		for _, c := range cfg.GetCodes() {
			v.Codes = append(v.Codes, c.GetCode()+" "+c.GetCategory())
		}

		for _, s := range cfg.GetSites() {
			for _, z := range s.GetZones() {
				v.Zones = append(v.Zones, s.GetId()+" "+z.GetCode()+" "+z.GetLabel()+" "+z.GetFloor())
			}
		}

		return v
	}

	want := []view{
		{
			Plans:  []string{"own automatic ", "fire manual ", "terrorism manual ", "rest proposed "},
			Codes:  []string{"DOOR access", "PANIC duress", "007 delinquency"},
			Zones:  []string{"a HALL Lobby 0", "a CELLAR Cellar -1"},
			Answer: []int32{20, 60, 120},
			Night:  5556,
			Detour: 1200,
		},
		{
			Plans:  []string{"fire manual ", "terrorism manual ", "only-b manual b", "rest automatic "},
			Codes:  []string{"PANIC internal_violence", "DOOR access"},
			Zones:  []string{"b HALL Main hall 0", "c HALL Hall 0"},
			Answer: []int32{45, 90, 90},
			Night:  6944,
			Detour: 1200,
		},
	}

	if diff := cmp.Diff(want, []view{look(one), look(two)}); diff != "" {
		t.Error(diff)
	}

	travel := &regionv1.TravelTime{FromSite: "b", ToSite: "c", Transport: "vehicle", Band: "day", Seconds: 400}
	if diff := cmp.Diff([]*regionv1.TravelTime{travel}, two.GetTravelTimes(), protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func TestTheHashNamesTheContent(t *testing.T) {
	t.Parallel()

	a, b := load(t, "two-sites.yaml"), load(t, "two-sites.yaml")

	rapid.Check(t, func(t *rapid.T) {
		i := rapid.IntRange(0, 1).Draw(t, "room")
		cfg := proto.CloneOf(a.Rooms[i].Configuration)

		if region.Hash(cfg) != region.Hash(b.Rooms[i].Configuration) {
			t.Fatal("equal content, different hash")
		}

		was := cfg.GetParameters().GetTurnoutS()
		cfg.Parameters.TurnoutS = rapid.Int32().Filter(func(v int32) bool { return v != was }).Draw(t, "turnout")

		if region.Hash(cfg) == region.Hash(b.Rooms[i].Configuration) {
			t.Fatal("different content, equal hash")
		}
	})

	// What is in old logs must keep its name.
	if got := region.Hash(&regionv1.RoomConfiguration{Room: "alpha", Timezone: "Europe/Paris"}); got != goldenHash {
		t.Errorf("hash %s", got)
	}
}

func TestTheExampleInTheReadmeIsInTheFormat(t *testing.T) {
	t.Parallel()

	text, err := os.ReadFile(filepath.Join(shipped, "README.md"))
	if err != nil {
		t.Fatal(err)
	}

	_, example, _ := strings.Cut(string(text), "```yaml\n")
	example, _, _ = strings.Cut(example, "```")

	if _, err := region.Parse("README.md", []byte(example)); err != nil {
		t.Error(err)
	}
}

func TestAMissingFileIsNotARegion(t *testing.T) {
	t.Parallel()

	_, err := region.Load("testdata/nowhere.yaml")
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestAConfigurationWithoutAZoneHasNoLocation(t *testing.T) {
	t.Parallel()

	for _, zone := range []string{"", "Local", "Europe/Lutetia"} {
		if _, err := region.Location(&regionv1.RoomConfiguration{Timezone: zone}); err == nil {
			t.Errorf("%q is taken for a time zone", zone)
		}
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		f.Fatal(err)
	}

	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}

		f.Add(data)
	}

	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := region.Parse("fuzz.yaml", data)

		var wrong *region.Error

		switch {
		case err == nil:
			for _, room := range r.Rooms {
				region.Hash(room.Configuration)
			}
		case !errors.As(err, &wrong) || len(wrong.Problems) == 0:
			t.Fatalf("an error without a problem: %v", err)
		}
	})
}
