// Package gateway is where people and devices meet the room: REST, sockets, sign-in and the start page. It folds the log
// like everybody else, writes requests into intake, and answers only what it has read back.
package gateway

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/fx"

	"vigie/pkg/access"
	"vigie/pkg/app"
	"vigie/pkg/beat"
	"vigie/pkg/clock"
	"vigie/pkg/directory"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/services/gateway/internal/api"
	"vigie/services/gateway/internal/arrival"
	"vigie/services/gateway/internal/command"
	"vigie/services/gateway/internal/page"
	"vigie/services/gateway/internal/session"
	"vigie/services/gateway/internal/undecided"
)

// Config of the gateway service.
type Config struct {
	// Name tells gateways apart; it stays the same over restarts.
	Name string `koanf:"name" help:"name of this gateway among others; the host's when empty"`
	// Region is the file whose content the rooms are to work under; empty: what the log says goes on.
	Region string `koanf:"region" help:"region file to configure the rooms with"`
	// Origins are browser origins let in beside the gateway's own.
	Origins []string `koanf:"origins" help:"browser origins allowed beside this address"`
}

// Default is a gateway named for its host.
func Default() Config { return Config{} }

// Validate accepts every value; the region file is read at start.
func (Config) Validate() error { return nil }

// Module runs the gateway in any process.
func Module(cfg Config) fx.Option {
	return fx.Module("gateway",
		app.Named("gateway"),
		fx.Supply(cfg, fx.Private),
		fx.Provide(newService, fx.Private),
		fx.Provide(app.AsCheck(func(s *service) app.Check { return app.Check{Name: "gateway", Ready: s.ready} })),
		fx.Provide(app.AsRoutes(func(s *service) app.Routes { return app.Routes{Name: "gateway", Add: s.routes} })),
		fx.Invoke(func(s *service, r *prometheus.Registry) error {
			return errors.Join(
				r.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
					Name: "vigie_gateway_sessions", Help: "Open sockets.",
				}, func() float64 { return float64(s.hub.Sessions()) })),
				r.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
					Name: "vigie_gateway_undecided_alarms", Help: "Alarms and SOS without an outcome 2 s after they were stored.",
				}, func() float64 { return float64(s.undecided.Count()) })),
			)
		}),
	)
}

type service struct {
	rooms     *follow.Rooms
	intake    *kafkalog.Writer
	positions *kafkalog.Writer
	hub       *session.Hub
	undecided *undecided.Watch
	arrival   *arrival.Arrival
	api       *api.API
	beater    *beat.Beater
	instance  string
	clock     *clock.Clock
	slog      *slog.Logger
}

func newService(
	lc fx.Lifecycle, cfg Config, log *kafkalog.Log, dir *directory.Directory, c *clock.Clock, logger *slog.Logger,
) (*service, error) {
	name, err := cfg.name()
	if err != nil {
		return nil, err
	}
	s := &service{rooms: follow.NewRooms(log, logger), clock: c, slog: logger}
	if s.intake, err = kafkalog.NewWriter(log, kafkalog.DefaultWriter()); err != nil {
		return nil, err
	}
	if s.positions, err = kafkalog.NewWriter(log, kafkalog.DefaultWriter()); err != nil {
		return nil, err
	}
	s.instance = beat.Instance(name)
	desk := &command.Desk{Rooms: s.rooms, Log: log, Intake: s.intake, Directory: dir, Clock: c}
	s.undecided = undecided.New(undecided.Config{
		Rooms: s.rooms, Log: log, Logger: logger,
		Notify: func(room string, n *watchv1.Notice) { s.hub.Notify(room, n) },
	})
	s.hub = session.NewHub(session.Config{
		Undecided: s.undecided.Open,
		Rooms:     s.rooms, Desk: desk, Directory: dir, Log: log, Positions: s.positions,
		Clock: c, Instance: s.instance, Origins: cfg.Origins, Timers: session.DefaultTimers(), Logger: logger,
	})
	s.arrival = arrival.New(arrival.Config{Desk: desk, Name: name, Instance: s.instance, Region: cfg.Region, Logger: logger})
	s.api = &api.API{Access: access.Guard{Directory: dir}, Directory: dir, Rooms: s.rooms, Desk: desk, Clock: c}
	lc.Append(fx.Hook{OnStart: s.start, OnStop: s.stop})
	return s, nil
}

func (c Config) name() (string, error) {
	if c.Name != "" {
		return c.Name, nil
	}
	return os.Hostname()
}

func (s *service) start(ctx context.Context) error {
	if err := s.rooms.Start(ctx); err != nil {
		return err
	}
	s.hub.Start()
	s.undecided.Start(ctx)
	s.beater = beat.Start(ctx, beat.Config{
		Writer: s.positions, Rooms: s.rooms.Table(), Process: s.instance, Service: beat.Gateway,
		Clock: s.clock, Level: controlroom.MaxLevel, Logger: s.slog,
	})
	if err := s.arrival.Begin(ctx); err != nil {
		return errors.Join(err, s.stop(ctx)) // nobody stops what has not started
	}
	return nil
}

func (s *service) stop(ctx context.Context) error {
	if s.beater != nil {
		s.beater.Stop()
	}
	s.arrival.End()
	s.undecided.Stop()
	err := s.hub.Close(ctx)
	s.intake.Close()
	s.positions.Close()
	s.rooms.Stop()
	return err
}

func (s *service) ready(ctx context.Context) error {
	return errors.Join(s.rooms.Ready(ctx), s.arrival.Ready())
}

func (s *service) routes(a huma.API, router chi.Router) {
	s.api.Add(a)
	router.Handle("/v1/watch", s.hub)
	page.Add(router)
}
