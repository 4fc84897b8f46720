package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/fx"

	"vigie/pkg/app"
	"vigie/pkg/clock"
)

// said gives the first line that a process of its own announces, and how often its check was asked before.
func said(t *testing.T, asJSON bool) (line string, asked int64) {
	t.Helper()
	var times atomic.Int64
	check := func() app.Check {
		return app.Check{Name: "test", Ready: func(context.Context) error {
			if times.Add(1) < 3 {
				return errors.New("not yet")
			}
			return nil
		}}
	}
	cfg := config()
	cfg.JSON = asJSON
	out, in := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- app.Run(ctx, app.Module(cfg), app.Announce(in), fx.Module("test", fx.Provide(app.AsCheck(check))))
	}()
	buf := make([]byte, 1<<10)
	n, err := out.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	asked = times.Load()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	return string(buf[:n]), asked
}

func TestAProcessSaysWhereItIsOnceItIsReady(t *testing.T) {
	t.Parallel()
	line, asked := said(t, true)
	var ready struct {
		Event, URL string
		PID        int
	}
	if err := json.Unmarshal([]byte(line), &ready); err != nil {
		t.Fatal(err)
	}
	if ready.Event != "ready" || !strings.HasPrefix(ready.URL, "http://127.0.0.1:") || ready.PID != os.Getpid() || asked < 3 {
		t.Errorf("%s after %d checks", line, asked)
	}
	if line, _ := said(t, false); !strings.HasPrefix(line, "Ready on http://127.0.0.1:") || !strings.HasSuffix(line, "\n") {
		t.Errorf("for people: %q", line)
	}
}

func TestAProcessThatIsNeverReadySaysNothingAndStops(t *testing.T) {
	t.Parallel()
	out := &strings.Builder{}
	never := func() app.Check {
		return app.Check{Name: "test", Ready: func(context.Context) error { return errors.New("never") }}
	}
	asked := make(chan string, 1)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- app.Run(ctx, app.Module(config()), app.Announce(out), fx.Module("test", fx.Provide(app.AsCheck(never))), fx.Invoke(announce(asked)))
	}()
	if got := call(t, http.MethodGet, <-asked+"/readyz", ""); got.status != http.StatusServiceUnavailable {
		t.Errorf("status %d", got.status)
	}
	cancel()
	if err := <-done; err != nil || out.String() != "" {
		t.Errorf("%v, said %q", err, out)
	}
}

func TestTheBackboneHasTheTimeOfItsFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "clock.json")
	b := app.DefaultBackbone()
	b.DirectoryURL, b.ClockPath, b.ClockRate = filepath.Join(t.TempDir(), "directory.db"), path, 60
	var one, other *clock.Clock
	for _, c := range []**clock.Clock{&one, &other} {
		start(t, app.BackboneModule(b), fx.Populate(c))
	}
	if off := one.Now().Sub(other.Now()).Abs(); one.Rate() != 60 || off > time.Minute {
		t.Errorf("rate %d, %v apart", one.Rate(), off)
	}
	b.ClockRate = 3
	if err := app.Run(t.Context(), app.Module(config()), app.BackboneModule(b), fx.Populate(&one)); app.Status(err) != app.Usage {
		t.Errorf("another rate: %v", err)
	}
	for name, wrong := range map[string]func(*app.Backbone){
		"clock_path":   func(b *app.Backbone) { b.ClockPath = "" },
		"clock_rate 0": func(b *app.Backbone) { b.ClockRate = 0 },
	} {
		w := b
		wrong(&w)
		if err := w.Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
