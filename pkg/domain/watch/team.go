package watch

import (
	"slices"

	"vigie/pkg/domain/controlroom"
	logv1 "vigie/pkg/gen/vigie/log/v1"
)

// TeamState is all that a handheld has to know to go on.
type TeamState struct {
	Team      controlroom.TeamView       `json:"team"`
	Missions  []controlroom.MissionView  `json:"missions"`
	Incidents []controlroom.IncidentView `json:"incidents"`
	// Premises is the place of the active mission.
	Premises *controlroom.PremisesView `json:"premises,omitempty"`
	// With are the others on the incident of the active mission.
	With []Companion `json:"with"`
	// SOS is what has become of the team's own SOS, while it is not over.
	SOS *SOS `json:"sos,omitempty"`
	// CallSigns are what the radio calls the teams that the incidents name.
	CallSigns map[string]string `json:"call_signs"`
}

// Companion is another team on the same incident.
type Companion struct {
	Team       string                   `json:"team"`
	CallSign   string                   `json:"call_sign"`
	Mission    string                   `json:"mission"`
	State      controlroom.MissionState `json:"state"`
	Guards     int                      `json:"guards"`
	OfferedAt  string                   `json:"offered_at"`
	AcceptedAt string                   `json:"accepted_at"`
	EnRouteAt  string                   `json:"en_route_at"`
	OnSceneAt  string                   `json:"on_scene_at"`
	// ArrivalMs is what was expected at the offer, from it; 0: not known.
	ArrivalMs int64 `json:"arrival_ms"`
}

// SOS is the answer to an SOS: the room has it, somebody leads it, and who comes.
type SOS struct {
	Incident   string                    `json:"incident"`
	State      controlroom.IncidentState `json:"state"`
	ReceivedAt string                    `json:"received_at"`
	Claimed    bool                      `json:"claimed"`
	Teams      []Companion               `json:"teams"`
}

// State gives the team's part of a room: its active mission with its incident, and its SOS.
func (t Target) State(s controlroom.State) TeamState {
	out := TeamState{
		Missions: []controlroom.MissionView{}, Incidents: []controlroom.IncidentView{}, With: []Companion{}, CallSigns: map[string]string{},
	}
	team := s.Teams[t.Team]
	if team == nil {
		out.Team.ID = t.Team
		return out
	}
	out.Team = s.ShowTeam(team)
	out.SOS = t.sos(s)
	if m := s.Missions[team.Mission]; m != nil {
		out.Missions = append(out.Missions, controlroom.ShowMission(m))
		if i := s.Incidents[m.Incident]; i != nil {
			out.Incidents = append(out.Incidents, forTeam(s.ShowIncident(i)))
			out.Premises, out.With = s.ShowPremises(i), t.others(s, i)
			if i.InDanger != "" {
				out.CallSigns[i.InDanger] = s.CallSign(i.InDanger)
			}
		}
	}
	return out
}

// forTeam leaves out what is the room's: its notes, its proposals, who leads.
func forTeam(v controlroom.IncidentView) controlroom.IncidentView {
	v.Notes, v.Proposal, v.ClaimedBy = []controlroom.NoteView{}, nil, ""
	return v
}

// sos finds the team's SOS that is not over.
func (t Target) sos(s controlroom.State) *SOS {
	var own *controlroom.Incident
	for i := range s.Live() {
		if i.InDanger == t.Team && (own == nil || i.OpenedAt > own.OpenedAt || i.OpenedAt == own.OpenedAt && i.ID > own.ID) {
			own = i
		}
	}
	if own == nil {
		return nil
	}
	return &SOS{
		Incident: own.ID, State: own.State, ReceivedAt: controlroom.Instant(own.ReceivedAt), Claimed: own.ClaimedBy != "",
		Teams: t.others(s, own),
	}
}

// others are the active missions of other teams on an incident.
func (t Target) others(s controlroom.State, i *controlroom.Incident) []Companion {
	out := []Companion{}
	for _, id := range i.Missions {
		m := s.Missions[id]
		if m.Team == t.Team || !m.Active() {
			continue
		}
		v := controlroom.ShowMission(m)
		out = append(out, Companion{
			Team: m.Team, CallSign: s.CallSign(m.Team), Mission: m.ID, State: m.State, Guards: m.Guards, ArrivalMs: m.Arrival,
			OfferedAt: v.OfferedAt, AcceptedAt: v.AcceptedAt, EnRouteAt: v.EnRouteAt, OnSceneAt: v.OnSceneAt,
		})
	}
	return out
}

// ofOthers gives what a team sees of an event about others: of those on the incident it is on, and of those who come to its
// SOS, how far they are, and that somebody leads. Never why, by whom, or any text. Nil: nothing.
func (t Target) ofOthers(s controlroom.State, event *logv1.Event) *logv1.Event {
	incident := ""
	if m := s.Missions[missionOf(event)]; m != nil {
		incident = m.Incident
	}
	var seen logv1.Event
	switch e := event.GetBody().(type) {
	case *logv1.Event_IncidentClaimed:
		incident = e.IncidentClaimed.GetIncident()
		if i := s.Incidents[incident]; i == nil || i.InDanger != t.Team {
			return nil // who leads is told to those who wait for help, and to nobody else
		}
		seen.Body = &logv1.Event_IncidentClaimed{IncidentClaimed: &logv1.IncidentClaimed{Incident: incident}}
	case *logv1.Event_MissionOffered:
		o := e.MissionOffered
		incident = o.GetIncident()
		seen.Body = &logv1.Event_MissionOffered{MissionOffered: &logv1.MissionOffered{
			Mission: o.GetMission(), Incident: incident, Team: o.GetTeam(), CallSign: o.GetCallSign(), Guards: o.GetGuards(),
			ArrivalMs: o.GetArrivalMs(), ArrivalEarlyMs: o.GetArrivalEarlyMs(), ArrivalLateMs: o.GetArrivalLateMs(),
		}}
	case *logv1.Event_LateAnswerHonoured:
		h := e.LateAnswerHonoured
		incident = h.GetIncident()
		seen.Body = &logv1.Event_LateAnswerHonoured{LateAnswerHonoured: &logv1.LateAnswerHonoured{
			Mission: h.GetMission(), Previous: h.GetPrevious(), Incident: incident, Team: h.GetTeam(), Guards: h.GetGuards(),
		}}
	case *logv1.Event_MissionAccepted:
		seen.Body = &logv1.Event_MissionAccepted{MissionAccepted: &logv1.MissionAccepted{Mission: e.MissionAccepted.GetMission()}}
	case *logv1.Event_MissionDeparted:
		seen.Body = &logv1.Event_MissionDeparted{MissionDeparted: &logv1.MissionDeparted{Mission: e.MissionDeparted.GetMission()}}
	case *logv1.Event_MissionArrived:
		seen.Body = &logv1.Event_MissionArrived{MissionArrived: &logv1.MissionArrived{Mission: e.MissionArrived.GetMission()}}
	case *logv1.Event_MissionDeclined:
		seen.Body = &logv1.Event_MissionDeclined{MissionDeclined: &logv1.MissionDeclined{Mission: e.MissionDeclined.GetMission()}}
	case *logv1.Event_MissionExpired:
		seen.Body = &logv1.Event_MissionExpired{MissionExpired: &logv1.MissionExpired{Mission: e.MissionExpired.GetMission()}}
	case *logv1.Event_MissionCleared:
		seen.Body = &logv1.Event_MissionCleared{MissionCleared: &logv1.MissionCleared{Mission: e.MissionCleared.GetMission()}}
	case *logv1.Event_MissionCancelled:
		seen.Body = &logv1.Event_MissionCancelled{MissionCancelled: &logv1.MissionCancelled{Mission: e.MissionCancelled.GetMission()}}
	}
	if seen.Body == nil || !t.waitsOn(s, incident) {
		return nil
	}
	return &seen
}

// ofRoom leaves out of an event that a team sees what is the room's alone.
func ofRoom(event *logv1.Event) *logv1.Event {
	if e := event.GetIncidentClosed(); e.GetNote() != nil {
		return &logv1.Event{Body: &logv1.Event_IncidentClosed{IncidentClosed: &logv1.IncidentClosed{
			Incident: e.GetIncident(), Disposition: e.GetDisposition(), By: e.GetBy(),
		}}}
	}
	return event
}

// waitsOn says whether the team is on an incident now, or in danger there.
func (t Target) waitsOn(s controlroom.State, id string) bool {
	i := s.Incidents[id]
	return i != nil && (i.InDanger == t.Team || slices.ContainsFunc(i.Missions, func(m string) bool {
		return s.Missions[m].Team == t.Team && s.Missions[m].Active()
	}))
}
