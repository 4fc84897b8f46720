package controlroom_test

import (
	"testing"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	regionv1 "vigie/pkg/gen/vigie/region/v1"
)

func TestARequestThatTheRulesDoNotUnderstandOpensAP1(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body *intakev1.Request
		want string
	}{
		"what cannot be read":          {&intakev1.Request{}, "I1"},
		"an alarm on which they fail":  {alarmOf("A1", "p", "BA", "NORD", "pharmacy"), "I1"},
		"a receipt on which they fail": {delivered("M1"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := controlroom.Request{Body: c.body, Raw: []byte("raw")}
			out := controlroom.Undecidable(controlroom.Initial(), r, 1000, "it is \xff noise")
			e := out.Events[0].GetRequestUndecidable()
			if string(e.GetRequest()) != "raw" || e.GetWhy() != "it is ? noise" || e.GetIncident() != c.want {
				t.Errorf("got %v", e)
			}
			if c.want == "" {
				return
			}
			o := out.Events[1].GetIncidentOpened()
			if o.GetPriority() != 1 || o.GetCategory() != "unclassified" || o.GetReceivedAtMs() != 1000 || o.GetNeglectedAtMs() != 31_000 {
				t.Errorf("got %v", o)
			}
		})
	}
}

func TestAHugeRequestIsKeptInPart(t *testing.T) {
	t.Parallel()
	r := controlroom.Request{Body: &intakev1.Request{}, Raw: make([]byte, 5<<20)}
	out := controlroom.Undecidable(controlroom.Initial(), r, 1000, "it is too much")
	if got := len(out.Events[0].GetRequestUndecidable().GetRequest()); got != 256<<10 {
		t.Errorf("want 256 KiB, got %d bytes", got)
	}
}

func TestOnlyCommandsThatSendOthersCanBeTooLate(t *testing.T) {
	t.Parallel()
	n := staffed(t, "N1")
	n.alarm("A1", "BA", "NORD", "pharmacy")
	late := func(q *intakev1.Request) *es.Refusal {
		q.ValidUntilMs = n.now - 1
		return n.ask(q)
	}
	for _, q := range []*intakev1.Request{
		open("NORD", "", "access", 3), claim("I1"), release("I1"), control("I1"), closing("I1", "test"), cancelling("I1", "x"),
		assign("I1", "N1", "x"), recall("M1", "x"),
	} {
		if r := late(q); r == nil || r.Code != controlroom.CodeTooLate {
			t.Errorf("%v: want too_late, got %v", q, r)
		}
	}
	for _, q := range []*intakev1.Request{
		alarmOf("A2", "p", "BA", "SUD", ""), delivered("M1"), seen("M1"), accept("M1"), enRoute("M1"), onScene("M1"), cleared("M1"),
		{Body: &intakev1.Request_RaiseSos{RaiseSos: &intakev1.RaiseSos{Team: "N1"}}},
		{Body: &intakev1.Request_EndDuty{EndDuty: &intakev1.EndDuty{Team: "N1"}}},
	} {
		if r := late(q); r != nil {
			t.Errorf("%v is a fact and was refused: %s", q, r.Code)
		}
	}
	q := claim("I1")
	q.ValidUntilMs = n.now
	if r := n.ask(q); r != nil {
		t.Errorf("in the last millisecond it was refused: %s", r.Code)
	}
}

func TestARequestForAnotherRoomIsRefused(t *testing.T) {
	t.Parallel()
	n := quietNight(t)
	q := alarmOf("A1", "p", "BA", "NORD", "pharmacy")
	q.Room = "chest"
	n.ask(q)
	n.expect("refused: wrong_room")
}

func TestTheSameRegionTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	n := quietNight(t)
	n.ask(configure(configuration(), "h1"))
	n.expect()
	n.ask(configure(configuration(), "h2"))
	n.expect("h2 region_configured")
	n.ask(configure(&regionv1.RoomConfiguration{Room: room}, "h3"))
	n.expect("refused: invalid_request")
}

func TestTheFirstDecisionOpensTheLog(t *testing.T) {
	t.Parallel()
	n := &night{t: t, state: controlroom.Initial(), facts: controlroom.Facts{Room: room, LogID: "log-7"}}
	n.settle()
	n.expect("log-7 log_opened")
	if n.state.LogID != "log-7" || len(n.state.Deadlines) != 0 {
		t.Errorf("got %+v", n.state)
	}
}

func TestWhatEndedADayAgoIsForgotten(t *testing.T) {
	t.Parallel()
	n := staffed(t, "N1")
	n.alarm("A1", "BA", "NORD", "pharmacy")
	n.said(cleared("M1"))
	n.ask(closing("I1", "genuine"))
	n.advance(24*3600 - 1)
	n.alarm("A2", "WX", "NORD", "pharmacy")
	if n.state.Incidents["I1"] == nil || n.state.Missions["M1"] == nil {
		t.Fatal("it was forgotten too soon")
	}
	n.advance(1)
	n.alarm("A3", "WX", "SUD", "pharmacy")
	if n.state.Incidents["I1"] != nil || n.state.Missions["M1"] != nil || len(n.state.Ended) != 0 {
		t.Error("it is still there")
	}
	n.skip().said(onScene("M1"))
	n.expect("refused: unknown_mission")
}
