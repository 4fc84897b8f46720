package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"go.uber.org/fx"

	"vigie/pkg/clock"
	"vigie/pkg/directory"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow"
)

// Backbone is where a process of its own finds what all services share. In the all-in-one program the embedded parts stand
// in its place.
type Backbone struct {
	KafkaBrokers     []string    `koanf:"kafka_brokers" help:"addresses of Kafka, host:port,..."`
	PositionsBrokers []string    `koanf:"positions_brokers" help:"addresses of the Kafka for positions, when it is another one"`
	Kafka            KafkaAccess `koanf:",squash"`
	Redis            RedisAccess `koanf:",squash"`
	DirectoryURL     string      `koanf:"directory_url" help:"the directory's SQLite file"`
	ClockRate        int         `koanf:"clock_rate" help:"domain seconds in a real one; other than 1 only with clock_path"`
	ClockPath        string      `koanf:"clock_path" help:"file of the domain clock, the same for all processes; empty: the real time"`
}

// DefaultBackbone is Kafka on this machine and a directory beside the process.
func DefaultBackbone() Backbone {
	return Backbone{KafkaBrokers: kafkalog.Default().Brokers, Kafka: DefaultKafkaAccess(), DirectoryURL: "directory.db", ClockRate: 1}
}

// Validate says what cannot work.
func (b Backbone) Validate() error {
	var errs []error
	if b.DirectoryURL == "" {
		errs = append(errs, errors.New("directory_url: give the path of the directory"))
	}
	if b.ClockRate < 1 || b.ClockRate > clock.MaxRate {
		errs = append(errs, fmt.Errorf("clock_rate %d: give a whole number from 1 to %d", b.ClockRate, clock.MaxRate))
	}
	if b.ClockRate != 1 && b.ClockPath == "" {
		// Each process would begin a time of its own.
		errs = append(errs, errors.New("clock_path: with a clock_rate, give a file that all processes share"))
	}
	return errors.Join(append(errs, b.kafka().Validate(), b.Redis.Config().Validate())...)
}

func (b Backbone) kafka() kafkalog.Config {
	return b.Kafka.Config(b.KafkaBrokers, b.PositionsBrokers)
}

func (b Backbone) clock() (*clock.Clock, error) {
	if b.ClockPath == "" {
		return clock.Real(), nil
	}
	c, err := clock.Open(b.ClockPath, b.ClockRate)
	if errors.Is(err, clock.ErrRate) {
		return nil, Exit(Usage, err)
	}
	return c, err
}

// BackboneModule provides *kafkalog.Log, *follow.Rooms, *projection.Client, *directory.Directory and *clock.Clock to a process
// of its own, and announces it on the standard output once it is ready. Put it after Module.
func BackboneModule(b Backbone) fx.Option {
	return fx.Options(
		fx.Supply(b.kafka()),
		fx.Supply(b.Redis.Config()),
		fx.Provide(b.clock, NewLog, NewProjections, follow.NewRooms),
		Announce(os.Stdout),
		fx.Provide(func(lc fx.Lifecycle, log *slog.Logger) (*directory.Directory, error) {
			return OpenDirectory(lc, directory.Config{Path: b.DirectoryURL, Log: log})
		}),
	)
}

// NewLog connects to the log for the life of the process, which does not start where the brokers refuse it.
func NewLog(lc fx.Lifecycle, cfg kafkalog.Config, log *slog.Logger) (*kafkalog.Log, error) {
	cfg.Logger = log
	l, err := kafkalog.New(cfg)
	if err != nil {
		return nil, err
	}
	lc.Append(fx.StartStopHook(l.Reach, l.Close))
	return l, nil
}

// OpenDirectory opens the directory for the life of the process.
func OpenDirectory(lc fx.Lifecycle, cfg directory.Config) (*directory.Directory, error) {
	d, err := directory.Open(context.Background(), cfg)
	if err != nil {
		return nil, err
	}
	lc.Append(fx.StopHook(d.Close))
	return d, nil
}
