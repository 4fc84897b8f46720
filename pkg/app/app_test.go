package app_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/fx"
	"go.uber.org/goleak"

	"vigie/pkg/app"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func config() app.Config {
	cfg := app.Default()
	cfg.Listen, cfg.LogLevel = "127.0.0.1:0", "error"
	return cfg
}

// start runs an app until the test ends and returns where it answers.
func start(t *testing.T, opts ...fx.Option) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	up, done := make(chan string, 1), make(chan error, 1)
	go func() {
		done <- app.Run(ctx, app.Module(config()), fx.Options(opts...), fx.Invoke(announce(up)))
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	select {
	case url := <-up:
		return url
	case err := <-done:
		done <- nil
		t.Fatalf("Run: %v", err)
		return ""
	}
}

func announce(up chan<- string) func(fx.Lifecycle, *app.Address) {
	return func(lc fx.Lifecycle, a *app.Address) {
		lc.Append(fx.StartHook(func() { up <- a.URL() }))
	}
}

type part struct{}

func TestRunReturnsTheStatusOfWhatFailed(t *testing.T) {
	t.Parallel()
	inUse := app.Exit(app.DataInUse, errors.New("the data directory is in use: stop the other program"))
	hook := func(err error) fx.Option {
		return fx.Module("part", fx.Invoke(func(lc fx.Lifecycle) { lc.Append(fx.StartHook(func() error { return err })) }))
	}
	for name, tt := range map[string]struct {
		opt    fx.Option
		status int
		says   string
	}{
		"a constructor fails": {
			fx.Module("part", fx.Provide(func() (*part, error) { return nil, inUse }), fx.Invoke(func(*part) {})),
			app.DataInUse, "the data directory is in use: stop the other program",
		},
		"a constructor fails with a wrapped status": {
			fx.Module("part", fx.Provide(func() (*part, error) { return nil, fmt.Errorf("open data: %w", inUse) }), fx.Invoke(func(*part) {})),
			app.DataInUse, "open data: the data directory is in use: stop the other program",
		},
		"an invoke fails":          {fx.Invoke(func() error { return inUse }), app.DataInUse, inUse.Error()},
		"a start hook fails":       {hook(inUse), app.DataInUse, inUse.Error()},
		"a hook meets a full disk": {hook(fmt.Errorf("write: %w", syscall.ENOSPC)), app.DiskFull, "write: no space left on device"},
		"a plain error":            {hook(errors.New("broken")), app.Failure, "broken"},
		"a part fails while running": {
			fx.Module("part", fx.Invoke(func(lc fx.Lifecycle, stop *app.Stop) {
				lc.Append(fx.StartHook(func() {
					go func() {
						stop.Fail(app.Exit(app.LogDamaged, errors.New("the log is damaged")))
						stop.Fail(errors.New("too late"))
					}()
				}))
			})),
			app.LogDamaged, "the log is damaged",
		},
		"a stop hook fails too": {
			fx.Module("part", fx.Invoke(func(lc fx.Lifecycle, stop *app.Stop) {
				lc.Append(fx.StartStopHook(func() { stop.Fail(inUse) }, func() error { return errors.New("close") }))
			})),
			app.DataInUse, inUse.Error() + "\nclose",
		},
		"a start hook fails and so does undoing it": {
			fx.Module("part", fx.Invoke(func(lc fx.Lifecycle) {
				lc.Append(fx.StopHook(func() error { return errors.New("close") }))
				lc.Append(fx.StartHook(func() error { return inUse }))
			})),
			app.DataInUse, inUse.Error() + "; close",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := app.Run(t.Context(), app.Module(config()), tt.opt)
			if app.Status(err) != tt.status || err == nil || err.Error() != tt.says {
				t.Errorf("Run = %q with status %d, want %q with %d", err, app.Status(err), tt.says, tt.status)
			}
		})
	}
}

func TestRunStopsWhenAsked(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var order []string
	err := app.Run(ctx, app.Module(config()), fx.Module("part", fx.Invoke(func(lc fx.Lifecycle) {
		lc.Append(fx.StartStopHook(func() { order = append(order, "part up") }, func() { order = append(order, "part down") }))
	})), fx.Invoke(func(lc fx.Lifecycle) {
		lc.Append(fx.StartStopHook(func() { order = append(order, "asked"); cancel() }, func() { order = append(order, "down") }))
	}))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(order, ", "); got != "part up, asked, down, part down" {
		t.Errorf("hooks ran as %s", got)
	}
}

func TestABusyPortSaysWhatToDo(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	cfg := config()
	cfg.Listen = l.Addr().String()
	started := false
	err = app.Run(t.Context(), app.Module(cfg), fx.Module("part", fx.Invoke(func(lc fx.Lifecycle) {
		lc.Append(fx.StartHook(func() { started = true }))
	})))
	var report bytes.Buffer
	if got := app.Report(&report, "vigie", err); got != app.PortBusy {
		t.Errorf("status %d, want %d", got, app.PortBusy)
	}
	want := "vigie: address " + cfg.Listen + " is in use: stop the other program or pass --listen\n"
	if report.String() != want {
		t.Errorf("reported %q, want %q", report.String(), want)
	}
	if started {
		t.Error("a module was started although the port was busy")
	}
}

func TestValidateFindsWhatIsMissing(t *testing.T) {
	t.Parallel()
	if err := app.Validate(app.Module(config())); err != nil {
		t.Errorf("Validate: %v", err)
	}
	if err := app.Validate(app.Module(config()), fx.Invoke(func(*part) {})); err == nil {
		t.Error("a missing part was not found")
	}
}

func TestNamedTagsOneModulesLogger(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	root := fx.Replace(app.NewLogger(&out, true, slog.LevelInfo))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := app.Run(ctx, app.Module(config()), root,
		fx.Module("patrol", app.Named("patrol"), fx.Invoke(func(l *slog.Logger) { l.InfoContext(ctx, "inside") })),
		fx.Invoke(func(l *slog.Logger) { l.InfoContext(ctx, "outside") }))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if strings.Contains(line, `"inside"`) != strings.Contains(line, `"service":"patrol"`) {
			t.Errorf("logged %s", line)
		}
	}
}
