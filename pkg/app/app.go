// Package app is what every service process shares: running and stopping, exit statuses, configuration, logging, one HTTP
// listener with health, metrics and the API's description, and trace identifiers.
//
// A main lists modules and calls Main, or Run where it has its own command line:
//
//	app.Run(ctx, app.Module(cfg.App), eventlog.Module, dispatch.Module)
//
// Guarantees: hooks start in order of construction and stop in reverse; HTTP requests are answered only after every module's
// hooks have started, and no longer before the first of them stops; whatever fails, at start or later, reaches the caller of Run
// as one error whose Status is the process's exit status.
//
// Callers owe: start hooks that return when the thing is ready and start goroutines on a context of their own, never on the
// hook's; a failure while running goes to Stop.Fail; modules add routes with AsRoutes and readiness checks with AsCheck.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/signal"
	"syscall"
	"time"

	"go.uber.org/dig"
	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"
)

const (
	// startBound is for the slowest honest start, a large log on a slow disk; each network call has its own deadline within it.
	startBound = 2 * time.Minute
	// stopBound leaves a margin within the 30 s that container platforms grant between asking and killing.
	stopBound = 10 * time.Second
)

// Stop ends the process from inside. Take it as a constructor's argument.
type Stop struct {
	cancel context.CancelCauseFunc
}

// Fail stops the process in order; err is what Run returns. Only the first call counts. It never blocks.
func (s *Stop) Fail(err error) { s.cancel(&failure{err}) }

// failure tells a reason given to Fail from the end of the caller's context.
type failure struct{ err error }

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// Run runs the modules until ctx ends, the process is asked to stop (SIGINT, SIGTERM; a second one kills), or a module fails.
// It returns nil when it was asked to stop and could, else the error, of which Status tells the exit status.
func Run(ctx context.Context, opts ...fx.Option) error {
	ctx, restore := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer restore()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	a := fx.New(fx.NopLogger, fx.Supply(&Stop{cancel: cancel}), fx.Options(opts...))
	if err := a.Err(); err != nil {
		return dig.RootCause(err)
	}

	// Not ctx: fx rolls back with the context of the start, so that one which has ended would leave everything open.
	starting, started := context.WithTimeout(context.WithoutCancel(ctx), startBound)
	err := a.Start(starting)
	if err != nil && starting.Err() != nil {
		err = fmt.Errorf("not started within %v: the log says what it waits for: %w", startBound, err)
	}
	started()
	if err != nil {
		return errors.Join(cause(ctx), err)
	}

	<-ctx.Done()
	restore()
	return errors.Join(cause(ctx), stop(ctx, a))
}

// Validate reports what keeps opts from running: something missing from the graph, or a cycle. Nothing is constructed.
func Validate(opts ...fx.Option) error {
	return fx.ValidateApp(fx.NopLogger, fx.Supply(&Stop{cancel: func(error) {}}), fx.Options(opts...))
}

func cause(ctx context.Context) error {
	var f *failure
	if errors.As(context.Cause(ctx), &f) {
		return f.err
	}
	return nil
}

func stop(ctx context.Context, a *fx.App) error {
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), stopBound)
	defer done()
	err := a.Stop(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("not stopped within %v, what was running is cut off: %w", stopBound, err)
	}
	return err
}

// Module provides what modules take from their process: *slog.Logger, *prometheus.Registry, *Address, and the HTTP listener.
// Put it first. A plain fx.Invoke listed after it runs when the listener is already answering; one inside an fx.Module, before.
func Module(cfg Config) fx.Option {
	return fx.Options(
		fx.Supply(cfg),
		fx.Provide(newLogger, newRegistry, newAddress, newReadiness, newHandler, newServer),
		fx.WithLogger(func(l *slog.Logger) fxevent.Logger {
			events := &fxevent.SlogLogger{Logger: l}
			events.UseLogLevel(slog.LevelDebug)
			events.UseErrorLevel(slog.LevelDebug) // Run returns them; they are reported once
			return events
		}),
		// Bound first, so that a busy port is known before anything else is started...
		fx.Module("listen", fx.Invoke(func(*Address) {})),
		// ...and answering last: modules' invokes run before those of the root.
		fx.Invoke(func(*server) {}),
	)
}

// Named tags the logger inside one module only.
func Named(service string) fx.Option {
	return fx.Decorate(func(l *slog.Logger) *slog.Logger { return l.With("service", service) })
}
