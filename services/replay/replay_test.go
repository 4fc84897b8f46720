package replay_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"vigie/pkg/authz"
	"vigie/pkg/directory"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow/followtest"
	"vigie/pkg/follow/past"
	"vigie/pkg/follow/verify"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	"vigie/pkg/wire/line"
	"vigie/services/replay" //nolint:depguard // its own test
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheStateIsThatOfTheFold(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.caughtUp()
	for name, query := range map[string]string{
		"live":              "",
		"at the last":       fmt.Sprintf("?offset=%d", n.Next()-1),
		"at the last again": fmt.Sprintf("?offset=%d", n.Next()-1),
		"after the last":    "?at=2099-01-01T00:00:00Z",
	} {
		a := n.get(n.chief, "/v1/rooms/main/state"+query)
		if diff := cmp.Diff(bytesOf(t, n.View()), a.body); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if got := a.header.Get("Content-Type"); got != "application/json" {
			t.Errorf("%s: content type %q", name, got)
		}
	}
}

func TestTheStateIsThatOfEachMomentInAnyOrder(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.caughtUp()
	for _, offset := range []int64{5, 2, 9, 0, n.Next() - 1, 3} {
		fold := controlroom.NewFold(followtest.Name)
		want, err := past.Show(t.Context(), n.Log, n.RoomEntry, fold, past.AtOffset(offset), func() error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(bytesOf(t, want), n.get(n.chief, fmt.Sprintf("/v1/rooms/main/state?offset=%d", offset)).body); diff != "" {
			t.Errorf("offset %d (-want +got):\n%s", offset, diff)
		}
		at := controlroom.Instant(fold.At)
		var got controlroom.View
		if err := json.Unmarshal([]byte(n.get(n.chief, "/v1/rooms/main/state?at="+at).body), &got); err != nil {
			t.Fatal(err)
		}
		if got.At != at || got.Version < want.Version {
			t.Errorf("at %s: version %d of %s, want at least %d", at, got.Version, got.At, want.Version)
		}
	}
}

func TestMinOffsetWaitsForTheRecord(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.caughtUp()
	next := n.Next()
	answers := make(chan answer, 1)
	go func() { answers <- n.get(n.chief, fmt.Sprintf("/v1/rooms/main/state?min_offset=%d", next)) }()
	n.More(1)
	var got controlroom.View
	a := <-answers
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || got.Offset < next {
		t.Errorf("%+v, want an offset of at least %d", a, next)
	}
	a = n.get(n.chief, fmt.Sprintf("/v1/rooms/main/state?min_offset=%d", n.Next()+7))
	if a.status != http.StatusPreconditionFailed || a.code != "not_yet" || !strings.Contains(a.detail, fmt.Sprintf("the last one is %d", n.Next()-1)) {
		t.Errorf("%+v", a)
	}
}

// TestWhatWasDecidedBeforeARequestIsInItsAnswer: a client that was told of a decision elsewhere, by a gateway or by another
// process of replay, goes on from there at once. The log is followed in no hurry.
func TestWhatWasDecidedBeforeARequestIsInItsAnswer(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.caughtUp()
	for k := range 3 {
		n.More(1)
		if diff := cmp.Diff(bytesOf(t, n.View()), n.get(n.chief, "/v1/rooms/main/state").body); diff != "" {
			t.Errorf("the state (-want +got):\n%s", diff)
		}
		n.More(1)
		if a := n.get(n.chief, fmt.Sprintf("/v1/rooms/main/log?from=%d", n.Next())); a.status != http.StatusOK {
			t.Errorf("whoever has read all so far is told %+v", a)
		}
		n.Ask("bob", fmt.Sprint("refused-", k), &intakev1.Request{Body: &intakev1.Request_CloseIncident{
			CloseIncident: &intakev1.CloseIncident{Incident: followtest.Incident},
		}})
		if s, _ := n.timeline(); s.Records[len(s.Records)-1].Offset != n.Next()-1 {
			t.Errorf("the timeline ends with %+v, want record %d", s.Records[len(s.Records)-1], n.Next()-1)
		}
	}
}

func TestWrongQuestionsAreAnsweredWithWhatToDo(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.caughtUp()
	for path, want := range map[string]struct {
		status int
		code   string
	}{
		"/v1/rooms/main/state?offset=1&at=2026-01-01T00:00:00Z": {422, "invalid_request"},
		"/v1/rooms/main/state?offset=1&min_offset=1":            {422, "invalid_request"},
		"/v1/rooms/main/state?offset=-1":                        {422, "invalid_request"},
		"/v1/rooms/main/state?offset=x":                         {422, "invalid_request"},
		"/v1/rooms/main/state?at=yesterday":                     {422, "invalid_request"},
		"/v1/rooms/main/state?offset=100000":                    {416, "beyond_end"},
		"/v1/rooms/main/log?from=100000":                        {416, "beyond_end"},
		"/v1/rooms/main/log?limit=1001":                         {422, "invalid_request"},
		"/v1/rooms/main/log?from=-1":                            {422, "invalid_request"},
		"/v1/rooms/main/incidents/I99/timeline":                 {404, "unknown_incident"},
	} {
		if a := n.get(n.chief, path); a.status != want.status || a.code != want.code {
			t.Errorf("%s: %d %s, want %d %s", path, a.status, a.code, want.status, want.code)
		}
	}
	if a := n.get(n.auditor(), "/v1/rooms/nowhere/state"); a.status != http.StatusNotFound || a.code != "unknown_room" {
		t.Errorf("%+v", a)
	}
}

func TestOnlyWhoMayLooksBack(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.caughtUp()
	site := n.token(authz.Grant{Role: authz.Supervisor, Scope: authz.SiteScope(followtest.Site)})
	elsewhere := n.token(authz.Grant{Role: authz.Chief, Scope: authz.SiteScope("bichat")})
	admin := n.token(authz.Grant{Role: authz.Admin, Scope: authz.RegionScope})
	device, err := n.dir.NewDeviceToken(t.Context(), followtest.Name, "T1", "g1", 0)
	if err != nil {
		t.Fatal(err)
	}
	const state, log, raw = "/v1/rooms/main/state", "/v1/rooms/main/log", "/v1/rooms/main/log?raw=true"
	const timeline, none = "/v1/rooms/main/incidents/I1/timeline", "/v1/rooms/main/incidents/I99/timeline"
	for name, tt := range map[string]struct {
		token string
		want  map[string]int
	}{
		"nobody":             {"", map[string]int{state: 401, log: 401, raw: 401, timeline: 401}},
		"a wrong token":      {"vgs_wrong", map[string]int{state: 401, timeline: 401}},
		"a handheld":         {device.Token, map[string]int{state: 403, log: 403, timeline: 403}},
		"a chief":            {n.chief, map[string]int{state: 200, log: 200, raw: 403, timeline: 200}},
		"an auditor":         {n.auditor(), map[string]int{state: 200, log: 200, raw: 200, timeline: 200}},
		"an admin":           {admin, map[string]int{state: 403, log: 403, raw: 200, timeline: 403}},
		"the site's own":     {site, map[string]int{state: 403, log: 403, timeline: 200, none: 403}},
		"another site's own": {elsewhere, map[string]int{state: 403, timeline: 403, none: 403, "/v1/rooms/nowhere/state": 403}},
	} {
		for path, status := range tt.want {
			a := n.get(tt.token, path)
			code := map[int]string{401: "unauthenticated", 403: "forbidden"}[status]
			if a.status != status || a.code != code {
				t.Errorf("%s, %s: %d %s, want %d", name, path, a.status, a.code, status)
			}
		}
	}
}

type story struct {
	Records []struct {
		Offset     int64             `json:"offset"`
		Version    uint64            `json:"version"`
		Effective  bool              `json:"effective"`
		VoidReason string            `json:"void_reason"`
		Actor      string            `json:"actor"`
		Role       string            `json:"role"`
		DeviceAt   string            `json:"device_at"`
		ReceivedAt string            `json:"received_at"`
		Refusal    *line.Refusal     `json:"refusal"`
		RepeatOf   uint64            `json:"repeat_of"`
		Events     []json.RawMessage `json:"events"`
	} `json:"records"`
}

func (n *node) timeline() (s story, types []string) {
	n.t.Helper()
	a := n.get(n.chief, "/v1/rooms/main/incidents/"+followtest.Incident+"/timeline")
	if err := json.Unmarshal([]byte(a.body), &s); err != nil || a.status != http.StatusOK {
		n.t.Fatalf("%+v: %v", a, err)
	}
	for _, r := range s.Records {
		for _, e := range r.Events {
			var kind struct{ Type string }
			if err := json.Unmarshal(e, &kind); err != nil {
				n.t.Fatal(err)
			}
			types = append(types, kind.Type)
		}
		if !r.Effective {
			types = append(types, "void")
		}
		if r.Refusal != nil {
			types = append(types, "refused")
		}
		if r.RepeatOf != 0 {
			types = append(types, "repeat")
		}
	}
	return s, types
}

func TestATimelineHoldsAllThatConcernsTheIncident(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.caughtUp()
	s, types := n.timeline()
	want := []string{
		"incident_opened", "alarm_received", "teams_chosen", "mission_offered",
		"mission_delivered", "mission_seen", "mission_accepted", "mission_delivered", "mission_seen", "mission_accepted", "void",
		"incident_claimed", "refused", "repeat",
	}
	if diff := cmp.Diff(want, types); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, r := range s.Records {
		switch {
		case r.Offset == n.void && (r.Effective || r.VoidReason != "stale_version"):
			t.Errorf("the void record is shown as %+v", r)
		case r.Offset != n.void && !r.Effective:
			t.Errorf("void without being so: %+v", r)
		case r.Refusal != nil && (r.Refusal.Incident != followtest.Incident || r.Actor != "bob" || r.Role != "dispatcher" || r.ReceivedAt == ""):
			t.Errorf("refusal %+v", r)
		}
	}
	if s.Records[0].DeviceAt != controlroom.Instant(followtest.Begin) {
		t.Errorf("the panel's time is %q", s.Records[0].DeviceAt)
	}
}

func TestATimelineOpensTextsWhileTheirKeyExists(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.caughtUp()
	text := func() string {
		s, _ := n.timeline()
		for _, e := range s.Records[0].Events {
			var alarm struct {
				Type string          `json:"type"`
				Text json.RawMessage `json:"text"`
			}
			if err := json.Unmarshal(e, &alarm); err != nil {
				t.Fatal(err)
			}
			if alarm.Type == "alarm_received" {
				return string(alarm.Text)
			}
		}
		return "none"
	}
	if got := text(); !strings.Contains(got, `"clear":"`+secret+`"`) || strings.Contains(got, "sealed") {
		t.Errorf("text %s, want %q in clear", got, secret)
	}
	if err := n.dir.DestroyMonth(t.Context(), directory.RequestKeys, received.UTC().Format("2006-01")); err != nil {
		t.Fatal(err)
	}
	if got := text(); !strings.Contains(got, `"destroyed":true`) || strings.Contains(got, "clear") {
		t.Errorf("text %s, want it destroyed", got)
	}
}

func (n *node) page(token, query string) line.Page {
	n.t.Helper()
	a := n.get(token, "/v1/rooms/main/log"+query)
	var p line.Page
	if err := json.Unmarshal([]byte(a.body), &p); err != nil || a.status != http.StatusOK {
		n.t.Fatalf("%+v: %v", a, err)
	}
	return p
}

func TestTheLogIsReadInPages(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.caughtUp()
	var all []line.Record
	for from := int64(0); from < n.Next(); {
		p := n.page(n.chief, fmt.Sprintf("?limit=3&from=%d", from))
		if p.End != n.Next() || len(p.Records) == 0 || p.Next != from+int64(len(p.Records)) || p.IntakeEnd != nil {
			t.Fatalf("page %+v", p)
		}
		all, from = append(all, p.Records...), p.Next
	}
	if diff := cmp.Diff(n.page(n.chief, "").Records, all); diff != "" {
		t.Errorf("(-one page +many):\n%s", diff)
	}
	for offset, r := range all {
		if r.Offset != int64(offset) || r.Effective == (r.Offset == n.void) || r.Raw != nil {
			t.Errorf("record %d: %+v", offset, r)
		}
	}
	if p := n.page(n.chief, fmt.Sprintf("?from=%d", n.Next())); len(p.Records) != 0 || p.Next != n.Next() {
		t.Errorf("at the end: %+v", p)
	}
}

func TestRawRecordsVerify(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.caughtUp()
	w := verify.NewWalk(n.RoomEntry)
	p := n.page(n.auditor(), "?raw=true")
	for _, r := range p.Records {
		w.Read(eventlog.Record{Offset: r.Offset, Value: r.Raw})
	}
	got := w.Finish(*p.IntakeEnd)
	if !got.OK || got.Records != n.Next() || got.Void != 1 || got.IntakeNext != got.IntakeEnd {
		t.Errorf("%+v", got)
	}
}

func TestAHaltedRoomSaysWhyAndStillShowsItsPast(t *testing.T) {
	t.Parallel()
	n := start(t)
	n.caughtUp()
	bad := n.Damage(n.Flipped())
	a := n.get(n.chief, fmt.Sprintf("/v1/rooms/main/state?min_offset=%d", bad))
	if a.status != http.StatusServiceUnavailable || a.code != "halted" || !strings.Contains(a.detail, "hash of the record") {
		t.Errorf("%+v", a)
	}
	for path, want := range map[string]int{
		"/v1/rooms/main/state":                               503,
		fmt.Sprintf("/v1/rooms/main/state?offset=%d", bad):   503,
		fmt.Sprintf("/v1/rooms/main/state?offset=%d", bad-1): 200,
		"/v1/rooms/main/incidents/I1/timeline":               200,
		fmt.Sprintf("/v1/rooms/main/log?from=%d", bad+1):     503,
	} {
		if a := n.get(n.chief, path); a.status != want {
			t.Errorf("%s: %+v, want %d", path, a, want)
		}
	}
	p := n.page(n.chief, "?from=1")
	if last := p.Records[len(p.Records)-1]; last.Offset != bad || last.Effective || !strings.Contains(last.Halts, "hash of the record") {
		t.Errorf("the last record is %+v", last)
	}
	if a := n.get("", "/readyz"); a.status != http.StatusServiceUnavailable || !strings.Contains(a.body, "halted") {
		t.Errorf("ready: %+v", a)
	}
}

func TestTheDescriptionNamesTheOperations(t *testing.T) {
	t.Parallel()
	n := start(t)
	spec := n.get("", "/openapi.json").body
	for _, name := range []string{"room-state", "incident-timeline", "room-log", "state_hash", "void_reason"} {
		if !strings.Contains(spec, `"`+name+`"`) {
			t.Errorf("%s is not described", name)
		}
	}
	if strings.Contains(spec, "octet-stream") {
		t.Error("the state is described as bytes")
	}
	for _, metric := range []string{"vigie_replay_next_offset", "vigie_replay_void_records_total", "vigie_replay_halted"} {
		if !strings.Contains(n.get("", "/metrics").body, metric+`{room="main"}`) {
			t.Errorf("no metric %s", metric)
		}
	}
}

func TestAConfigurationWithoutPlacesIsRefused(t *testing.T) {
	t.Parallel()
	if err := replay.Default().Validate(); err != nil {
		t.Error(err)
	}
	if err := (replay.Config{}).Validate(); err == nil {
		t.Error("nobody could look back")
	}
}
