package controlroom

import (
	"fmt"
	"slices"
	"strings"

	"vigie/pkg/es"
	logv1 "vigie/pkg/gen/vigie/log/v1"
)

// reopens reads an event that reopens the log. It takes two different admins and a reason.
func reopens(e *logv1.Event) (es.Reopening, bool) {
	r := e.GetLogReopened()
	if r == nil {
		return es.Reopening{}, false
	}
	who := r.GetWho()
	if len(who) != 2 || who[0] == who[1] || slices.Contains(who, "") || strings.TrimSpace(r.GetWhy()) == "" ||
		r.GetNumber() == 0 || len(r.GetGoodHash()) != len(es.Hash{}) {
		return es.Reopening{}, false
	}
	return es.Reopening{
		Number: r.GetNumber(), GoodOffset: r.GetGoodOffset(), GoodHash: es.Hash(r.GetGoodHash()),
		DeadFrom: r.GetDeadFrom(), DeadTo: r.GetDeadTo(), IntakeNext: r.GetIntakeNext(),
	}, true
}

// logReopened keeps what is dead from being taken for what is to come: people still speak of incidents and missions of it,
// and an answer to one of those missions must not be taken for an answer to another.
func (s *State) logReopened(e *logv1.LogReopened) {
	s.LastIncident = max(s.LastIncident, e.GetLastIncident())
	s.LastMission = max(s.LastMission, e.GetLastMission())
}

// Numbered gives the highest numbers of incidents and missions that some events give out.
func Numbered(events []*logv1.Event) (incident, mission int64) {
	number := func(id, prefix string) (n int64) {
		if _, err := fmt.Sscanf(id, prefix+"%d", &n); err != nil {
			return 0
		}
		return n
	}
	for _, e := range events {
		incident = max(incident, number(e.GetIncidentOpened().GetIncident(), "I"), e.GetLogReopened().GetLastIncident())
		mission = max(mission, number(e.GetMissionOffered().GetMission(), "M"), number(e.GetLateAnswerHonoured().GetMission(), "M"),
			e.GetLogReopened().GetLastMission())
	}
	return incident, mission
}

// ReopenedBy is what two admins decide about a log.
type ReopenedBy struct {
	Who [2]string
	// Unverified says that nobody could be asked whether they are who they say.
	Unverified bool
	Why        string
	// At is the wall clock in milliseconds.
	At int64
	// IntakeNext passes over requests that are gone; 0: none are.
	IntakeNext int64
}

// Dead is what a log loses when it is reopened.
type Dead struct {
	Records int64
	// LastIncident and LastMission are the highest numbers given out.
	LastIncident, LastMission int64
	// Reopenings is the highest number of an earlier reopening, dead or not.
	Reopenings uint64
}

// Good is the record after which a reopened log goes on; the zero Head with offset -1 when none counts.
type Good struct {
	es.Head
	Offset int64
	LogID  string
}

// reopener is the name under which a log is reopened: dispatch is the only writer of the log.
const reopener = "dispatch/log-reopen"

// Reopen gives the decision that reopens a room's log at a good record, if it is written at an offset.
func Reopen(room string, good Good, offset int64, dead Dead, by ReopenedBy) Decision {
	e := &logv1.LogReopened{
		Number: dead.Reopenings + 1, GoodOffset: good.Offset, GoodHash: good.Hash[:], DeadFrom: good.Offset + 1, DeadTo: offset - 1,
		DeadRecords: dead.Records, Who: by.Who[:], Why: by.Why, WrittenAtMs: by.At, IntakeNext: by.IntakeNext,
		LastIncident: dead.LastIncident, LastMission: dead.LastMission, Unverified: by.Unverified,
	}
	d := Decision{
		Room: room, Version: good.Version + 1, Intake: es.NoIntake, Deadline: "reopened", Decider: reopener,
		At: good.At, Level: max(good.Level, 1), PrevHash: good.Hash,
		Outcome: es.Outcome[*logv1.Event]{Events: []*logv1.Event{{Body: &logv1.Event_LogReopened{LogReopened: e}}}},
	}
	if good.Offset < 0 {
		d.Deadline = string(timerOpen)
		d.Events = append(d.Events, &logv1.Event{Body: &logv1.Event_LogOpened{LogOpened: &logv1.LogOpened{LogId: good.LogID}}})
	}
	return d
}
