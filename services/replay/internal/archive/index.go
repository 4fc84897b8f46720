package archive

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	"vigie/pkg/wire"
)

// index knows, of every incident there ever was, where in the log its story begins and ends, and every void record.
type index struct {
	voids map[int64]string
	spans map[string]*span
	// early are void records about incidents that no effective record has opened yet.
	early map[string]int64
	// told are the incidents of the last decisions, for the repeats of them.
	told map[uint64][]string
}

// span is the part of the log that holds all that concerns an incident.
type span struct {
	first, last int64
	site        string
}

// repeatable is for how many versions back a repeat is told to belong to an incident: sources and devices send again
// within minutes.
const repeatable = 1 << 16

func newIndex() index {
	return index{voids: map[int64]string{}, spans: map[string]*span{}, early: map[string]int64{}, told: map[uint64][]string{}}
}

// add takes the next record; state is that after it.
func (x *index) add(s *wire.Stored, j es.Judgement, state controlroom.State) {
	effective := j.Verdict == es.Effective
	if !effective {
		x.voids[s.Offset] = j.Reason
	}
	if effective {
		for _, e := range s.Events {
			x.opened(s.Offset, e.GetIncidentOpened())
		}
	}
	incidents := slices.Clone(x.told[s.RepeatOf])
	for _, name := range about(s) {
		if m := state.Missions[name]; m != nil {
			name = m.Incident
		}
		incidents = append(incidents, name)
	}
	slices.Sort(incidents)
	incidents = slices.Compact(incidents)
	for _, name := range incidents {
		x.extend(name, s.Offset, effective)
	}
	if effective && len(incidents) > 0 {
		x.told[s.Version] = incidents
	}
	if effective && s.Version > repeatable {
		delete(x.told, s.Version-repeatable)
	}
}

func (x *index) opened(offset int64, e *logv1.IncidentOpened) {
	if e == nil {
		return
	}
	first, was := x.early[e.GetIncident()]
	if !was {
		first = offset
	}
	delete(x.early, e.GetIncident())
	x.spans[e.GetIncident()] = &span{first: first, last: offset, site: e.GetSite()}
}

// extend notes a record about an incident. Names that strangers made up are in refusals only, and are not kept.
func (x *index) extend(incident string, offset int64, effective bool) {
	if known := x.spans[incident]; known != nil {
		known.last = offset
		return
	}
	if _, was := x.early[incident]; !was && !effective {
		x.early[incident] = offset
	}
}

// about gives the incidents and missions that a decision names: in its events, its refusal or its deadline.
func about(s *wire.Stored) []string {
	var names []string
	add := func(name string) {
		if name != "" {
			names = append(names, name)
		}
	}
	for _, e := range s.Events {
		m := e.ProtoReflect()
		body := m.WhichOneof(m.Descriptor().Oneofs().ByName("body"))
		if body == nil {
			continue
		}
		fields := body.Message().Fields()
		for _, field := range []protoreflect.Name{"incident", "mission", "previous"} {
			if f := fields.ByName(field); f != nil && f.Kind() == protoreflect.StringKind {
				add(m.Get(body).Message().Get(f).String())
			}
		}
	}
	if s.Refusal != nil {
		add(s.Refusal.Incident)
		add(s.Refusal.Mission)
	}
	_, subject, _ := strings.Cut(s.Deadline, "/")
	add(subject)
	return names
}
