// Package geo is the little geometry that dispatch needs: points as integers, great-circle distances in metres.
package geo

import "math"

// Point is a place on earth in degrees times ten million, so that it is the same on every machine.
type Point struct {
	LatE7, LonE7 int32
}

// earthRadius is the mean radius in metres (IUGG).
const earthRadius = 6_371_008.8

// FromDegrees rounds to about a centimetre.
func FromDegrees(lat, lon float64) Point {
	return Point{LatE7: int32(math.Round(lat * 1e7)), LonE7: int32(math.Round(lon * 1e7))}
}

// Degrees gives latitude and longitude.
func (p Point) Degrees() (lat, lon float64) { return float64(p.LatE7) / 1e7, float64(p.LonE7) / 1e7 }

// Valid says whether the point is on earth and not the zero point, which is what a receiver without a fix reports.
func (p Point) Valid() bool {
	return p != Point{} && p.LatE7 >= -90e7 && p.LatE7 <= 90e7 && p.LonE7 >= -180e7 && p.LonE7 <= 180e7
}

// Distance is the great-circle distance in whole metres (haversine).
func Distance(a, b Point) int64 {
	lat1, lon1 := a.Degrees()
	lat2, lon2 := b.Degrees()
	const rad = math.Pi / 180
	sinLat := math.Sin((lat2 - lat1) * rad / 2)
	sinLon := math.Sin((lon2 - lon1) * rad / 2)
	h := sinLat*sinLat + math.Cos(lat1*rad)*math.Cos(lat2*rad)*sinLon*sinLon
	return int64(math.Round(2 * earthRadius * math.Asin(math.Min(1, math.Sqrt(h)))))
}
