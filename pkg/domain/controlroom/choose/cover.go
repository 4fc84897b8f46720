package choose

import "slices"

// Ranking by expected lateness and by what is left uncovered: dispatch policy §5.2, in integers. DMEXCLP's marginal
// cover (Jagtenberg, Bhulai, van der Mei 2015) prices what a team leaves behind; the lateness it is weighed against has
// the same unit, expected late incidents.

// cover knows how many idle teams cover each site within the target of P1.
type cover struct {
	idle   map[string]int
	atHome map[string]int
}

func newCover(t *Travel, teams []Team, now int64) cover {
	c := cover{idle: map[string]int{}, atHome: map[string]int{}}
	for k := range teams {
		team := &teams[k]
		if !team.OnDuty || !team.Reachable || team.Busy || team.InDanger {
			continue
		}
		from := t.standing(team, now)
		c.atHome[from]++
		for _, s := range t.region.GetSites() {
			if t.covers(team, from, s.GetId()) {
				c.idle[s.GetId()]++
			}
		}
	}
	return c
}

// standing is the site where a team is taken to be.
func (t *Travel) standing(team *Team, now int64) string {
	return t.journey(team, Incident{Site: team.GetHomeSite(), Priority: 1}, now).Place.Site
}

// covers says whether a team standing at a site would be in time for a P1 at another.
func (t *Travel) covers(team *Team, from, site string) bool {
	if len(team.GetSites()) > 0 && !slices.Contains(team.GetSites(), site) {
		return false
	}
	turnout := int64(t.parameter(t.region.GetParameters().GetTurnoutS(), 50)) * second
	return turnout+t.between(from, site, team.GetTransport())+t.indoor(site, "") <= t.target(1)
}

// price fills in what sending this team costs: how late it is likely to be, and what it is likely to be missed for.
func (c *Candidate) price(t *Travel, i Incident, cover cover) {
	total, target := i.Waited+c.Arrival, t.target(i.Priority)
	p := t.region.GetParameters()
	weight := byPriority(p.GetWeightPermille(), []int32{1000, 300, 100}, i.Priority)
	c.LatePermille = logisticPermille((total - target) * 1000 / (target * 15 / 100))
	// A tenth of a late incident for each target's worth of waiting, up to six: of two that are in time the sooner.
	waitPermille := min(total*1000/target, 6000) / 10
	c.Lateness = weight * (c.LatePermille + waitPermille)

	onScene := byPriority(p.GetOnSceneS(), []int32{1800, 1080, 720}, i.Priority)
	awaySeconds := c.Arrival/second + onScene
	if c.Crosses {
		awaySeconds += c.BetweenSites / second
	}
	busy := int64(t.parameter(p.GetBusyPermille(), 300))
	missed := int64(0) // P1 per thousand days, in thousandths
	for _, s := range t.region.GetSites() {
		if n := cover.idle[s.GetId()]; n > 0 && t.covers(c.Team, c.Place.Site, s.GetId()) {
			missed += int64(s.GetP1PerThousandDays()) * marginalPermille(busy, n)
		}
	}
	const thousandDays = 86_400 * 1000
	g := int64(t.parameter(p.GetCoverPermille(), 1000))
	c.Uncovered = missed * awaySeconds / (thousandDays / 1000) * g / 1000
	c.Score = c.Lateness + c.Uncovered
	c.LeftAtSite = max(0, cover.atHome[c.Place.Site]-1)
}

// marginalPermille is the cover that the n-th of n teams adds: (1-q) q^(n-1).
func marginalPermille(busyPermille int64, n int) int64 {
	v := 1000 - busyPermille
	for range n - 1 {
		v = v * busyPermille / 1000
	}
	return v
}

// logistic holds 1000/(1+exp(-x)) for x = 0, 0.25 … 6: integers, so that every machine ranks alike.
func logistic() []int64 {
	return []int64{
		500, 562, 622, 679, 731, 777, 818, 852, 881, 905, 924, 940, 953, 963, 971, 977, 982, 986, 989, 991, 993, 995, 996, 997, 998,
	}
}

// logisticPermille interpolates; x is in thousandths.
func logisticPermille(x int64) int64 {
	if x < 0 {
		return 1000 - logisticPermille(-x)
	}
	table := logistic()
	k := x / 250
	if k >= int64(len(table))-1 {
		return 1000
	}
	return table[k] + (table[k+1]-table[k])*(x%250)/250
}
