package load

import (
	"fmt"
	"strconv"
	"time"

	"vigie/services/vigie/internal/sim/chance"
	"vigie/services/vigie/internal/sim/client"
)

// Generate invents a night: for each site, code and hour a Poisson number of alarms, more in the hours in which such things
// happen. The hours of the day are those of the sites; start is when the simulation begins.
func Generate(rooms []client.Room, seed chance.Seed, start time.Time, length time.Duration) (*Night, error) {
	n := &Night{}
	for i := range rooms {
		loc, err := rooms[i].Location()
		if err != nil {
			return nil, err
		}
		g := generator{night: n, room: &rooms[i], seed: seed, start: start.In(loc), length: length, shares: codeShares(rooms[i].Codes)}
		for _, s := range rooms[i].Sites {
			g.site(s)
		}
	}
	n.sort()
	return n, nil
}

type generator struct {
	night  *Night
	room   *client.Room
	seed   chance.Seed
	start  time.Time
	length time.Duration
	shares []float64
}

func (g *generator) site(s client.Site) {
	for hour := 0; time.Duration(hour)*time.Hour < g.length; hour++ {
		local := g.start.Add(time.Duration(hour) * time.Hour).Hour()
		for i, c := range g.room.Codes {
			mean := siteWeight(s) / 24 * g.shares[i] * hourly(c.Category, local)
			g.alarms(s, c, hour, g.seed.Of("alarms", s.Site, c.Code, strconv.Itoa(hour)).Poisson(mean))
			told := g.seed.Of("reports", s.Site, c.Code, strconv.Itoa(hour)).Poisson(mean * reportsPerAlarm)
			g.reports(s, c, hour, told)
		}
	}
}

// at is a time within an hour of the simulation; false when that is after its end.
func (g *generator) at(hour int, lot chance.Lot) (time.Duration, bool) {
	at := time.Duration(hour)*time.Hour + lot.Between(0, time.Hour)
	return at, at < g.length
}

func (g *generator) alarms(s client.Site, c client.Code, hour, count int) {
	for k := range count {
		key := fmt.Sprintf("%s-%s-%d-%d", s.Site, c.Code, hour, k)
		at, within := g.at(hour, g.seed.Of("alarm at", key))
		if !within {
			continue
		}
		g.night.follow(Alarm{
			At: at, Key: key, Room: g.room.Room, Site: s.Site, Zone: zoneOf(s, g.seed.Of("zone", key)),
			Code: c.Code, Category: c.Category, Priority: c.Priority,
		}, g.seed, g.length)
	}
}

func (g *generator) reports(s client.Site, c client.Code, hour, count int) {
	for k := range count {
		key := fmt.Sprintf("%s-%s-%d-told-%d", s.Site, c.Code, hour, k)
		if at, within := g.at(hour, g.seed.Of("report at", key)); within {
			g.night.Reports = append(g.night.Reports, Report{
				At: at, Key: key, Room: g.room.Room, Site: s.Site, Zone: zoneOf(s, g.seed.Of("zone", key)),
				Category: c.Category, Priority: c.Priority,
			})
		}
	}
}
