// Package dispatch decides: alarms and commands in, incidents and missions out. It is the only writer of vigie.log. Any
// number of dispatch processes may run for the same rooms; the log, not an election, says whose decisions count.
package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/fx"

	"vigie/pkg/app"
	"vigie/pkg/beat"
	"vigie/pkg/clock"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/eventlog/witness"
	"vigie/pkg/follow"
	positionsv1 "vigie/pkg/gen/vigie/positions/v1"
	"vigie/pkg/snapshot"
	"vigie/services/dispatch/internal/decider"
	"vigie/services/dispatch/internal/fixes"
)

// Config of the dispatch service.
type Config struct {
	// Name tells deciders apart in the log. One that keeps its name over restarts is first again at once.
	Name string `koanf:"name" help:"name of this decider, its own among all; made up when empty"`
	// WitnessPath is the file in which this node notes how far it has seen each log, outside the broker's directory.
	WitnessPath string `koanf:"witness_path" help:"file that notes how far each log has come; empty: none"`
	// SnapshotDir is where this node keeps its rooms as they were folded, so that it starts without reading whole logs.
	SnapshotDir string `koanf:"snapshot_dir" help:"directory of snapshots of rooms, its own among all; empty: none"`
	// SnapshotEvery is about how many effective records of a room a start may have to read.
	SnapshotEvery int `koanf:"snapshot_every" help:"effective records of a room from one of its snapshots to the next"`
}

// Default keeps the witness beside the process. To read what lies between two snapshots takes some tenths of a second.
func Default() Config { return Config{WitnessPath: "witness.json", SnapshotEvery: 20_000} }

// Validate says what cannot work.
func (c Config) Validate() error {
	if c.SnapshotEvery < 1 {
		return fmt.Errorf("snapshot_every %d: give at least 1", c.SnapshotEvery)
	}
	return nil
}

// Module runs dispatch in any process.
func Module(cfg Config) fx.Option {
	return fx.Module("dispatch",
		app.Named("dispatch"),
		fx.Supply(cfg, fx.Private),
		fx.Provide(newService, fx.Private),
		fx.Provide(app.AsCheck(func(s *service) app.Check { return app.Check{Name: "dispatch", Ready: s.ready} })),
		fx.Invoke(func(s *service, r *prometheus.Registry) error { return r.Register(s) }),
	)
}

type service struct {
	cfg   Config
	log   *kafkalog.Log
	clock *clock.Clock
	slog  *slog.Logger

	name     string
	deciders []*decider.Decider
	stop     context.CancelFunc
	wait     sync.WaitGroup
	keeper   *witness.Keeper
	writer   *kafkalog.Writer
	beater   *beat.Beater

	positions *fixes.Table
}

// name is that of this decider in the log. Two of one name would both count as first: without one given, every run of a
// process has its own.
func (c Config) name() string {
	if c.Name != "" {
		return c.Name
	}
	return beat.Instance("")
}

func newService(lc fx.Lifecycle, cfg Config, log *kafkalog.Log, c *clock.Clock, logger *slog.Logger) (*service, error) {
	writer, err := kafkalog.NewWriter(log, kafkalog.DefaultWriter())
	if err != nil {
		return nil, err
	}
	s := &service{cfg: cfg, log: log, clock: c, slog: logger, name: cfg.name(), writer: writer, positions: fixes.NewTable()}
	lc.Append(fx.Hook{OnStart: s.start, OnStop: s.halt})
	return s, nil
}

func (s *service) start(ctx context.Context) error {
	table, err := follow.Table(ctx, s.log)
	if err != nil {
		return err
	}
	witnessed := map[string]witness.Head{}
	if s.cfg.WitnessPath != "" {
		heads, err := witness.Load(s.cfg.WitnessPath)
		if err != nil {
			return err
		}
		for _, h := range heads {
			witnessed[h.Room] = h
		}
		if s.keeper, err = witness.Keep(s.cfg.WitnessPath, s.slog); err != nil { //nolint:contextcheck // the keeper lives as long as the service, not as its start
			return err
		}
	}
	var snapshots *snapshot.Dir
	if s.cfg.SnapshotDir != "" {
		if snapshots, err = snapshot.Open(s.cfg.SnapshotDir, s.slog); err != nil {
			return err
		}
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.beater = beat.Start(ctx, beat.Config{
		Writer: s.writer, Rooms: table, Process: s.name, Service: beat.Dispatch, Clock: s.clock, Level: controlroom.MaxLevel, Logger: s.slog,
	})
	for _, room := range table {
		heard := beat.NewHeard(s.clock.Rate(), time.Now())
		d := decider.New(decider.Config{
			Room: room, Name: s.name, Log: s.log, Clock: s.clock, Positions: s.positions, Limits: es.DefaultLimits().Waiting(),
			Heard: heard, Intake: s.writer, Witness: s.keeper, Witnessed: witnessed[room.Room],
			Snapshots: snapshots, SnapshotEvery: uint64(s.cfg.SnapshotEvery), Logger: s.slog, //nolint:gosec // it is at least 1
		})
		s.deciders = append(s.deciders, d)
		s.wait.Go(func() {
			s.positions.Follow(run, s.log, room, s.clock, func(b *positionsv1.Beat) { heard.Take(b, time.Now()) }, s.slog)
		})
		s.wait.Go(func() {
			// Other rooms go on: a room that halts is loud, not contagious.
			if err := d.Run(run); err != nil {
				s.slog.WarnContext(run, "room was halted when dispatch ended", "room", room.Room, "err", err)
			}
		})
	}
	return nil
}

func (s *service) halt(context.Context) error {
	if s.beater != nil {
		s.beater.Stop()
	}
	if s.stop != nil {
		s.stop()
	}
	s.wait.Wait()
	s.writer.Close()
	if s.keeper != nil {
		return s.keeper.Close()
	}
	return nil
}

// ready: every room that is not halted is being decided; a halted one shows in the metrics and on the consoles.
func (s *service) ready(context.Context) error {
	var errs []error
	halted := 0
	for _, d := range s.deciders {
		if d.Halted() {
			halted++
			continue
		}
		errs = append(errs, d.Ready())
	}
	if halted > 0 && halted == len(s.deciders) {
		return fmt.Errorf("all rooms are halted, the first because: %w", s.deciders[0].Ready())
	}
	return errors.Join(errs...)
}

var ( //nolint:gochecknoglobals // descriptions are constants that Go cannot write as such
	backlogDesc = prometheus.NewDesc("vigie_dispatch_backlog_requests", "Requests read from intake without an outcome in the log.", []string{"room"}, nil)
	voidsDesc   = prometheus.NewDesc("vigie_dispatch_void_records_total", "Void records read.", []string{"room"}, nil)
	decidedDesc = prometheus.NewDesc("vigie_dispatch_decisions_total", "Effective decisions read.", []string{"room"}, nil)
	locatedDesc = prometheus.NewDesc("vigie_dispatch_located_teams", "Teams with a position that this process knows.", []string{"room"}, nil)
	haltedDesc  = prometheus.NewDesc("vigie_dispatch_halted", "1 when the room is halted.", []string{"room"}, nil)
	clockDesc   = prometheus.NewDesc("vigie_dispatch_clock_off_seconds",
		"How far this clock is from what the processes agree on; beyond 1 s it is not trusted.", []string{"room"}, nil)
)

// Describe implements prometheus.Collector.
func (s *service) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{backlogDesc, voidsDesc, decidedDesc, locatedDesc, haltedDesc, clockDesc} {
		c <- d
	}
}

// Collect implements prometheus.Collector.
func (s *service) Collect(c chan<- prometheus.Metric) {
	for _, d := range s.deciders {
		f, room, halted := d.Figures(), d.Room.Room, 0.0
		if d.Halted() {
			halted = 1
		}
		c <- prometheus.MustNewConstMetric(backlogDesc, prometheus.GaugeValue, float64(f.Backlog), room)
		c <- prometheus.MustNewConstMetric(voidsDesc, prometheus.CounterValue, float64(f.Voids), room)
		c <- prometheus.MustNewConstMetric(decidedDesc, prometheus.CounterValue, float64(f.Decided), room)
		c <- prometheus.MustNewConstMetric(locatedDesc, prometheus.GaugeValue, float64(s.positions.Teams(room)), room)
		c <- prometheus.MustNewConstMetric(haltedDesc, prometheus.GaugeValue, halted, room)
		c <- prometheus.MustNewConstMetric(clockDesc, prometheus.GaugeValue, f.ClockOff.Seconds(), room)
	}
}
