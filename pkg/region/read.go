package region

import (
	"slices"

	"github.com/goccy/go-yaml/ast"
	"google.golang.org/protobuf/proto"

	regionv1 "vigie/pkg/gen/vigie/region/v1"
)

type zone = regionv1.Zone

const (
	maxGuards        = 50
	maxVisits        = 10_000_000
	maxP1            = 1_000_000
	minutesOfDay     = 24 * 60
	degreesE7        = 1e7
	defaultTransport = foot
)

// defaults is what all rooms share and each may override.
type defaults struct {
	parameters *regionv1.Parameters
	codes      []*regionv1.Code
	plans      []*regionv1.Plan
}

func (r *reader) region(data []byte) *Region {
	root := r.parse(data)
	if root == nil {
		return nil
	}

	var (
		region              Region
		sets, shared, rooms ast.Node
	)

	hold := func(into *ast.Node) read { return func(n ast.Node) { *into = n } }
	r.capabilities = capabilities()
	r.object(root, "region",
		need("region", r.id(&region.ID)),
		need("name", r.label(&region.Name)),
		need("timezone", r.timezone(&region.Timezone)),
		option("capabilities", r.list("capabilities", r.id, &r.capabilities)),
		option("zone_sets", hold(&sets)),
		option("defaults", hold(&shared)),
		need("rooms", hold(&rooms)),
	)

	// In this order whatever the order in the file: later parts refer to earlier ones.
	r.readZoneSets(sets)

	base := r.defaults(shared)
	if rooms != nil {
		r.each("rooms", func(n ast.Node) { r.room(n, &region, base) })(rooms)
	}

	r.check(&region)

	return &region
}

func (r *reader) timezone(into *string) read {
	return r.value(func(s string) string {
		if _, err := location(s); err != nil {
			return err.Error()
		}

		*into = s

		return ""
	})
}

func (r *reader) readZoneSets(n ast.Node) {
	r.zoneSets = map[string][]*zone{}
	if n == nil {
		return
	}

	for _, e := range r.entries(n, "zone_sets") {
		if !idFits(e.key) {
			r.problem(e.line, "zone set %q: the name is not an id: use 1 to %d of a-z, 0-9 and -", e.key, maxIDBytes)
		}

		var zones []*zone
		r.zones(&zones)(e.value)
		r.zoneSets[e.key] = zones
	}
}

func (r *reader) defaults(n ast.Node) *defaults {
	base := &defaults{parameters: defaultParameters()}
	if n != nil {
		r.object(n, "defaults",
			option("parameters", r.parameters(base.parameters)),
			option("codes", r.codes(&base.codes)),
			option("plans", r.plans(&base.plans)),
		)
	}

	return base
}

func (r *reader) room(n ast.Node, region *Region, base *defaults) {
	var (
		codes []*regionv1.Code
		plans []*regionv1.Plan
	)

	cfg := &regionv1.RoomConfiguration{Timezone: region.Timezone, Parameters: proto.CloneOf(base.parameters)}
	r.part(cfg, n, "room",
		need("id", r.id(&cfg.Room)),
		need("name", r.label(&cfg.Name)),
		option("parameters", r.parameters(cfg.GetParameters())),
		option("codes", r.codes(&codes)),
		option("plans", r.plans(&plans)),
		need("sites", r.each("sites", func(n ast.Node) { cfg.Sites = append(cfg.Sites, r.site(n)) })),
		need("teams", r.each("teams", func(n ast.Node) { cfg.Teams = append(cfg.Teams, r.team(n)) })),
		option("travel_times", r.each("travel_times", func(n ast.Node) { cfg.TravelTimes = append(cfg.TravelTimes, r.travelTime(n)) })),
	)

	cfg.Codes = r.mergeCodes(base.codes, codes)
	cfg.Plans = r.mergePlans(base.plans, plans)
	region.Rooms = append(region.Rooms, Room{ID: cfg.GetRoom(), Name: cfg.GetName(), Configuration: cfg})
}

func (r *reader) site(n ast.Node) *regionv1.Site {
	var (
		s    = &regionv1.Site{}
		sets []string
		own  []*zone
	)

	r.part(s, n, "site",
		need("id", r.id(&s.Id)),
		need("name", r.label(&s.Name)),
		option("address", r.text(&s.Address)),
		need("entrances", r.each("entrances", func(n ast.Node) { s.Entrances = append(s.Entrances, r.entrance(n)) })),
		need("walk", r.seconds(&s.IndoorWalkS)),
		option("p1_per_thousand_days", r.integer(0, maxP1, &s.P1PerThousandDays)),
		option("yearly_visits", r.integer(0, maxVisits, &s.YearlyVisits)),
		option("fence_m", r.integer(leastFence, mostFence, &s.FenceM)),
		option("zone_sets", r.list("zone_sets", r.zoneSet, &sets)),
		option("zones", r.zones(&own)),
	)
	s.Zones = r.siteZones(s, sets, own)

	return s
}

func (r *reader) zoneSet(into *string) read {
	return r.value(func(name string) string {
		if _, ok := r.zoneSets[name]; !ok {
			names := make([]string, 0, len(r.zoneSets))
			for known := range r.zoneSets {
				names = append(names, known)
			}

			slices.Sort(names)

			return "unknown zone set \"" + name + "\": describe it in zone_sets, " + advice(name, names)
		}

		*into = name

		return ""
	})
}

// siteZones joins the zones of the named sets with the site's own; an own zone replaces a set's of the same code.
func (r *reader) siteZones(s *regionv1.Site, sets []string, own []*zone) []*zone {
	var zones []*zone

	of := func(code string) func(*zone) bool { return func(z *zone) bool { return z.GetCode() == code } }

	for _, name := range sets {
		for _, z := range r.zoneSets[name] {
			if slices.ContainsFunc(zones, of(z.GetCode())) {
				r.problem(r.lines[s], "site %s: zone %s comes from two zone sets: keep one of them", s.GetId(), z.GetCode())
				continue
			}

			c := proto.CloneOf(z)
			r.lines[c] = r.lines[z]

			if a := z.GetArea(); a != nil {
				r.broken[c.GetArea()] = r.broken[a]
			}
			zones = append(zones, c)
		}
	}

	for _, z := range own {
		if i := slices.IndexFunc(zones, of(z.GetCode())); i >= 0 {
			zones[i] = z
		} else {
			zones = append(zones, z)
		}
	}

	return zones
}

func (r *reader) entrance(n ast.Node) *regionv1.Entrance {
	e := &regionv1.Entrance{}
	r.part(e, n, "entrance",
		need("id", r.id(&e.Id)),
		need("label", r.label(&e.Label)),
		need("lat", r.scaled(degreesE7, -90, 90, &e.LatE7)),
		need("lon", r.scaled(degreesE7, -180, 180, &e.LonE7)),
	)

	return e
}

func (r *reader) zones(into *[]*zone) read {
	return r.each("zones", func(n ast.Node) {
		z := &zone{}
		r.part(z, n, "zone",
			need("code", r.code(&z.Code)),
			need("label", r.label(&z.Label)),
			option("building", r.text(&z.Building)),
			option("floor", r.text(&z.Floor)),
			option("sensitivity", r.word("sensitivity", sensitivities(), &z.Sensitivity)),
			option("walk", r.seconds(&z.IndoorWalkS)),
			option("access", r.text(&z.AccessNotes)),
			option("hazards", r.text(&z.Hazards)),
			option("area", func(n ast.Node) { z.Area = r.area(n) }),
		)

		if slices.ContainsFunc(*into, func(o *zone) bool { return z.GetCode() != "" && o.GetCode() == z.GetCode() }) {
			r.problem(r.lines[z], "zone %s is described twice: rename one", z.GetCode())
			return
		}

		*into = append(*into, z)
	})
}

func (r *reader) area(n ast.Node) *regionv1.Area {
	a := &regionv1.Area{}
	r.part(a, n, "area",
		need("lat", r.scaled(degreesE7, -90, 90, &a.LatE7)),
		need("lon", r.scaled(degreesE7, -180, 180, &a.LonE7)),
		need("radius_m", r.integer(leastFence, mostFence, &a.RadiusM)),
	)

	return a
}

func (r *reader) team(n ast.Node) *regionv1.Team {
	t := &regionv1.Team{Transport: defaultTransport}
	r.part(t, n, "team",
		need("id", r.id(&t.Id)),
		need("call_sign", r.label(&t.CallSign)),
		need("site", r.id(&t.HomeSite)),
		need("capabilities", r.list("capabilities", r.capability, &t.Capabilities)),
		option("transport", r.word("transport", transports(), &t.Transport)),
		need("guards", r.integer(1, maxGuards, &t.Guards)),
		option("shifts", r.each("shifts", r.shift(t))),
		option("sites", r.list("sites", r.id, &t.Sites)),
	)

	return t
}

func (r *reader) capability(into *string) read {
	return r.word("capability", r.capabilities, into)
}

func (r *reader) travelTime(n ast.Node) *regionv1.TravelTime {
	t := &regionv1.TravelTime{}
	r.part(t, n, "travel time",
		need("from", r.id(&t.FromSite)),
		need("to", r.id(&t.ToSite)),
		need("transport", r.word("transport", transports(), &t.Transport)),
		option("band", r.word("band", bands(), &t.Band)),
		need("time", r.seconds(&t.Seconds)),
	)

	return t
}
