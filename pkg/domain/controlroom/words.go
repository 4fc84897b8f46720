package controlroom

import (
	"cmp"

	"vigie/pkg/es"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	logv1 "vigie/pkg/gen/vigie/log/v1"
)

// words are how something was said: by a device, or by radio to a person who recorded it with the time heard.
type words struct {
	// at is when, 0: not said.
	at         int64
	device     string
	byRadio    bool
	recordedBy string
}

func wordsOf(q *intakev1.Request) words {
	if !q.GetByRadio() {
		return words{at: q.GetDeviceAtMs()}
	}
	return words{at: cmp.Or(q.GetDeviceAtMs(), q.GetReceivedAtMs()), byRadio: true, recordedBy: q.GetActor().GetId()}
}

// legs are the events from one leg (not included) to another (included); those before the last are implied. What was heard
// by radio implies no receipt: no device has confirmed anything.
func (w words) legs(mission string, from, to int) []*logv1.Event {
	var events []*logv1.Event
	for leg := from + 1; leg <= to; leg++ {
		if w.byRadio && leg < legAccepted {
			continue
		}
		implied := leg < to
		e := &logv1.Event{}
		switch leg {
		case legDelivered:
			e.Body = &logv1.Event_MissionDelivered{MissionDelivered: &logv1.MissionDelivered{Mission: mission, Device: w.device, DeviceAtMs: w.at, Implied: implied}}
		case legSeen:
			e.Body = &logv1.Event_MissionSeen{MissionSeen: &logv1.MissionSeen{Mission: mission, Device: w.device, DeviceAtMs: w.at, Implied: implied}}
		case legAccepted:
			e.Body = &logv1.Event_MissionAccepted{MissionAccepted: &logv1.MissionAccepted{
				Mission: mission, DeviceAtMs: w.at, Implied: implied, ByRadio: w.byRadio, RecordedBy: w.recordedBy,
			}}
		case legEnRoute:
			e.Body = &logv1.Event_MissionDeparted{MissionDeparted: &logv1.MissionDeparted{
				Mission: mission, DeviceAtMs: w.at, Implied: implied, ByRadio: w.byRadio, RecordedBy: w.recordedBy,
			}}
		case legOnScene:
			e.Body = &logv1.Event_MissionArrived{MissionArrived: &logv1.MissionArrived{
				Mission: mission, DeviceAtMs: w.at, Implied: implied, ByRadio: w.byRadio, RecordedBy: w.recordedBy,
			}}
		case legCleared:
			e.Body = &logv1.Event_MissionCleared{MissionCleared: &logv1.MissionCleared{
				Mission: mission, DeviceAtMs: w.at, ByRadio: w.byRadio, RecordedBy: w.recordedBy,
			}}
		}
		events = append(events, e)
	}
	return events
}

// note keeps a note. It is no order, and so is never too late; the story of an incident may be added to after its end.
func (d *decider) note(q *intakev1.Request, b *intakev1.AddNote) Outcome {
	if d.Incidents[b.GetIncident()] == nil {
		return unknown(CodeUnknownIncident, "incident", b.GetIncident())
	}
	d.emit(&logv1.Event{Body: &logv1.Event_NoteAdded{NoteAdded: &logv1.NoteAdded{
		Incident: b.GetIncident(), Text: b.GetText(), By: q.GetActor().GetId(), DeviceAtMs: q.GetDeviceAtMs(),
	}}})
	return d.done()
}

func (s *State) noteAdded(at int64, e *logv1.NoteAdded) {
	s.onIncident(e.GetIncident(), func(i *Incident) {
		i.Notes = append(i.Notes, Note{At: cmp.Or(e.GetDeviceAtMs(), at), By: e.GetBy(), Text: e.GetText()})
		i.Notes = i.Notes[max(0, len(i.Notes)-keptNotes):]
	})
}

// backup raises what an incident wants. A guard who asks for help is taken to be in danger: it is P1 from here on, whatever
// it was, and no longer under control (docs/adr/0007).
func (d *decider) backup(b *intakev1.RequestBackup) Outcome {
	m := d.Missions[b.GetMission()]
	if m == nil {
		return unknown(CodeUnknownMission, "mission", b.GetMission())
	}
	i := d.Incidents[m.Incident]
	if i == nil || !i.Live() {
		return refused(&es.Refusal{
			Code: CodeIncidentEnded, Mission: m.ID, Incident: m.Incident, Team: m.Team,
			Message: "The incident of this mission has ended: raise an SOS, or call the room.",
		})
	}
	more := min(max(1, b.GetGuards()), mostBackup)
	e := &logv1.BackupRequested{
		Incident: i.ID, Team: m.Team, Guards: more, Text: b.GetText(), Priority: 1,
		GuardsWanted: int32(max(i.GuardsWanted, d.committed(i))) + more, //nolint:gosec // a handful
		DeviceAtMs:   d.words.at, ByRadio: d.words.byRadio, RecordedBy: d.words.recordedBy,
	}
	if m.Active() { // nothing follows the end of a mission, but its guards may still be there
		e.Mission = m.ID
	}
	d.emit(&logv1.Event{Body: &logv1.Event_BackupRequested{BackupRequested: e}})
	return d.done()
}

// mostBackup is how many more guards one word can ask for: a slip of the finger does not empty a group.
const mostBackup = 10

func (s *State) backupRequested(at int64, e *logv1.BackupRequested) {
	s.onIncident(e.GetIncident(), func(i *Incident) {
		i.Priority, i.GuardsWanted, i.Backup = int(e.GetPriority()), int(e.GetGuardsWanted()), true
		// Whoever said no before is asked again: it is another matter now.
		i.Tried = nil
		if i.State == IncidentControlled {
			i.State = IncidentOpen
		}
		i.Neglected = 0
		s.arm(timerNeglect, i.ID, at+s.region.neglectedAfter(i.Priority), 0)
		s.followMissions(at, i)
		s.wantChoice(i, at)
	})
	s.team(e.GetTeam()).heard(contactOf(e.GetByRadio()), at)
}

func contactOf(byRadio bool) Contact {
	if byRadio {
		return ByRadio
	}
	return ByAct
}

func (s *State) sosRaised(at int64, e *logv1.SosRaised) {
	s.onIncident(e.GetIncident(), func(i *Incident) { i.InDanger = e.GetTeam() })
	if e.GetTeam() == "" {
		return
	}
	s.team(e.GetTeam()).heard(contactOf(e.GetByRadio()), at)
	s.unavailable(e.GetTeam(), at)
}
