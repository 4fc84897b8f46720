package choose

import (
	regionv1 "vigie/pkg/gen/vigie/region/v1"
	"vigie/pkg/geo"
)

// Travel knows how long ways take in one room at one time of day.
type Travel struct {
	region *regionv1.RoomConfiguration
	sites  map[string]*regionv1.Site
	known  map[pair]int64
	night  bool
}

type pair struct {
	from, to, transport string
}

const second = int64(1000)

// atSite is how near an entrance a fix must be to count as on the site: a large hospital is half a kilometre across.
const atSite = 400

// NewTravel prepares the look-ups. The night is when the streets are empty: 23:00 to 05:00 (TomTom, Paris 2021).
func NewTravel(region *regionv1.RoomConfiguration, minuteOfDay int32) *Travel {
	t := &Travel{
		region: region, sites: map[string]*regionv1.Site{}, known: map[pair]int64{},
		night: minuteOfDay >= 23*60 || minuteOfDay < 5*60,
	}
	for _, s := range region.GetSites() {
		t.sites[s.GetId()] = s
	}
	band := "day"
	if t.night {
		band = "night"
	}
	for _, m := range region.GetTravelTimes() {
		way := pair{m.GetFromSite(), m.GetToSite(), m.GetTransport()}
		_, known := t.known[way]
		// What is said for this hour goes before what is said for all day.
		if m.GetBand() == band || m.GetBand() == "" && !known {
			t.known[way] = int64(m.GetSeconds()) * second
		}
	}
	return t
}

// Journey is a team's way to an incident, in milliseconds.
type Journey struct {
	Place  Place
	Source string
	// Age of the place; 0 for the base, which does not grow old.
	Age       int64
	Estimated bool
	Crosses   bool

	Turnout, ToEntrance, BetweenSites, Indoor int64
	// Arrival is their sum, Early and Late its range.
	Arrival, Early, Late int64
}

func (j Journey) travel() int64 { return j.ToEntrance + j.BetweenSites }

// journey is what is left to the entrance, the way between sites, and the walk indoors (domain §3).
func (t *Travel) journey(team *Team, i Incident, now int64) Journey {
	j := Journey{Turnout: int64(t.parameter(t.region.GetParameters().GetTurnoutS(), 50)) * second}
	to := t.sites[i.Site]
	j.Indoor = t.indoor(i.Site, i.Zone)
	if f := team.Fix; f != nil && now-f.At <= t.fixAge(f) && to != nil {
		t.fromFix(&j, team, f, i, now)
	} else {
		t.fromPlace(&j, team, i, now)
	}
	j.Arrival = j.Turnout + j.ToEntrance + j.BetweenSites + j.Indoor
	// An arrival is a range: routes explain less than half of the real spread of travel times (dispatch policy §2.3).
	early, late, more := int64(85), int64(125), int64(0)
	if j.Estimated {
		early, late, more = 70, 150, 60*second
	}
	j.Early, j.Late = j.Arrival*early/100, j.Arrival*late/100+more
	return j
}

func (t *Travel) fromFix(j *Journey, team *Team, f *Fix, i Incident, now int64) {
	here := geo.Point{LatE7: f.LatE7, LonE7: f.LonE7}
	near, distance := t.nearestSite(here)
	j.Place, j.Source, j.Age = Place{Site: near, At: f.At}, "fix", max(0, now-f.At)
	switch {
	case near == "":
		j.Crosses, j.ToEntrance = true, unknownWay
	case near == i.Site && distance <= atSite:
		// On the site: the way to the zone is counted from an entrance, whichever side it is on.
	case near == i.Site:
		// In a far corner of a large site, or in the street before it: only for who does not belong there is that a crossing.
		j.ToEntrance = t.street(distance, team.GetTransport())
		j.Crosses = distance > t.fence(near) && team.lastPlace().Site != near
	case distance <= atSite:
		j.Crosses, j.ToEntrance = true, t.walk(distance)
		j.BetweenSites = t.between(near, i.Site, team.GetTransport())
	default:
		j.Crosses, j.ToEntrance = true, t.street(t.entrance(here, i.Site), team.GetTransport())
	}
}

// fence is how near an entrance of a site a team is at the site, by what the hospital says of it.
func (t *Travel) fence(site string) int64 {
	return int64(t.parameter(t.sites[site].GetFenceM(), t.region.GetParameters().GetFenceM()))
}

// lastPlace is where a team was last confirmed to be, else its home.
func (t *Team) lastPlace() Place {
	if t.Confirmed.Site != "" {
		return t.Confirmed
	}
	return Place{Site: t.GetHomeSite()}
}

// left says that a team was last confirmed on its way out of a place.
const left = "left"

func (t *Travel) fromPlace(j *Journey, team *Team, i Incident, now int64) {
	j.Estimated = true
	j.Place, j.Source = team.lastPlace(), "base"
	if team.Confirmed.Site != "" {
		j.Source, j.Age = team.ConfirmedBy, max(0, now-j.Place.At)
	}
	gone := j.Source == left
	switch {
	case j.Place.Site == i.Site && gone:
		// The way back is no longer than it has been away; it is excluded for it no more than others on their own site.
		j.ToEntrance = min(j.Age, t.crossingCap(1))
		return
	case j.Place.Site == i.Site:
		return
	case !gone:
		j.ToEntrance = t.indoor(j.Place.Site, j.Place.Zone)
	}
	j.Crosses = true
	j.BetweenSites = t.between(j.Place.Site, i.Site, team.GetTransport())
}

func (t *Travel) fixAge(f *Fix) int64 {
	p := t.region.GetParameters()
	if f.Moving {
		return int64(t.parameter(p.GetFixMovingS(), 120)) * second
	}
	return int64(t.parameter(p.GetFixStillS(), 900)) * second
}

func (t *Travel) indoor(site, zone string) int64 {
	s := t.sites[site]
	for _, z := range s.GetZones() {
		if z.GetCode() == zone && z.GetIndoorWalkS() > 0 {
			return int64(z.GetIndoorWalkS()) * second
		}
	}
	return int64(t.parameter(s.GetIndoorWalkS(), 150)) * second
}

// between is the way from site to site: as measured, else estimated from the entrances.
func (t *Travel) between(from, to, transport string) int64 {
	if ms, ok := t.known[pair{from, to, transport}]; ok {
		return ms
	}
	if from == to {
		return 0
	}
	a := t.sites[from]
	if len(a.GetEntrances()) == 0 {
		return unknownWay
	}
	return t.street(t.entrance(point(a.GetEntrances()[0]), to), transport)
}

// unknownWay is longer than any cap: a place that is not on the map is never near.
const unknownWay = 24 * 3600 * second

func point(e *regionv1.Entrance) geo.Point {
	return geo.Point{LatE7: e.GetLatE7(), LonE7: e.GetLonE7()}
}

// entrance is how far the nearest entrance of a site is from a point in metres, or -1.
func (t *Travel) entrance(from geo.Point, site string) int64 {
	metres := int64(-1)
	for _, e := range t.sites[site].GetEntrances() {
		if d := geo.Distance(from, point(e)); metres < 0 || d < metres {
			metres = d
		}
	}
	return metres
}

func (t *Travel) nearestSite(from geo.Point) (site string, metres int64) {
	metres = -1
	for _, s := range t.region.GetSites() {
		if d := t.entrance(from, s.GetId()); d >= 0 && (metres < 0 || d < metres) {
			site, metres = s.GetId(), d
		}
	}
	return site, metres
}

// street is a way through the streets of so many metres as the crow flies.
func (t *Travel) street(metres int64, transport string) int64 {
	if metres < 0 {
		return unknownWay
	}
	p := t.region.GetParameters()
	if transport != "vehicle" {
		return t.walk(metres)
	}
	speed := t.parameter(p.GetVehicleDayMmS(), 3611)
	if t.night {
		speed = t.parameter(p.GetVehicleNightMmS(), 5556)
	}
	return t.at(metres, speed)
}

func (t *Travel) walk(metres int64) int64 {
	return t.at(metres, t.parameter(t.region.GetParameters().GetFootMmS(), 1300))
}

func (t *Travel) at(metres int64, mmPerSecond int32) int64 {
	detour := int64(t.parameter(t.region.GetParameters().GetDetourPermille(), 1350))
	return metres * detour * 1000 / int64(mmPerSecond)
}

func (*Travel) parameter(v, otherwise int32) int32 {
	if v > 0 {
		return v
	}
	return otherwise
}

// target is the time from receipt to arrival that is aimed at: 8, 15, 30 minutes unless the group says otherwise.
func (t *Travel) target(priority int) int64 {
	return byPriority(t.region.GetParameters().GetTargetS(), []int32{480, 900, 1800}, priority) * second
}

func (t *Travel) crossingCap(priority int) int64 {
	return byPriority(t.region.GetParameters().GetCrossingCapS(), []int32{1200, 1200, 1800}, priority) * second
}

func byPriority(list, otherwise []int32, priority int) int64 {
	k := min(max(priority, 1), 3) - 1
	if k < len(list) && list[k] > 0 {
		return int64(list[k])
	}
	return int64(otherwise[k])
}
