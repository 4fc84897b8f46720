package vigie

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"go.uber.org/fx"

	"vigie/pkg/app"
	"vigie/pkg/clock"
	"vigie/pkg/directory"
	"vigie/pkg/embedded"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow"
	"vigie/pkg/region"
	"vigie/services/alarms"
	"vigie/services/dispatch"
	"vigie/services/gateway"
	"vigie/services/positions"
	"vigie/services/replay"
	"vigie/services/vigie/internal/ready"
)

// upConfig is what vigie up takes.
type upConfig struct {
	App         app.Config `koanf:",squash"`
	Data        string     `koanf:"data" help:"data directory"`
	Region      string     `koanf:"region" help:"region file"`
	KafkaListen string     `koanf:"kafka_listen" help:"address of the embedded broker, host:port; port 0 takes a free one"`
	ClockRate   int        `koanf:"clock_rate" help:"domain seconds in a real one"`
	// Map is the ground of the console's map.
	Map gateway.Map `koanf:",squash"`

	authority string // certificate of the local authority, when HTTPS goes by one
}

func defaultUp() upConfig {
	return upConfig{
		App: app.Default(), Data: "./data", Region: "deployments/regions/aphp.yaml", KafkaListen: "127.0.0.1:0", ClockRate: 1,
		Map: gateway.Default().Map,
	}
}

// Validate says what cannot work.
func (c upConfig) Validate() error {
	errs := []error{c.App.Validate(), c.Map.Validate()}
	if c.Data == "" {
		errs = append(errs, errors.New("data: say where the data is to be kept"))
	}
	if c.ClockRate < 1 || c.ClockRate > clock.MaxRate {
		errs = append(errs, fmt.Errorf("clock_rate %d: give a whole number from 1 to %d", c.ClockRate, clock.MaxRate))
	}
	return errors.Join(errs...)
}

func upCommand() *cobra.Command {
	def := defaultUp()
	var file string
	var show bool
	c := &cobra.Command{
		Use: "up", Short: "Run everything in one process on embedded parts", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := app.Load(def, app.Sources{File: file, Env: os.Environ(), Flags: c.Flags()})
			switch {
			case err != nil:
				return err
			case show:
				return app.PrintConfig(c.OutOrStdout(), cfg)
			}
			return up(c.Context(), cfg, c)
		},
	}
	app.Flags(c.Flags(), def)
	c.Flags().StringVar(&file, "config", "", "configuration file (YAML); the environment (VIGIE_...) and flags override it")
	c.Flags().BoolVar(&show, "print-config", false, "print the configuration that would be used, and exit")
	return c
}

func up(ctx context.Context, cfg upConfig, c *cobra.Command) error {
	r, err := region.Load(cfg.Region)
	if err != nil {
		return app.Exit(app.BadRegion, err)
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if cfg, err = secured(cfg); err != nil {
		return err
	}
	announce := ready.Printer{Data: cfg.Data, JSON: cfg.App.JSON, Rate: cfg.ClockRate, Out: c.OutOrStdout()}
	if cfg.authority != "" {
		announce.Authority = authorityPath
	}
	if own := addresses(); len(own) > 0 {
		announce.Host = own[0]
	}
	return app.Run(ctx, all(cfg, r.RoomIDs(), announce)) //nolint:contextcheck // constructors have no context: what they make lives with the process
}

// all is the program: services beside embedded parts.
func all(cfg upConfig, rooms []string, announce ready.Printer) fx.Option {
	in := func(name string) string { return filepath.Join(cfg.Data, name) }
	broker := embedded.Default()
	broker.Dir, broker.Listen, broker.Rooms, broker.WitnessFile = in("broker"), cfg.KafkaListen, rooms, in("witness.json")
	gate := gateway.Default()
	gate.Name, gate.Region, gate.Map = "vigie", cfg.Region, cfg.Map
	if gate.Map.CacheDir == "" {
		gate.Map.CacheDir = in("map")
	}
	decide := dispatch.Default()
	decide.Name, decide.WitnessPath, decide.SnapshotDir = "vigie", in("witness.json"), in("snapshots")
	alarm, position := alarms.Default(), positions.Default()
	position.Name = "vigie"
	if err := within(cfg.Data, &alarm, &position, &gate); err != nil {
		return fx.Error(err)
	}
	return fx.Options(
		app.Module(cfg.App),
		embedded.Module(broker),
		fx.Provide(app.NewLog, app.NewProjections, follow.NewRooms),
		fx.Provide(app.AsRoutes(func() app.Routes { return authorityRoutes(cfg.authority) })),
		fx.Provide(func() (*clock.Clock, error) {
			k, err := clock.Open(in("clock.json"), cfg.ClockRate)
			if errors.Is(err, clock.ErrRate) {
				return nil, app.Exit(app.Usage, err)
			}
			return k, err
		}),
		fx.Provide(func(lc fx.Lifecycle, log *slog.Logger) (*directory.Directory, ready.First, error) {
			d, err := app.OpenDirectory(lc, directory.Config{Path: in("directory.db"), Log: log})
			if err != nil {
				return nil, ready.First{}, err
			}
			first, err := firstStart(d, rooms, in("first-accounts.json"))
			return d, ready.First{FirstAccounts: first}, err
		}),
		dispatch.Module(decide),
		alarms.Module(alarm),
		positions.Module(position),
		gateway.Module(gate),
		replay.Module(replay.Default()),
		fx.Invoke(func(lc fx.Lifecycle, address *app.Address, kafka kafkalog.Config, first ready.First, stop *app.Stop, log *slog.Logger) {
			var announcement *ready.Announcement
			lc.Append(fx.StartStopHook(
				func() {
					announcement = announce.Begin(ready.Program{Address: address, Kafka: kafka, First: first, Fail: stop.Fail, Logger: log})
				},
				func() { announcement.End() },
			))
		}),
	)
}

// firstStart makes the first accounts and sources of an empty directory and writes down what opens them.
func firstStart(d *directory.Directory, rooms []string, path string) (*directory.FirstAccounts, error) {
	first, err := d.Bootstrap(context.Background(), rooms)
	if err != nil || first == nil {
		return nil, err
	}
	return first, directory.WriteFirstAccounts(path, first)
}
