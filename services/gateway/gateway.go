// Package gateway is where people and devices meet the room: REST, sockets, sign-in and the start page. It folds the log
// like everybody else, writes requests into intake, and answers only what it has read back.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"syscall"

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
	"vigie/pkg/edge"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/pkg/journal"
	"vigie/pkg/peer"
	"vigie/services/gateway/internal/api"
	"vigie/services/gateway/internal/apps"
	"vigie/services/gateway/internal/arrival"
	"vigie/services/gateway/internal/background"
	"vigie/services/gateway/internal/command"
	"vigie/services/gateway/internal/notice"
	"vigie/services/gateway/internal/page"
	"vigie/services/gateway/internal/provisional"
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
	Origins       []string `koanf:"origins" help:"browser origins allowed beside this address"`
	edge.Settings `koanf:",squash"`
	// Map is the ground that the console draws its map on.
	Map Map `koanf:",squash"`
	// InternalListen is where our other services tell of what waits for Kafka.
	InternalListen string `koanf:"internal_listen" help:"address for calls of our own services, host:port; empty: what others acknowledge while Kafka is away is not shown here"`
	// InternalListener, where a process has to know the port beforehand, stands in place of InternalListen.
	InternalListener net.Listener `koanf:"-"`
}

// Map configures the ground of the console's map.
type Map = background.Config

// Default is a gateway named for its host.
func Default() Config { return Config{Map: background.Default()} }

// Validate says what cannot work; the region file is read at start.
func (c Config) Validate() error {
	errs := []error{c.Settings.Validate(), c.Map.Validate()}
	if c.InternalListen != "" {
		errs = append(errs, peer.ValidateAddresses("internal_listen", []string{c.InternalListen}))
		if !c.Set() {
			errs = append(errs, errors.New("internal_listen: nobody is answered without internal_ca, internal_cert and internal_key: give these, too"))
		}
	}
	return errors.Join(errs...)
}

// Module runs the gateway in any process.
func Module(cfg Config) fx.Option {
	return fx.Module("gateway",
		app.Named("gateway"),
		fx.Supply(cfg, fx.Private),
		fx.Provide(newService, fx.Private),
		fx.Provide(app.AsCheck(func(s *service) app.Check {
			return app.Check{Name: "gateway", Ready: s.ready, Degraded: s.edge.Degraded}
		})),
		fx.Provide(app.AsRoutes(func(s *service) app.Routes { return app.Routes{Name: "gateway", Add: s.routes} })),
		fx.Invoke(func(s *service, r *prometheus.Registry) error {
			return errors.Join(
				s.edge.Register(r, "gateway"),
				r.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
					Name: "vigie_gateway_provisional_alarms", Help: "Alarms and SOS known of that were acknowledged while Kafka is away and have no decision.",
				}, func() float64 { return float64(s.provisional.Count()) })),
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
	rooms       *follow.Rooms
	intake      *kafkalog.Writer
	positions   *kafkalog.Writer
	hub         *session.Hub
	undecided   *undecided.Watch
	provisional *provisional.Watch
	edge        *edge.Edge
	internal    *peer.Server
	cfg         Config
	fail        func(error)
	arrival     *arrival.Arrival
	api         *api.API
	ground      *background.Background
	beater      *beat.Beater
	instance    string
	clock       *clock.Clock
	slog        *slog.Logger
}

func newService(
	lc fx.Lifecycle, stop *app.Stop, cfg Config, log *kafkalog.Log, rooms *follow.Rooms, dir *directory.Directory, c *clock.Clock, logger *slog.Logger,
) (*service, error) {
	name, err := cfg.name()
	if err != nil {
		return nil, err
	}
	s := &service{cfg: cfg, fail: stop.Fail, rooms: rooms, clock: c, slog: logger}
	if s.intake, err = kafkalog.NewWriter(log, kafkalog.DefaultWriter()); err != nil {
		return nil, err
	}
	if s.positions, err = kafkalog.NewWriter(log, kafkalog.DefaultWriter()); err != nil {
		return nil, err
	}
	if s.ground, err = background.New(cfg.Map, logger); err != nil {
		return nil, err
	}
	s.instance = beat.Instance(name)
	s.provisional = provisional.New(provisional.Config{
		Rooms: s.rooms, Logger: logger,
		Notify: func(to notice.Audience, n *watchv1.Notice) { s.hub.Tell(to, n) },
	})
	s.edge = edge.New(edge.Config{Settings: cfg.Settings, Writer: s.intake, Urgency: s.rooms.Urgency, Kept: s.provisional.Add, Logger: logger})
	desk := &command.Desk{Rooms: s.rooms, Log: log, Intake: s.intake, Edge: s.edge, Directory: dir, Clock: c}
	s.undecided = undecided.New(undecided.Config{
		Rooms: s.rooms, Log: log, Logger: logger,
		Notify: func(n *watchv1.Notice) {
			s.hub.Tell(notice.Audience{}, n)
			s.provisional.Replaced(n.GetRoom(), n.GetKey())
		},
	})
	s.hub = session.NewHub(session.Config{
		Rooms: s.rooms, Desk: desk, Directory: dir, Log: log, Positions: s.positions,
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
	s.provisional.Start(ctx)
	if err := s.open(ctx); err != nil {
		return errors.Join(err, s.stop(ctx)) // nobody stops what has not started
	}
	s.beater = beat.Start(ctx, beat.Config{
		Writer: s.positions, Rooms: s.rooms.Table(), Process: s.instance, Service: beat.Gateway,
		Clock: s.clock, Level: controlroom.MaxLevel, Logger: s.slog,
	})
	if err := s.arrival.Begin(ctx); err != nil {
		return errors.Join(err, s.stop(ctx)) // nobody stops what has not started
	}
	return nil
}

// open opens the journal, and the address at which other processes tell of theirs.
func (s *service) open(ctx context.Context) error {
	err := s.edge.Start(ctx, s.rooms.Table())
	if errors.Is(err, journal.ErrInUse) {
		return app.Exit(app.DataInUse, err)
	}
	if err != nil {
		return err
	}
	l := s.cfg.InternalListener
	if l == nil {
		if s.cfg.InternalListen == "" {
			s.slog.WarnContext(ctx, "no internal_listen: what other processes acknowledge while Kafka is away is not shown here")
			return nil
		}
		if l, err = new(net.ListenConfig).Listen(ctx, "tcp", s.cfg.InternalListen); err != nil {
			if errors.Is(err, syscall.EADDRINUSE) {
				err = app.Exit(app.PortBusy, err)
			}
			return fmt.Errorf("internal_listen: %w", err)
		}
	}
	s.internal, err = peer.Listen(l, peer.ServerConfig{
		Credentials: s.cfg.Credentials, Clients: []string{peer.Alarms, peer.Gateway, peer.Positions}, Failed: s.fail, Logger: s.slog,
		Handlers: map[string]peer.Handler{edge.TellProvisional: s.provisional.Take},
	})
	if err != nil {
		return errors.Join(err, l.Close())
	}
	return nil
}

func (s *service) stop(ctx context.Context) error {
	var internal error
	if s.internal != nil {
		internal = s.internal.Close(ctx)
	}
	if s.beater != nil {
		s.beater.Stop()
	}
	s.arrival.End()
	s.undecided.Stop()
	err := errors.Join(internal, s.hub.Close(ctx), s.edge.Stop())
	s.provisional.Stop()
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
	apps.Add(router)
	s.ground.Add(router)
}
