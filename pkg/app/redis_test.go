package app_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"vigie/pkg/app"
	"vigie/pkg/projection"
)

type redisConfig struct {
	Redis app.RedisAccess `koanf:",squash"`
}

func (c redisConfig) Validate() error { return c.Redis.Config().Validate() }

func TestThePasswordOfRedisIsUsedAndNeverShown(t *testing.T) {
	t.Parallel()
	cfg, err := app.Load(redisConfig{}, app.Sources{Env: []string{
		"VIGIE_REDIS_URL=rediss://redis.example:6380/2", "VIGIE_REDIS_CA_FILE=ca.pem", "VIGIE_REDIS_USER=vigie", "VIGIE_REDIS_PASSWORD=s3cret",
	}})
	if err != nil {
		t.Fatal(err)
	}
	got := cfg.Redis.Config()
	if got.URL != "rediss://redis.example:6380/2" || got.CAFile != "ca.pem" || got.User != "vigie" || got.Password != "s3cret" {
		t.Errorf("%+v", cfg)
	}
	var shown bytes.Buffer
	if err := app.PrintConfig(&shown, cfg); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(shown.String()+fmt.Sprintf("%+v", cfg), "s3cret") || !strings.Contains(shown.String(), "redis.example") {
		t.Errorf("shown:\n%s", &shown)
	}
	_, err = app.Load(redisConfig{}, app.Sources{Env: []string{"VIGIE_REDIS_URL=redis://vigie:s3cret@redis.example"}})
	if app.Status(err) != app.Usage || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("a password in the address: %v", err)
	}
}

func TestWhyThereIsNoProjectionIsToldToPrograms(t *testing.T) {
	t.Parallel()
	for err, code := range map[error]string{projection.ErrCold: "cold", projection.ErrAway: "redis_away", projection.ErrOff: "no_redis"} {
		var p *app.ProblemError
		told := app.ProjectionProblem(fmt.Errorf("read: %w: dial tcp 10.0.0.7", err))
		if !errors.As(told, &p) || p.Status != http.StatusServiceUnavailable || p.Code != code || strings.Contains(p.Detail, "10.0.0.7") {
			t.Errorf("%v is told as %+v", err, told)
		}
	}
	if err := app.ProjectionProblem(io.EOF); !errors.Is(err, io.EOF) {
		t.Errorf("another error became %v", err)
	}
}
