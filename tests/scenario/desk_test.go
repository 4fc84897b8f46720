package scenario_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/timestamppb"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// proposing is the region with a plan for missing patients that asks a person.
func proposing(t *testing.T) option {
	t.Helper()
	content, err := os.ReadFile(regionFile("two-sites.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	const plan = "      categories: [patient_missing]\n      guards: 2\n      mode: "
	changed := strings.Replace(string(content), plan+"automatic", strings.Replace(plan, "2", "1", 1)+"proposed", 1)
	if changed == string(content) {
		t.Fatal("two-sites.yaml has no such plan any more")
	}
	path := filepath.Join(t.TempDir(), "proposing.yaml")
	if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(s *setting) { s.region = path }
}

// proposal waits for the latest one of an incident.
func (c *Console) proposal(incident string) *logv1.TeamsProposed {
	c.n.t.Helper()
	return hear(c.watcher, "a proposal for "+incident, (*logv1.Event).GetTeamsProposed, func(e *logv1.TeamsProposed) bool { return e.GetIncident() == incident })
}

func TestAProposalIsConfirmedOrOverruledOrGoesOutByItself(t *testing.T) {
	t.Parallel()
	night := Begin(t, atRate(10), proposing(t))
	desk := night.Console("alpha", "dispatcher")
	first, second := night.Guard("north-1").OnDuty(), night.Guard("north-2").OnDuty()

	// Confirmed: the second of those proposed, with one key and no reason.
	incident := desk.Opens("north", "HALL", "patient_missing", 3)
	p := desk.proposal(incident)
	if diff := cmp.Diff([]string{"north-1", "north-2"}, p.GetProposed()); diff != "" {
		t.Fatalf("proposed (-want +got):\n%s", diff)
	}
	if c := p.GetCandidates(); !c[0].GetNearest() || c[0].GetBehind() != "" || c[1].GetBehind() == "" || len(p.GetExclusions()) != 2 {
		t.Errorf("the reasons: %v", p)
	}
	first.ExpectNoOffer()
	second.ExpectNoOffer()
	desk.do(&watchv1.Command{Type: "mission.assign", Incident: incident, Team: "north-2"})
	offer := second.ExpectOffer()
	second.Accept(offer)
	second.Finish(offer.GetMission())
	desk.Closes(incident, "genuine")

	// Overruled: an excluded team needs a reason, which stays on record.
	incident = desk.Opens("north", "HALL", "patient_missing", 3)
	desk.proposal(incident)
	overrule := &watchv1.Command{Type: "mission.assign", Incident: incident, Team: "south-2"}
	if o := desk.ask(overrule); o.GetCode() != "reason_needed" {
		t.Errorf("without a reason: %v", o)
	}
	overrule.Id, overrule.Reason = "", "the dog is wanted"
	desk.do(overrule)
	chosen := hear(desk.watcher, "the choice", (*logv1.Event).GetTeamsChosen, func(e *logv1.TeamsChosen) bool { return e.GetIncident() == incident })
	if !chosen.GetOverruled() || chosen.GetReason() != "other" || chosen.GetReasonText().GetClear() != "the dog is wanted" || chosen.GetBy() == "automatic" {
		t.Errorf("the choice: %v", chosen)
	}
	desk.do(&watchv1.Command{Type: "incident.cancel", Incident: incident, Reason: "found"})

	// Nobody decides: a P1 waits 15 s and not longer.
	incident = desk.Opens("north", "HALL", "patient_missing", 1)
	waits := desk.proposal(incident).GetUntilMs()
	chosen = hear(desk.watcher, "the choice", (*logv1.Event).GetTeamsChosen, func(e *logv1.TeamsChosen) bool { return e.GetIncident() == incident })
	offer = first.ExpectOffer()
	if went := at(desk.watcher, "offered "+offer.GetMission()); chosen.GetBy() != "automatic" || went.UnixMilli() < waits {
		t.Errorf("chosen by %s at %v, proposed until %v", chosen.GetBy(), went, time.UnixMilli(waits))
	}
	first.Accept(offer)
	first.Finish(offer.GetMission())
	desk.Closes(incident, "genuine")
}

func TestWhoCouldGoIsAskedForAChoiceByHand(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	desk := night.Console("alpha", "dispatcher")
	guard := night.Guard("north-1").OnDuty()
	incident := desk.Incident(night.Panel("alpha").Rings("WEAPON", "north", "HALL")) // never offered by itself
	desk.do(&watchv1.Command{Type: "incident.propose", Incident: incident})
	if p := desk.proposal(incident); !slices.Equal(p.GetProposed(), []string{"north-1"}) || p.GetUntilMs() != 0 || len(p.GetExclusions()) != 3 {
		t.Errorf("%v", p)
	}
	guard.ExpectNoOffer()
	desk.do(&watchv1.Command{Type: "mission.assign", Incident: incident, Team: "north-1"})
	guard.ExpectOffer()
}

func TestAMissionHeardByRadioIsRecordedWithTheTimeHeardAndWhoRecordedIt(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	desk := night.Console("alpha", "dispatcher")
	guard := night.Guard("north-1").OnDuty()
	desk.Opens("north", "PSY", "access", 1)
	offer := guard.Rings()
	if p := offer.GetPremises(); p.GetSiteName() != "North Hospital" || p.GetZoneLabel() != "Psychiatry" || p.GetFloor() != "2" ||
		!slices.Equal(p.GetAccess(), []string{"Ring at the airlock"}) || len(p.GetHazards()) != 1 || len(p.GetEntrances()) != 2 ||
		offer.GetCallSign() != "NORTH 1" || offer.GetArrivalLateMs() <= offer.GetArrivalMs() {
		t.Errorf("what a guard has to know: %v", offer)
	}
	heardAt := night.Now().Add(-2 * time.Second)
	for _, leg := range []string{"accept", "on_scene"} {
		desk.do(&watchv1.Command{Type: "mission." + leg, Mission: offer.GetMission(), ByRadio: true, At: timestamppb.New(heardAt)})
	}
	accepted := hear(guard.watcher, "its own yes", (*logv1.Event).GetMissionAccepted, func(e *logv1.MissionAccepted) bool { return e.GetByRadio() })
	if accepted.GetRecordedBy() == "" || accepted.GetDeviceAtMs() < heardAt.Add(-time.Minute).UnixMilli() || accepted.GetDeviceAtMs() > night.Now().UnixMilli() {
		t.Errorf("%v", accepted)
	}
	if o := desk.ask(&watchv1.Command{Type: "mission.seen", Mission: offer.GetMission(), ByRadio: true}); o.GetCode() != "invalid_request" {
		t.Errorf("a receipt by radio: %v", o)
	}
	if m := night.Mission(night.State("alpha"), offer.GetMission()); m.State != "on_scene" || m.DeliveredAt != "" || m.SeenAt != "" {
		t.Errorf("no device has confirmed anything: %+v", m)
	}
	desk.do(&watchv1.Command{Type: "mission.clear", Mission: offer.GetMission(), ByRadio: true})
}

func TestBackupIsLookedForAtOnceAndANoteStaysReadable(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	desk := night.Console("alpha", "dispatcher")
	first, second := night.Guard("north-1").OnDuty(), night.Guard("north-2").OnDuty()
	incident := desk.Opens("north", "HALL", "access", 3)
	offer := first.ExpectOffer()
	first.Accept(offer)
	first.Reports("on_scene", offer.GetMission())
	desk.do(&watchv1.Command{Type: "incident.note", Incident: incident, Text: "la porte bleue"})
	noted := hear(desk.watcher, "the note", (*logv1.Event).GetNoteAdded, func(e *logv1.NoteAdded) bool { return e.GetIncident() == incident })
	if noted.GetText().GetClear() != "la porte bleue" {
		t.Errorf("%v", noted)
	}
	first.do(&watchv1.Command{Type: "mission.backup", Mission: offer.GetMission(), Text: "deux hommes"})
	help := second.ExpectOffer()
	if help.GetIncident() != incident || help.GetPriority() != 1 || !slices.Contains(help.GetWithTeams(), "north-1") {
		t.Errorf("%v", help)
	}
	if i := night.Incident(night.State("alpha"), incident); i.Priority != 1 || i.GuardsWanted != 2 || i.State != "on_scene" {
		t.Errorf("%+v", i)
	}
	second.Accept(help)
	// Whoever waits on scene sees who comes.
	hear(first.watcher, "that help comes", (*logv1.Event).GetMissionAccepted, func(e *logv1.MissionAccepted) bool { return e.GetMission() == help.GetMission() })
	second.Finish(help.GetMission())
	first.Reports("clear", offer.GetMission())
	desk.Closes(incident, "genuine")
	raw := string(night.must(http.StatusOK, http.MethodGet, "/v1/rooms/alpha/incidents/"+incident+"/timeline", night.as("supervisor"), nil))
	for _, text := range []string{"la porte bleue", "deux hommes"} {
		if !strings.Contains(raw, text) {
			t.Errorf("the timeline does not show %q", text)
		}
	}
}

func TestAGuardInDangerIsToldThatTheRoomKnowsAndWhoComes(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	desk := night.Console("alpha", "dispatcher")
	danger, help := night.Guard("north-1").OnDuty(), night.Guard("north-2").OnDuty()
	danger.do(&watchv1.Command{Type: "sos"})
	incident := hear(danger.watcher, "that the room has it", (*logv1.Event).GetSosRaised, func(*logv1.SosRaised) bool { return true }).GetIncident()
	desk.Claims(incident)
	claimed := hear(danger.watcher, "that somebody leads", (*logv1.Event).GetIncidentClaimed, func(e *logv1.IncidentClaimed) bool { return e.GetIncident() == incident })
	if claimed.GetBy() != "" {
		t.Errorf("who leads is the room's: %v", claimed)
	}
	offer := help.ExpectOffer()
	sent := hear(danger.watcher, "who is sent", (*logv1.Event).GetMissionOffered, func(e *logv1.MissionOffered) bool { return e.GetMission() == offer.GetMission() })
	if sent.GetTeam() != "north-2" || sent.GetCallSign() != "NORTH 2" || sent.GetArrivalMs() == 0 || sent.GetBy() != "" {
		t.Errorf("%v", sent)
	}
	help.Accept(offer)
	help.Reports("en_route", offer.GetMission())
	hear(danger.watcher, "that they are on the way", (*logv1.Event).GetMissionDeparted, func(e *logv1.MissionDeparted) bool { return e.GetMission() == offer.GetMission() })
	danger.ExpectNoOffer()

	// A handheld that starts anew hears the same.
	danger.GoOffline()
	danger.cursor = nil
	danger.ComeBack()
	sos := danger.begun[len(danger.begun)-1].GetSnapshot().GetState().GetFields()["sos"].GetStructValue().AsMap()
	teams, _ := sos["teams"].([]any)
	if sos["incident"] != incident || sos["claimed"] != true || len(teams) != 1 || teams[0].(map[string]any)["call_sign"] != "NORTH 2" {
		t.Errorf("%v", sos)
	}
	help.Reports("on_scene", offer.GetMission())
	desk.Controls(incident)
	hear(danger.watcher, "that it is under control", (*logv1.Event).GetIncidentControlled, func(e *logv1.IncidentControlled) bool { return e.GetIncident() == incident })
	help.Reports("clear", offer.GetMission())
	desk.Closes(incident, "genuine")
}
