package controlroom

import (
	"slices"

	logv1 "vigie/pkg/gen/vigie/log/v1"
)

func (s *State) incidentOpened(at int64, e *logv1.IncidentOpened) {
	i := &Incident{
		ID: e.GetIncident(), State: IncidentOpen, Site: e.GetSite(), Zone: e.GetZone(),
		Category: e.GetCategory(), Priority: int(e.GetPriority()), OpenedBy: e.GetOpenedBy(),
		OpenedAt: at, ReceivedAt: e.GetReceivedAtMs(),
		JoinWindow: max(0, e.GetJoinUntilMs()-at), JoinUntil: e.GetJoinUntilMs(),
		Plan: e.GetPlan(), GuardsWanted: int(e.GetGuardsWanted()), Capabilities: e.GetCapabilities(),
		Mode: e.GetMode(), OwnSiteOnly: e.GetOwnSiteOnly(), Text: e.GetText(),
	}
	s.Incidents[i.ID], s.live[i.ID] = i, i
	s.LastIncident++
	s.arm(timerNeglect, i.ID, e.GetNeglectedAtMs(), 0)
	s.wantChoice(i, at)
	s.forget(at)
}

// wantChoice arms the choice of a team where the plan leaves it to the room.
func (s *State) wantChoice(i *Incident, at int64) {
	switch i.Mode {
	case modeAutomatic, modeProposed:
		s.chooseAgain(i, at)
	default:
		s.chooseAgain(i, 0)
	}
}

// chooseAgain makes the choice due at that time while guards are wanting; 0 or enough guards: not any more.
func (s *State) chooseAgain(i *Incident, at int64) {
	if at == 0 || !s.wantsGuards(i) {
		s.disarm(timerChoose, i.ID)
		return
	}
	s.arm(timerChoose, i.ID, at, i.Priority)
}

// wantsGuards: the demand is one of the incident, summed over its missions (domain §2).
func (s *State) wantsGuards(i *Incident) bool {
	return i.Live() && i.State != IncidentControlled && s.committed(i) < i.GuardsWanted
}

// committed counts the guards of active missions and of those that have done their part on scene.
func (s *State) committed(i *Incident) int {
	n := 0
	for _, id := range i.Missions {
		if m := s.Missions[id]; m.Active() || m.State == MissionCleared && m.OnSceneAt != 0 {
			n += m.Guards
		}
	}
	return n
}

// accepted counts the guards who go, are there or have been.
func (s *State) accepted(i *Incident) int {
	n := 0
	for _, id := range i.Missions {
		if m := s.Missions[id]; m.Accepted() || m.State == MissionCleared && m.OnSceneAt != 0 {
			n += m.Guards
		}
	}
	return n
}

func (s *State) incidentAggravated(at int64, e *logv1.IncidentAggravated) {
	s.onIncident(e.GetIncident(), func(i *Incident) {
		i.Priority, i.Category, i.Plan = int(e.GetPriority()), e.GetCategory(), e.GetPlan()
		i.GuardsWanted, i.Capabilities = int(e.GetGuardsWanted()), e.GetCapabilities()
		i.Mode, i.OwnSiteOnly = e.GetMode(), e.GetOwnSiteOnly()
		if i.Mode != modeProposed {
			s.withdraw(i)
		}
		s.wantChoice(i, at)
		s.hurry(i, at)
	})
}

// hurry: nobody has accepted what has become graver. It counts as neglected in the time of its new priority, and whoever
// was told of the lesser one is told again.
func (s *State) hurry(i *Incident, at int64) {
	if i.State != IncidentOpen {
		return
	}
	due, waiting := OpenDeadline(*s, timerID(timerNeglect, i.ID))
	if !waiting {
		i.Neglected = 0
	}
	if by := at + s.region.neglectedAfter(i.Priority); !waiting || by < due {
		s.arm(timerNeglect, i.ID, by, 0)
	}
}

// incidentNeglected tells the dispatcher first, then the chief (domain §3).
func (s *State) incidentNeglected(e *logv1.IncidentNeglected) {
	s.onIncident(e.GetIncident(), func(i *Incident) {
		i.Neglected = int(e.GetStep())
		if e.GetNextAtMs() != 0 {
			s.arm(timerNeglect, i.ID, e.GetNextAtMs(), 0)
		}
	})
}

// quiet takes away the timers of an incident that wants nothing any more.
func (s *State) quiet(i *Incident) {
	s.withdraw(i)
	s.disarm(timerChoose, i.ID)
	s.disarm(timerNeglect, i.ID)
}

func (s *State) incidentEnded(at int64, id string, state IncidentState, because grounds) {
	s.onIncident(id, func(i *Incident) {
		i.State, i.Disposition, i.DispositionText, i.EndedAt = state, because.code, because.text, at
		s.quiet(i)
		s.Ended = append(s.Ended, id)
		delete(s.live, id)
	})
}

func (s *State) alarmReceived(at int64, e *logv1.AlarmReceived) {
	s.onIncident(e.GetIncident(), func(i *Incident) {
		i.JoinUntil = at + i.JoinWindow
		k := slices.IndexFunc(i.Alarms, func(c AlarmChain) bool {
			return c.Source == e.GetSource() && c.Code == e.GetCode() && c.Zone == e.GetZone()
		})
		if k < 0 {
			k = len(i.Alarms)
			i.Alarms = append(i.Alarms, AlarmChain{
				First: e.GetAlarm(), Source: e.GetSource(), Code: e.GetCode(), Zone: e.GetZone(), Category: e.GetCategory(),
			})
		}
		i.Alarms[k].Count++
		i.Alarms[k].LastAt, i.Alarms[k].Restored = at, false
	})
}

func (s *State) alarmRestored(e *logv1.AlarmRestored) {
	s.onIncident(e.GetIncident(), func(i *Incident) {
		for k, c := range i.Alarms {
			if c.Source == e.GetSource() && c.Code == e.GetCode() && c.Zone == e.GetZone() {
				i.Alarms[k].Restored = true
			}
		}
	})
}

// followMissions gives the incident the state that its missions tell, while it is neither controlled nor ended.
func (s *State) followMissions(at int64, i *Incident) {
	if !i.Live() || i.State == IncidentControlled {
		return
	}
	state := IncidentOpen
	for _, id := range i.Missions {
		switch m := s.Missions[id]; {
		case m.State == MissionOnScene, m.State == MissionCleared && m.OnSceneAt != 0:
			state = IncidentOnScene
		case m.Accepted() && state == IncidentOpen:
			state = IncidentAssigned
		}
	}
	if s.accepted(i) >= i.GuardsWanted {
		i.Backup = false
	}
	if state == IncidentOpen && i.State != IncidentOpen {
		// Whoever had accepted is gone: somebody must hear of it if nobody else accepts.
		s.arm(timerNeglect, i.ID, at+s.region.neglectedAfter(i.Priority), 0)
	}
	if state != IncidentOpen && !i.Backup {
		s.disarm(timerNeglect, i.ID)
		i.Neglected = 0
	}
	i.State = state
}
