// Package positions takes the positions of guards on shift and makes of them what others use: telemetry for choosing and for
// maps, the last position of every team for queries, and the crossing of a site's border as a fact for the room. No alarm
// and no mission waits for it.
package positions

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
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
	"vigie/pkg/journal"
	"vigie/pkg/projection"
	"vigie/services/positions/internal/crossings"
	"vigie/services/positions/internal/lastknown"
	"vigie/services/positions/internal/query"
	"vigie/services/positions/internal/receiver"
)

// Config of the positions service.
type Config struct {
	// Name tells processes apart in what is heard of them; each run has its own besides.
	Name          string `koanf:"name" help:"name of this process among others; the host's when empty"`
	edge.Settings `koanf:",squash"`
}

// Default is a process named for its host, without a journal: while Kafka is away no SOS of a tracker is acknowledged.
func Default() Config { return Config{} }

// Module runs the positions service in any process.
func Module(cfg Config) fx.Option {
	return fx.Module("positions",
		app.Named("positions"),
		fx.Supply(cfg, fx.Private),
		fx.Provide(app.NewParking, newService, fx.Private),
		app.RouterModule(app.DefaultRouter()),
		fx.Provide(app.AsCheck(func(s *service) app.Check {
			return app.Check{Name: "positions", Ready: s.ready, Degraded: s.edge.Degraded}
		})),
		fx.Provide(app.AsRoutes(func(s *service) app.Routes { return app.Routes{Name: "positions", Add: s.routes} })),
		fx.Invoke(func(s *service, r *prometheus.Registry) error {
			return errors.Join(r.Register(s.receiver.Metrics()), r.Register(s.reported), r.Register(s.known), s.edge.Register(r, "positions"))
		}),
	)
}

type service struct {
	rooms     *follow.Rooms
	positions *kafkalog.Writer
	intake    *kafkalog.Writer
	edge      *edge.Edge
	receiver  *receiver.Receiver
	crossings *crossings.Watch
	reported  prometheus.Counter
	known     *lastknown.Projection
	query     *query.API
	beater    *beat.Beater
	process   string
	clock     *clock.Clock
	slog      *slog.Logger
}

type parameters struct {
	fx.In
	Lifecycle fx.Lifecycle
	Config    Config
	Log       *kafkalog.Log
	Rooms     *follow.Rooms
	Directory *directory.Directory
	Redis     *projection.Client
	Router    *app.Router
	Clock     *clock.Clock
	Logger    *slog.Logger
}

func newService(p parameters) (*service, error) {
	name, err := p.Config.name()
	if err != nil {
		return nil, err
	}
	log, dir, c, logger := p.Log, p.Directory, p.Clock, p.Logger
	s := &service{
		rooms: p.Rooms, clock: c, slog: logger, process: "positions/" + name + "/" + uuid.NewString()[:8],
		reported: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "vigie_positions_crossings_reported_total", Help: "Crossings of borders that this process has reported to rooms.",
		}),
	}
	if s.intake, err = kafkalog.NewWriter(log, kafkalog.DefaultWriter()); err != nil {
		return nil, err
	}
	if s.positions, err = kafkalog.NewWriter(log, kafkalog.DefaultWriter()); err != nil {
		return nil, err
	}
	s.edge = edge.New(edge.Config{Settings: p.Config.Settings, Writer: s.intake, Urgency: s.rooms.Urgency, Logger: logger})
	s.receiver = receiver.New(receiver.Config{
		Rooms: s.rooms, Positions: s.positions, Edge: s.edge, Directory: dir, Clock: c, Logger: logger,
	})
	positions := log.Unhurried() // thousands come in a second, and nobody waits for one
	s.crossings, err = crossings.New(crossings.Config{
		Rooms: s.rooms, Log: positions, Intake: s.intake, Clock: c, Process: s.process, Logger: logger, Reported: s.reported,
		Add: p.Router.AddConsumerHandler,
	})
	if err != nil {
		return nil, err
	}
	if s.known, err = lastknown.New(lastknown.Config{Store: p.Redis, Log: positions, Logger: logger, Add: p.Router.AddConsumerHandler}); err != nil {
		return nil, err
	}
	s.query = &query.API{Access: access.Guard{Directory: dir}, Rooms: s.rooms, Known: s.known, Clock: c, Logger: logger}
	p.Lifecycle.Append(fx.Hook{OnStart: s.start, OnStop: s.stop})
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
	if err := s.edge.Start(ctx, s.rooms.Table()); err != nil {
		if errors.Is(err, journal.ErrInUse) {
			err = app.Exit(app.DataInUse, err)
		}
		return errors.Join(err, s.stop(ctx)) // nobody stops what has not started
	}
	s.crossings.Start(ctx)
	s.beater = beat.Start(ctx, beat.Config{
		Writer: s.positions, Rooms: s.rooms.Table(), Process: s.process, Service: beat.Positions,
		Clock: s.clock, Level: controlroom.MaxLevel, Logger: s.slog,
	})
	return nil
}

func (s *service) stop(context.Context) error {
	if s.beater != nil {
		s.beater.Stop()
	}
	s.crossings.Stop()
	err := s.edge.Stop()
	s.intake.Close()
	s.positions.Close()
	s.rooms.Stop()
	return err
}

// ready: who is on duty is known. Last positions may be cold; that is said where they are asked for.
func (s *service) ready(ctx context.Context) error { return s.rooms.Ready(ctx) }

func (s *service) routes(api huma.API, router chi.Router) {
	s.receiver.Add(api, router)
	s.query.Add(api)
}
