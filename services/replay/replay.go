// Package replay looks back: the state of a room at any offset or instant, the timeline of an incident, the records of
// the log, over HTTP. It reads the log and writes nothing but its beats, and into Redis the summaries of rooms. Many may run;
// none is needed for an alarm to reach its team, and what it costs to look back is bounded (Config).
package replay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/fx"

	"vigie/pkg/app"
	"vigie/pkg/directory"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow"
	"vigie/pkg/projection"
	"vigie/services/replay/internal/api"
	"vigie/services/replay/internal/archive"
	"vigie/services/replay/internal/summary"
)

// Config of the replay service.
type Config struct {
	// AtATime is how many requests may read the past at once; others wait for up to 5 s.
	AtATime int `koanf:"at_a_time" help:"how many requests may read the past at the same time"`
	// RecordsPerSecond is how many records they read in a second, all together. What a page or a timeline needs is read
	// faster than anybody can tell; the whole of a long log takes its time.
	RecordsPerSecond int `koanf:"records_per_second" help:"how many records all who read the past read in a second; alarms come first"`
}

// Default lets two look back at a time, through half a busy year in ten seconds.
func Default() Config { return Config{AtATime: 2, RecordsPerSecond: 50_000} }

// Validate says what cannot work.
func (c Config) Validate() error {
	var errs []error
	if c.AtATime < 1 {
		errs = append(errs, fmt.Errorf("at_a_time %d: give at least 1", c.AtATime))
	}
	if c.RecordsPerSecond < 1 {
		errs = append(errs, fmt.Errorf("records_per_second %d: give at least 1", c.RecordsPerSecond))
	}
	return errors.Join(errs...)
}

// Module runs replay in any process.
func Module(cfg Config) fx.Option {
	return fx.Module("replay",
		app.Named("replay"),
		app.Beats("replay", controlroom.MaxLevel),
		fx.Supply(cfg, fx.Private),
		fx.Provide(app.NewParking, newService, fx.Private),
		app.RouterModule(app.DefaultRouter()),
		fx.Provide(app.AsRoutes(func(s *service) app.Routes {
			return app.Routes{Name: "replay", Add: func(a huma.API, _ chi.Router) { s.api.Add(a) }}
		})),
		fx.Provide(app.AsCheck(func(s *service) app.Check { return app.Check{Name: "replay", Ready: s.ready} })),
		fx.Invoke(func(s *service, r *prometheus.Registry) error { return r.Register(s) }),
	)
}

type service struct {
	log       *kafkalog.Log
	slog      *slog.Logger
	api       *api.API
	summaries *summary.Keeper

	// rooms are written once, before the first request.
	rooms  []*archive.Room
	byName map[string]*archive.Room
	stop   context.CancelFunc
	wait   sync.WaitGroup
}

type parameters struct {
	fx.In
	Lifecycle   fx.Lifecycle
	Config      Config
	Log         *kafkalog.Log
	Directory   *directory.Directory
	Projections *projection.Client
	Router      *app.Router
	Logger      *slog.Logger
}

func newService(p parameters) (*service, error) {
	s := &service{log: p.Log, slog: p.Logger, byName: map[string]*archive.Room{}}
	s.api = &api.API{
		Rooms:   func(name string) *archive.Room { return s.byName[name] },
		Reading: archive.NewReading(p.Config.AtATime, p.Config.RecordsPerSecond), Directory: p.Directory, Projections: p.Projections,
	}
	var err error
	s.summaries, err = summary.NewKeeper(summary.Config{Store: p.Projections, Logger: p.Logger, Add: p.Router.AddConsumerHandler})
	if err != nil {
		return nil, err
	}
	p.Lifecycle.Append(fx.Hook{OnStart: s.start, OnStop: s.halt})
	return s, nil
}

func (s *service) start(ctx context.Context) error {
	table, err := follow.Table(ctx, s.log)
	if err != nil {
		return err
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	for _, entry := range table {
		room := archive.NewRoom(s.log, entry, s.slog)
		s.rooms = append(s.rooms, room)
		s.byName[entry.Room] = room
		s.wait.Go(func() { room.Run(run) })
		s.wait.Go(func() { s.summaries.Keep(run, room) })
	}
	return nil
}

func (s *service) halt(context.Context) error {
	if s.stop != nil {
		s.stop()
	}
	s.wait.Wait()
	return nil
}

// ready: every room was read to its end. A halted one answers so wherever it is asked for, and the others go on.
func (s *service) ready(context.Context) error {
	var reading, halted []error
	for _, room := range s.rooms {
		err := room.Ready()
		if room.Halted() != nil {
			halted = append(halted, err)
			continue
		}
		reading = append(reading, err)
	}
	if len(halted) > 0 && len(halted) == len(s.rooms) {
		return errors.Join(halted...)
	}
	return errors.Join(reading...)
}

var ( //nolint:gochecknoglobals // descriptions are constants that Go cannot write as such
	offsetDesc = prometheus.NewDesc("vigie_replay_next_offset", "Offset of the next record to be read.", []string{"room"}, nil)
	voidsDesc  = prometheus.NewDesc("vigie_replay_void_records_total", "Void records read.", []string{"room"}, nil)
	haltedDesc = prometheus.NewDesc("vigie_replay_halted", "1 when the room is halted.", []string{"room"}, nil)
)

// Describe implements prometheus.Collector.
func (s *service) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{offsetDesc, voidsDesc, haltedDesc} {
		c <- d
	}
}

// Collect implements prometheus.Collector.
func (s *service) Collect(c chan<- prometheus.Metric) {
	for _, room := range s.rooms {
		halted := 0.0
		if room.Halted() != nil {
			halted = 1
		}
		c <- prometheus.MustNewConstMetric(offsetDesc, prometheus.GaugeValue, float64(room.Read()), room.Room)
		c <- prometheus.MustNewConstMetric(voidsDesc, prometheus.CounterValue, float64(room.Voids()), room.Room)
		c <- prometheus.MustNewConstMetric(haltedDesc, prometheus.GaugeValue, halted, room.Room)
	}
}
