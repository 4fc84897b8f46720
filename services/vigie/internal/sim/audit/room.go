package audit

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"vigie/pkg/wire/line"
)

// Room folds the records of one room's log.
type Room struct {
	room      string
	outcomes  map[line.Cause]uint64 // version of the effective outcome
	held      map[string][]string   // cause id of an alarm → incidents that hold it, "" for the end of an alarm
	opened    map[string]string     // cause id of a report → incident
	alarms    map[string]string     // alarm id → where it was recorded first
	incidents map[string]*incident
	missions  map[string]*mission
	active    map[string]string // team → mission
	findings  []Finding
}

type incident struct {
	id, site  string
	priority  int
	received  time.Time
	opened    time.Time
	neglectIn time.Duration
	// waiting since nobody has accepted; zero: somebody has, or nobody is wanted.
	waiting   time.Time
	waits     []Span // those that ended without IncidentNeglected
	accepted  int
	first     time.Time // offer
	arrived   time.Time
	ended     time.Time
	over      bool // controlled, closed or cancelled
	closed    bool
	neglected bool
	noTeam    bool
}

type mission struct {
	id, team, incident                               string
	offered, delivered, accepted, left, there, ended time.Time
	receipt                                          bool
	end                                              string
}

// NewRoom is a room before the first record that is read.
func NewRoom(room string) *Room {
	return &Room{
		room: room, outcomes: map[line.Cause]uint64{}, held: map[string][]string{}, opened: map[string]string{}, alarms: map[string]string{},
		incidents: map[string]*incident{}, missions: map[string]*mission{}, active: map[string]string{},
	}
}

func (r *Room) found(kind Kind, format string, args ...any) {
	r.findings = append(r.findings, Finding{Kind: kind, Room: r.room, What: fmt.Sprintf(format, args...)})
}

// fields are what is read of events, whichever has them.
type fields struct {
	Type          string `json:"type"`
	Alarm         string `json:"alarm"`
	Incident      string `json:"incident"`
	Mission       string `json:"mission"`
	Previous      string `json:"previous"`
	Team          string `json:"team"`
	Site          string `json:"site"`
	Priority      int    `json:"priority"`
	Implied       bool   `json:"implied"`
	ReceivedAtMs  int64  `json:"received_at_ms"`
	DeviceAtMs    int64  `json:"device_at_ms"`
	NeglectedAtMs int64  `json:"neglected_at_ms"`
}

// Read takes in the next record.
func (r *Room) Read(raw json.RawMessage) (offset int64, err error) {
	var rec line.Record
	if err := json.Unmarshal(raw, &rec); err != nil {
		return 0, fmt.Errorf("log of room %s: %w", r.room, err)
	}
	if rec.Halts != "" {
		return 0, fmt.Errorf("log of room %s halts at offset %d: %s", r.room, rec.Offset, rec.Halts)
	}
	if !rec.Effective {
		return rec.Offset, nil
	}
	at, err := time.Parse(time.RFC3339Nano, rec.At)
	if err != nil {
		return 0, fmt.Errorf("log of room %s: offset %d: %w", r.room, rec.Offset, err)
	}
	// A repeat is an outcome without consequence, and so is a refusal: neither is a second outcome of its cause.
	cause := rec.Cause
	if heardAnew(&rec) {
		cause.ID = fmt.Sprintf("%s at %d", cause.ID, *rec.Intake) // another alarm
	}
	if rec.Refusal != nil && strings.HasPrefix(cause.Principal, "source/") {
		r.found(Lost, "alarm %s of %s was stored and refused (%s) in version %d", cause.ID, cause.Principal, rec.Refusal.Code, rec.Version)
	}
	if cause.ID != "" && rec.RepeatOf == 0 && (rec.Refusal == nil || rec.Refusal.Code != "id_reused") {
		if first, twice := r.outcomes[cause]; twice {
			r.found(Duplicated, "cause %s of %s has outcomes in versions %d and %d", cause.ID, cause.Principal, first, rec.Version)
		}
		r.outcomes[cause] = rec.Version
	}
	for _, e := range rec.Events {
		var f fields
		if err := json.Unmarshal(e, &f); err != nil {
			return 0, fmt.Errorf("log of room %s: offset %d: %w", r.room, rec.Offset, err)
		}
		r.event(at, cause.ID, f)
	}
	return rec.Offset, nil
}

// heardAnew says whether a record is of an alarm that was sent under the id of another one: its own id ends with its place in
// intake (ADR 10). An SOS has no such id; whoever sends it makes a new one each time.
func heardAnew(rec *line.Record) bool {
	if rec.Intake == nil {
		return false
	}
	return slices.ContainsFunc(rec.Events, func(e json.RawMessage) bool {
		var f fields
		return json.Unmarshal(e, &f) == nil && strings.HasSuffix(f.Alarm, fmt.Sprintf("-%d", *rec.Intake))
	})
}

// event takes in what is about alarms and incidents.
func (r *Room) event(at time.Time, cause string, f fields) {
	switch f.Type {
	case "alarm_received", "alarm_restored":
		if first, twice := r.alarms[f.Alarm]; twice {
			r.found(Duplicated, "alarm %s is recorded in %s and in %s", f.Alarm, first, f.Incident)
		}
		r.alarms[f.Alarm] = f.Incident
		r.held[cause] = append(r.held[cause], f.Incident)
	case "request_undecidable":
		if f.Incident != "" {
			r.held[cause] = append(r.held[cause], f.Incident)
		}
	case "incident_opened":
		r.opened[cause] = f.Incident
		r.incidents[f.Incident] = &incident{
			id: f.Incident, site: f.Site, priority: f.Priority, received: time.UnixMilli(f.ReceivedAtMs), opened: at, waiting: at,
			neglectIn: time.UnixMilli(f.NeglectedAtMs).Sub(at),
		}
	case "incident_aggravated", "backup_requested":
		r.on(f.Incident, func(i *incident) { i.priority = f.Priority })
	case "incident_neglected":
		r.on(f.Incident, func(i *incident) { i.neglected, i.waiting = true, time.Time{} })
	case "incident_controlled":
		r.on(f.Incident, func(i *incident) { i.stopWaiting(at); i.over, i.ended = true, at })
	case "incident_closed", "incident_cancelled":
		r.on(f.Incident, func(i *incident) {
			i.stopWaiting(at)
			if !i.over {
				i.ended = at
			}
			i.over, i.closed = true, true
		})
	case "no_team_found":
		r.on(f.Incident, func(i *incident) { i.noTeam = true })
	default:
		r.missionEvent(at, f)
	}
}

func (r *Room) missionEvent(at time.Time, f fields) {
	switch f.Type {
	case "mission_offered":
		r.offer(at, &mission{id: f.Mission, team: f.Team, incident: f.Incident, offered: at})
	case "late_answer_honoured":
		m := &mission{id: f.Mission, team: f.Team, incident: f.Incident, offered: at, receipt: true}
		r.offer(at, m)
		r.accept(m, at)
	case "mission_delivered":
		r.of(f.Mission, func(m *mission) { m.receipt, m.delivered = true, at })
	case "mission_accepted":
		r.of(f.Mission, func(m *mission) { r.accept(m, at) })
	case "mission_departed":
		r.of(f.Mission, func(m *mission) { m.left = said(at, f, m.offered) })
	case "mission_arrived":
		r.of(f.Mission, func(m *mission) {
			m.there = said(at, f, m.offered)
			r.on(m.incident, func(i *incident) {
				if i.arrived.IsZero() || m.there.Before(i.arrived) {
					i.arrived = m.there
				}
			})
		})
	case "mission_cleared", "mission_declined", "mission_expired", "mission_cancelled":
		r.of(f.Mission, func(m *mission) { r.end(m, at, f.Type) })
	}
}

// said is when an act was done: what the device says of itself counts unless it cannot be.
func said(at time.Time, f fields, offered time.Time) time.Time {
	if t := time.UnixMilli(f.DeviceAtMs); f.DeviceAtMs > 0 && t.Before(at) && !t.Before(offered) {
		return t
	}
	return at
}

// stopWaiting: somebody has accepted, or nobody is wanted any more.
func (i *incident) stopWaiting(at time.Time) {
	if !i.waiting.IsZero() {
		i.waits = append(i.waits, Span{i.waiting, at})
		i.waiting = time.Time{}
	}
}

func (r *Room) on(id string, do func(*incident)) {
	if i := r.incidents[id]; i != nil { // one from before the simulation is not ours
		do(i)
	}
}

func (r *Room) of(id string, do func(*mission)) {
	if m := r.missions[id]; m != nil {
		do(m)
	}
}

func (r *Room) offer(at time.Time, m *mission) {
	if other, busy := r.active[m.team]; busy {
		r.found(Duplicated, "team %s got mission %s while it had %s", m.team, m.id, other)
	}
	r.active[m.team], r.missions[m.id] = m.id, m
	r.on(m.incident, func(i *incident) {
		if i.first.IsZero() {
			i.first = at
		}
	})
}

func (r *Room) accept(m *mission, at time.Time) {
	if !m.accepted.IsZero() {
		return
	}
	m.accepted = at
	r.on(m.incident, func(i *incident) {
		i.stopWaiting(at)
		i.accepted++
	})
}

func (r *Room) end(m *mission, at time.Time, how string) {
	if m.end != "" {
		r.found(Duplicated, "mission %s ended twice: %s and %s", m.id, m.end, how)
		return
	}
	m.end, m.ended = how, at
	delete(r.active, m.team)
	r.on(m.incident, func(i *incident) {
		if !m.accepted.IsZero() {
			i.accepted--
			if i.accepted == 0 && m.there.IsZero() && i.arrived.IsZero() && !i.over {
				i.waiting = at // whoever had accepted is gone without having been there
			}
		}
	})
}
