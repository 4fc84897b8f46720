// Package alarms takes alarms from their sources and acknowledges them only when they are durable in intake. What an
// alarm means, and whether it repeats another, is decided in the room; here nothing is dropped for being odd.
package alarms

import (
	"context"
	"log/slog"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"go.uber.org/fx"

	"vigie/pkg/app"
	"vigie/pkg/clock"
	"vigie/pkg/directory"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow"
	"vigie/services/alarms/internal/receiver"
)

// Config of the alarms service; there is nothing to set yet.
type Config struct{}

// Default needs nothing.
func Default() Config { return Config{} }

// Validate accepts every value.
func (Config) Validate() error { return nil }

// Module runs the alarms service in any process.
func Module(Config) fx.Option {
	return fx.Module("alarms",
		app.Named("alarms"),
		fx.Provide(newService, fx.Private),
		fx.Provide(app.AsCheck(func(s *service) app.Check { return app.Check{Name: "alarms", Ready: s.ready} })),
		fx.Provide(app.AsRoutes(func(s *service) app.Routes { return app.Routes{Name: "alarms", Add: s.routes} })),
		fx.Invoke(func(*service) {}),
	)
}

type service struct {
	rooms    *follow.Rooms
	intake   *kafkalog.Writer
	receiver *receiver.Receiver
}

func newService(
	lc fx.Lifecycle, log *kafkalog.Log, dir *directory.Directory, c *clock.Clock, logger *slog.Logger,
) (*service, error) {
	intake, err := kafkalog.NewWriter(log, kafkalog.DefaultWriter())
	if err != nil {
		return nil, err
	}
	s := &service{rooms: follow.NewRooms(log, logger), intake: intake}
	s.receiver = receiver.New(receiver.Config{
		Rooms: s.rooms, Log: log, Intake: s.intake, Directory: dir, Clock: c, Logger: logger,
	})
	lc.Append(fx.Hook{OnStart: s.start, OnStop: s.stop})
	return s, nil
}

func (s *service) start(ctx context.Context) error {
	if err := s.rooms.Start(ctx); err != nil {
		return err
	}
	s.receiver.Start(ctx)
	return nil
}

func (s *service) stop(context.Context) error {
	s.receiver.Stop()
	s.intake.Close()
	s.rooms.Stop()
	return nil
}

func (s *service) ready(ctx context.Context) error { return s.receiver.Ready(ctx) }

func (s *service) routes(api huma.API, _ chi.Router) { s.receiver.Add(api) }
