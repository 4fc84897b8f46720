package controlroom

import (
	"slices"

	logv1 "vigie/pkg/gen/vigie/log/v1"
)

func (s *State) missionOffered(at int64, e *logv1.MissionOffered) {
	m := &Mission{
		ID: e.GetMission(), Incident: e.GetIncident(), Team: e.GetTeam(), State: MissionOffered,
		Guards: int(e.GetGuards()), By: e.GetBy(), OfferedAt: at, DeliverBy: e.GetDeliverByMs(), AnswerBy: e.GetAnswerByMs(),
		Reason: e.GetReason(), ReasonText: e.GetReasonText(), Arrival: e.GetArrivalMs(), Early: e.GetArrivalEarlyMs(), Late: e.GetArrivalLateMs(),
	}
	s.addMission(at, m)
	s.arm(timerDeliver, m.ID, m.DeliverBy, 0)
	s.arm(timerAnswer, m.ID, m.AnswerBy, 0)
}

// lateAnswerHonoured opens a mission that was accepted before the expiry of the one before it.
func (s *State) lateAnswerHonoured(at int64, e *logv1.LateAnswerHonoured) {
	m := &Mission{
		ID: e.GetMission(), Incident: e.GetIncident(), Team: e.GetTeam(), State: MissionAccepted,
		Guards: int(e.GetGuards()), By: "late_answer", Previous: e.GetPrevious(), OfferedAt: at, AcceptedAt: at,
	}
	if !e.GetByRadio() {
		m.DeliveredAt, m.SeenAt = at, at
	}
	s.addMission(at, m)
	s.acted(at, e, MissionAccepted)
}

func (s *State) addMission(at int64, m *Mission) {
	s.Missions[m.ID] = m
	s.LastMission++
	s.team(m.Team).Mission = m.ID
	s.onIncident(m.Incident, func(i *Incident) {
		i.Missions = append(i.Missions, m.ID)
		if !s.wantsGuards(i) {
			s.withdraw(i)
			s.disarm(timerChoose, i.ID)
		}
		s.followMissions(at, i)
	})
	s.unavailable(m.Team, at)
}

// reach moves an active mission on; a leg that is behind it changes nothing.
func (s *State) reach(at int64, id string, state MissionState) {
	s.onMission(id, func(m *Mission) {
		to := (&Mission{State: state}).leg()
		if from := m.leg(); from == 0 || from >= to {
			return
		}
		m.State = state
		switch to {
		case legDelivered:
			m.DeliveredAt = at
		case legSeen:
			m.SeenAt = at
		case legAccepted:
			m.AcceptedAt = at
		case legEnRoute:
			m.EnRouteAt = at
		case legOnScene:
			m.OnSceneAt = at
			s.arrived(at, m)
		}
		s.disarm(timerDeliver, m.ID)
		if to >= legAccepted {
			s.disarm(timerAnswer, m.ID)
		}
		s.onIncident(m.Incident, func(i *Incident) { s.followMissions(at, i) })
	})
}

// act is what a team says of its mission, by its device or as heard by radio.
type act interface{ GetMission() string }

// acted notes that the team was heard of, and how. What is implied by a later act says nothing of its own.
func (s *State) acted(at int64, e act, state MissionState) {
	if implied, ok := e.(interface{ GetImplied() bool }); ok && implied.GetImplied() {
		return
	}
	radio, ok := e.(interface{ GetByRadio() bool })
	byRadio := ok && radio.GetByRadio()
	s.onMission(e.GetMission(), func(m *Mission) {
		s.team(m.Team).heard(contactOf(byRadio), at)
		if byRadio {
			m.ByRadio = append(m.ByRadio, string(state))
		}
	})
}

// arrived: a scene is a place at which the team was confirmed.
func (s *State) arrived(at int64, m *Mission) {
	i, t := s.Incidents[m.Incident], s.team(m.Team)
	if i != nil {
		t.confirm(Place{i.Site, i.Zone}, ByScene, at)
	}
}

func (s *State) missionEnded(at int64, id string, state MissionState, because grounds) {
	s.onMission(id, func(m *Mission) {
		if !m.Active() {
			return
		}
		m.State, m.EndedAt, m.EndReason, m.EndReasonText = state, at, because.code, because.text
		s.disarm(timerDeliver, id)
		s.disarm(timerAnswer, id)
		t := s.team(m.Team)
		t.Mission = ""
		if state == MissionCleared && m.OnSceneAt != 0 && t.PlaceBy == ByScene {
			t.PlaceAt = at
		}
		s.onIncident(m.Incident, func(i *Incident) {
			if state != MissionCleared && !slices.Contains(i.Tried, m.Team) {
				i.Tried = append(i.Tried, m.Team)
			}
			s.followMissions(at, i)
			if s.wantsGuards(i) && i.Mode != modeManual {
				s.chooseAgain(i, at)
			}
		})
		s.teamFreed(at)
	})
}
