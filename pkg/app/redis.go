package app

import (
	"errors"
	"net/http"

	"go.uber.org/fx"

	"vigie/pkg/projection"
)

// RedisAccess is where a process finds the Redis of projections, and who it is there.
type RedisAccess struct {
	URL      string `koanf:"redis_url" help:"Redis for projections, redis://host:port/0 or rediss:// for TLS; empty: there are none"`
	CAFile   string `koanf:"redis_ca_file" help:"certificates (PEM) that Redis' own is checked against; empty: those of this machine"`
	User     string `koanf:"redis_user" help:"account at Redis; its password is VIGIE_REDIS_PASSWORD"`
	Password Secret `koanf:"redis_password"`
}

// Config is what a client of projections is opened with.
func (a RedisAccess) Config() projection.Config {
	cfg := projection.Default()
	cfg.URL, cfg.CAFile, cfg.User, cfg.Password = a.URL, a.CAFile, a.User, a.Password.Reveal()
	return cfg
}

// NewProjections opens the Redis of projections for the life of the process. It is never waited for.
func NewProjections(lc fx.Lifecycle, cfg projection.Config) (*projection.Client, error) {
	c, err := projection.Open(cfg)
	if err != nil {
		return nil, Exit(Usage, err)
	}
	lc.Append(fx.StopHook(c.Close))
	return c, nil
}

// ProjectionProblem gives an error of a projection the problem that the API answers with; others it leaves as they are.
func ProjectionProblem(err error) error {
	for _, known := range []struct {
		err  error
		code string
	}{{projection.ErrCold, "cold"}, {projection.ErrAway, "redis_away"}, {projection.ErrOff, "no_redis"}} {
		if errors.Is(err, known.err) {
			// Without what Redis itself said, which is for the operators.
			return Problem(http.StatusServiceUnavailable, known.code, known.err.Error())
		}
	}
	return err
}
