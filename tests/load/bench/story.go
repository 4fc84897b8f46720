package main

import (
	"errors"
	"fmt"
	"strconv"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	regionv1 "vigie/pkg/gen/vigie/region/v1"
	"vigie/pkg/wire"
)

// story is the log of a room as the real rules and the real writer make it, with the requests that it answers: alarm after
// alarm, each with its mission from the offer to the end. It is told in memory, and stored by whoever needs it.
type story struct {
	requests, records [][]byte
	events            int

	room, logID string
	writer      *controlroom.Writer
	now         int64
	incident    string
	mission     string
}

// In domain milliseconds: a busy day has 500 alarms, and what a team says follows in seconds. A room keeps what ended within
// the last day.
const (
	betweenAlarms = 150_000
	betweenWords  = 2_000
)

// tell makes a story of at least so many records, which ends at a time. It leaves nobody on duty and nothing open.
func tell(room, logID string, conf *regionv1.RoomConfiguration, hash string, records int, end int64) (*story, error) {
	s := &story{
		room: room, logID: logID, now: end - int64(records)*betweenAlarms/5,
		writer: es.NewWriter(room, "vigie", controlroom.Rules(), es.DefaultLimits(), wire.Encode),
	}
	const device, team, gateway = "bench", "north-1", "gw-bench"
	err := errors.Join(
		s.decide(),
		s.ask("admin", &intakev1.Request{Body: &intakev1.Request_ConfigureRegion{ConfigureRegion: &intakev1.ConfigureRegion{Content: conf, Hash: hash}}}),
		s.ask("desk", &intakev1.Request{Body: &intakev1.Request_StartDuty{StartDuty: &intakev1.StartDuty{Team: team, Guards: []string{"g-1"}, UntilMs: end + 3_600_000}}}),
		s.ask("gateway", &intakev1.Request{Body: &intakev1.Request_LinkBack{LinkBack: &intakev1.LinkBack{Device: device, Team: team, Gateway: gateway, Session: "s"}}}),
	)
	for err == nil && len(s.records) < records {
		before := s.mission
		s.now += betweenAlarms
		err = s.ask("source/bench", &intakev1.Request{Body: &intakev1.Request_RaiseAlarm{RaiseAlarm: &intakev1.RaiseAlarm{
			AlarmId: "a-" + strconv.Itoa(len(s.requests)), Source: "bench", Protocol: "http", Code: "ASSIST", Site: "north", Zone: "ED",
		}}})
		if err == nil && s.mission == before {
			err = fmt.Errorf("story: alarm %d got no mission", len(s.requests))
		}
		if err == nil {
			err = errors.Join(
				s.ask(device, &intakev1.Request{Body: &intakev1.Request_AcceptMission{AcceptMission: &intakev1.AcceptMission{Mission: s.mission}}}),
				s.ask(device, &intakev1.Request{Body: &intakev1.Request_ReportOnScene{ReportOnScene: &intakev1.ReportOnScene{Mission: s.mission}}}),
				s.ask(device, &intakev1.Request{Body: &intakev1.Request_ClearMission{ClearMission: &intakev1.ClearMission{Mission: s.mission}}}),
				s.ask("desk", &intakev1.Request{Body: &intakev1.Request_CloseIncident{CloseIncident: &intakev1.CloseIncident{Incident: s.incident, Disposition: "test"}}}),
			)
		}
	}
	return s, errors.Join(err,
		s.ask("gateway", &intakev1.Request{Body: &intakev1.Request_LinkLost{LinkLost: &intakev1.LinkLost{Device: device, Team: team, Gateway: gateway, Session: "s"}}}),
		s.ask("desk", &intakev1.Request{Body: &intakev1.Request_EndDuty{EndDuty: &intakev1.EndDuty{Team: team}}}),
	)
}

// ask has a request decided, with all that is due by then.
func (s *story) ask(principal string, q *intakev1.Request) error {
	s.now += betweenWords
	q.Room, q.Principal, q.Id, q.ReceivedAtMs = s.room, principal, strconv.Itoa(len(s.requests)), s.now
	q.Actor = &intakev1.Actor{Id: principal, Role: "dispatcher"}
	value, err := wire.EncodeRequest(q)
	if err != nil {
		return err
	}
	s.writer.Request(wire.DecodeRequest(int64(len(s.requests)), value))
	s.requests = append(s.requests, value)
	return s.decide()
}

func (s *story) decide() error {
	tick := es.Tick{Now: s.now, Mono: s.now}
	for {
		step := s.writer.Step(tick, controlroom.Facts{Room: s.room, LogID: s.logID, ReadLevel: controlroom.MaxLevel, MinuteOfDay: 600})
		if step.AskWatermark {
			s.writer.Watermark(int64(len(s.requests)))
		}
		if len(step.Batch) == 0 && !step.AskWatermark {
			return nil
		}
		for _, value := range step.Batch {
			if err := s.read(value); err != nil {
				return err
			}
		}
		if len(step.Batch) > 0 {
			s.writer.Appended(es.Written, tick)
		}
	}
}

func (s *story) read(value []byte) error {
	stored := wire.Decode(int64(len(s.records)), value)
	s.records = append(s.records, value)
	s.events += len(stored.Events)
	if j := s.writer.Read(&stored); j.Verdict != es.Effective {
		return fmt.Errorf("story: record %d: %s", stored.Offset, j.Reason)
	}
	if stored.Refusal != nil {
		return fmt.Errorf("story: record %d: %s: %s", stored.Offset, stored.Refusal.Code, stored.Refusal.Message)
	}
	for _, e := range stored.Events {
		if m, ok := e.GetBody().(*logv1.Event_MissionOffered); ok {
			s.mission, s.incident = m.MissionOffered.GetMission(), m.MissionOffered.GetIncident()
		}
	}
	return nil
}
