package controlroom_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es/estest"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	personalv1 "vigie/pkg/gen/vigie/personal/v1"
	regionv1 "vigie/pkg/gen/vigie/region/v1"
)

type rule = estest.Case[*logv1.Event, *intakev1.Request, controlroom.Facts]

// These rules say every field of what is decided; the nights tell how rules follow one another.
func TestRules(t *testing.T) {
	t.Parallel()
	estest.Run(t, controlroom.Rules(), rules(), func(want, got []*logv1.Event) string {
		return cmp.Diff(want, got, protocmp.Transform())
	})
}

func past(at int64, e *logv1.Event) estest.Fact[*logv1.Event] {
	return estest.Fact[*logv1.Event]{At: at, Event: e}
}

func asked(at int64, q *intakev1.Request) controlroom.Request {
	q.Room, q.ReceivedAtMs = room, at
	if q.GetActor() == nil {
		q.Actor = &intakev1.Actor{Id: "dora", Role: "dispatcher"}
	}
	r := controlroom.Request{Body: q}
	r.ReceivedAt, r.DeviceAt = at, q.GetDeviceAtMs()
	return r
}

// detailed is the configuration with all that a guard is told of a place.
func detailed() *regionv1.RoomConfiguration {
	c := configuration()
	c.Sites[0].Name, c.Sites[0].Address = "Hospital of the north", "1 street"
	z := c.GetSites()[0].GetZones()[1]
	z.Label, z.Building, z.Floor, z.AccessNotes, z.Hazards = "Pharmacy", "B", "-1", "Ring twice", "Cold store"
	c.GetPlans()[len(c.GetPlans())-1].AccessNotes = "Two by two"
	return c
}

func rules() []rule {
	facts := controlroom.Facts{Room: room, LogID: "log", MinuteOfDay: 22 * 60}
	sealed := &personalv1.SealedText{Key: "request/1/2026-01", Sealed: []byte{1}}
	region := past(1000, &logv1.Event{Body: &logv1.Event_RegionConfigured{RegionConfigured: &logv1.RegionConfigured{Hash: "h1", Content: detailed()}}})
	onDuty := past(2000, &logv1.Event{Body: &logv1.Event_DutyStarted{DutyStarted: &logv1.DutyStarted{Team: "N1", Guards: []string{"g1"}, UntilMs: 90_000_000}}})
	linked := past(3000, &logv1.Event{Body: &logv1.Event_DeviceLinked{DeviceLinked: &logv1.DeviceLinked{Team: "N1", Device: "d1", Gateway: "gw", Session: "s1"}}})
	openedEvent := &logv1.Event{Body: &logv1.Event_IncidentOpened{IncidentOpened: &logv1.IncidentOpened{
		Incident: "I1", Site: "NORD", Zone: "pharmacy", Category: "intrusion", Priority: 2, OpenedBy: "alarm", Plan: "any",
		GuardsWanted: 1, Mode: "automatic", JoinUntilMs: 305_000, NeglectedAtMs: 95_000, Text: sealed, ReceivedAtMs: 4900, Epoch: 3,
	}}}
	opened := past(5000, openedEvent)
	offeredEvent := &logv1.Event{Body: &logv1.Event_MissionOffered{MissionOffered: &logv1.MissionOffered{
		Mission: "M1", Incident: "I1", Team: "N1", Guards: 1, Site: "NORD", Zone: "pharmacy", Category: "intrusion", Priority: 2,
		Text: sealed, By: "automatic", ArrivalMs: 180_000, ArrivalEarlyMs: 126_000, ArrivalLateMs: 330_000, DeliverByMs: 10_000, AnswerByMs: 95_000,
		CallSign: "call N1", Premises: &logv1.Premises{
			SiteName: "Hospital of the north", Address: "1 street", ZoneLabel: "Pharmacy", Building: "B", Floor: "-1",
			Entrances: []*regionv1.Entrance{{Id: "main", LatE7: 489_000_000, LonE7: 23_500_000}},
			Access:    []string{"Ring twice", "Two by two"}, Hazards: []string{"Cold store"},
		},
	}}}
	offer := past(5000, offeredEvent)
	byHand := proto.CloneOf(offeredEvent)
	byHand.GetMissionOffered().By, byHand.GetMissionOffered().Reason = "dora", "by the door"
	byHand.GetMissionOffered().DeliverByMs, byHand.GetMissionOffered().AnswerByMs = 12_000, 97_000
	accepted := past(6000, &logv1.Event{Body: &logv1.Event_MissionAccepted{MissionAccepted: &logv1.MissionAccepted{Mission: "M1"}}})

	alarm := alarmOf("A1", "panel", "BA", "NORD", "pharmacy")
	alarm.DeviceAtMs, alarm.Epoch = 4800, 3
	alarm.GetRaiseAlarm().Text, alarm.GetRaiseAlarm().ClipUrl, alarm.GetRaiseAlarm().Account = sealed, "https://vms/1", "0042"
	raised := func(incident string, joined bool) *logv1.Event {
		return &logv1.Event{Body: &logv1.Event_AlarmReceived{AlarmReceived: &logv1.AlarmReceived{
			Alarm: "A1", Source: "panel", Protocol: "test", Account: "0042", Code: "BA", Site: "NORD", Zone: "pharmacy",
			Category: "intrusion", Priority: 2, Text: sealed, ClipUrl: "https://vms/1", DeviceAtMs: 4800, ReceivedAtMs: 4900,
			Incident: incident, Joined: joined,
		}}}
	}
	closer := closing("I1", "police")
	closer.GetCloseIncident().Note = sealed
	answer := accept("M1")
	answer.DeviceAtMs = 6900
	assistance := past(5000, &logv1.Event{Body: &logv1.Event_IncidentOpened{IncidentOpened: &logv1.IncidentOpened{
		Incident: "I1", Site: "NORD", Zone: "pharmacy", Category: "assistance", Priority: 3, GuardsWanted: 1, Mode: "proposed", ReceivedAtMs: 5000,
	}}})
	duty := &intakev1.Request{Body: &intakev1.Request_StartDuty{StartDuty: &intakev1.StartDuty{Team: "N1", Guards: []string{"g1"}, UntilMs: 90_000_000}}}
	n1 := func(reason string) *logv1.Exclusion { return &logv1.Exclusion{Team: "N1", Reason: reason} }

	return []rule{
		{
			Name:  "an alarm opens an incident with the plan's guards, window and clocks",
			Given: []estest.Fact[*logv1.Event]{region},
			When:  asked(4900, alarm), At: 5000, Facts: facts,
			Then: []*logv1.Event{openedEvent, raised("I1", false)},
		},
		{
			Name:  "a category that nobody knows is refused: it would miss the plan that offers nothing by itself",
			Given: []estest.Fact[*logv1.Event]{region, onDuty, linked},
			When:  asked(4900, open("NORD", "pharmacy", "terrorisme", 1)), At: 5000, Facts: facts,
			Refusal: controlroom.CodeUnknownCategory,
		},
		{
			Name:  "an alarm that joins says so and opens nothing",
			Given: []estest.Fact[*logv1.Event]{region, opened},
			When:  asked(4900, alarm), At: 6000, Facts: facts,
			Then: []*logv1.Event{raised("I1", true)},
		},
		{
			Name:  "a choice says all that decided it, and the offer all that the handheld shows",
			Given: []estest.Fact[*logv1.Event]{region, onDuty, linked, opened},
			Due:   "choose/I1", At: 5000, Facts: facts,
			Then: []*logv1.Event{
				{Body: &logv1.Event_TeamsChosen{TeamsChosen: &logv1.TeamsChosen{
					Incident: "I1", By: "automatic", GuardsWanted: 1, RegionHash: "h1", Chosen: []string{"N1"},
					Candidates: []*logv1.Candidate{{
						Team: "N1", Place: "NORD", PlaceSource: "base", Estimated: true, TurnoutMs: 60_000, IndoorMs: 120_000,
						ArrivalMs: 180_000, ArrivalEarlyMs: 126_000, ArrivalLateMs: 330_000,
						LatePermille: 5, Lateness: 7500, Uncovered: 5104, Score: 12_604, Guards: 1, Nearest: true,
					}},
					Exclusions: []*logv1.Exclusion{{Team: "L1", Reason: "off_duty"}, {Team: "N2", Reason: "off_duty"}, {Team: "S1", Reason: "off_duty"}},
				}}},
				offeredEvent,
			},
		},
		{
			Name:  "when nobody fits the reasons are told, and when it is tried again",
			Given: []estest.Fact[*logv1.Event]{region, onDuty, opened},
			Due:   "choose/I1", At: 5000, Facts: facts,
			Then: []*logv1.Event{{Body: &logv1.Event_NoTeamFound{NoTeamFound: &logv1.NoTeamFound{
				Incident: "I1", GuardsWanted: 1, AgainAtMs: 35_000,
				Exclusions: []*logv1.Exclusion{{Team: "L1", Reason: "off_duty"}, n1("unreachable"), {Team: "N2", Reason: "off_duty"}, {Team: "S1", Reason: "off_duty"}},
			}}}},
		},
		{
			Name:  "a proposal says all that a choice does, whom it proposes and until when it waits",
			Given: []estest.Fact[*logv1.Event]{region, onDuty, linked, assistance},
			Due:   "choose/I1", At: 5000, Facts: facts,
			Then: []*logv1.Event{{Body: &logv1.Event_TeamsProposed{TeamsProposed: &logv1.TeamsProposed{
				Incident: "I1", GuardsWanted: 1, RegionHash: "h1", Proposed: []string{"N1"}, First: []string{"N1"}, UntilMs: 125_000, By: "automatic",
				Candidates: []*logv1.Candidate{{
					Team: "N1", Place: "NORD", PlaceSource: "base", Estimated: true, TurnoutMs: 60_000, IndoorMs: 120_000,
					ArrivalMs: 180_000, ArrivalEarlyMs: 126_000, ArrivalLateMs: 330_000,
					Lateness: 1000, Uncovered: 3645, Score: 4645, Guards: 1, Nearest: true,
				}},
				Exclusions: []*logv1.Exclusion{{Team: "L1", Reason: "off_duty"}, {Team: "N2", Reason: "off_duty"}, {Team: "S1", Reason: "off_duty"}},
			}}}},
		},
		{
			Name:  "to send an excluded team is to overrule, and says why",
			Given: []estest.Fact[*logv1.Event]{region, opened},
			When:  asked(7000, assign("I1", "N1", "by the door")), At: 7000, Facts: facts,
			Then: []*logv1.Event{
				{Body: &logv1.Event_TeamsChosen{TeamsChosen: &logv1.TeamsChosen{
					Incident: "I1", By: "dora", GuardsWanted: 1, RegionHash: "h1", Chosen: []string{"N1"}, AgainAtMs: 5000, Overruled: true, Reason: "by the door",
					Exclusions: []*logv1.Exclusion{{Team: "L1", Reason: "off_duty"}, n1("off_duty"), {Team: "N2", Reason: "off_duty"}, {Team: "S1", Reason: "off_duty"}},
				}}},
				byHand,
			},
		},
		{
			Name:  "what is heard by radio carries the time heard and who recorded it, and implies no receipt",
			Given: []estest.Fact[*logv1.Event]{region, onDuty, linked, opened, offer},
			When:  asked(7000, heard(onScene("M1"), 6500)), At: 7100, Facts: facts,
			Then: []*logv1.Event{
				{Body: &logv1.Event_MissionAccepted{MissionAccepted: &logv1.MissionAccepted{Mission: "M1", DeviceAtMs: 6500, Implied: true, ByRadio: true, RecordedBy: "dora"}}},
				{Body: &logv1.Event_MissionDeparted{MissionDeparted: &logv1.MissionDeparted{Mission: "M1", DeviceAtMs: 6500, Implied: true, ByRadio: true, RecordedBy: "dora"}}},
				{Body: &logv1.Event_MissionArrived{MissionArrived: &logv1.MissionArrived{Mission: "M1", DeviceAtMs: 6500, ByRadio: true, RecordedBy: "dora"}}},
			},
		},
		{
			Name:  "a receipt cannot be heard",
			Given: []estest.Fact[*logv1.Event]{region, onDuty, linked, opened, offer},
			When:  asked(7000, heard(seen("M1"), 6500)), At: 7100, Facts: facts,
			Refusal: controlroom.CodeInvalid,
		},
		{
			Name:  "a team comes on duty by radio",
			Given: []estest.Fact[*logv1.Event]{region},
			When:  asked(7000, heard(duty, 0)), At: 7000, Facts: facts,
			Then: []*logv1.Event{{Body: &logv1.Event_DutyStarted{DutyStarted: &logv1.DutyStarted{
				Team: "N1", Guards: []string{"g1"}, UntilMs: 90_000_000, ByRadio: true, RecordedBy: "dora",
			}}}},
		},
		{
			Name:  "backup makes it a P1 that wants one more, and says how it was asked for",
			Given: []estest.Fact[*logv1.Event]{region, onDuty, linked, opened, offer, accepted},
			When:  asked(7000, heard(backup("M1", 0), 6900)), At: 7100, Facts: facts,
			Then: []*logv1.Event{{Body: &logv1.Event_BackupRequested{BackupRequested: &logv1.BackupRequested{
				Incident: "I1", Mission: "M1", Team: "N1", Guards: 1, Priority: 1, GuardsWanted: 2, DeviceAtMs: 6900, ByRadio: true, RecordedBy: "dora",
			}}}},
		},
		{
			Name:  "a note keeps its text sealed, and who wrote it",
			Given: []estest.Fact[*logv1.Event]{region, opened},
			When:  asked(8000, note("I1", sealed)), At: 8000, Facts: facts,
			Then: []*logv1.Event{{Body: &logv1.Event_NoteAdded{NoteAdded: &logv1.NoteAdded{Incident: "I1", Text: sealed, By: "dora"}}}},
		},
		{
			Name:  "an acceptance carries the time of the device and implies the receipts",
			Given: []estest.Fact[*logv1.Event]{region, onDuty, linked, opened, offer},
			When:  asked(7000, answer), At: 7100, Facts: facts,
			Then: []*logv1.Event{
				{Body: &logv1.Event_MissionDelivered{MissionDelivered: &logv1.MissionDelivered{Mission: "M1", DeviceAtMs: 6900, Implied: true}}},
				{Body: &logv1.Event_MissionSeen{MissionSeen: &logv1.MissionSeen{Mission: "M1", DeviceAtMs: 6900, Implied: true}}},
				{Body: &logv1.Event_MissionAccepted{MissionAccepted: &logv1.MissionAccepted{Mission: "M1", DeviceAtMs: 6900}}},
			},
		},
		{
			Name:  "neglect says how long the incident has waited, and when the chief is told",
			Given: []estest.Fact[*logv1.Event]{region, opened},
			Due:   "neglect/I1", At: 95_000, Facts: facts,
			Then: []*logv1.Event{{Body: &logv1.Event_IncidentNeglected{IncidentNeglected: &logv1.IncidentNeglected{
				Incident: "I1", WaitedMs: 90_100, Step: 1, NextAtMs: 185_000,
			}}}},
		},
		{
			Name:  "an answer that did not come in time expires the offer",
			Given: []estest.Fact[*logv1.Event]{region, onDuty, linked, opened, offer},
			Due:   "answer/M1", At: 95_000, Facts: facts,
			Then: []*logv1.Event{{Body: &logv1.Event_MissionExpired{MissionExpired: &logv1.MissionExpired{Mission: "M1"}}}},
		},
		{
			Name:  "closing keeps the disposition, the note and who said so",
			Given: []estest.Fact[*logv1.Event]{region, opened},
			When:  asked(8000, closer), At: 8000, Facts: facts,
			Then: []*logv1.Event{{Body: &logv1.Event_IncidentClosed{IncidentClosed: &logv1.IncidentClosed{
				Incident: "I1", Disposition: "police", By: "dora", Note: sealed,
			}}}},
		},
		{
			Name:  "closing waits for whoever is on the way",
			Given: []estest.Fact[*logv1.Event]{region, onDuty, linked, opened, offer, accepted},
			When:  asked(8000, closer), At: 8000, Facts: facts,
			Refusal: controlroom.CodeMissionsActive,
		},
		{
			Name:  "a team with a mission is not sent to another",
			Given: []estest.Fact[*logv1.Event]{region, onDuty, linked, opened, offer},
			When:  asked(8000, assign("I1", "N1", "now")), At: 8000, Facts: facts,
			Refusal: controlroom.CodeTeamBusy,
		},
		{
			Name:  "a shift that ends on duty ends the duty",
			Given: []estest.Fact[*logv1.Event]{region, onDuty},
			Due:   "shift/N1", At: 90_000_000, Facts: facts,
			Then: []*logv1.Event{{Body: &logv1.Event_DutyEnded{DutyEnded: &logv1.DutyEnded{Team: "N1", Reason: "shift_ended"}}}},
		},
	}
}
