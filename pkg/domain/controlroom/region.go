package controlroom

import (
	"slices"

	logv1 "vigie/pkg/gen/vigie/log/v1"
	regionv1 "vigie/pkg/gen/vigie/region/v1"
)

// Region is the folded configuration of the room with its look-ups. It is never changed after it was built.
type Region struct {
	*regionv1.RoomConfiguration
	sites map[string]*regionv1.Site
	zones map[string]*regionv1.Zone
	teams map[string]*regionv1.Team
	codes map[string]*regionv1.Code
	plans map[string]*regionv1.Plan
}

func newRegion(content *regionv1.RoomConfiguration) *Region {
	r := &Region{
		RoomConfiguration: content,
		sites:             map[string]*regionv1.Site{},
		zones:             map[string]*regionv1.Zone{},
		teams:             map[string]*regionv1.Team{},
		codes:             map[string]*regionv1.Code{},
		plans:             map[string]*regionv1.Plan{},
	}
	for _, site := range content.GetSites() {
		r.sites[site.GetId()] = site
		for _, zone := range site.GetZones() {
			r.zones[zoneKey(site.GetId(), zone.GetCode())] = zone
		}
	}
	for _, team := range content.GetTeams() {
		r.teams[team.GetId()] = team
	}
	for _, code := range content.GetCodes() {
		r.codes[code.GetCode()] = code
	}
	for _, plan := range content.GetPlans() {
		r.plans[plan.GetId()] = plan
	}
	return r
}

func zoneKey(site, zone string) string { return site + "/" + zone }

// Site gives a site of the room, or nil.
func (r *Region) Site(id string) *regionv1.Site { return r.sites[id] }

// Zone gives a zone of a site, or nil.
func (r *Region) Zone(site, code string) *regionv1.Zone { return r.zones[zoneKey(site, code)] }

// Team gives a team of the room, or nil.
func (r *Region) Team(id string) *regionv1.Team { return r.teams[id] }

// premises is the place of an incident as a guard has to know it.
func (r *Region) premises(i *Incident) *logv1.Premises {
	site, zone, plan := r.Site(i.Site), r.Zone(i.Site, i.Zone), r.plans[i.Plan]
	said := func(notes ...string) []string {
		return slices.DeleteFunc(notes, func(s string) bool { return s == "" })
	}
	return &logv1.Premises{
		SiteName: site.GetName(), Address: site.GetAddress(), Entrances: site.GetEntrances(),
		ZoneLabel: zone.GetLabel(), Building: zone.GetBuilding(), Floor: zone.GetFloor(),
		Access:  said(zone.GetAccessNotes(), plan.GetAccessNotes()),
		Hazards: said(zone.GetHazards(), plan.GetHazards()),
	}
}

// Region is the configuration the room works under; before the first one it is empty.
func (s State) Region() *Region { return s.region }

// unclassified is the category of what nobody knows.
const unclassified = "unclassified"

// Categories are the words for what an incident is about (domain §2), and the one for what nobody knows.
func Categories() []string {
	return []string{
		"delinquency", "imported_violence", "internal_violence", "terrorism", "intrusion", "access", "lone_worker",
		"duress", "fire", "technical", "patient_missing", "assistance", unclassified,
	}
}

// classify says what an alarm is: what its source says, where that is a word that plans go by, else what the region says
// of its code.
func (r *Region) classify(code, category string) (string, int) {
	known := r.codes[code]
	if !slices.Contains(Categories(), category) {
		category = known.GetCategory()
	}
	if category == "" {
		return unclassified, defaultPriority(unclassified)
	}
	if known != nil && known.GetCategory() == category && known.GetPriority() != 0 {
		return category, int(known.GetPriority())
	}
	return category, defaultPriority(category)
}

// defaultPriority: 1 a person in danger, 2 property or a likely offence, 3 a check or a service (domain §2). What nobody
// knows may be an offence.
func defaultPriority(category string) int {
	switch category {
	case "internal_violence", "imported_violence", "terrorism", "lone_worker", "duress", "fire":
		return 1
	case "access", "technical", "assistance":
		return 3
	default:
		return 2
	}
}

// plan is the first one that fits; without any, one guard goes at once.
func (r *Region) plan(category, site, zone string, minute int32) *regionv1.Plan {
	fits := func(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }
	for _, p := range r.GetPlans() {
		if fits(p.GetCategories(), category) && fits(p.GetSites(), site) && fits(p.GetZones(), zone) &&
			inBand(minute, p.GetFromMinute(), p.GetToMinute()) {
			return p
		}
	}
	return &regionv1.Plan{GuardsWanted: 1, Mode: modeAutomatic}
}

// inBand says whether a minute of the day lies in [from, to), over midnight when to is before from; equal is all day.
func inBand(minute, from, to int32) bool {
	switch {
	case from == to:
		return true
	case from < to:
		return from <= minute && minute < to
	default:
		return minute >= from || minute < to
	}
}

// Modes of a plan (domain §3).
const (
	modeAutomatic = "automatic"
	modeProposed  = "proposed"
	modeManual    = "manual"
)

const second = int64(1000)

// perPriority reads a list of seconds by priority, in milliseconds.
func perPriority(list []int32, priority int, otherwise int64) int64 {
	if i := priority - 1; i >= 0 && i < len(list) {
		return int64(list[i]) * second
	}
	return otherwise
}

func (r *Region) answerWithin(priority int) int64 {
	if priority == 1 {
		return perPriority(r.GetParameters().GetAnswerS(), priority, 30*second)
	}
	return perPriority(r.GetParameters().GetAnswerS(), priority, 90*second)
}

func (r *Region) neglectedAfter(priority int) int64 {
	if priority == 1 {
		return perPriority(r.GetParameters().GetNeglectS(), priority, 30*second)
	}
	return perPriority(r.GetParameters().GetNeglectS(), priority, 90*second)
}

// proposalWaits is how long a proposal waits for a person before the room decides by itself.
func (r *Region) proposalWaits(priority int) int64 {
	if priority == 1 {
		return perPriority(r.GetParameters().GetProposalS(), priority, 15*second)
	}
	return perPriority(r.GetParameters().GetProposalS(), priority, 120*second)
}

func (r *Region) deliverWithin() int64 {
	if v := r.GetParameters().GetDeliveryS(); v > 0 {
		return int64(v) * second
	}
	return 5 * second
}

func (r *Region) chooseAgainAfter() int64 {
	if v := r.GetParameters().GetChooseAgainS(); v > 0 {
		return int64(v) * second
	}
	return 30 * second
}
