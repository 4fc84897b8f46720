package app_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/fx"
	"google.golang.org/protobuf/proto"

	"vigie/pkg/app"
	"vigie/pkg/clock"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow/livetest"
	positionsv1 "vigie/pkg/gen/vigie/positions/v1"
)

func TestAServiceSaysInEveryRoomThatItLives(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north", "south")
	began := time.Now()
	_, stop := w.Serve(func(ctx context.Context, up func(string)) error {
		return app.Run(ctx, app.Module(quiet()), fx.Supply(w.Log, clock.Real()), app.Beats("replay", 3),
			fx.Invoke(func(lc fx.Lifecycle, a *app.Address) { lc.Append(fx.StartHook(func() { up(a.URL()) })) }))
	})
	processes := map[string]bool{}
	for _, room := range []string{"north", "south"} {
		var b *positionsv1.Beat
		livetest.Await(t, "a beat in "+room, func() bool {
			for _, value := range w.Read(eventlog.TopicPositions, room) {
				var m positionsv1.Telemetry
				if err := proto.Unmarshal(value, &m); err != nil || m.GetRoom() != room {
					t.Fatalf("telemetry of %s: %v, %v", room, &m, err)
				}
				b = m.GetBeat()
			}
			return b != nil
		})
		if b.GetService() != "replay" || b.GetLevel() != 3 || b.GetClockMs() < began.UnixMilli() {
			t.Errorf("%s heard %v", room, b)
		}
		processes[b.GetProcess()] = true
	}
	if len(processes) != 1 {
		t.Errorf("one process has several names: %v", processes)
	}
	stop()
}

func quiet() app.Config {
	cfg := app.Default()
	cfg.Listen, cfg.LogLevel = "127.0.0.1:0", "error"
	return cfg
}
