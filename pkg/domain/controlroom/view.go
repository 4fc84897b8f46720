package controlroom

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"vigie/pkg/es"
	personalv1 "vigie/pkg/gen/vigie/personal/v1"
)

// View is a room as people and programs read it: GET /v1/rooms/{room}/state and vigie replay give these very bytes.
type View struct {
	Room      string         `json:"room"`
	LogID     string         `json:"log_id"`
	Offset    int64          `json:"offset"`
	Version   uint64         `json:"version"`
	At        string         `json:"at"`
	StateHash string         `json:"state_hash"`
	Incidents []IncidentView `json:"incidents"`
	Missions  []MissionView  `json:"missions"`
	Teams     []TeamView     `json:"teams"`
}

// IncidentView is one incident of a view; times are RFC 3339, empty when they have not come.
type IncidentView struct {
	ID           string        `json:"id"`
	State        IncidentState `json:"state"`
	Priority     int           `json:"priority"`
	Category     string        `json:"category"`
	Site         string        `json:"site"`
	Zone         string        `json:"zone"`
	OpenedBy     string        `json:"opened_by"`
	OpenedAt     string        `json:"opened_at"`
	ReceivedAt   string        `json:"received_at"`
	GuardsWanted int           `json:"guards_wanted"`
	Guards       int           `json:"guards_committed"`
	ClaimedBy    string        `json:"claimed_by"`
	Neglected    int           `json:"neglected"`
	NoTeam       bool          `json:"no_team"`
	Disposition  string        `json:"disposition"`
	// DispositionText, like the other texts of reasons, is there when a person said what there is no code for.
	DispositionText *personalv1.SealedText `json:"disposition_text,omitempty"`
	EndedAt         string                 `json:"ended_at"`
	Text            *personalv1.SealedText `json:"text,omitempty"`
	Alarms          []AlarmChain           `json:"alarms"`
	Missions        []string               `json:"missions"`
	Plan            string                 `json:"plan"`
	Mode            string                 `json:"mode"`
	Capabilities    []string               `json:"capabilities"`
	// NoTeamSince is when the present reasons for finding nobody were told.
	NoTeamSince string `json:"no_team_since"`
	// InDanger is the team whose SOS this is.
	InDanger string `json:"in_danger"`
	// Backup says that guards have asked for more, and that those have not accepted yet.
	Backup   bool          `json:"backup"`
	Proposal *ProposalView `json:"proposal,omitempty"`
	// Notes are the last fifty.
	Notes []NoteView `json:"notes"`
}

// NoteView is one note of a view.
type NoteView struct {
	At   string                 `json:"at"`
	By   string                 `json:"by"`
	Text *personalv1.SealedText `json:"text,omitempty"`
}

// MissionView is one mission of a view.
type MissionView struct {
	ID            string                 `json:"id"`
	Incident      string                 `json:"incident"`
	Team          string                 `json:"team"`
	State         MissionState           `json:"state"`
	Guards        int                    `json:"guards"`
	By            string                 `json:"by"`
	Previous      string                 `json:"previous"`
	Undelivered   bool                   `json:"undelivered"`
	OfferedAt     string                 `json:"offered_at"`
	AnswerBy      string                 `json:"answer_by"`
	DeliveredAt   string                 `json:"delivered_at"`
	SeenAt        string                 `json:"seen_at"`
	AcceptedAt    string                 `json:"accepted_at"`
	EnRouteAt     string                 `json:"en_route_at"`
	OnSceneAt     string                 `json:"on_scene_at"`
	EndedAt       string                 `json:"ended_at"`
	EndReason     string                 `json:"end_reason"`
	Reason        string                 `json:"reason"`
	EndReasonText *personalv1.SealedText `json:"end_reason_text,omitempty"`
	ReasonText    *personalv1.SealedText `json:"reason_text,omitempty"`
	// What was expected at the offer, from it; 0: not known.
	ArrivalMs      int64 `json:"arrival_ms"`
	ArrivalEarlyMs int64 `json:"arrival_early_ms"`
	ArrivalLateMs  int64 `json:"arrival_late_ms"`
	// ByRadio are the states that a person has recorded for the team.
	ByRadio []string `json:"by_radio"`
}

// TeamView is one team of a view.
type TeamView struct {
	ID        string `json:"id"`
	CallSign  string `json:"call_sign"`
	HomeSite  string `json:"home_site"`
	Status    string `json:"status"`
	OnDuty    bool   `json:"on_duty"`
	Guards    int    `json:"guards"`
	Until     string `json:"until"`
	Mission   string `json:"mission"`
	Reachable bool   `json:"reachable"`
	// Devices that are linked, by pseudonymous id.
	Devices []string `json:"devices"`
	// GuardIDs are who signed on, by pseudonymous id.
	GuardIDs     []string `json:"guard_ids"`
	Capabilities []string `json:"capabilities"`
	Transport    string   `json:"transport"`
	Since        string   `json:"since"`
	// ContactAt is when the team was last heard of, by its link, an act or the radio; while it is reachable, now.
	ContactAt string  `json:"contact_at"`
	ContactBy Contact `json:"contact_by"`
	// Place is where the team was last confirmed to be; none before the first time in a shift.
	Place *PlaceView `json:"place,omitempty"`
}

// PlaceView is where a team was confirmed to be: a site or a zone of it, never a coordinate.
type PlaceView struct {
	Site string    `json:"site"`
	Zone string    `json:"zone"`
	By   Confirmed `json:"by"`
	At   string    `json:"at"`
}

// Show gives the view of a folded room.
func Show(room string, f *Fold) View {
	s := f.State
	v := View{
		Room: room, LogID: s.LogID, Offset: f.Next - 1, Version: f.Version, At: Instant(f.At), StateHash: StateHash(f),
		Incidents: []IncidentView{}, Missions: []MissionView{}, Teams: []TeamView{},
	}
	for _, i := range s.Incidents {
		v.Incidents = append(v.Incidents, s.ShowIncident(i))
	}
	for _, m := range s.Missions {
		v.Missions = append(v.Missions, ShowMission(m))
	}
	for _, t := range s.Teams {
		v.Teams = append(v.Teams, s.ShowTeam(t))
	}
	slices.SortFunc(v.Incidents, func(a, b IncidentView) int { return compareIDs(a.ID, b.ID) })
	slices.SortFunc(v.Missions, func(a, b MissionView) int { return compareIDs(a.ID, b.ID) })
	slices.SortFunc(v.Teams, func(a, b TeamView) int { return cmp.Compare(a.ID, b.ID) })
	return v
}

// ShowIncident gives the view of one incident.
func (s State) ShowIncident(i *Incident) IncidentView {
	v := IncidentView{
		ID: i.ID, State: i.State, Priority: i.Priority, Category: i.Category, Site: i.Site, Zone: i.Zone,
		OpenedBy: i.OpenedBy, OpenedAt: Instant(i.OpenedAt), ReceivedAt: Instant(i.ReceivedAt),
		GuardsWanted: i.GuardsWanted, Guards: s.committed(i), ClaimedBy: i.ClaimedBy, Neglected: i.Neglected, NoTeam: i.NoTeam,
		Disposition: i.Disposition, DispositionText: i.DispositionText, EndedAt: Instant(i.EndedAt), Text: i.Text,
		Alarms: append([]AlarmChain{}, i.Alarms...), Missions: append([]string{}, i.Missions...),
		Plan: i.Plan, Mode: i.Mode, Capabilities: append([]string{}, i.Capabilities...), InDanger: i.InDanger, Backup: i.Backup,
		Proposal: s.showProposal(i.Proposal), Notes: make([]NoteView, len(i.Notes)),
	}
	if i.NoTeam {
		v.NoTeamSince = Instant(i.NoTeamSince)
	}
	for k, n := range i.Notes {
		v.Notes[k] = NoteView{At: Instant(n.At), By: n.By, Text: n.Text}
	}
	return v
}

// PremisesView is a place as a guard has to know it.
type PremisesView struct {
	SiteName  string         `json:"site_name"`
	Address   string         `json:"address"`
	ZoneLabel string         `json:"zone_label"`
	Building  string         `json:"building"`
	Floor     string         `json:"floor"`
	Entrances []EntranceView `json:"entrances"`
	// Access says how to get in, Hazards what is dangerous there.
	Access  []string `json:"access"`
	Hazards []string `json:"hazards"`
}

// EntranceView is one entrance of a site, spelt as in an offer.
type EntranceView struct {
	ID    string `json:"id"`
	Label string `json:"label"`
	LatE7 int32  `json:"lat_e7"`
	LonE7 int32  `json:"lon_e7"`
}

// ShowPremises gives the place of an incident as the region describes it now.
func (s State) ShowPremises(i *Incident) *PremisesView {
	p := s.region.premises(i)
	v := &PremisesView{
		SiteName: p.GetSiteName(), Address: p.GetAddress(), ZoneLabel: p.GetZoneLabel(), Building: p.GetBuilding(), Floor: p.GetFloor(),
		Entrances: []EntranceView{}, Access: append([]string{}, p.GetAccess()...), Hazards: append([]string{}, p.GetHazards()...),
	}
	for _, e := range p.GetEntrances() {
		v.Entrances = append(v.Entrances, EntranceView{ID: e.GetId(), Label: e.GetLabel(), LatE7: e.GetLatE7(), LonE7: e.GetLonE7()})
	}
	return v
}

// ShowMission gives the view of one mission.
func ShowMission(m *Mission) MissionView {
	return MissionView{
		ID: m.ID, Incident: m.Incident, Team: m.Team, State: m.State, Guards: m.Guards, By: m.By, Previous: m.Previous,
		Undelivered: m.Undelivered, OfferedAt: Instant(m.OfferedAt), AnswerBy: Instant(m.AnswerBy),
		DeliveredAt: Instant(m.DeliveredAt), SeenAt: Instant(m.SeenAt), AcceptedAt: Instant(m.AcceptedAt),
		EnRouteAt: Instant(m.EnRouteAt), OnSceneAt: Instant(m.OnSceneAt), EndedAt: Instant(m.EndedAt), EndReason: m.EndReason,
		Reason: m.Reason, ReasonText: m.ReasonText, EndReasonText: m.EndReasonText, ArrivalMs: m.Arrival, ArrivalEarlyMs: m.Early, ArrivalLateMs: m.Late, ByRadio: append([]string{}, m.ByRadio...),
	}
}

// ShowTeam gives the view of one team.
func (s State) ShowTeam(t *Team) TeamView {
	conf := s.region.Team(t.ID)
	v := TeamView{
		ID: t.ID, CallSign: conf.GetCallSign(), HomeSite: conf.GetHomeSite(), Status: s.Status(t), OnDuty: t.OnDuty,
		Until: Instant(t.Until), Mission: t.Mission, Reachable: t.Reachable(), Devices: append([]string{}, sortedKeys(t.Links)...),
		GuardIDs: append([]string{}, t.Guards...), Capabilities: append([]string{}, conf.GetCapabilities()...), Transport: conf.GetTransport(),
		Since: Instant(t.Since), ContactAt: Instant(t.ContactAt), ContactBy: t.ContactBy,
	}
	if t.OnDuty {
		v.Guards = guardsOf(t, conf)
	}
	if t.PlaceBy != "" {
		v.Place = &PlaceView{Site: t.PlaceSite, Zone: t.PlaceZone, By: t.PlaceBy, At: Instant(t.PlaceAt)}
	}
	return v
}

// Status is what the strip shows of a team, derived from missions, shifts and links (domain §2).
func (s State) Status(t *Team) string {
	m := s.Missions[t.Mission]
	switch {
	case !t.OnDuty:
		return "off_duty"
	case m != nil && m.Accepted() && m.State != MissionAccepted:
		return string(m.State)
	case m != nil && m.State == MissionAccepted:
		return "acknowledged"
	case !t.Reachable():
		return "unreachable"
	case m != nil:
		return "offered"
	}
	return "available"
}

// Instant writes domain milliseconds as RFC 3339 in UTC; 0 is "".
func Instant(ms int64) string {
	if ms == 0 {
		return ""
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}

// canonical is what the hash of a state covers (protocol §5): everything a fold has to carry on with, and nothing that
// differs between two readers of the same log, as the offset of the last void record would.
type canonical struct {
	Schema       int      `json:"schema"`
	Head         headJSON `json:"head"`
	CausesDigest string   `json:"causes_digest"`
	State        State    `json:"state"`
}

type headJSON struct {
	Version    uint64 `json:"version"`
	Hash       string `json:"hash"`
	IntakeNext int64  `json:"intake_next"`
	At         int64  `json:"at"`
	Level      uint32 `json:"level"`
}

// StateHash is the SHA-256 of the canonical encoding: JSON over structs, fields as declared, maps sorted by key; hex.
func StateHash(f *Fold) string { return hashOf(f.Head, f.CausesDigest(), f.State) }

func hashOf(h es.Head, causes es.Hash, s State) string {
	encoded, err := json.Marshal(canonical{
		Schema: Schema,
		Head:   headJSON{Version: h.Version, Hash: Hex(h.Hash), IntakeNext: h.IntakeNext, At: h.At, Level: h.Level},
		State:  s, CausesDigest: Hex(causes),
	})
	if err != nil {
		panic(fmt.Sprintf("a state of strings and numbers cannot fail to encode: %v", err))
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:])
}

// Hex writes a hash as people see it.
func Hex(h es.Hash) string { return hex.EncodeToString(h[:]) }
