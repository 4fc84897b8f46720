package secure_test

import (
	"context"
	"errors"
	"net/url"
	"testing"
	"time"

	"vigie/pkg/eventlog"
	"vigie/pkg/projection"

	"vigie/tests/stack"
)

func TestRedisAnswersOnlyTheProjectorOverTLS(t *testing.T) {
	t.Parallel()
	at, err := url.Parse(shared.RedisURL())
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		spoil func(*projection.Config)
		want  error
	}{
		"the projector":     {func(*projection.Config) {}, projection.ErrCold},
		"plaintext":         {func(c *projection.Config) { c.URL, c.CAFile = "redis://"+at.Host+"/0", "" }, projection.ErrAway},
		"a wrong password":  {func(c *projection.Config) { c.Password = "not it" }, projection.ErrAway},
		"an unknown user":   {func(c *projection.Config) { c.User = "gateway" }, projection.ErrAway},
		"nobody":            {func(c *projection.Config) { c.User, c.Password = "", "" }, projection.ErrAway},
		"other authorities": {func(c *projection.Config) { c.CAFile = "" }, projection.ErrAway},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := projection.Default()
			cfg.URL, cfg.CAFile = shared.RedisURL(), shared.CAFile()
			cfg.User, cfg.Password = stack.Projector, shared.Password(stack.Projector)
			cfg.Connect, cfg.IO, cfg.Wait = 10*time.Second, 10*time.Second, 20*time.Second // a busy machine is no refusal
			tt.spoil(&cfg)
			c, err := projection.Open(cfg)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			})
			ctx, done := context.WithTimeout(t.Context(), patience)
			defer done()
			_, err = c.Table("test.1", eventlog.RoomEntry{Room: "alpha", LogID: "log"}).All(ctx)
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}
