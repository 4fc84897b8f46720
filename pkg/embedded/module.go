package embedded

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"syscall"

	"go.uber.org/fx"

	"vigie/pkg/app"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/projection"
)

// Module runs the brokers and a Redis, and provides the [kafkalog.Config] and
// the [projection.Config] that lead to them. A log that can no longer be stored
// stops the process.
func Module(cfg Config) fx.Option {
	return fx.Module("embedded",
		fx.Provide(func(lc fx.Lifecycle, stop *app.Stop, log *slog.Logger) (kafkalog.Config, error) {
			cfg := cfg
			cfg.Logger = log
			return provide(lc, stop, cfg)
		}, provideRedis),
	)
}

// provide takes the addresses at once, which others are constructed with, and
// runs the brokers when the process starts.
func provide(lc fx.Lifecycle, stop *app.Stop, cfg Config) (kafkalog.Config, error) {
	b, err := listen(context.Background(), cfg)
	if err != nil {
		return kafkalog.Config{}, Exit(err)
	}
	var watch sync.WaitGroup
	stopping := make(chan struct{})
	lc.Append(fx.Hook{
		OnStart: func(ctx context.Context) error {
			if err := b.start(ctx); err != nil {
				return Exit(err)
			}
			watch.Go(func() {
				select {
				case <-b.Failed():
					stop.Fail(Exit(b.Err()))
				case <-stopping:
				}
			})
			return nil
		},
		OnStop: func(context.Context) error {
			close(stopping)
			watch.Wait()
			return Exit(b.Stop())
		},
	})
	return b.Config(), nil
}

// provideRedis starts at once: its port is free, and it has nothing to open.
func provideRedis(lc fx.Lifecycle) (projection.Config, error) {
	r, err := StartRedis()
	if err != nil {
		return projection.Config{}, err
	}
	lc.Append(fx.StopHook(r.Stop))
	return r.Config(), nil
}

// Exit gives an error of this package the exit status it stands for.
func Exit(err error) error {
	var damage *DamageError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &damage):
		return app.Exit(app.LogDamaged, err)
	case errors.Is(err, ErrDiskFull):
		return app.Exit(app.DiskFull, err)
	case errors.Is(err, ErrInUse):
		return app.Exit(app.DataInUse, err)
	case errors.Is(err, syscall.EADDRINUSE):
		return app.Exit(app.PortBusy, err)
	default:
		return err
	}
}
