package controlroom

import (
	"slices"

	logv1 "vigie/pkg/gen/vigie/log/v1"
)

// Evolve folds one fact of the log. It knows nothing but the state and the fact, decrypts nothing and cannot fail: an
// event about something forgotten changes nothing. It consumes s (see [es.Domain]).
func Evolve(s State, at int64, event *logv1.Event) State {
	switch e := event.GetBody().(type) {
	case *logv1.Event_LogOpened:
		s.LogID = e.LogOpened.GetLogId()
	case *logv1.Event_RegionConfigured:
		s.configure(e.RegionConfigured)
	case *logv1.Event_ClockStepped:
		s.clockStepped(e.ClockStepped.GetDeltaMs())
	case *logv1.Event_LevelRaised:
		// The head of the fold holds the level; see [es.Domain].
	case *logv1.Event_LogReopened:
		s.logReopened(e.LogReopened)
	case *logv1.Event_AlarmReceived:
		s.alarmReceived(at, e.AlarmReceived)
	case *logv1.Event_AlarmRestored:
		s.alarmRestored(e.AlarmRestored)
	case *logv1.Event_RequestUndecidable:
		// What it opened follows as events of its own.
	case *logv1.Event_IncidentOpened:
		s.incidentOpened(at, e.IncidentOpened)
	case *logv1.Event_IncidentAggravated:
		s.incidentAggravated(at, e.IncidentAggravated)
	case *logv1.Event_IncidentClaimed:
		s.onIncident(e.IncidentClaimed.GetIncident(), func(i *Incident) { i.ClaimedBy = e.IncidentClaimed.GetBy() })
	case *logv1.Event_IncidentReleased:
		s.onIncident(e.IncidentReleased.GetIncident(), func(i *Incident) { i.ClaimedBy = "" })
	case *logv1.Event_IncidentControlled:
		s.onIncident(e.IncidentControlled.GetIncident(), func(i *Incident) {
			i.State = IncidentControlled
			s.live[i.ID] = i // even if a strange log had ended it
			s.quiet(i)
		})
	case *logv1.Event_IncidentClosed:
		c := e.IncidentClosed
		s.incidentEnded(at, c.GetIncident(), IncidentClosed, grounds{c.GetDisposition(), c.GetDispositionText()})
	case *logv1.Event_IncidentCancelled:
		c := e.IncidentCancelled
		s.incidentEnded(at, c.GetIncident(), IncidentCancelled, grounds{c.GetReason(), c.GetReasonText()})
	case *logv1.Event_NoteAdded:
		s.noteAdded(at, e.NoteAdded)
	case *logv1.Event_BackupRequested:
		s.backupRequested(at, e.BackupRequested)
	case *logv1.Event_IncidentNeglected:
		s.incidentNeglected(e.IncidentNeglected)
	case *logv1.Event_SosRaised:
		s.sosRaised(at, e.SosRaised)
	case *logv1.Event_TeamsChosen:
		s.onIncident(e.TeamsChosen.GetIncident(), func(i *Incident) {
			i.NoTeam = false
			s.withdraw(i)
			s.chooseAgain(i, e.TeamsChosen.GetAgainAtMs())
		})
	case *logv1.Event_TeamsProposed:
		s.teamsProposed(at, e.TeamsProposed)
	case *logv1.Event_NoTeamFound:
		s.noTeamFound(at, e.NoTeamFound)
	case *logv1.Event_StillNoTeam:
		s.onIncident(e.StillNoTeam.GetIncident(), func(i *Incident) {
			i.Tried = nil
			s.chooseAgain(i, e.StillNoTeam.GetAgainAtMs())
		})
	case *logv1.Event_MissionOffered:
		s.missionOffered(at, e.MissionOffered)
	case *logv1.Event_MissionUndelivered:
		s.onMission(e.MissionUndelivered.GetMission(), func(m *Mission) { m.Undelivered = true })
	case *logv1.Event_MissionDelivered:
		s.reach(at, e.MissionDelivered.GetMission(), MissionDelivered)
		s.acted(at, e.MissionDelivered, MissionDelivered)
	case *logv1.Event_MissionSeen:
		s.reach(at, e.MissionSeen.GetMission(), MissionSeen)
		s.acted(at, e.MissionSeen, MissionSeen)
	case *logv1.Event_MissionAccepted:
		s.reach(at, e.MissionAccepted.GetMission(), MissionAccepted)
		s.acted(at, e.MissionAccepted, MissionAccepted)
	case *logv1.Event_MissionDeclined:
		if e.MissionDeclined.GetDeviceAtMs() != 0 { // else the shift did
			s.acted(at, e.MissionDeclined, MissionDeclined)
		}
		m := e.MissionDeclined
		s.missionEnded(at, m.GetMission(), MissionDeclined, grounds{m.GetReason(), m.GetReasonText()})
	case *logv1.Event_MissionExpired:
		s.missionEnded(at, e.MissionExpired.GetMission(), MissionExpired, grounds{})
	case *logv1.Event_MissionDeparted:
		s.reach(at, e.MissionDeparted.GetMission(), MissionEnRoute)
		s.acted(at, e.MissionDeparted, MissionEnRoute)
	case *logv1.Event_MissionArrived:
		s.reach(at, e.MissionArrived.GetMission(), MissionOnScene)
		s.acted(at, e.MissionArrived, MissionOnScene)
	case *logv1.Event_MissionCleared:
		s.acted(at, e.MissionCleared, MissionCleared)
		s.missionEnded(at, e.MissionCleared.GetMission(), MissionCleared, grounds{})
	case *logv1.Event_MissionCancelled:
		m := e.MissionCancelled
		s.missionEnded(at, m.GetMission(), MissionCancelled, grounds{m.GetReason(), m.GetReasonText()})
	case *logv1.Event_LateAnswerHonoured:
		s.lateAnswerHonoured(at, e.LateAnswerHonoured)
	case *logv1.Event_DutyStarted:
		s.dutyStarted(at, e.DutyStarted)
	case *logv1.Event_DutyExtended:
		t := s.team(e.DutyExtended.GetTeam())
		t.Until = e.DutyExtended.GetUntilMs()
		s.arm(timerShift, t.ID, t.Until, 0)
	case *logv1.Event_DutyEnded:
		s.dutyEnded(at, e.DutyEnded)
	case *logv1.Event_DeviceLinked:
		s.deviceLinked(at, e.DeviceLinked)
	case *logv1.Event_DeviceUnlinked:
		s.deviceUnlinked(at, e.DeviceUnlinked)
	case *logv1.Event_PlaceEntered:
		s.placeEntered(e.PlaceEntered)
	case *logv1.Event_PlaceLeft:
		s.placeLeft(e.PlaceLeft)
	case *logv1.Event_GatewayDisappeared:
		s.gatewayDisappeared(at, e.GatewayDisappeared.GetGateway())
	}
	return s
}

func (s *State) configure(e *logv1.RegionConfigured) {
	s.RegionHash, s.region = e.GetHash(), newRegion(e.GetContent())
	for _, team := range e.GetContent().GetTeams() {
		s.team(team.GetId())
	}
	s.forgetPlaces()
}

// team gives the team, known to the region or not: a fact about it is kept either way.
func (s *State) team(id string) *Team {
	t := s.Teams[id]
	if t == nil {
		t = &Team{ID: id, Links: map[string]Link{}}
		s.Teams[id] = t
	}
	return t
}

func (s *State) onIncident(id string, change func(*Incident)) {
	if i := s.Incidents[id]; i != nil {
		change(i)
	}
}

func (s *State) onMission(id string, change func(*Mission)) {
	if m := s.Missions[id]; m != nil {
		change(m)
	}
}

func (s *State) dutyStarted(at int64, e *logv1.DutyStarted) {
	t := s.team(e.GetTeam())
	if !t.OnDuty {
		t.Since = at
	}
	t.OnDuty, t.Guards, t.Until = true, e.GetGuards(), e.GetUntilMs()
	if e.GetByRadio() {
		t.heard(ByRadio, at)
	}
	s.arm(timerShift, t.ID, t.Until, 0)
	s.teamFreed(at)
}

func (s *State) dutyEnded(at int64, e *logv1.DutyEnded) {
	t := s.team(e.GetTeam())
	t.OnDuty, t.Guards, t.Since, t.Until = false, nil, 0, 0
	// Where it stood is a fact about a shift; the next one begins at the base.
	t.confirm(Place{}, "", 0)
	t.Inside, t.Crossings, t.CrossedAt = nil, 0, 0
	s.disarm(timerShift, t.ID)
	s.unavailable(t.ID, at)
}

func (s *State) deviceLinked(at int64, e *logv1.DeviceLinked) {
	for _, other := range s.Teams {
		delete(other.Links, e.GetDevice()) // a device is one team's, whatever became of its socket
	}
	t := s.team(e.GetTeam())
	t.Links[e.GetDevice()] = Link{Gateway: e.GetGateway(), Session: e.GetSession()}
	t.heard(ByLink, at)
	s.teamFreed(at)
}

func (s *State) deviceUnlinked(at int64, e *logv1.DeviceUnlinked) {
	t := s.team(e.GetTeam())
	delete(t.Links, e.GetDevice())
	t.heard(ByLink, at)
	if !t.Reachable() {
		s.unavailable(t.ID, at)
	}
}

func (s *State) gatewayDisappeared(at int64, gateway string) {
	for _, t := range s.Teams {
		for device, link := range t.Links {
			if link.Gateway == gateway {
				delete(t.Links, device)
			}
		}
		if !t.Reachable() {
			s.unavailable(t.ID, at)
		}
	}
}

// teamFreed makes the choice due again for every incident that still wants guards: a team has freed, has started or has
// its link back (domain §3).
func (s *State) teamFreed(at int64) {
	for _, timer := range s.Deadlines {
		i := s.Incidents[timer.About]
		if timer.Kind != timerChoose || i == nil {
			continue // a proposal that stands is left alone: a person is looking at it
		}
		s.chooseAgain(i, at)
	}
}

// forget drops what ended more than a day before at.
func (s *State) forget(at int64) {
	for len(s.Ended) > 0 {
		i := s.Incidents[s.Ended[0]]
		if i != nil && i.EndedAt > at-keptAfterEnd {
			return
		}
		if i != nil {
			for _, m := range i.Missions {
				delete(s.Missions, m)
			}
			delete(s.Incidents, i.ID)
		}
		s.Ended = slices.Delete(s.Ended, 0, 1)
	}
}
