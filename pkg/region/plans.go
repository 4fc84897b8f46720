package region

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"google.golang.org/protobuf/proto"

	"vigie/pkg/domain/controlroom"
	regionv1 "vigie/pkg/gen/vigie/region/v1"
)

func (r *reader) codes(into *[]*regionv1.Code) read {
	return func(n ast.Node) {
		for _, e := range r.entries(n, "codes") {
			c := &regionv1.Code{Code: e.key, Priority: 3}
			r.lines[c] = e.line

			if !codeFits(e.key) {
				r.problem(e.line, "%q is not a code: use 1 to %d letters, digits and - _ . / without accents", e.key, maxIDBytes)
			}

			r.object(e.value, "code "+e.key,
				need("category", r.word("category", controlroom.Categories(), &c.Category)),
				need("priority", r.priority(&c.Priority)),
				need("label", r.label(&c.Label)),
			)
			*into = append(*into, c)
		}
	}
}

func (r *reader) plans(into *[]*regionv1.Plan) read {
	return r.each("plans", func(n ast.Node) {
		p := &regionv1.Plan{GuardsWanted: 1}
		r.part(p, n, "plan",
			need("id", r.id(&p.Id)),
			option("categories", r.list("categories", r.category, &p.Categories)),
			option("sites", r.list("sites", r.id, &p.Sites)),
			option("zones", r.list("zones", r.code, &p.Zones)),
			option("hours", r.hours(&p.FromMinute, &p.ToMinute)),
			option("guards", r.integer(0, maxGuards, &p.GuardsWanted)),
			option("capabilities", r.list("capabilities", r.capability, &p.Capabilities)),
			need("mode", r.word("mode", modes(), &p.Mode)),
			option("own_site_only", r.boolean(&p.OwnSiteOnly)),
			option("priority", r.priority(&p.Priority)),
			option("join_window", r.seconds(&p.JoinWindowS)),
			option("steps", r.steps(&p.Steps)),
			option("access", r.text(&p.AccessNotes)),
			option("hazards", r.text(&p.Hazards)),
		)

		if slices.ContainsFunc(*into, func(o *regionv1.Plan) bool { return p.GetId() != "" && o.GetId() == p.GetId() }) {
			r.problem(r.lines[p], "plan %s is described twice: rename one", p.GetId())
		}

		if p.GetGuardsWanted() == 0 && p.GetMode() != manual && !r.broken[p] {
			r.problem(r.lines[p], "plan %s offers no guards: want at least 1, or make it manual", p.GetId())
		}

		*into = append(*into, p)
	})
}

func (r *reader) category(into *string) read {
	return r.word("category", controlroom.Categories(), into)
}

func (r *reader) steps(into *[]*regionv1.Step) read {
	return r.each("steps", func(n ast.Node) {
		s := &regionv1.Step{}
		r.object(n, "step",
			need("id", r.id(&s.Id)),
			need("label", r.label(&s.Label)),
			option("mandatory", r.boolean(&s.Mandatory)),
		)

		if slices.ContainsFunc(*into, func(o *regionv1.Step) bool { return s.GetId() != "" && o.GetId() == s.GetId() }) {
			r.problem(line(n), "step %s is described twice: rename one", s.GetId())
		}

		*into = append(*into, s)
	})
}

// hours reads a time band of the day; the whole day is 0 to 0.
func (r *reader) hours(from, to *int32) read {
	return r.value(func(s string) string {
		start, end, wrong := clockBand(s)
		if wrong != "" {
			return wrong
		}

		if start == 0 && end == minutesOfDay {
			end = 0
		}

		*from, *to = start, end

		return ""
	})
}

func (r *reader) shift(t *regionv1.Team) read {
	return r.value(func(s string) string {
		start, end, wrong := clockBand(s)
		if wrong != "" {
			return wrong
		}

		added := &regionv1.Shift{StartMinute: start, EndMinute: end}
		for _, other := range t.GetShifts() {
			if bandsOverlap(added, other) {
				return fmt.Sprintf("shift %q overlaps another of the team: shorten or remove one", s)
			}
		}

		t.Shifts = append(t.Shifts, added)

		return ""
	})
}

// clockBand reads "07:00-19:00"; a band that ends before it starts ends on the next day, and only its end may be 24:00.
func clockBand(s string) (start, end int32, wrong string) {
	from, to, ok := strings.Cut(s, "-")
	start, startOK := clockMinute(strings.TrimSpace(from))
	end, endOK := clockMinute(strings.TrimSpace(to))

	switch {
	case !ok || !startOK || !endOK || start == minutesOfDay:
		return 0, 0, fmt.Sprintf("%q is not a time band: write \"07:00-19:00\", with hours from 00:00 to 24:00", s)
	case start == end:
		return 0, 0, fmt.Sprintf("%q starts and ends at the same minute: write \"00:00-24:00\" for the whole day", s)
	default:
		return start, end, ""
	}
}

func clockMinute(s string) (minute int32, ok bool) {
	if len(s) != len("07:00") || s[2] != ':' {
		return 0, false
	}

	for _, i := range []int{0, 1, 3, 4} {
		if !isDigit(rune(s[i])) {
			return 0, false
		}
	}

	hours, minutes := int32(s[0]-'0')*10+int32(s[1]-'0'), int32(s[3]-'0')*10+int32(s[4]-'0')
	minute = hours*60 + minutes

	return minute, minutes < 60 && minute <= minutesOfDay
}

// within tells whether a minute of the day is in a band; equal bounds mean all day.
func within(minute, from, to int32) bool {
	switch {
	case from == to:
		return true
	case from < to:
		return minute >= from && minute < to
	default:
		return minute >= from || minute < to
	}
}

func bandsOverlap(a, b *regionv1.Shift) bool {
	return within(a.GetStartMinute(), b.GetStartMinute(), b.GetEndMinute()) ||
		within(b.GetStartMinute(), a.GetStartMinute(), a.GetEndMinute())
}

// mergeCodes gives the shared codes with those of the room in the place of the ones it redefines, then its further ones.
func (r *reader) mergeCodes(shared, own []*regionv1.Code) []*regionv1.Code {
	merged := make([]*regionv1.Code, 0, len(shared)+len(own))

	for _, c := range shared {
		if !slices.ContainsFunc(own, func(o *regionv1.Code) bool { return o.GetCode() == c.GetCode() }) {
			merged = append(merged, proto.CloneOf(c))
		}
	}

	return append(merged, own...)
}

// mergePlans gives the room's own plans first, as the first fitting one wins, then the shared ones it does not redefine.
func (r *reader) mergePlans(shared, own []*regionv1.Plan) []*regionv1.Plan {
	redefined := map[string]*regionv1.Plan{}
	merged := make([]*regionv1.Plan, 0, len(shared)+len(own))

	for _, p := range own {
		if slices.ContainsFunc(shared, func(s *regionv1.Plan) bool { return s.GetId() == p.GetId() }) {
			redefined[p.GetId()] = p
		} else {
			merged = append(merged, p)
		}
	}

	for _, p := range shared {
		if own, ok := redefined[p.GetId()]; ok {
			merged = append(merged, own)
			continue
		}

		c := proto.CloneOf(p)
		r.lines[c], r.broken[c], r.shared[c] = r.lines[p], r.broken[p], true
		merged = append(merged, c)
	}

	return merged
}
