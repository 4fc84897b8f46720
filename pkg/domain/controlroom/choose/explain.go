package choose

import "cmp"

// Behind says why a candidate ranks behind the first.
type Behind string

// The reasons for a rank. Lateness and what is left uncovered add up, so the larger difference is the reason.
const (
	// OtherSite: several teams are wanted, and those on site go at once.
	OtherSite Behind = "crosses_sites"
	// Late: of a P1, only one that is late while another is in time.
	Late Behind = "late"
	// Later arrives later, and that is what tells.
	Later Behind = "later"
	// UncoversMore: it is nearer or as near, and would be missed more where it is.
	UncoversMore Behind = "uncovers_more"
	// PlaceUncertain: it would cross sites from a place that is only estimated.
	PlaceUncertain Behind = "place_uncertain"
	// Tie: nothing tells them apart but their ids.
	Tie Behind = "tie"
)

// explain marks the candidate that arrives first, and says of all but the first why they rank behind it.
func explain(t *Travel, i Incident, ranked []Candidate) {
	if len(ranked) == 0 {
		return
	}
	first, nearest := &ranked[0], &ranked[0]
	for k := range ranked {
		c := &ranked[k]
		if c.Arrival < nearest.Arrival {
			nearest = c
		}
		if k > 0 {
			c.Behind = c.behind(first, i, t)
		}
	}
	nearest.Nearest = true
}

// behind follows the order of compare.
func (c *Candidate) behind(first *Candidate, i Incident, t *Travel) Behind {
	switch {
	case c.uncertain() && !first.uncertain():
		return PlaceUncertain
	case i.Wanted > 1 && c.Crosses && !first.Crosses:
		return OtherSite
	case i.late(c, t) && !i.late(first, t):
		return Late
	case i.late(c, t):
		return later(c, first)
	case c.Score == first.Score:
		return later(c, first)
	case c.Arrival <= first.Arrival || c.Uncovered-first.Uncovered > c.Lateness-first.Lateness:
		return UncoversMore
	}
	return Later
}

func later(c, first *Candidate) Behind {
	if cmp.Compare(c.Arrival, first.Arrival) == 0 {
		return Tie
	}
	return Later
}

// uncertain: it would cross sites, and where it is is not known but estimated.
func (c *Candidate) uncertain() bool { return c.Crosses && c.Estimated }

// late says of a P1 that the candidate would not be in time.
func (i Incident) late(c *Candidate, t *Travel) bool {
	return i.Priority == 1 && i.Waited+c.Arrival > t.target(1)
}
