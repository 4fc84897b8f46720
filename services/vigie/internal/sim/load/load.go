// Package load says what happens to a region: which alarms are raised when and where, and what people report by telephone.
// It is pure. An invented night comes from [Generate]; [FromCalls] puts the calls of a real day in the region's places. All
// that is chosen by chance comes from the seed and from the thing itself, so that the same seed brings the same night.
package load

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/services/vigie/internal/sim/chance"
	"vigie/services/vigie/internal/sim/client"
)

// Alarm is one message of a panel.
type Alarm struct {
	// At is counted from the start of the simulation.
	At time.Duration
	// Key is the same in every run of the same seed.
	Key              string
	Room, Site, Zone string
	Code, Category   string
	Priority         int
	Restore          bool
	// Again says after how long the panel sends the very same message a second time; 0: never.
	Again time.Duration
	// Stay is the time on scene that is known; 0: not known.
	Stay time.Duration
}

// Report is what somebody tells a dispatcher, who opens an incident.
type Report struct {
	At               time.Duration
	Key              string
	Room, Site, Zone string
	Category         string
	Priority         int
}

// Night is all that happens, in order of time.
type Night struct {
	Alarms  []Alarm
	Reports []Report
}

func (n *Night) sort() {
	slices.SortFunc(n.Alarms, func(a, b Alarm) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Key, b.Key)) })
	slices.SortFunc(n.Reports, func(a, b Report) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Key, b.Key)) })
}

// How often things happen. The alarms of a site in a day are a base and so many for its emergency visits: 1,200 a day for
// the 39 hospitals of the example, with what follows from repeats and restores.
const (
	alarmsPerSiteDay = 5.4
	visitsPerAlarm   = 1500 // emergency visits in a year for one more alarm a day
	reportsPerAlarm  = 0.03
	repeatChance     = 0.10
	restoreChance    = 0.10
	againChance      = 0.03
)

// shareOf are the shares of P1, P2 and P3.
func shareOf(priority int) float64 {
	switch priority {
	case 1:
		return 0.15
	case 2:
		return 0.35
	default:
		return 0.50
	}
}

// weightOf is how often a category comes among those of its priority.
func weightOf(category string) float64 {
	switch category {
	case "internal_violence":
		return 10
	case "imported_violence":
		return 2
	case "delinquency", "intrusion":
		return 6
	case "technical":
		return 3
	case "assistance", "access":
		return 8
	case "fire", "duress", "lone_worker":
		return 1
	case "patient_missing":
		return 0.6
	case "terrorism":
		return 0.02
	default:
		return 1
	}
}

// hourly is how much likelier than on average something is at an hour of the local day.
func hourly(category string, hour int) float64 {
	switch category {
	case "internal_violence", "imported_violence", "duress", "lone_worker":
		// Evenings and nights: half of it between 18:00 and 02:00.
		return [24]float64{1.5, 1.3, 1, 0.7, 0.5, 0.4, 0.4, 0.5, 0.6, 0.7, 0.8, 0.8, 0.9, 0.9, 0.9, 1, 1, 1.1, 1.3, 1.5, 1.6, 1.7, 1.7, 1.6}[hour]
	case "intrusion", "delinquency":
		return [24]float64{1.3, 1.3, 1.3, 1.3, 1.2, 1, 0.7, 0.6, 0.6, 0.7, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.9, 0.9, 1, 1.1, 1.2, 1.3, 1.4, 1.4}[hour]
	case "access", "technical", "assistance", "patient_missing":
		return [24]float64{0.5, 0.4, 0.4, 0.4, 0.5, 0.7, 1, 1.3, 1.4, 1.5, 1.5, 1.4, 1.3, 1.4, 1.4, 1.4, 1.3, 1.2, 1.1, 0.9, 0.8, 0.7, 0.6, 0.6}[hour]
	default:
		return 1
	}
}

// zoneWeight: people and trouble are where emergencies and public halls are.
func zoneWeight(z client.Zone) float64 {
	code := strings.ToUpper(z.Code)
	switch {
	case strings.HasPrefix(code, "URG"), code == "ED":
		return 4
	case strings.HasPrefix(code, "PSY"), code == "HALL":
		return 2
	default:
		return 1
	}
}

func siteWeight(s client.Site) float64 {
	return alarmsPerSiteDay + float64(s.YearlyVisits)/visitsPerAlarm
}

func zoneOf(s client.Site, lot chance.Lot) string {
	weights := make([]float64, len(s.Zones))
	for i, z := range s.Zones {
		weights[i] = zoneWeight(z)
	}
	if k := lot.Pick(weights); k >= 0 {
		return s.Zones[k].Code
	}
	return ""
}

// codeShares are the chances of the room's codes, each priority having its share whatever the region calls things.
func codeShares(codes []client.Code) []float64 {
	total := map[int]float64{}
	for _, c := range codes {
		total[c.Priority] += weightOf(c.Category)
	}
	sum := 0.0
	for p := range total {
		sum += shareOf(p)
	}
	shares := make([]float64, len(codes))
	for i, c := range codes {
		shares[i] = shareOf(c.Priority) / sum * weightOf(c.Category) / total[c.Priority]
	}
	return shares
}

// add adds an alarm; some are sent a second time, as a panel does that has missed the answer.
func (n *Night) add(a Alarm, seed chance.Seed) {
	if seed.Of("again", a.Key).Happens(againChance) {
		a.Again = seed.Of("again after", a.Key).Between(2*time.Second, 30*time.Second)
	}
	n.Alarms = append(n.Alarms, a)
}

// follow adds an alarm with what comes after it: the same detector again, the end of its trouble.
func (n *Night) follow(a Alarm, seed chance.Seed, length time.Duration) {
	n.add(a, seed)
	at, repeats := a.At, 0
	if seed.Of("repeats", a.Key).Happens(repeatChance) {
		repeats = 1 + seed.Of("how many repeats", a.Key).Pick([]float64{6, 3, 1})
	}
	for k := range repeats {
		key := a.Key + "-r" + strconv.Itoa(k+1)
		at += seed.Of("repeat after", key).Between(10*time.Second, 90*time.Second)
		if at < length {
			more := a
			more.At, more.Key, more.Again = at, key, 0
			n.Alarms = append(n.Alarms, more)
		}
	}
	if restores(a.Category) && seed.Of("restores", a.Key).Happens(restoreChance) {
		end := a
		end.Key, end.Again, end.Restore = a.Key+"-end", 0, true
		end.At = at + seed.Of("restores after", a.Key).Between(time.Minute, 10*time.Minute)
		if end.At < length {
			n.Alarms = append(n.Alarms, end)
		}
	}
}

// restores: detectors report that they are well again; people who pressed a button do not.
func restores(category string) bool {
	switch category {
	case "technical", "access", "intrusion", "fire":
		return true
	}
	return false
}
