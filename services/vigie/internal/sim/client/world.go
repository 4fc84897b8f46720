package client

import (
	"fmt"
	"time"

	"vigie/pkg/geo"
)

// Room is a control room as GET /v1/rooms describes it.
type Room struct {
	Room     string `json:"room"`
	Timezone string `json:"timezone"`
	Sites    []Site `json:"sites"`
	Teams    []Team `json:"teams"`
	Codes    []Code `json:"codes"`
	Halted   string `json:"halted"`
}

// Site is one hospital.
type Site struct {
	Site         string     `json:"site"`
	Entrances    []Entrance `json:"entrances"`
	Zones        []Zone     `json:"zones"`
	YearlyVisits int        `json:"yearly_visits"`
}

// Entrance of a site.
type Entrance struct {
	Lat float64 `json:"lat"`
	Lon float64 `json:"lon"`
}

// Zone of a site.
type Zone struct {
	Code        string `json:"code"`
	Label       string `json:"label"`
	IndoorWalkS int    `json:"indoor_walk_s"`
}

// Team of a room.
type Team struct {
	Team      string  `json:"team"`
	HomeSite  string  `json:"home_site"`
	Transport string  `json:"transport"`
	Guards    int     `json:"guards"`
	Shifts    []Shift `json:"shifts"`
}

// Shift in minutes of the local day; an end that is not after the start is on the next day.
type Shift struct {
	StartMinute int `json:"start_minute"`
	EndMinute   int `json:"end_minute"`
}

// Code is what an alarm code means.
type Code struct {
	Code     string `json:"code"`
	Category string `json:"category"`
	Priority int    `json:"priority"`
}

// Location is the time zone of the sites.
func (r *Room) Location() (*time.Location, error) {
	l, err := time.LoadLocation(r.Timezone)
	if err != nil {
		return nil, fmt.Errorf("time zone of room %s: %w", r.Room, err)
	}
	return l, nil
}

// Site gives a site of the room, or nil.
func (r *Room) Site(id string) *Site {
	for k := range r.Sites {
		if r.Sites[k].Site == id {
			return &r.Sites[k]
		}
	}
	return nil
}

// Team gives a team of the room, or nil.
func (r *Room) Team(id string) *Team {
	for k := range r.Teams {
		if r.Teams[k].Team == id {
			return &r.Teams[k]
		}
	}
	return nil
}

// Entrance is the place of a site's first entrance.
func (s *Site) Entrance() geo.Point {
	if s == nil || len(s.Entrances) == 0 {
		return geo.Point{}
	}
	return geo.FromDegrees(s.Entrances[0].Lat, s.Entrances[0].Lon)
}

// IndoorWalk is the way from an entrance to a zone.
func (s *Site) IndoorWalk(zone string) time.Duration {
	if s != nil {
		for _, z := range s.Zones {
			if z.Code == zone && z.IndoorWalkS > 0 {
				return time.Duration(z.IndoorWalkS) * time.Second
			}
		}
	}
	return 2 * time.Minute
}

// Clock is the server's domain clock, as measured by a call.
type Clock struct {
	domain, real time.Time
	rate         float64
	doubt        time.Duration
}

// NewClock is a domain clock that says domain at that real time.
func NewClock(domain, realTime time.Time, rate float64) *Clock {
	return &Clock{domain: domain, real: realTime, rate: rate}
}

// Now is domain time.
func (c *Clock) Now() time.Time {
	return c.domain.Add(time.Duration(float64(time.Since(c.real)) * c.rate)).UTC()
}

// Until is how long to wait in real time until a domain time has come, never below zero.
func (c *Clock) Until(at time.Time) time.Duration { return max(0, c.Real(at.Sub(c.Now()))) }

// Real is how long a domain duration takes.
func (c *Clock) Real(d time.Duration) time.Duration { return time.Duration(float64(d) / c.rate) }

// Domain is how much domain time passes in a real duration.
func (c *Clock) Domain(d time.Duration) time.Duration { return time.Duration(float64(d) * c.rate) }

// Rate is how many domain seconds pass in a real one.
func (c *Clock) Rate() float64 { return c.rate }

// Better is the clock that was measured with less doubt.
func (c *Clock) Better(other *Clock) *Clock {
	if c == nil || other.doubt < c.doubt {
		return other
	}
	return c
}
