// Package alarms takes alarms from their sources and acknowledges them only when they are durable: in intake or, while
// Kafka is away, in a journal on this machine's disk. What an alarm means, and whether it repeats another, is decided in
// the room; here nothing is dropped for being odd.
package alarms

import (
	"context"
	"errors"
	"log/slog"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/fx"

	"vigie/pkg/app"
	"vigie/pkg/clock"
	"vigie/pkg/directory"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/edge"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	"vigie/pkg/journal"
	"vigie/services/alarms/internal/receiver"
)

// Config of the alarms service.
type Config struct {
	edge.Settings `koanf:",squash"`
}

// Default has no journal: while Kafka is away nothing is acknowledged.
func Default() Config { return Config{} }

// Module runs the alarms service in any process.
func Module(cfg Config) fx.Option {
	return fx.Module("alarms",
		app.Named("alarms"),
		app.Beats("alarms", controlroom.MaxLevel),
		fx.Supply(cfg, fx.Private),
		fx.Provide(newService, fx.Private),
		fx.Provide(app.AsCheck(func(s *service) app.Check {
			return app.Check{Name: "alarms", Ready: s.ready, Degraded: s.edge.Degraded}
		})),
		fx.Provide(app.AsRoutes(func(s *service) app.Routes { return app.Routes{Name: "alarms", Add: s.routes} })),
		fx.Invoke(func(s *service, r *prometheus.Registry) error { return s.edge.Register(r, "alarms") }),
	)
}

type service struct {
	rooms    *follow.Rooms
	intake   *kafkalog.Writer
	edge     *edge.Edge
	receiver *receiver.Receiver
}

func newService(
	lc fx.Lifecycle, cfg Config, log *kafkalog.Log, dir *directory.Directory, c *clock.Clock, logger *slog.Logger,
) (*service, error) {
	intake, err := kafkalog.NewWriter(log, kafkalog.DefaultWriter())
	if err != nil {
		return nil, err
	}
	s := &service{rooms: follow.NewRooms(log, logger), intake: intake}
	s.edge = edge.New(edge.Config{
		Settings: cfg.Settings, Writer: intake, Urgency: s.rooms.Urgency, Logger: logger,
		Stored: func(q *intakev1.Request, offset int64) { s.receiver.Stored(q, offset) },
	})
	s.receiver = receiver.New(receiver.Config{
		Rooms: s.rooms, Log: log, Edge: s.edge, Directory: dir, Clock: c, Logger: logger,
	})
	lc.Append(fx.Hook{OnStart: s.start, OnStop: s.stop})
	return s, nil
}

func (s *service) start(ctx context.Context) error {
	if err := s.rooms.Start(ctx); err != nil {
		return err
	}
	if err := s.edge.Start(ctx, s.rooms.Table()); err != nil {
		if errors.Is(err, journal.ErrInUse) {
			err = app.Exit(app.DataInUse, err)
		}
		return errors.Join(err, s.stop(ctx)) // nobody stops what has not started
	}
	s.receiver.Start(ctx)
	return nil
}

func (s *service) stop(context.Context) error {
	s.receiver.Stop()
	err := s.edge.Stop()
	s.intake.Close()
	s.rooms.Stop()
	return err
}

func (s *service) ready(ctx context.Context) error { return s.receiver.Ready(ctx) }

func (s *service) routes(api huma.API, _ chi.Router) { s.receiver.Add(api) }
