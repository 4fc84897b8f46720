package app

import (
	"context"
	"log/slog"

	"go.uber.org/fx"

	"vigie/pkg/beat"
	"vigie/pkg/clock"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow"
)

// Beats makes a service say in the telemetry of every room that it lives, what its clock shows and up to which level it
// reads the log. For services of which nobody needs to know the name of a run.
func Beats(service string, level uint32) fx.Option {
	return fx.Invoke(func(lc fx.Lifecycle, log *kafkalog.Log, c *clock.Clock, logger *slog.Logger) error {
		writer, err := kafkalog.NewWriter(log, kafkalog.DefaultWriter())
		if err != nil {
			return err
		}
		var beater *beat.Beater
		lc.Append(fx.StartStopHook(func(ctx context.Context) error {
			rooms, err := follow.Table(ctx, log)
			if err != nil {
				return err
			}
			beater = beat.Start(ctx, beat.Config{
				Writer: writer, Rooms: rooms, Process: beat.Instance(service), Service: service, Clock: c, Level: level, Logger: logger,
			})
			return nil
		}, func() {
			if beater != nil {
				beater.Stop()
			}
			writer.Close()
		}))
		return nil
	})
}
