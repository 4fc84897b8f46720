// Package fence tells from the positions of a team when it has crossed the border of a site or of an outdoor zone. It is
// pure: a [Map] is the places of a room, a [Track] the last positions of one team, and what the room knows already comes in
// with each position.
//
// Positions lie by tens of metres, and a team that stands at a gate must not come and go. So a border is wide: a team is
// inside when it is so by more than the accuracy of the position, outside when it is so by more than that and a margin; and
// a crossing is told only when several positions in a row, or some time, say the same.
package fence

import (
	"slices"

	"vigie/pkg/domain/controlroom"
	regionv1 "vigie/pkg/gen/vigie/region/v1"
	"vigie/pkg/geo"
)

const (
	// margin is how far beyond its accuracy a position must be outside: two receivers on one walk are 38 m apart in one
	// fix out of ten.
	margin = 40
	// unsaid is the accuracy of a position that states none, finest the best that is believed, in metres.
	unsaid, finest = 30, 10
	// inARow positions settle a crossing; or two of them, when so many milliseconds lie between.
	inARow = 3
	dwell  = 60_000
	// defaultFence is how near an entrance a team is at its site, in metres, where nobody says otherwise.
	defaultFence = 150
)

// Fix is one position of a team.
type Fix struct {
	geo.Point
	// AccuracyM is its radius in metres; 0: not said.
	AccuracyM int64
	// At is when it was measured, in milliseconds.
	At int64
}

// accuracy is never better than receivers are.
func (f Fix) accuracy() int64 {
	if f.AccuracyM <= 0 {
		return unsaid
	}
	return max(f.AccuracyM, finest)
}

// Crossing is one border crossed.
type Crossing struct {
	controlroom.Place
	// Entered says which way; false: left.
	Entered bool
	// At is when it was settled.
	At int64
}

// Map is the places of a room that have a border. It is never changed, and safe for concurrent use.
type Map struct {
	places []place
}

// place is inside of any of its circles.
type place struct {
	controlroom.Place
	circles []circle
}

type circle struct {
	geo.Point
	radius int64
}

// NewMap draws the places of a room: each site by its entrances, and its outdoor zones.
func NewMap(conf *regionv1.RoomConfiguration) *Map {
	m := &Map{}
	for _, s := range conf.GetSites() {
		site := place{Place: controlroom.Place{Site: s.GetId()}}
		for _, e := range s.GetEntrances() {
			site.circles = append(site.circles, circle{geo.Point{LatE7: e.GetLatE7(), LonE7: e.GetLonE7()}, radius(s, conf.GetParameters())})
		}
		if len(site.circles) > 0 {
			m.places = append(m.places, site)
		}
		for _, z := range s.GetZones() {
			if a := z.GetArea(); a != nil {
				m.places = append(m.places, place{
					controlroom.Place{Site: s.GetId(), Zone: z.GetCode()},
					[]circle{{geo.Point{LatE7: a.GetLatE7(), LonE7: a.GetLonE7()}, int64(a.GetRadiusM())}},
				})
			}
		}
	}
	return m
}

func radius(s *regionv1.Site, p *regionv1.Parameters) int64 {
	for _, m := range []int32{s.GetFenceM(), p.GetFenceM()} {
		if m > 0 {
			return int64(m)
		}
	}
	return defaultFence
}

// beyond is how far outside of the border a point is, in metres; below zero inside.
func (p place) beyond(at geo.Point) int64 {
	least := int64(1) << 40
	for _, c := range p.circles {
		least = min(least, geo.Distance(at, c.Point)-c.radius)
	}
	return least
}

// At gives the innermost place that a position is within, or false.
func (m *Map) At(f Fix) (controlroom.Place, bool) {
	var found controlroom.Place
	deepest, within := int64(0), false
	for _, p := range m.places {
		d := p.beyond(f.Point)
		zone := p.Zone != ""
		switch {
		case d > 0, within && found.Zone != "" && !zone: // a zone says more than a site
		case !within, zone && found.Zone == "", d < deepest:
			found, deepest, within = p.Place, d, true
		}
	}
	return found, within
}

// Track is what is remembered of the positions of one team. The zero value has heard none.
type Track struct {
	last int64
	runs map[controlroom.Place]run
}

// run is how many positions in a row say that the team is on the other side of a border than the room takes it to be.
type run struct {
	n     int
	since int64
}

// Take hears the next position of a team that the room takes to be inside some places, and gives the borders that it has
// crossed. Until the room knows of a crossing each further position that agrees gives it again. A position that is not
// after the last one says nothing.
func (t *Track) Take(m *Map, f Fix, inside []controlroom.Place) []Crossing {
	if f.At <= t.last {
		return nil
	}
	t.last = f.At
	var crossed []Crossing
	for _, p := range m.places {
		known := slices.Contains(inside, p.Place)
		if !p.contradicts(f, known) {
			delete(t.runs, p.Place)
			continue
		}
		r, running := t.runs[p.Place]
		if !running {
			r.since = f.At
		}
		r.n++
		if t.runs == nil {
			t.runs = map[controlroom.Place]run{}
		}
		t.runs[p.Place] = r
		if r.n >= inARow || r.n > 1 && f.At-r.since >= dwell {
			crossed = append(crossed, Crossing{Place: p.Place, Entered: !known, At: f.At})
		}
	}
	return crossed
}

// contradicts says whether a position is surely on the other side.
func (p place) contradicts(f Fix, inside bool) bool {
	if inside {
		return p.beyond(f.Point) > f.accuracy()+margin
	}
	return p.beyond(f.Point) < -f.accuracy()
}
