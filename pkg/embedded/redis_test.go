package embedded_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/fx"

	"vigie/pkg/app"
	"vigie/pkg/embedded"
	"vigie/pkg/eventlog"
	"vigie/pkg/projection"
)

func TestInTheEmbeddedRedisWhatHasATimeToLiveGoesAwayWithoutAnybodysHelp(t *testing.T) {
	t.Parallel()
	r, err := embedded.StartRedis()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	cfg := r.Config()
	cfg.Keep = 50 * time.Millisecond
	cfg.IO, cfg.Wait = 10*time.Second, 20*time.Second
	c, err := projection.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	table := c.Table("x.1", eventlog.RoomEntry{Room: "r", LogID: "l"})
	if err := table.Apply(deadline(t), projection.Batch{To: projection.Mark{Offset: 1}, AtEnd: time.Now()}); err != nil {
		t.Fatal(err)
	}
	for ctx := deadline(t); ; {
		_, err := table.All(ctx)
		if errors.Is(err, projection.ErrCold) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheEmbeddedRedisIsForWhoKnowsItsPassword(t *testing.T) {
	t.Parallel()
	r, err := embedded.StartRedis()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	cfg := r.Config()
	cfg.Password = ""
	c, err := projection.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_, err = c.Table("x.1", eventlog.RoomEntry{Room: "r", LogID: "l"}).All(deadline(t))
	if !errors.Is(err, projection.ErrAway) {
		t.Errorf("a stranger got %v", err)
	}
}

func TestTheModuleProvidesARedisForAsLongAsTheProcessLives(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(deadline(t))
	defer cancel()
	var found error
	err := app.Run(ctx,
		logging,
		embedded.Module(config(t.TempDir(), "north")),
		fx.Provide(app.NewProjections),
		fx.Invoke(func(lc fx.Lifecycle, c *projection.Client) {
			lc.Append(fx.StartHook(func(ctx context.Context) {
				defer cancel()
				_, found = c.Table("x.1", eventlog.RoomEntry{Room: "north", LogID: "l"}).All(ctx)
			}))
		}),
	)
	if err != nil || !errors.Is(found, projection.ErrCold) {
		t.Errorf("%v, the Redis of the process answers %v", err, found)
	}
}
