package app

import (
	"context"
	"errors"
	"log/slog"

	"go.uber.org/fx"

	"vigie/pkg/clock"
	"vigie/pkg/directory"
	"vigie/pkg/eventlog/kafkalog"
)

// Backbone is where a process of its own finds what all services share. In the all-in-one program the embedded parts stand
// in its place.
type Backbone struct {
	KafkaBrokers     []string `koanf:"kafka_brokers" help:"addresses of Kafka, host:port,..."`
	PositionsBrokers []string `koanf:"positions_brokers" help:"addresses of the Kafka for positions, when it is another one"`
	DirectoryURL     string   `koanf:"directory_url" help:"the directory's SQLite file"`
}

// DefaultBackbone is Kafka on this machine and a directory beside the process.
func DefaultBackbone() Backbone {
	return Backbone{KafkaBrokers: kafkalog.Default().Brokers, DirectoryURL: "directory.db"}
}

// Validate says what cannot work.
func (b Backbone) Validate() error {
	var errs []error
	if b.DirectoryURL == "" {
		errs = append(errs, errors.New("directory_url: give the path of the directory"))
	}
	return errors.Join(append(errs, b.kafka().Validate())...)
}

func (b Backbone) kafka() kafkalog.Config {
	cfg := kafkalog.Default()
	cfg.Brokers, cfg.PositionsBrokers = b.KafkaBrokers, b.PositionsBrokers
	return cfg
}

// BackboneModule provides *kafkalog.Log, *directory.Directory and the real *clock.Clock to a process of its own.
func BackboneModule(b Backbone) fx.Option {
	return fx.Options(
		fx.Supply(b.kafka()),
		fx.Provide(clock.Real, NewLog),
		fx.Provide(func(lc fx.Lifecycle, log *slog.Logger) (*directory.Directory, error) {
			return OpenDirectory(lc, directory.Config{Path: b.DirectoryURL, Log: log})
		}),
	)
}

// NewLog connects to the log for the life of the process.
func NewLog(lc fx.Lifecycle, cfg kafkalog.Config, log *slog.Logger) (*kafkalog.Log, error) {
	cfg.Logger = log
	l, err := kafkalog.New(cfg)
	if err != nil {
		return nil, err
	}
	lc.Append(fx.StopHook(l.Close))
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
