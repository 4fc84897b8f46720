package region

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	regionv1 "vigie/pkg/gen/vigie/region/v1"
)

// check finds what is wrong between the parts of a region.
func (r *reader) check(region *Region) {
	rooms, sites, teams := unique{r, "room", map[string]int{}}, unique{r, "site", map[string]int{}}, unique{r, "team", map[string]int{}}
	r.siteRoom = map[string]string{}

	for _, room := range region.Rooms {
		cfg := room.Configuration
		rooms.add(cfg, cfg.GetRoom())

		for _, s := range cfg.GetSites() {
			sites.add(s, s.GetId())
			r.siteRoom[s.GetId()] = cfg.GetRoom()
		}

		for _, t := range cfg.GetTeams() {
			teams.add(t, t.GetId())
		}
	}

	if len(region.Rooms) == 0 && len(r.problems) == 0 {
		r.problem(0, "the region has no rooms: add one to \"rooms\"")
	}

	known := zoneCodes(region)

	for _, room := range region.Rooms {
		r.settlePlans(room.Configuration, known)
		r.checkRoom(room.Configuration)
	}

	r.checkPlaces(region)
}

// unique refuses a name given twice.
type unique struct {
	r     *reader
	what  string
	lines map[string]int
}

func (u unique) add(m proto.Message, id string) {
	first, again := u.lines[id]

	switch {
	case id == "":
	case again:
		u.r.problem(u.r.lines[m], "%s %s is already in line %d: rename one", u.what, id, first)
	default:
		u.lines[id] = u.r.lines[m]
	}
}

func (r *reader) checkRoom(cfg *regionv1.RoomConfiguration) {
	if len(cfg.GetSites()) == 0 && !r.broken[cfg] {
		r.problem(r.lines[cfg], "room %s has no sites: add one to \"sites\"", cfg.GetRoom())
	}

	for _, s := range cfg.GetSites() {
		r.checkSite(s)
	}

	signs := unique{r, "call sign", map[string]int{}}
	for _, t := range cfg.GetTeams() {
		signs.add(t, t.GetCallSign())
		r.checkTeam(cfg, t)
	}

	r.checkTravelTimes(cfg)

	// A plan whose categories were not understood would seem to fit all of them.
	if !slices.ContainsFunc(cfg.GetPlans(), func(p *regionv1.Plan) bool { return r.broken[p] }) {
		r.checkPlans(cfg)
		r.checkCoverage(cfg)
	}
}

func (r *reader) checkSite(s *regionv1.Site) {
	if len(s.GetEntrances()) == 0 && !r.broken[s] {
		r.problem(r.lines[s], "site %s has no entrance: teams cannot be sent to it, add one with lat and lon", s.GetId())
	}

	if len(s.GetZones()) == 0 && !r.broken[s] {
		r.problem(r.lines[s], "site %s has no zones: name zone_sets or describe zones", s.GetId())
	}

	entrances := map[string]bool{}
	for _, e := range s.GetEntrances() {
		if e.GetId() != "" && entrances[e.GetId()] {
			r.problem(r.lines[e], "site %s: entrance %s is described twice: rename one", s.GetId(), e.GetId())
		}

		entrances[e.GetId()] = true
	}

	for _, z := range s.GetZones() {
		if a := z.GetArea(); a != nil && !r.broken[a] && !r.broken[s] {
			r.checkArea(s, z)
		}
	}
}

func (r *reader) checkTeam(cfg *regionv1.RoomConfiguration, t *regionv1.Team) {
	what := "team " + t.GetId()
	r.checkSiteOf(cfg, t, what, t.GetHomeSite())

	for _, site := range t.GetSites() {
		r.checkSiteOf(cfg, t, what, site)
	}

	if len(t.GetSites()) > 0 && t.GetHomeSite() != "" && !slices.Contains(t.GetSites(), t.GetHomeSite()) {
		r.problem(r.lines[t], "%s may not enter its own site %s: add it to \"sites\"", what, t.GetHomeSite())
	}

	if len(t.GetCapabilities()) == 0 && !r.broken[t] {
		r.problem(r.lines[t], "%s has no capabilities: give it at least one, such as intervention", what)
	}
}

// checkSiteOf tells whether a site that something refers to is one of the room's.
func (r *reader) checkSiteOf(cfg *regionv1.RoomConfiguration, m proto.Message, what, site string) {
	switch room, known := r.siteRoom[site]; {
	case site == "":
	case !known:
		r.problem(r.lines[m], "%s: unknown site %q: %s", what, site, advice(site, siteIDs(cfg)))
	case !slices.Contains(siteIDs(cfg), site):
		r.problem(r.lines[m], "%s: site %s belongs to room %s: use a site of room %s", what, site, room, cfg.GetRoom())
	}
}

func siteIDs(cfg *regionv1.RoomConfiguration) []string {
	ids := make([]string, 0, len(cfg.GetSites()))
	for _, s := range cfg.GetSites() {
		ids = append(ids, s.GetId())
	}

	return ids
}

func (r *reader) checkTravelTimes(cfg *regionv1.RoomConfiguration) {
	seen := map[string]bool{}

	for _, t := range cfg.GetTravelTimes() {
		what := "travel time"
		r.checkSiteOf(cfg, t, what, t.GetFromSite())
		r.checkSiteOf(cfg, t, what, t.GetToSite())

		if t.GetFromSite() != "" && t.GetFromSite() == t.GetToSite() {
			r.problem(r.lines[t], "%s from %s to itself: use the walks of the site and its zones", what, t.GetFromSite())
		}

		key := fmt.Sprintf("from %s to %s by %s %s", t.GetFromSite(), t.GetToSite(), t.GetTransport(), t.GetBand())
		if seen[key] {
			r.problem(r.lines[t], "%s %s is given twice: remove one", what, strings.TrimSpace(key))
		}

		seen[key] = true
	}
}
