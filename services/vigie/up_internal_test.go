package vigie

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/fx"
	"go.uber.org/goleak"

	"vigie/pkg/app"
	"vigie/pkg/directory"
	"vigie/pkg/follow/livetest"
	"vigie/pkg/region"
	"vigie/services/vigie/internal/ready"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// errorLog keeps what is logged at error level.
type errorLog struct {
	slog.Handler
	mu  *sync.Mutex
	out *bytes.Buffer
}

func newErrorLog() (*slog.Logger, func() string) {
	var mu sync.Mutex
	var out bytes.Buffer
	h := errorLog{slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelError}), &mu, &out}
	return slog.New(h), func() string {
		mu.Lock()
		defer mu.Unlock()
		return out.String()
	}
}

func (h errorLog) Handle(ctx context.Context, r slog.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.Handler.Handle(ctx, r)
}

func (h errorLog) WithAttrs(a []slog.Attr) slog.Handler {
	return errorLog{h.Handler.WithAttrs(a), h.mu, h.out}
}

func (h errorLog) WithGroup(name string) slog.Handler {
	return errorLog{h.Handler.WithGroup(name), h.mu, h.out}
}

func configuration(t *testing.T) (upConfig, []string) {
	t.Helper()
	cfg := defaultUp()
	cfg.App.Listen, cfg.Data, cfg.Region = "127.0.0.1:0", t.TempDir(), "../../deployments/regions/aphp.yaml"
	r, err := region.Load(cfg.Region)
	if err != nil {
		t.Fatal(err)
	}
	return cfg, r.RoomIDs()
}

func TestTheGraphIsComplete(t *testing.T) {
	t.Parallel()
	cfg, rooms := configuration(t)
	if err := errors.Join(cfg.Validate(), app.Validate(all(cfg, rooms, ready.Printer{Data: cfg.Data}))); err != nil {
		t.Fatal(err)
	}
}

// ran is the whole program until stop.
func ran(t *testing.T, cfg upConfig, rooms []string) (url string, stop func()) {
	t.Helper()
	logger, complaints := newErrorLog()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	var out bytes.Buffer
	go func() {
		done <- app.Run(ctx, all(cfg, rooms, ready.Printer{Data: cfg.Data, JSON: true, Rate: 1, Out: &out}), fx.Replace(logger)) //nolint:contextcheck // constructors have no context
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if said := complaints(); said != "" {
			t.Errorf("errors were logged:\n%s", said)
		}
		if _, err := ready.ReadRun(cfg.Data); err == nil {
			t.Error("the run file outlives the program")
		}
	})
	t.Cleanup(stop)
	livetest.Await(t, "the program says that it is ready", func() bool {
		run, err := ready.ReadRun(cfg.Data)
		url = run.URL
		return err == nil
	})
	return url, stop
}

func TestEverythingStartsAnswersAndStopsInGoodOrderTwice(t *testing.T) {
	t.Parallel()
	cfg, rooms := configuration(t)
	url, stop := ran(t, cfg, rooms)

	var first directory.FirstAccounts
	raw, err := os.ReadFile(filepath.Join(cfg.Data, "first-accounts.json"))
	if err == nil {
		err = json.Unmarshal(raw, &first)
	}
	if err != nil || len(first.Sources) != len(rooms) {
		t.Fatalf("first accounts: %v, %d sources", err, len(first.Sources))
	}
	password := map[string]string{}
	for _, a := range first.Accounts {
		password[a.Account] = a.Password
	}
	var session struct{ Token string }
	signInAs := func(account string) {
		livetest.Call(t, http.MethodPost, url+"/v1/sessions", map[string]string{"Content-Type": "application/json"},
			fmt.Sprintf(`{"account":%q,"password":%q}`, account, password[account])).Into(t, &session)
	}
	signIn := func() { signInAs("chief") }
	var list struct {
		Rooms []struct {
			Room  string
			Sites []struct{ Site string }
		}
	}
	signIn()
	livetest.Call(t, http.MethodGet, url+"/v1/rooms", map[string]string{"Authorization": "Bearer " + session.Token}, "").Into(t, &list)
	if len(list.Rooms) != len(rooms) || len(list.Rooms[0].Sites) == 0 {
		t.Fatalf("rooms %+v", list)
	}
	send := func() livetest.Answer {
		return livetest.Call(t, http.MethodPost, url+"/v1/alarms", map[string]string{
			"Content-Type": "application/json", "Authorization": "Bearer " + first.Sources[0].Key, "Idempotency-Key": "k1",
		}, fmt.Sprintf(`{"code":"PB","site":%q,"zone":""}`, list.Rooms[0].Sites[0].Site))
	}
	var a livetest.Answer
	livetest.Await(t, "the alarm is in intake", func() bool { // on a busy disk the journal may come first
		a = send()
		if a.Status != http.StatusAccepted {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		return !strings.Contains(a.Body, "provisional")
	})
	incidents := func() int {
		var state struct{ Incidents []struct{} }
		livetest.Call(t, http.MethodGet, url+"/v1/rooms/"+list.Rooms[0].Room+"/state",
			map[string]string{"Authorization": "Bearer " + session.Token}, "").Into(t, &state)
		return len(state.Incidents)
	}
	livetest.Await(t, "the alarm has opened an incident", func() bool { return incidents() == 1 })
	signInAs("admin")
	for level, want := range map[string]string{"1": "raised to level 1", "99": "not read by every process"} {
		root, out := Command(), &bytes.Buffer{}
		root.SetArgs([]string{"log", "raise-level", "--room", rooms[0], "--level", level, "--url", url, "--token", session.Token})
		root.SetOut(out)
		if err := root.ExecuteContext(t.Context()); !strings.Contains(fmt.Sprint(out, err), want) {
			t.Errorf("raising to level %s: %s, %v", level, out, err)
		}
	}
	stop()

	url, stop = ran(t, cfg, rooms)
	if again := send(); again.Body != a.Body {
		t.Errorf("after a restart %d %s, was %s", again.Status, again.Body, a.Body)
	}
	signIn()
	livetest.Await(t, "the incident is still there", func() bool { return incidents() == 1 })
	stop()
}

func TestTheCommandLineRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "region.yaml")
	if err := os.WriteFile(broken, []byte("rooms: ["), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args   []string
		status int
	}{
		"an unknown command":    {[]string{"upp"}, app.Usage},
		"an unknown part":       {[]string{"account", "lst"}, app.Usage},
		"a missing argument":    {[]string{"account", "reset"}, app.Usage},
		"a missing flag":        {[]string{"source", "add", "x"}, app.Usage},
		"an unknown flag":       {[]string{"up", "--dta", "x"}, app.Usage},
		"a rate of nothing":     {[]string{"up", "--clock-rate", "0", "--print-config"}, app.Usage},
		"a broken region":       {[]string{"up", "--data", t.TempDir(), "--region", broken}, app.BadRegion},
		"a region that is none": {[]string{"region", "check", broken}, app.BadRegion},
		"a certificate of none": {[]string{"certs", "issue", "--dir", t.TempDir(), "--name", "../x"}, app.Failure},
		"a certificate nowhere": {[]string{"certs", "issue", "--name", "alarms"}, app.Usage},
		"a certificate":         {[]string{"certs", "issue", "--dir", t.TempDir(), "--name", "alarms", "--host", "127.0.0.1", "--json"}, app.OK},
		"a level of no room":    {[]string{"log", "raise-level", "--level", "2", "--url", "http://127.0.0.1:1", "--token", "x"}, app.Usage},
		"a level of nobody":     {[]string{"log", "raise-level", "--room", "x", "--level", "2", "--url", "http://127.0.0.1:1", "--token", "x"}, app.Failure},
		"the version":           {[]string{"version"}, app.OK},
		"the configuration":     {[]string{"up", "--print-config"}, app.OK},
	} {
		root := Command()
		root.SetArgs(c.args)
		root.SetOut(&bytes.Buffer{})
		root.SetErr(&bytes.Buffer{})
		err := root.ExecuteContext(t.Context())
		status := app.OK
		if err != nil {
			status = app.Report(&bytes.Buffer{}, "vigie", err)
		}
		if status != c.status {
			t.Errorf("%s: status %d, want %d: %v", name, status, c.status, err)
		}
	}
}
