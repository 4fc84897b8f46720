package region

import (
	"math"
	"slices"

	regionv1 "vigie/pkg/gen/vigie/region/v1"
)

// maxSpreadKm is how far a site may be from the middle of its region; AP-HP's farthest is 180 km away.
const maxSpreadKm = 500

// maxAreaKm is how far an outdoor zone may be from an entrance of its site: the largest hospital is about a kilometre across.
const maxAreaKm = 5

type place struct{ lat, lon float64 }

// checkArea refuses an outdoor zone that is not at its site.
func (r *reader) checkArea(s *regionv1.Site, z *zone) {
	a := z.GetArea()
	at, nearest := place{lat: float64(a.GetLatE7()) / degreesE7, lon: float64(a.GetLonE7()) / degreesE7}, math.Inf(1)

	for _, e := range s.GetEntrances() {
		nearest = min(nearest, kilometres(placeOf(e), at))
	}

	if nearest > maxAreaKm && len(s.GetEntrances()) > 0 {
		r.problem(r.lines[z], "site %s: the area of zone %s is %.0f km from the nearest entrance, over %d km: check lat and lon",
			s.GetId(), z.GetCode(), nearest, maxAreaKm)
	}
}

// checkPlaces refuses an entrance far from all others: most often its degrees were swapped or mistyped.
func (r *reader) checkPlaces(region *Region) {
	var lats, lons []float64

	each := func(visit func(s *regionv1.Site, e *regionv1.Entrance)) {
		for _, room := range region.Rooms {
			for _, s := range room.Configuration.GetSites() {
				for _, e := range s.GetEntrances() {
					if !r.broken[e] {
						visit(s, e)
					}
				}
			}
		}
	}

	each(func(_ *regionv1.Site, e *regionv1.Entrance) {
		p := placeOf(e)
		lats, lons = append(lats, p.lat), append(lons, p.lon)
	})

	if len(lats) == 0 {
		return
	}

	middle := place{lat: median(lats), lon: median(lons)}

	each(func(s *regionv1.Site, e *regionv1.Entrance) {
		p := placeOf(e)
		far := kilometres(p, middle)

		switch {
		case far <= maxSpreadKm:
		case math.Abs(p.lon) <= 90 && kilometres(place{lat: p.lon, lon: p.lat}, middle) <= maxSpreadKm:
			r.problem(r.lines[e], "site %s: entrance %s is %.0f km from the middle of the region: lat and lon are swapped",
				s.GetId(), e.GetId(), far)
		default:
			r.problem(r.lines[e], "site %s: entrance %s is %.0f km from the middle of the region, over %d km: check lat and lon",
				s.GetId(), e.GetId(), far, maxSpreadKm)
		}
	})
}

func placeOf(e *regionv1.Entrance) place {
	return place{lat: float64(e.GetLatE7()) / degreesE7, lon: float64(e.GetLonE7()) / degreesE7}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))

	return sorted[(len(sorted)-1)/2]
}

func kilometres(a, b place) float64 {
	const earthKm, degree = 6371, math.Pi / 180

	dLat, dLon := math.Sin((b.lat-a.lat)*degree/2), math.Sin((b.lon-a.lon)*degree/2)
	h := dLat*dLat + math.Cos(a.lat*degree)*math.Cos(b.lat*degree)*dLon*dLon

	return 2 * earthKm * math.Asin(math.Min(1, math.Sqrt(h)))
}
