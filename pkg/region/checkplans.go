package region

import (
	"fmt"
	"slices"
	"strings"

	"vigie/pkg/domain/controlroom"
	regionv1 "vigie/pkg/gen/vigie/region/v1"
)

// checkPlans looks at what may be offered by itself in the cases the domain singles out.
func (r *reader) checkPlans(cfg *regionv1.RoomConfiguration) {
	for i, p := range cfg.GetPlans() {
		at := r.lines[p]

		if p.GetMode() != manual && reachable(cfg.GetPlans(), i, terrorism) {
			r.problem(at, "plan %s is %s and may be used for terrorism, which is never offered by itself: "+
				"put a manual plan for terrorism before it", p.GetId(), p.GetMode())
		}

		if (!p.GetOwnSiteOnly() || !slices.Contains(p.GetCapabilities(), fire)) && reachable(cfg.GetPlans(), i, fire) {
			r.problem(at, "plan %s may be used for fire, which only the site's own fire-trained guards answer: "+
				"set own_site_only: true and capabilities: [fire] in a plan for fire before it", p.GetId())
		}
	}
}

// reachable tells whether plan i can win for a category: it fits, and no plan before it fits the category everywhere and always.
func reachable(plans []*regionv1.Plan, i int, category string) bool {
	if !fits(plans[i].GetCategories(), category) {
		return false
	}

	return !slices.ContainsFunc(plans[:i], func(p *regionv1.Plan) bool {
		return fits(p.GetCategories(), category) && len(p.GetSites()) == 0 && len(p.GetZones()) == 0 &&
			p.GetFromMinute() == p.GetToMinute()
	})
}

// fits is the rule of a plan's lists: an empty one fits everything.
func fits(list []string, word string) bool {
	return len(list) == 0 || slices.Contains(list, word)
}

// checkCoverage refuses an incident without a plan. Plans for zones do not count: an incident may have no zone.
func (r *reader) checkCoverage(cfg *regionv1.RoomConfiguration) {
	var gaps []string

	without := map[string][]string{} // the categories of each gap

	for _, category := range controlroom.Categories() {
		gap := firstGap(cfg, category)
		if gap == "" {
			continue
		}

		if without[gap] == nil {
			gaps = append(gaps, gap)
		}

		without[gap] = append(without[gap], category)
	}

	for _, gap := range gaps {
		r.problem(r.lines[cfg], "room %s has no plan for %s %s: add one, or a last plan without categories, sites, zones and hours",
			cfg.GetRoom(), strings.Join(without[gap], ", "), gap)
	}
}

// firstGap is the first site and the first time of its day for which a category has no plan, empty when there is none.
func firstGap(cfg *regionv1.RoomConfiguration, category string) string {
	for _, s := range cfg.GetSites() {
		if from, to := uncovered(cfg.GetPlans(), category, s.GetId()); from >= 0 {
			return fmt.Sprintf("at site %s from %s to %s", s.GetId(), clockText(from), clockText(to))
		}
	}

	return ""
}

// uncovered is the first time of the day without a plan; from is -1 when there is none.
func uncovered(plans []*regionv1.Plan, category, site string) (from, to int32) {
	var fitting []*regionv1.Plan

	edges := []int32{0} // what fits changes only where a band starts or ends

	for _, p := range plans {
		if len(p.GetZones()) == 0 && fits(p.GetCategories(), category) && fits(p.GetSites(), site) {
			fitting = append(fitting, p)
			edges = append(edges, p.GetFromMinute(), p.GetToMinute()%minutesOfDay)
		}
	}

	slices.Sort(edges)

	from = -1

	for _, minute := range edges {
		planned := slices.ContainsFunc(fitting, func(p *regionv1.Plan) bool {
			return within(minute, p.GetFromMinute(), p.GetToMinute())
		})

		switch {
		case !planned && from < 0:
			from = minute
		case planned && from >= 0:
			return from, minute
		}
	}

	return from, minutesOfDay
}

func clockText(minute int32) string {
	return fmt.Sprintf("%02d:%02d", minute/60, minute%60)
}

// settlePlans looks up the sites and zones of plans, and leaves the room only what is its own.
func (r *reader) settlePlans(cfg *regionv1.RoomConfiguration, zones map[string]bool) {
	own := siteIDs(cfg)

	cfg.Plans = slices.DeleteFunc(cfg.GetPlans(), func(p *regionv1.Plan) bool {
		for _, z := range p.GetZones() {
			if !zones[z] {
				r.problem(r.lines[p], "plan %s: unknown zone %q: use the code of a zone of its sites", p.GetId(), z)
			}
		}

		limited := len(p.GetSites()) > 0
		p.Sites = slices.DeleteFunc(p.GetSites(), func(site string) bool {
			_, known := r.siteRoom[site]

			switch {
			case !r.shared[p]:
				r.checkSiteOf(cfg, p, "plan "+p.GetId(), site)
			case !known:
				r.problem(r.lines[p], "plan %s: unknown site %q: use the id of a site of the region", p.GetId(), site)
			}

			return !slices.Contains(own, site)
		})

		return limited && len(p.GetSites()) == 0
	})
}

func zoneCodes(region *Region) map[string]bool {
	codes := map[string]bool{}
	for _, room := range region.Rooms {
		for _, s := range room.Configuration.GetSites() {
			for _, z := range s.GetZones() {
				codes[z.GetCode()] = true
			}
		}
	}

	return codes
}
