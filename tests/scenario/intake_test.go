package scenario_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

func TestAnSOSOpensTheGravestIncidentAndAnotherTeamIsSent(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	desk := night.Console("alpha", "dispatcher")
	inDanger, rescuer := night.Guard("north-1").OnDuty(), night.Guard("north-2").OnDuty()

	inDanger.do(&watchv1.Command{Type: "sos", Lat: 48.8501, Lon: 2.3501})
	sos := hear(desk.watcher, "the SOS", (*logv1.Event).GetSosRaised, func(e *logv1.SosRaised) bool { return e.GetTeam() == "north-1" })
	offer := rescuer.ExpectOffer()
	inDanger.do(&watchv1.Command{Type: "sos", Silent: true})
	inDanger.ExpectNoOffer()
	i := night.Incident(night.State("alpha"), sos.GetIncident())
	if i.Priority != 1 || i.Category != "lone_worker" || i.OpenedBy != "sos" || i.Site != "north" || offer.GetIncident() != i.ID {
		t.Errorf("the incident: %+v, the offer: %v", i, offer)
	}
	if n := len(night.State("alpha").Incidents); n != 1 {
		t.Errorf("the second SOS of the same guard made %d incidents of one", n)
	}
	if where := sos.GetPosition(); where.GetKey() == "" || !strings.Contains(where.GetClear(), "48.8501") {
		t.Errorf("the desk reads where: %v", where)
	}
	records, _ := night.Log("alpha")
	for _, r := range records {
		if bytes.Contains(r.Raw, []byte("48.8501")) {
			t.Errorf("record %d holds a position in clear", r.Offset)
		}
	}
	rescuer.Accept(offer)
	rescuer.Reports("on_scene", offer.GetMission())
	desk.Controls(i.ID)
	rescuer.Reports("clear", offer.GetMission())
}

func TestRepeatsOfAnAlarmJoinAndNoneIsHidden(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	desk, panel := night.Console("alpha", "dispatcher"), night.Panel("alpha")
	incident := desk.Incident(panel.Rings("BRAWL", "north", "ED"))
	for range 2 {
		if joined := desk.Incident(panel.Rings("BRAWL", "north", "ED")); joined != incident {
			t.Errorf("a repeat went to %s, want %s", joined, incident)
		}
	}
	if elsewhere := desk.Incident(panel.Rings("BRAWL", "north", "HALL")); elsewhere == incident {
		t.Error("an alarm of another zone joined")
	}
	if i := night.Incident(night.State("alpha"), incident); len(i.Alarms) != 1 || i.Alarms[0].Count != 3 {
		t.Errorf("the incident shows its alarms: %+v", i.Alarms)
	}
	shown := 0
	for _, r := range night.Timeline("alpha", incident) {
		for _, kind := range r.types() {
			if kind == "alarm_received" {
				shown++
			}
		}
	}
	if shown != 3 {
		t.Errorf("the timeline shows %d alarms, want each of the three", shown)
	}
	panel.Sends(uuid.NewString(), alarm{Code: "BRAWL", Site: "north", Zone: "ED", Restore: true})
	hear(desk.watcher, "its end", (*logv1.Event).GetAlarmRestored, func(e *logv1.AlarmRestored) bool { return e.GetIncident() == incident })
}

func TestTheSameKeyGetsTheSameAnswerAndAnotherBodyIsRefused(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	desk, panel := night.Console("alpha", "dispatcher"), night.Panel("alpha")
	said := alarm{Code: "DOOR", Site: "north", Zone: "HALL", Text: "Held open."}
	first := panel.Sends("once", said)
	incident := desk.Incident(first)
	if again := panel.Sends("once", said); again != first {
		t.Errorf("the same alarm again: %+v, want %+v", again, first)
	}
	raw := night.must(http.StatusConflict, http.MethodPost, "/v1/alarms", panel.key, alarm{Code: "FIRE", Site: "north", Zone: "HALL"}, "Idempotency-Key", "once")
	if p := decode[problem](night, raw); p.Code != "id_reused" {
		t.Errorf("another alarm under the same key: %s", raw)
	}
	var together sync.WaitGroup
	answers := make([]answer, 10)
	for k := range answers {
		together.Go(func() {
			answers[k], _ = night.call(http.MethodPost, "/v1/alarms", panel.key, alarm{Code: "TECH", Site: "south", Zone: "HALL"}, "Idempotency-Key", "ten")
		})
	}
	together.Wait()
	for _, a := range answers {
		if a.status != http.StatusAccepted || string(a.body) != string(answers[0].body) {
			t.Errorf("ten tries at once are not answered alike: %d %s and %s", a.status, a.body, answers[0].body)
		}
	}
	night.Stop()
	night.Start()
	if again := panel.Sends("once", said); again != first {
		t.Errorf("after a restart: %+v, want %+v", again, first)
	}
	if i := night.Incident(night.State("alpha"), incident); i.Alarms[0].Count != 1 {
		t.Errorf("it counts once: %+v", i.Alarms)
	}
}

func TestAnAlarmThatNobodyKnowsIsKeptAndSentTo(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	desk := night.Console("bravo", "dispatcher")
	guard := night.Guard("east-1").OnDuty()
	incident := desk.Incident(night.Panel("bravo").Rings("XYZZY-77", "east", "NOWHERE"))
	i := night.Incident(night.State("bravo"), incident)
	if i.Category != "unclassified" || i.Alarms[0].Code != "XYZZY-77" || i.Zone != "NOWHERE" {
		t.Errorf("the incident: %+v", i)
	}
	offer := guard.ExpectOffer()
	guard.Accept(offer)
	guard.Finish(offer.GetMission())
}

// problem is an error of RFC 9457 with a code.
type problem struct {
	Title, Code, Detail string
	Status              int
}

func TestWrongInputGetsAProblemWithACode(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	panel, stranger := night.Panel("alpha"), night.Panel("bravo")
	ok := alarm{Code: "DOOR", Site: "north", Zone: "HALL"}
	command := func(id string) string { return "/v1/rooms/alpha/commands/" + id }
	open := map[string]any{"type": "incident.open", "site": "north", "category": "access"}
	type call struct {
		method, path, token string
		body                any
		key                 string
		status              int
		code                string
	}
	for name, c := range map[string]call{
		"an alarm without a key":          {http.MethodPost, "/v1/alarms", panel.key, ok, "", 422, "invalid_request"},
		"an alarm of nobody":              {http.MethodPost, "/v1/alarms", "", ok, "k", 401, "unauthenticated"},
		"an alarm of a stranger":          {http.MethodPost, "/v1/alarms", "vgk_nobody", ok, "k", 401, "unauthenticated"},
		"an alarm for another room":       {http.MethodPost, "/v1/alarms", stranger.key, ok, "k", 403, "forbidden"},
		"an alarm from nowhere":           {http.MethodPost, "/v1/alarms", panel.key, alarm{Code: "DOOR", Site: "moon"}, "k", 422, "unknown_site"},
		"an alarm without a code":         {http.MethodPost, "/v1/alarms", panel.key, map[string]string{"site": "north", "zone": "HALL"}, "k", 422, "invalid_request"},
		"an alarm that is no JSON":        {http.MethodPost, "/v1/alarms", panel.key, []byte(`{"code":`), "k", 400, "invalid_request"},
		"an alarm that never ends":        {http.MethodPost, "/v1/alarms", panel.key, []byte(`{"code":"` + strings.Repeat("x", 2<<20) + `"}`), "k", 413, "too_large"},
		"a session with a wrong password": {http.MethodPost, "/v1/sessions", "", map[string]string{"account": "dispatcher", "password": "guess"}, "", 401, "unauthenticated"},
		"a session of nobody":             {http.MethodPost, "/v1/sessions", "", map[string]string{"account": "nobody", "password": "guess"}, "", 401, "unauthenticated"},
		"rooms without a token":           {http.MethodGet, "/v1/rooms", "", nil, "", 401, "unauthenticated"},
		"a command with a bad id":         {http.MethodPut, command("seven"), night.as("dispatcher"), open, "", 422, "invalid_request"},
		"a command of no type":            {http.MethodPut, command(uuid.NewString()), night.as("dispatcher"), map[string]any{"type": "moon.landing"}, "", 422, "invalid_request"},
		"a command that lacks something":  {http.MethodPut, command(uuid.NewString()), night.as("dispatcher"), map[string]any{"type": "incident.claim"}, "", 422, "invalid_request"},
		"a command in no room":            {http.MethodPut, "/v1/rooms/moon/commands/" + uuid.NewString(), night.as("dispatcher"), open, "", 404, "unknown_room"},
		"a state of no room":              {http.MethodGet, "/v1/rooms/moon/state", night.as("supervisor"), nil, "", 404, "unknown_room"},
		"a state beyond the end":          {http.MethodGet, "/v1/rooms/alpha/state?offset=99999", night.as("supervisor"), nil, "", 416, "beyond_end"},
		"a state of a strange offset":     {http.MethodGet, "/v1/rooms/alpha/state?offset=-1", night.as("supervisor"), nil, "", 422, "invalid_request"},
		"a timeline of no incident":       {http.MethodGet, "/v1/rooms/alpha/incidents/I99/timeline", night.as("supervisor"), nil, "", 404, "unknown_incident"},
		"a handheld of no team":           {http.MethodPost, "/v1/device-tokens", night.as("chief"), map[string]any{"team": "moon-1", "guard": "g"}, "", 422, "unknown_team"},
		"nothing that is there":           {http.MethodGet, "/v1/moon", night.as("supervisor"), nil, "", 404, "not_found"},
		"a method that is not there":      {http.MethodDelete, "/v1/alarms", panel.key, nil, "", 405, "method_not_allowed"},
	} {
		var header []string
		if c.key != "" {
			header = []string{"Idempotency-Key", c.key}
		}
		got, err := night.call(c.method, c.path, c.token, c.body, header...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var p problem
		if err := json.Unmarshal(got.body, &p); err != nil || got.status != c.status || p.Code != c.code || p.Status != c.status || p.Title == "" ||
			got.kind != "application/problem+json" {
			t.Errorf("%s: status %d, %s %s; want %d with code %s", name, got.status, got.kind, short(string(got.body)), c.status, c.code)
		}
	}
	// Refusals are outcomes: they have a code and a sentence, and stand in the log.
	codes := map[string]string{}
	for kind, c := range map[string]*watchv1.Command{
		"unknown site":     {Type: "incident.open", Site: "moon", Category: "access"},
		"unknown incident": {Type: "incident.claim", Incident: "I99"},
		"unknown mission":  {Type: "mission.cancel", Mission: "M99"},
	} {
		o := night.Put("alpha", "dispatcher", c)
		if codes[kind] = o.Code; o.Outcome != "refused" || o.Message == "" || o.Version == 0 {
			t.Errorf("%s: %+v", kind, o)
		}
	}
	want := map[string]string{"unknown site": "unknown_site", "unknown incident": "unknown_incident", "unknown mission": "unknown_mission"}
	if diff := cmp.Diff(want, codes); diff != "" {
		t.Errorf("codes of refusals (-want +got):\n%s", diff)
	}
}
