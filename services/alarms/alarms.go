// Package alarms takes alarms from their sources and acknowledges them only when they are durable: in intake or, while
// Kafka is away, in a journal on this machine's disk. What an alarm means, and whether it repeats another, is decided in
// the room; here nothing is dropped for being odd.
package alarms

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync/atomic"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/fx"

	"vigie/pkg/app"
	"vigie/pkg/beat"
	"vigie/pkg/clock"
	"vigie/pkg/directory"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/edge"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	"vigie/pkg/journal"
	"vigie/services/alarms/internal/lastknown"
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
		fx.Supply(cfg, fx.Private),
		fx.Provide(newService, fx.Private),
		fx.Provide(app.AsCheck(func(s *service) app.Check {
			return app.Check{Name: "alarms", Ready: s.ready, Degraded: s.degraded}
		})),
		fx.Provide(app.AsRoutes(func(s *service) app.Routes { return app.Routes{Name: "alarms", Add: s.routes} })),
		fx.Invoke(func(s *service, r *prometheus.Registry) error { return s.edge.Register(r, "alarms") }),
	)
}

type service struct {
	rooms     *follow.Rooms
	known     *lastknown.Keeper
	intake    *kafkalog.Writer
	telemetry *kafkalog.Writer
	edge      *edge.Edge
	receiver  *receiver.Receiver
	beater    *beat.Beater
	clock     *clock.Clock
	slog      *slog.Logger
	// alone says that Kafka was away at the start.
	alone atomic.Bool
}

func newService(
	lc fx.Lifecycle, stop *app.Stop, cfg Config, log *kafkalog.Log, rooms *follow.Rooms, dir *directory.Directory, c *clock.Clock, logger *slog.Logger,
) (*service, error) {
	known := lastknown.Config{Log: log, Fail: stop.Fail, Logger: logger}
	if cfg.JournalDir != "" {
		known.Path = filepath.Join(cfg.JournalDir, "rooms.json")
	}
	s := &service{rooms: rooms, known: lastknown.New(known), clock: c, slog: logger}
	var err error
	if s.intake, err = kafkalog.NewWriter(s.known, kafkalog.DefaultWriter()); err != nil {
		return nil, err
	}
	if s.telemetry, err = kafkalog.NewWriter(log, kafkalog.DefaultWriter()); err != nil {
		return nil, err
	}
	s.edge = edge.New(edge.Config{
		Settings: cfg.Settings, Writer: s.intake, Urgency: s.rooms.Urgency, Logger: logger,
		Stored: func(q *intakev1.Request, offset int64) { s.receiver.Stored(q, offset) },
	})
	s.receiver = receiver.New(receiver.Config{
		Rooms: s.rooms, Log: log, Edge: s.edge, Directory: dir, RoomOf: s.known.RoomOf, Clock: c, Logger: logger,
	})
	lc.Append(fx.Hook{OnStart: s.start, OnStop: s.stop})
	return s, nil
}

func (s *service) start(ctx context.Context) error {
	table, err := s.known.Table(ctx)
	if err != nil {
		return err
	}
	s.alone.Store(!s.known.Confirmed())
	s.rooms.Follow(ctx, table)
	if err := s.edge.Start(ctx, table); err != nil {
		if errors.Is(err, journal.ErrInUse) {
			err = app.Exit(app.DataInUse, err)
		}
		return errors.Join(err, s.stop(ctx)) // nobody stops what has not started
	}
	s.known.Start(ctx, s.rooms.All())
	s.receiver.Start(ctx)
	s.beater = beat.Start(ctx, beat.Config{
		Writer: s.telemetry, Rooms: table, Process: beat.Instance("alarms"), Service: "alarms",
		Clock: s.clock, Level: controlroom.MaxLevel, Logger: s.slog,
	})
	return nil
}

func (s *service) stop(context.Context) error {
	if s.beater != nil {
		s.beater.Stop()
	}
	s.receiver.Stop()
	s.known.Stop()
	err := s.edge.Stop()
	s.intake.Close()
	s.telemetry.Close()
	s.rooms.Stop()
	return err
}

// ready: a process that started while Kafka is away takes alarms at once, and does not leave off while it reads the rooms.
func (s *service) ready(ctx context.Context) error {
	err := s.receiver.Ready(ctx)
	if err == nil {
		s.alone.Store(false)
	} else if s.alone.Load() {
		return nil
	}
	return err
}

func (s *service) degraded() string {
	said := s.edge.Degraded()
	if !s.alone.Load() {
		return said
	}
	why := s.receiver.Ready(context.Background())
	if why == nil {
		return said
	}
	alone := "Kafka was away at the start: alarms are taken for the rooms and sites that were last known, until these are read: " + why.Error()
	if said != "" {
		alone += "; " + said
	}
	return alone
}

func (s *service) routes(api huma.API, _ chi.Router) { s.receiver.Add(api) }
