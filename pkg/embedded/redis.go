package embedded

import (
	"crypto/rand"
	"fmt"

	"github.com/alicebob/miniredis/v2"

	"vigie/pkg/projection"
)

// Redis is a Redis in this process, for projections: it keeps nothing on disk, and begins empty.
type Redis struct {
	server   *miniredis.Miniredis
	password string
}

// StartRedis returns a running Redis on a free port of this machine, which only who knows its password may use.
func StartRedis() (*Redis, error) {
	r := &Redis{server: miniredis.NewMiniRedis(), password: rand.Text()}
	r.server.RequireAuth(r.password)
	r.server.ClockTTL(true) // without it nothing ever expires
	if err := r.server.StartAddr("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("embedded redis: %w", err)
	}
	return r, nil
}

// Config returns what its clients are opened with.
func (r *Redis) Config() projection.Config {
	cfg := projection.Default()
	cfg.URL, cfg.Password = "redis://"+r.server.Addr(), r.password
	return cfg
}

// Stop stops it. What it held is gone.
func (r *Redis) Stop() { r.server.Close() }
