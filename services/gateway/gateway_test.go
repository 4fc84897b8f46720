package gateway_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/fx"
	"go.uber.org/goleak"

	"vigie/pkg/app"
	"vigie/pkg/authz"
	"vigie/pkg/directory"
	"vigie/pkg/follow"
	"vigie/pkg/follow/livetest"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	"vigie/pkg/region"
	"vigie/services/gateway" //nolint:depguard // its own test
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a running gateway before two rooms that are decided.
type world struct {
	*livetest.World
	t   *testing.T
	dir *directory.Directory
	url string
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{World: livetest.Start(t, "north", "south"), t: t, dir: livetest.Directory(t)}
	w.Decide("north", "south")
	cfg := gateway.Default()
	cfg.Name = "gate"
	w.url, _ = process(w.World, w.dir, gateway.Module(cfg))
	livetest.Await(t, "both rooms configured", func() bool {
		return strings.Count(w.call(http.MethodGet, "/v1/rooms", w.sign("watcher-"+uuid.NewString()[:8], authz.Auditor, authz.RegionScope), "").Body, `"site":`) == 4
	})
	return w
}

func (w *world) sign(account string, role authz.Role, scope authz.Scope) string {
	w.t.Helper()
	return livetest.Token(w.t, w.dir, account, authz.Grant{Role: role, Scope: scope})
}

func (w *world) call(method, path, token, body string) livetest.Answer {
	w.t.Helper()
	header := map[string]string{}
	if token != "" {
		header["Authorization"] = "Bearer " + token
	}
	if body != "" {
		header["Content-Type"] = "application/json"
	}
	return livetest.Call(w.t, method, w.url+path, header, body)
}

func (w *world) expect(what string, a livetest.Answer, status int, code string) livetest.Answer {
	w.t.Helper()
	if a.Status != status || a.Code != code {
		w.t.Errorf("%s: %d %s, want %d %s", what, a.Status, a.Body, status, code)
	}
	return a
}

type session struct {
	Token  string
	Grants []authz.Grant
}

func TestASessionFromSignInToSignOut(t *testing.T) {
	t.Parallel()
	w := start(t)
	password, err := w.dir.CreateAccount(t.Context(), "alice", authz.Grant{Role: authz.Chief, Scope: authz.RegionScope})
	if err != nil {
		t.Fatal(err)
	}
	in := func(password string) livetest.Answer {
		return w.call(http.MethodPost, "/v1/sessions", "", `{"account":"alice","password":"`+password+`"}`)
	}
	var s, renewed session
	w.expect("sign in", in(password), 201, "").Into(t, &s)
	if len(s.Grants) != 1 || s.Grants[0].Role != authz.Chief {
		t.Errorf("grants %v", s.Grants)
	}
	w.expect("renew", w.call(http.MethodPost, "/v1/sessions/renew", s.Token, ""), 200, "").Into(t, &renewed)
	w.expect("with it", w.call(http.MethodGet, "/v1/rooms", renewed.Token, ""), 200, "")
	w.expect("sign out", w.call(http.MethodDelete, "/v1/sessions", s.Token, ""), 204, "")
	w.expect("after it", w.call(http.MethodGet, "/v1/rooms", s.Token, ""), 401, "unauthenticated")
	w.expect("renew after it", w.call(http.MethodPost, "/v1/sessions/renew", s.Token, ""), 401, "unauthenticated")
	w.expect("nobody", w.call(http.MethodGet, "/v1/rooms", "", ""), 401, "unauthenticated")
	for range 5 {
		w.expect("a wrong password", in("wrong"), 401, "unauthenticated")
	}
	w.expect("too many", in(password), 429, "too_many_tries")
	w.expect("nobody's account", w.call(http.MethodPost, "/v1/sessions", "", `{"account":"mallory","password":"x"}`), 401, "unauthenticated")
}

func TestHandheldsAreSignedOnByWhoMay(t *testing.T) {
	t.Parallel()
	w := start(t)
	may := []authz.Role{authz.Chief, authz.Supervisor, authz.Admin}
	token := w.sign("anybody", authz.Auditor, authz.RegionScope)
	for _, role := range authz.AccountRoles() {
		if err := w.dir.SetGrants(t.Context(), "anybody", authz.Grant{Role: role, Scope: authz.RoomScope("north")}); err != nil {
			t.Fatal(err)
		}
		status, code := 403, "forbidden"
		if slices.Contains(may, role) {
			status, code = 201, ""
		}
		w.expect(string(role), w.call(http.MethodPost, "/v1/device-tokens", token, `{"team":"T-north-1","guard":"g1"}`), status, code)
		w.expect(string(role)+" elsewhere", w.call(http.MethodPost, "/v1/device-tokens", token, `{"room":"south","team":"T-south-1","guard":"g1"}`), 403, "forbidden")
	}
	chief := w.sign("boss", authz.Chief, authz.RegionScope)
	w.expect("a team of nobody", w.call(http.MethodPost, "/v1/device-tokens", chief, `{"team":"T9","guard":"g1"}`), 422, "unknown_team")
	w.expect("a guard that is no id", w.call(http.MethodPost, "/v1/device-tokens", chief, `{"team":"T-north-1","guard":"Jean Martin"}`), 422, "invalid_request")
	var device struct{ Token, Device string }
	w.expect("a handheld", w.call(http.MethodPost, "/v1/device-tokens", chief, `{"team":"T-north-1","guard":"g1","ttl_s":60}`), 201, "").Into(t, &device)
	w.expect("by a handheld", w.call(http.MethodPost, "/v1/device-tokens", device.Token, `{"team":"T-north-1","guard":"g1"}`), 403, "forbidden")

	var all, own struct{ Rooms []struct{ Room string } }
	w.call(http.MethodGet, "/v1/rooms", chief, "").Into(t, &all)
	w.call(http.MethodGet, "/v1/rooms", device.Token, "").Into(t, &own)
	if len(all.Rooms) != 2 || len(own.Rooms) != 1 || own.Rooms[0].Room != "north" {
		t.Errorf("an account sees %v, a handheld of north %v", all.Rooms, own.Rooms)
	}
}

func TestACommandOverHTTP(t *testing.T) {
	t.Parallel()
	w := start(t)
	chief := w.sign("boss", authz.Chief, authz.RegionScope)
	put := func(token, room, id, body string) livetest.Answer {
		return w.call(http.MethodPut, "/v1/rooms/"+room+"/commands/"+id, token, body)
	}
	var o struct {
		Outcome, Code, Room string
		Offset              int64
	}
	id := uuid.NewString()
	w.expect("open", put(chief, "north", id, `{"type":"incident.open","site":"north-1","category":"assistance"}`), 200, "").Into(t, &o)
	if o.Outcome != "done" || o.Room != "north" || o.Offset < 1 {
		t.Errorf("%+v", o)
	}
	w.expect("a refusal", put(chief, "north", uuid.NewString(), `{"type":"incident.claim","incident":"I99"}`), 200, "").Into(t, &o)
	if o.Outcome != "refused" || o.Code != "unknown_incident" {
		t.Errorf("%+v", o)
	}
	w.expect("no such room", put(chief, "nowhere", id, `{"type":"sos","team":"T"}`), 404, "unknown_room")
	w.expect("no such type", put(chief, "north", id, `{"type":"dance"}`), 422, "invalid_request")
	w.expect("an unknown field", put(chief, "north", id, `{"type":"incident.claim","incident":"I1","sudo":true}`), 422, "invalid_request")
	w.expect("an id that is none", put(chief, "north", "7", `{"type":"incident.claim","incident":"I1"}`), 422, "invalid_request")
	w.expect("who may not", put(w.sign("aud", authz.Auditor, authz.RegionScope), "north", uuid.NewString(), `{"type":"incident.claim","incident":"I1"}`), 403, "forbidden")
	w.expect("nobody", put("", "north", uuid.NewString(), `{"type":"incident.claim","incident":"I1"}`), 401, "unauthenticated")
}

func TestAnAdministratorRaisesTheLevelOfARoomsLog(t *testing.T) {
	t.Parallel()
	w := start(t)
	put := func(token, room, body string) livetest.Answer {
		return w.call(http.MethodPut, "/v1/rooms/"+room+"/level", token, body)
	}
	admin := w.sign("root", authz.Admin, authz.RegionScope)
	var o struct {
		Outcome, Code, Message, Room string
		Version                      int64
	}
	w.expect("the level that all read", put(admin, "north", `{"level":1}`), 200, "").Into(t, &o)
	if o.Outcome != "done" || o.Room != "north" || o.Version < 1 {
		t.Errorf("%+v", o)
	}
	w.expect("one that nobody reads yet", put(admin, "north", `{"level":2}`), 200, "").Into(t, &o)
	if o.Outcome != "refused" || o.Code != "level_unread" || o.Message == "" {
		t.Errorf("%+v", o)
	}
	asked := w.Requests("north")
	if last := asked[len(asked)-1]; last.Cause.Principal != "account/root" || last.Role != "admin" || last.Body.GetRaiseLevel().GetLevel() != 2 {
		t.Errorf("asked %+v", last)
	}
	w.expect("no such room", put(admin, "nowhere", `{"level":1}`), 404, "unknown_room")
	w.expect("no level", put(admin, "north", `{"level":0}`), 422, "invalid_request")
	w.expect("a chief", put(w.sign("boss", authz.Chief, authz.RegionScope), "north", `{"level":1}`), 403, "forbidden")
	w.expect("nobody", put("", "north", `{"level":1}`), 401, "unauthenticated")
}

func TestEveryOperationIsDescribedWithWhoMayCallIt(t *testing.T) {
	t.Parallel()
	w := start(t)
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string                `json:"operationId"`
			Security    []map[string][]string `json:"security"`
		}
	}
	w.call(http.MethodGet, "/openapi.json", "", "").Into(t, &doc)
	got := map[string]bool{} // operation to whether it asks for a token
	for _, methods := range doc.Paths {
		for _, op := range methods {
			got[op.OperationID] = len(op.Security) == 1
			if len(op.Security) == 1 {
				if _, bearer := op.Security[0]["bearer"]; !bearer {
					t.Errorf("%s asks for %v", op.OperationID, op.Security)
				}
			}
		}
	}
	for id, secured := range map[string]bool{
		"sign-in": false, "keep-device-token": false, "who-am-i": true, "renew-session": true, "issue-socket-token": true, "sign-out": true,
		"issue-device-token": true, "list-rooms": true, "put-command": true, "raise-level": true,
	} {
		if found, ok := got[id]; !ok || found != secured {
			t.Errorf("%s: described: %v, asks for a token: %v", id, ok, found)
		}
		delete(got, id)
	}
	if len(got) != 0 {
		t.Errorf("operations that this test has not considered: %v", got)
	}
}

func TestARegionIsConfiguredOnceAndAgainWhenItsFileChanges(t *testing.T) {
	t.Parallel()
	const file = "../../deployments/regions/aphp.yaml"
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "region.yaml")
	write := func(content string) {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(string(content))
	rooms := regionRooms(t, path)
	room := rooms[0]
	w := &world{World: livetest.Start(t, rooms...), t: t, dir: livetest.Directory(t)}
	w.Decide(rooms...)
	cfg := gateway.Default()
	cfg.Name, cfg.Region = "gate", path
	run := func() {
		_, stop := process(w.World, w.dir, gateway.Module(cfg))
		stop()
	}
	configured := func(want int) {
		t.Helper()
		n := 0
		for _, r := range w.Requests(room) {
			if r.Body.GetConfigureRegion() != nil && strings.HasPrefix(r.Cause.Principal, "gateway/gate/") {
				n++
			}
		}
		if n != want {
			t.Errorf("configured %d times, want %d", n, want)
		}
	}
	run()
	configured(1)
	run()
	configured(1)
	write(strings.Replace(string(content), "guards: 2", "guards: 3", 1))
	run()
	configured(2)

	write("rooms: [")
	if err := gatewayError(t, w, cfg); err == nil {
		t.Error("a broken region file starts a gateway")
	}
}

func TestTheLinksOfAnEarlierRunAreTakenBack(t *testing.T) {
	t.Parallel()
	w := start(t)
	chief := w.sign("boss", authz.Chief, authz.RegionScope)
	for _, gate := range []string{"gate/earlier", "other/running"} {
		w.Ask("north", "gateway/"+gate, "link-"+gate, &intakev1.Request{Body: &intakev1.Request_LinkBack{LinkBack: &intakev1.LinkBack{
			Device: "dev-" + gate, Team: "T-north-1", Gateway: gate, Session: "s",
		}}})
	}
	w.expect("told", w.call(http.MethodPut, "/v1/rooms/north/commands/"+uuid.NewString(), chief, `{"type":"incident.claim","incident":"I1"}`), 200, "")
	cfg := gateway.Default()
	cfg.Name = "gate"
	process(w.World, w.dir, gateway.Module(cfg))
	var lost []string
	for _, r := range w.Requests("north") {
		if g := r.Body.GetGatewayLost(); g != nil {
			lost = append(lost, g.GetGateway())
		}
	}
	if len(lost) != 1 || lost[0] != "gate/earlier" {
		t.Errorf("taken back: %v", lost)
	}
}

// process runs the service with what the world has.
func process(w *livetest.World, d *directory.Directory, module fx.Option) (url string, stop func()) {
	return w.Serve(func(ctx context.Context, up func(string)) error {
		cfg := app.Default()
		cfg.Listen, cfg.LogLevel = "127.0.0.1:0", "error"
		return app.Run(ctx, app.Module(cfg), fx.Supply(w.Log, d, w.Clock), fx.Provide(follow.NewRooms), module,
			fx.Invoke(func(lc fx.Lifecycle, a *app.Address) { lc.Append(fx.StartHook(func() { up(a.URL()) })) }))
	})
}

func regionRooms(t *testing.T, path string) []string {
	t.Helper()
	r, err := region.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return r.RoomIDs()
}

// gatewayError runs a gateway that is not to start.
func gatewayError(t *testing.T, w *world, cfg gateway.Config) error {
	t.Helper()
	common := app.Default()
	common.Listen, common.LogLevel = "127.0.0.1:0", "error"
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return app.Run(ctx, app.Module(common), fx.Supply(w.Log, w.dir, w.Clock), fx.Provide(follow.NewRooms), gateway.Module(cfg))
}
