package projection_test

import (
	"testing"

	"go.uber.org/goleak"

	"vigie/pkg/projection/projectiontest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestProjectionsAreTheFoldOfTheirTopicOrColdWhateverHappensToRedis(t *testing.T) {
	t.Parallel()
	projectiontest.Run(t, func(tb testing.TB) projectiontest.Server {
		tb.Helper()
		return projectiontest.StartMiniredis(tb)
	})
}
