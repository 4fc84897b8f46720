package projection

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"vigie/pkg/eventlog"
)

// Client is a connection to Redis. It is safe for concurrent use.
type Client struct {
	cfg     Config
	redis   *redis.Client // nil: off
	breaker breaker
}

// Open returns a client. It does not wait for Redis: the first operation finds out whether it is there.
func Open(cfg Config) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("redis configuration: %w", err)
	}
	c := &Client{cfg: cfg, breaker: breaker{min: cfg.RestMin, max: cfg.RestMax}}
	if cfg.URL == "" {
		return c, nil
	}
	o, err := cfg.options()
	if err != nil {
		return nil, fmt.Errorf("redis configuration: %w", err)
	}
	// It has one logger for the whole process, and writes to the standard error otherwise. What matters is in the errors.
	redis.SetLogger(unheard{})
	c.redis = redis.NewClient(o)
	return c, nil
}

type unheard struct{}

func (unheard) Printf(context.Context, string, ...any) {}

// Off says that no Redis was configured: every operation fails with [ErrOff].
func (c *Client) Off() bool { return c.redis == nil }

// Close drops the connections.
func (c *Client) Close() error {
	if c.redis == nil {
		return nil
	}
	return c.redis.Close()
}

// do runs one operation within its bound, unless Redis rests. What Redis answers with, an error too, is between it and run.
func (c *Client) do(ctx context.Context, run func(context.Context) error) error {
	if c.redis == nil {
		return ErrOff
	}
	if err := c.breaker.enter(time.Now()); err != nil {
		return fmt.Errorf("%w: %w", ErrAway, err)
	}
	bounded, done := context.WithTimeout(ctx, c.cfg.Wait)
	defer done()
	err := run(bounded)
	switch {
	case err == nil:
		c.breaker.leave(time.Now(), nil)
		return nil
	case errors.Is(ctx.Err(), context.Canceled):
		c.breaker.abandon()
		return ctx.Err()
	}
	c.breaker.leave(time.Now(), err)
	return fmt.Errorf("%w: %w", ErrAway, err)
}

// Table gives a projection of a room; schema names its fold and version, such as positions.1.
func (c *Client) Table(schema string, room eventlog.RoomEntry) *Table {
	// The braces keep all that belongs to a room together in a cluster.
	prefix := fmt.Sprintf("proj:{%s}:%s:%s:", room.Room, schema, room.LogID)
	return &Table{client: c, logID: room.LogID, meta: prefix + "meta", data: prefix + "data", geo: prefix + "geo"}
}
