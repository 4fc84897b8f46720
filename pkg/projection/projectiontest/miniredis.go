package projectiontest

import (
	"context"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// Miniredis is a Redis in this process.
type Miniredis struct {
	server *miniredis.Miniredis
	kept   [][]any // commands that bring back what was kept
}

// StartMiniredis runs one for the time of a test.
func StartMiniredis(tb testing.TB) *Miniredis {
	tb.Helper()
	m := &Miniredis{server: miniredis.NewMiniRedis()}
	m.server.ClockTTL(true)
	if err := m.server.StartAddr("127.0.0.1:0"); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(m.server.Close)
	return m
}

// Addr implements [Server].
func (m *Miniredis) Addr() string { return m.server.Addr() }

// Flush implements [Server].
func (m *Miniredis) Flush(testing.TB) { m.server.FlushAll() }

// Restart implements [Server].
func (m *Miniredis) Restart(tb testing.TB) {
	tb.Helper()
	m.server.Close()
	m.server.FlushAll()
	if err := m.server.Restart(); err != nil {
		tb.Fatal(err)
	}
}

// Keep implements [Server].
func (m *Miniredis) Keep(tb testing.TB) {
	tb.Helper()
	m.kept = nil
	Direct(tb, m, func(ctx context.Context, c *redis.Client) error {
		// Between two of these a table may change: only one who writes nothing keeps.
		keys, err := c.Keys(ctx, "*").Result()
		for _, key := range keys {
			switch c.Type(ctx, key).Val() {
			case "hash":
				args := []any{"HSET", key}
				for field, value := range c.HGetAll(ctx, key).Val() {
					args = append(args, field, value)
				}
				m.kept = append(m.kept, args)
			case "zset":
				args := []any{"ZADD", key}
				for _, z := range c.ZRangeWithScores(ctx, key, 0, -1).Val() {
					args = append(args, z.Score, z.Member)
				}
				m.kept = append(m.kept, args)
			}
		}
		return err
	})
}

// Revert implements [Server].
func (m *Miniredis) Revert(tb testing.TB) {
	tb.Helper()
	Direct(tb, m, func(ctx context.Context, c *redis.Client) error {
		_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.FlushAll(ctx)
			for _, args := range m.kept {
				p.Do(ctx, args...)
			}
			return nil
		})
		return err
	})
}

// Direct talks to a server without the relay.
func Direct(tb testing.TB, s Server, do func(context.Context, *redis.Client) error) {
	tb.Helper()
	c := redis.NewClient(&redis.Options{Addr: s.Addr()})
	defer func() { _ = c.Close() }()
	if err := do(Bound(tb), c); err != nil {
		tb.Fatalf("talk to redis: %v", err)
	}
}
