// Package choose says which teams go to an incident, and why: hard rules exclude, the time of arrival and what a choice
// leaves uncovered rank. Everything that decided is in the result, so that the reason can be read years later. Times are
// integers in milliseconds and ties break by team id: the same inputs give the same choice.
package choose

import (
	"cmp"
	"slices"

	regionv1 "vigie/pkg/gen/vigie/region/v1"
)

// Incident is what teams are wanted for.
type Incident struct {
	Site, Zone string
	// Priority is 1 to 3.
	Priority     int
	Capabilities []string
	OwnSiteOnly  bool
	// Waited is how long ago the clock of the incident started.
	Waited int64
	// Wanted counts the guards still wanting.
	Wanted int
}

// Team is one that might go.
type Team struct {
	*regionv1.Team
	Guards    int
	OnDuty    bool
	Reachable bool
	// Busy, Tried and InDanger exclude.
	Busy, Tried, InDanger bool
	// Served teams have done their part for this very incident and were let go.
	Served bool
	// Confirmed is where it was last confirmed to be, and ConfirmedBy what has: scene, entered or left. Site is empty when
	// nothing has.
	Confirmed   Place
	ConfirmedBy string
	Fix         *Fix
}

// Fix is the last position of a team. Moving fixes grow old sooner.
type Fix struct {
	LatE7, LonE7 int32
	At           int64
	Moving       bool
}

// Place is a site, or a zone of one, and since when it is known.
type Place struct {
	Site, Zone string
	At         int64
}

// Hours say what travel times to use.
type Hours struct {
	Night bool
}

// Result of a choice.
type Result struct {
	// Candidates in order of rank; Chosen are the first of them that together have the guards wanted.
	Candidates []Candidate
	Exclusions []Exclusion
	Chosen     []Candidate
}

// Candidate is a team that may go.
type Candidate struct {
	Team   *Team
	Guards int
	Journey
	// LatePermille is the probability of arriving late.
	LatePermille int64
	// Lateness and Uncovered are expected weighted late incidents in millionths; Score is their sum.
	Lateness, Uncovered, Score int64
	LeftAtSite                 int
	// Nearest is the one that arrives first; Behind is empty for the first in rank.
	Nearest bool
	Behind  Behind
}

// Reason says why a team is excluded.
type Reason string

// The reasons for an exclusion, in the order in which they are looked at.
const (
	OffDuty           Reason = "off_duty"
	Unreachable       Reason = "unreachable"
	Busy              Reason = "busy"
	InDanger          Reason = "in_danger"
	MissingCapability Reason = "missing_capability"
	NoSiteRight       Reason = "no_site_right"
	OwnSiteOnly       Reason = "own_site_only"
	TooFar            Reason = "too_far"
	StalePosition     Reason = "stale_position"
	AlreadyTried      Reason = "already_tried"
	HasServed         Reason = "has_served"
)

// Exclusion is a team that may not go by itself. A dispatcher may send it all the same, unless it is busy.
type Exclusion struct {
	Team   string
	Reason Reason
	Detail string
	// Journey is its way all the same.
	Journey
}

// Rank chooses among teams for an incident at time now. Candidates that cross sites on an estimated position count only
// where those with a known one are not enough, and come after them: better a late team than none (docs/adr/0005).
func Rank(t *Travel, i Incident, teams []Team, now int64) Result {
	var r Result
	var stale []Candidate
	for k := range teams {
		team := &teams[k]
		journey := t.journey(team, i, now)
		if reason, detail := excluded(t, i, team, journey); reason != "" {
			r.Exclusions = append(r.Exclusions, Exclusion{Team: team.GetId(), Reason: reason, Detail: detail, Journey: journey})
			continue
		}
		c := Candidate{Team: team, Guards: team.Guards, Journey: journey}
		if c.uncertain() {
			stale = append(stale, c)
			continue
		}
		r.Candidates = append(r.Candidates, c)
	}
	cover := newCover(t, teams, now)
	order := func(candidates []Candidate) {
		for k := range candidates {
			candidates[k].price(t, i, cover)
		}
		slices.SortFunc(candidates, func(a, b Candidate) int { return compare(a, b, t, i) })
	}
	order(r.Candidates)
	if guards(r.Candidates) < i.Wanted {
		order(stale)
		r.Candidates = append(r.Candidates, stale...)
	} else {
		for _, c := range stale {
			r.Exclusions = append(r.Exclusions, Exclusion{Team: c.Team.GetId(), Reason: StalePosition, Journey: c.Journey})
		}
	}
	explain(t, i, r.Candidates)
	slices.SortFunc(r.Exclusions, func(a, b Exclusion) int { return cmp.Compare(a.Team, b.Team) })
	r.Chosen = take(r.Candidates, i.Wanted)
	return r
}

func excluded(t *Travel, i Incident, team *Team, j Journey) (Reason, string) {
	switch {
	case !team.OnDuty:
		return OffDuty, ""
	case !team.Reachable:
		return Unreachable, ""
	case team.Busy:
		return Busy, ""
	case team.InDanger:
		return InDanger, ""
	case team.Served:
		return HasServed, ""
	}
	for _, c := range i.Capabilities {
		if !slices.Contains(team.GetCapabilities(), c) {
			return MissingCapability, c
		}
	}
	switch {
	case len(team.GetSites()) > 0 && !slices.Contains(team.GetSites(), i.Site):
		return NoSiteRight, i.Site
	case i.OwnSiteOnly && team.GetHomeSite() != i.Site:
		return OwnSiteOnly, team.GetHomeSite()
	case j.Crosses && j.travel() > t.crossingCap(i.Priority):
		return TooFar, ""
	case team.Tried:
		return AlreadyTried, ""
	}
	return "", ""
}

// compare orders candidates. Where several teams are wanted those on site go first, at once (domain §2). For P1 the
// price of cover chooses only between teams that arrive in time; when none does, the closest goes (dispatch policy §5.2).
func compare(a, b Candidate, t *Travel, i Incident) int {
	if i.Wanted > 1 && a.Crosses != b.Crosses {
		return boolRank(a.Crosses) - boolRank(b.Crosses)
	}
	byArrival := cmp.Compare(a.Arrival, b.Arrival)
	if i.Priority == 1 {
		lateA, lateB := i.late(&a, t), i.late(&b, t)
		if lateA != lateB {
			return boolRank(lateA) - boolRank(lateB)
		}
		if lateA {
			return cmp.Or(byArrival, cmp.Compare(a.Team.GetId(), b.Team.GetId()))
		}
	}
	return cmp.Or(cmp.Compare(a.Score, b.Score), byArrival, cmp.Compare(a.Team.GetId(), b.Team.GetId()))
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

func guards(list []Candidate) int {
	n := 0
	for _, c := range list {
		n += c.Guards
	}
	return n
}

// take is the shortest beginning of the list with enough guards, or all of it.
func take(list []Candidate, wanted int) []Candidate {
	n := 0
	for k, c := range list {
		if n >= wanted {
			return list[:k]
		}
		n += c.Guards
	}
	return list
}
