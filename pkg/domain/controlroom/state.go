package controlroom

import (
	"iter"
	"maps"
	"slices"

	"vigie/pkg/es"
	personalv1 "vigie/pkg/gen/vigie/personal/v1"
)

// Schema names the shape of State; hashes of states are compared within one schema only.
const Schema = 4

// State is a control room as told by its log. It holds everything open, and what ended within the last day, so that
// late facts find what they are about. Times are milliseconds of the domain clock.
type State struct {
	LogID      string               `json:"log_id"`
	RegionHash string               `json:"region_hash"`
	Incidents  map[string]*Incident `json:"incidents"`
	Missions   map[string]*Mission  `json:"missions"`
	Teams      map[string]*Team     `json:"teams"`
	Deadlines  map[string]Timer     `json:"deadlines"`
	// Ended incidents in the order in which they ended.
	Ended        []string `json:"ended"`
	LastIncident int64    `json:"last_incident"`
	LastMission  int64    `json:"last_mission"`
	// ClockSteps counts how often the room's clock was set back.
	ClockSteps uint64 `json:"clock_steps"`

	// region is the folded configuration; it is never changed in place.
	region *Region
	// live are those of Incidents that have not ended: a day of ended ones is looked through for no alarm.
	live map[string]*Incident
}

// Live gives the incidents that have not ended, in no order.
func (s State) Live() iter.Seq[*Incident] { return maps.Values(s.live) }

// indexed fills in what is derived from the rest.
func (s State) indexed() State {
	s.live = map[string]*Incident{}
	for id, i := range s.Incidents {
		if i.Live() {
			s.live[id] = i
		}
	}
	return s
}

// keptAfterEnd is how long an ended incident stays in the state: a full shift and the next one.
const keptAfterEnd = 24 * 3600 * 1000

// Timer is an open deadline.
type Timer struct {
	Due int64 `json:"due"`
	// Kind is the first part of its id, About the rest.
	Kind  timerKind `json:"kind"`
	About string    `json:"about"`
	Rank  int       `json:"rank"`
}

type timerKind string

const (
	timerOpen     timerKind = "open"
	timerChoose   timerKind = "choose"
	timerProposal timerKind = "proposal"
	timerDeliver  timerKind = "deliver"
	timerAnswer   timerKind = "answer"
	timerNeglect  timerKind = "neglect"
	timerShift    timerKind = "shift"
)

// expires says whether the timer takes something away, and so waits for intake (protocol §3).
func (k timerKind) expires() bool { return k != timerOpen && k != timerChoose }

// IncidentState is spelt as on the screens.
type IncidentState string

// The states of an incident. The last three are final.
const (
	IncidentOpen       IncidentState = "open"
	IncidentAssigned   IncidentState = "assigned"
	IncidentOnScene    IncidentState = "on_scene"
	IncidentControlled IncidentState = "controlled"
	IncidentClosed     IncidentState = "closed"
	IncidentCancelled  IncidentState = "cancelled"
)

// Incident is what the room deals with.
type Incident struct {
	ID           string        `json:"id"`
	State        IncidentState `json:"state"`
	Site         string        `json:"site"`
	Zone         string        `json:"zone"`
	Category     string        `json:"category"`
	Priority     int           `json:"priority"`
	OpenedBy     string        `json:"opened_by"`
	OpenedAt     int64         `json:"opened_at"`
	ReceivedAt   int64         `json:"received_at"`
	JoinWindow   int64         `json:"join_window"`
	JoinUntil    int64         `json:"join_until"`
	Plan         string        `json:"plan"`
	GuardsWanted int           `json:"guards_wanted"`
	Capabilities []string      `json:"capabilities"`
	Mode         string        `json:"mode"`
	OwnSiteOnly  bool          `json:"own_site_only"`
	ClaimedBy    string        `json:"claimed_by"`
	Neglected    int           `json:"neglected"`
	NoTeam       bool          `json:"no_team"`
	// NoTeamWhy is a digest of the reasons told last, NoTeamSince when they were.
	NoTeamWhy   string `json:"no_team_why"`
	NoTeamSince int64  `json:"no_team_since"`
	Disposition string `json:"disposition"`
	// DispositionText is what a person said for which there is no code.
	DispositionText *personalv1.SealedText `json:"disposition_text,omitempty"`
	EndedAt         int64                  `json:"ended_at"`
	Text            *personalv1.SealedText `json:"text,omitempty"`
	Alarms          []AlarmChain           `json:"alarms"`
	Missions        []string               `json:"missions"`
	// Tried are teams whose offer ended without an acceptance; they are asked again when nobody else is left, or when
	// the offer has not reached them.
	Tried []string `json:"tried"`
	// InDanger is the team whose SOS this is: never sent to its own rescue.
	InDanger string `json:"in_danger"`
	// Backup says that guards have asked for more, and that those have not accepted yet.
	Backup bool `json:"backup"`
	// Proposal waits for a person. It is never changed in place.
	Proposal *Proposal `json:"proposal,omitempty"`
	// Notes are the last ones; the log has all.
	Notes []Note `json:"notes"`
}

// Note is what somebody wanted on record.
type Note struct {
	At   int64                  `json:"at"`
	By   string                 `json:"by"`
	Text *personalv1.SealedText `json:"text"`
}

// keptNotes is how many notes of an incident the state holds.
const keptNotes = 50

// AlarmChain is one source repeating itself: the alarms stay in the log one by one, the board shows the chain.
type AlarmChain struct {
	First    string `json:"first"`
	Source   string `json:"source"`
	Code     string `json:"code"`
	Zone     string `json:"zone"`
	Category string `json:"category"`
	Count    int    `json:"count"`
	LastAt   int64  `json:"last_at"`
	Restored bool   `json:"restored"`
}

// Live says that the incident has not ended.
func (i *Incident) Live() bool { return i.State != IncidentClosed && i.State != IncidentCancelled }

// MissionState is spelt as on the screens.
type MissionState string

// The states of a mission. The last four are final: nothing follows them.
const (
	MissionOffered   MissionState = "offered"
	MissionDelivered MissionState = "delivered"
	MissionSeen      MissionState = "seen"
	MissionAccepted  MissionState = "accepted"
	MissionEnRoute   MissionState = "en_route"
	MissionOnScene   MissionState = "on_scene"
	MissionCleared   MissionState = "cleared"
	MissionDeclined  MissionState = "declined"
	MissionExpired   MissionState = "expired"
	MissionCancelled MissionState = "cancelled"
)

// Mission is one team's part in one incident. A time of 0 says that the leg has not happened.
type Mission struct {
	ID          string       `json:"id"`
	Incident    string       `json:"incident"`
	Team        string       `json:"team"`
	State       MissionState `json:"state"`
	Guards      int          `json:"guards"`
	By          string       `json:"by"`
	Previous    string       `json:"previous"`
	OfferedAt   int64        `json:"offered_at"`
	DeliverBy   int64        `json:"deliver_by"`
	AnswerBy    int64        `json:"answer_by"`
	Undelivered bool         `json:"undelivered"`
	DeliveredAt int64        `json:"delivered_at"`
	SeenAt      int64        `json:"seen_at"`
	AcceptedAt  int64        `json:"accepted_at"`
	EnRouteAt   int64        `json:"en_route_at"`
	OnSceneAt   int64        `json:"on_scene_at"`
	EndedAt     int64        `json:"ended_at"`
	EndReason   string       `json:"end_reason"`
	// Reason is why a person sent this team and no other. The texts are what was said for which there is no code.
	Reason        string                 `json:"reason"`
	ReasonText    *personalv1.SealedText `json:"reason_text,omitempty"`
	EndReasonText *personalv1.SealedText `json:"end_reason_text,omitempty"`
	// Arrival is the time of arrival that was expected at the offer, in milliseconds from it, Early and Late its range; 0:
	// not known.
	Arrival int64 `json:"arrival"`
	Early   int64 `json:"early"`
	Late    int64 `json:"late"`
	// ByRadio are the acts that a person has recorded for the team.
	ByRadio []string `json:"by_radio"`
}

// Active says that the mission has not ended.
func (m *Mission) Active() bool { return m.leg() > 0 }

// leg numbers the legs of an active mission, 1 for offered to 6 for on_scene; 0 when it has ended.
func (m *Mission) leg() int {
	return 1 + slices.Index([]MissionState{
		MissionOffered, MissionDelivered, MissionSeen, MissionAccepted, MissionEnRoute, MissionOnScene,
	}, m.State)
}

// missed says that the offer was taken back before its answer was due, by a link that was lost, and had not reached a
// handheld: nobody was asked.
func (m *Mission) missed() bool {
	return m.State == MissionExpired && m.DeliveredAt == 0 && m.EndedAt < m.AnswerBy
}

// Accepted says that the team has said yes and the mission has not ended.
func (m *Mission) Accepted() bool { return m.leg() >= legAccepted }

const (
	legOffered = iota + 1
	legDelivered
	legSeen
	legAccepted
	legEnRoute
	legOnScene
	legCleared
)

// Team is one intervention team of the room.
type Team struct {
	ID     string   `json:"id"`
	OnDuty bool     `json:"on_duty"`
	Guards []string `json:"guards"`
	// Since and Until are when the shift began and when it ends.
	Since int64 `json:"since"`
	Until int64 `json:"until"`
	// Mission is its one active mission, or "".
	Mission string          `json:"mission"`
	Links   map[string]Link `json:"links"`
	// Where it was last confirmed to be, since when and by what.
	PlaceSite string    `json:"place_site"`
	PlaceZone string    `json:"place_zone"`
	PlaceAt   int64     `json:"place_at"`
	PlaceBy   Confirmed `json:"place_by"`
	// Inside are the places whose fences it is within, in the order in which it came into them.
	Inside []Place `json:"inside"`
	// Crossings counts the fences that it has crossed in this shift; CrossedAt is when the last one was.
	Crossings int64 `json:"crossings"`
	CrossedAt int64 `json:"crossed_at"`
	// ContactAt is when the team was last heard of, by ContactBy.
	ContactAt int64   `json:"contact_at"`
	ContactBy Contact `json:"contact_by"`
}

// Contact says how a team was heard of.
type Contact string

// By its link, by something it did, or by radio.
const (
	ByLink  Contact = "link"
	ByAct   Contact = "act"
	ByRadio Contact = "radio"
)

func (t *Team) heard(by Contact, at int64) {
	if at >= t.ContactAt {
		t.ContactAt, t.ContactBy = at, by
	}
}

// Link is the latest session of a device.
type Link struct {
	Gateway string `json:"gateway"`
	Session string `json:"session"`
}

// Reachable says whether any channel reaches the team.
func (t *Team) Reachable() bool { return len(t.Links) > 0 }

// Initial is a room before its log was opened: one deadline, due at once.
func Initial() State {
	return State{
		Incidents: map[string]*Incident{},
		Missions:  map[string]*Mission{},
		Teams:     map[string]*Team{},
		Deadlines: map[string]Timer{string(timerOpen): {Kind: timerOpen}},
		region:    newRegion(nil),
		live:      map[string]*Incident{},
	}
}

// Clone returns a state that shares nothing that is ever changed.
func Clone(s State) State {
	s.Incidents = cloned(s.Incidents, func(i Incident) *Incident {
		i.Alarms, i.Missions, i.Tried = slices.Clone(i.Alarms), slices.Clone(i.Missions), slices.Clone(i.Tried)
		i.Notes = slices.Clone(i.Notes)
		return &i
	})
	s.Missions = cloned(s.Missions, func(m Mission) *Mission {
		m.ByRadio = slices.Clone(m.ByRadio)
		return &m
	})
	s.Teams = cloned(s.Teams, func(t Team) *Team {
		t.Links, t.Inside = maps.Clone(t.Links), slices.Clone(t.Inside)
		return &t
	})
	s.Deadlines = maps.Clone(s.Deadlines)
	s.Ended = slices.Clone(s.Ended)
	return s.indexed()
}

func cloned[V any](m map[string]*V, clone func(V) *V) map[string]*V {
	out := make(map[string]*V, len(m))
	for k, v := range m {
		out[k] = clone(*v)
	}
	return out
}

// OpenDeadline gives the due time of an open deadline.
func OpenDeadline(s State, id string) (due int64, open bool) {
	t, open := s.Deadlines[id]
	return t.Due, open
}

// EachDeadline calls yield for every open deadline.
func EachDeadline(s State, yield func(es.Deadline)) {
	for id, t := range s.Deadlines {
		yield(es.Deadline{ID: id, Due: t.Due, Expiry: t.Kind.expires(), Rank: t.Rank})
	}
}

// Answered removes a deadline that has had its outcome.
func Answered(s State, id string) State {
	delete(s.Deadlines, id)
	return s
}

func timerID(kind timerKind, about string) string { return string(kind) + "/" + about }

func (s *State) arm(kind timerKind, about string, due int64, rank int) {
	s.Deadlines[timerID(kind, about)] = Timer{Due: due, Kind: kind, About: about, Rank: rank}
}

func (s *State) disarm(kind timerKind, about string) { delete(s.Deadlines, timerID(kind, about)) }
