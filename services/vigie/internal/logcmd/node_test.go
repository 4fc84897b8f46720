package logcmd_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/spf13/cobra"
	"go.uber.org/fx"

	"vigie/pkg/app"
	"vigie/pkg/authz"
	"vigie/pkg/clock"
	"vigie/pkg/directory"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/embedded"
	"vigie/pkg/eventlog/witness"
	"vigie/pkg/follow/followtest"
	"vigie/pkg/projection"
	"vigie/pkg/projection/projectiontest"
	"vigie/services/replay"
	"vigie/services/vigie/internal/logcmd"
)

// run runs a command line and gives what it prints and its exit status.
func run(ctx context.Context, out io.Writer, args ...string) (status int, err error) {
	return typed(ctx, strings.NewReader(""), out, io.Discard, args...)
}

// typed is run with what somebody types and is told.
func typed(ctx context.Context, in io.Reader, out, told io.Writer, args ...string) (status int, err error) {
	root := &cobra.Command{Use: "vigie", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(logcmd.New()...) //nolint:contextcheck // ExecuteContext hands it on
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(told)
	root.SetIn(in)
	err = root.ExecuteContext(ctx)
	return app.Status(err), err
}

func vigie(t *testing.T, args ...string) (out string, status int, err error) {
	t.Helper()
	ctx, done := context.WithTimeout(t.Context(), time.Minute)
	defer done()
	var b bytes.Buffer
	status, err = run(ctx, &b, args...)
	return b.String(), status, err
}

func ok(t *testing.T, args ...string) string {
	t.Helper()
	out, status, err := vigie(t, args...)
	if err != nil || status != app.OK {
		t.Fatalf("vigie %s: status %d: %v", strings.Join(args, " "), status, err)
	}
	return out
}

func brokers(room *followtest.Room) []string {
	return []string{"--brokers", strings.Join(room.Brokers, ",")}
}

// serve runs replay over a room and gives the flags that reach it with a role's token.
func serve(t *testing.T, room *followtest.Room, role authz.Role) (url string, flags []string) {
	t.Helper()
	dir, err := directory.Open(t.Context(), directory.Config{Path: filepath.Join(t.TempDir(), "directory.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dir.Close() })
	if _, err := dir.CreateAccount(t.Context(), "somebody", authz.Grant{Role: role, Scope: authz.RegionScope}); err != nil {
		t.Fatal(err)
	}
	session, err := dir.NewSession(t.Context(), "somebody")
	if err != nil {
		t.Fatal(err)
	}
	cfg := app.Default()
	cfg.Listen, cfg.LogLevel = "127.0.0.1:0", "error"
	ctx, cancel := context.WithCancel(t.Context())
	up, done := make(chan string, 1), make(chan error, 1)
	go func() {
		done <- app.Run(ctx, app.Module(cfg), fx.Supply(room.Log, dir, clock.Real(), projectiontest.Open(t, projection.Default())), replay.Module(replay.Default()),
			fx.Provide(app.AsRoutes(func() app.Routes { return app.Routes{Name: "rooms", Add: addRooms(room)} })),
			fx.Invoke(func(lc fx.Lifecycle, a *app.Address) { lc.Append(fx.StartHook(func() { up <- a.URL() })) }))
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	select {
	case url = <-up:
	case err := <-done:
		done <- nil
		t.Fatal(err)
	}
	flags = []string{"--url", url, "--token", session.Token}
	caughtUp(t, url, session.Token, room.Next()-1)
	return url, flags
}

// addRooms is the gateway's list of rooms.
func addRooms(room *followtest.Room) func(huma.API, chi.Router) {
	return func(_ huma.API, r chi.Router) {
		r.Get("/v1/rooms", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, `{"rooms":[{"room":%q,"partition":%d,"log_id":%q,"timezone":"Europe/Paris"}]}`,
				followtest.Name, room.Partition, room.LogID)
		})
	}
}

func fetch(t *testing.T, url, token string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// caughtUp waits until a node has read a record, as min_offset does for those who may read the state, or has halted at a
// damaged one.
func caughtUp(t *testing.T, url, token string, offset int64) {
	t.Helper()
	status, body := fetch(t, fmt.Sprintf("%s/v1/rooms/main/state?min_offset=%d", url, offset), token)
	if status != http.StatusOK && !strings.Contains(body, `"code":"halted"`) {
		t.Fatalf("%d %s", status, body)
	}
}

// node is the data directory of a stopped node with a story in it.
func node(t *testing.T) (data string, want controlroom.View) {
	t.Helper()
	data = t.TempDir()
	cfg := embedded.Default()
	cfg.Dir, cfg.WitnessFile = filepath.Join(data, "broker"), filepath.Join(data, "witness.json")
	broker, err := embedded.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	room := followtest.On(t, broker.Config())
	room.Tell(nil)
	head := room.Head()
	keeper, err := witness.Keep(cfg.WitnessFile, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	keeper.Set(witness.Head{
		Room: followtest.Name, LogID: room.LogID, Offset: room.Next() - 1, Version: head.Version, Hash: head.Hash[:], IntakeNext: head.IntakeNext,
	})
	if err := keeper.Close(); err != nil {
		t.Fatal(err)
	}
	want = room.View()
	room.Log.Close()
	if err := broker.Stop(); err != nil {
		t.Fatal(err)
	}
	return data, want
}
