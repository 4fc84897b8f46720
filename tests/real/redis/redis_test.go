// Package redis_test holds projections to their contract on a real redis-server: the same tests as on the embedded one, with
// real crashes, and a fail-over that comes back with an older dump.
package redis_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"go.uber.org/goleak"
	"vigie/pkg/eventlog"
	"vigie/pkg/geo"
	"vigie/pkg/projection"
	"vigie/pkg/projection/projectiontest"

	"vigie/tests/stack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestProjectionsInARealRedisAreTheFoldOfTheirTopicOrCold(t *testing.T) {
	t.Parallel()
	projectiontest.Run(t, func(tb testing.TB) projectiontest.Server {
		tb.Helper()
		return stack.StartRedis(tb)
	})
}

// rights is what the operators' page gives to an account, without its password.
var rights = regexp.MustCompile(`(?m)^user vigie on #\S+ (.*)$`)

func TestTheRightsOnTheOperatorsPageAreEnough(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := rights.FindSubmatch(page)
	if found == nil {
		t.Fatal("the page gives no account its rights")
	}
	server := stack.StartRedis(t)
	server.Command(t, "ACL SETUSER vigie on >s3cret "+string(found[1]))
	server.Command(t, "ACL SETUSER default off")

	cfg := projectiontest.Config(server.Addr())
	cfg.User, cfg.Password = "vigie", "s3cret"
	table := projectiontest.Open(t, cfg).Table("test.1", eventlog.RoomEntry{Room: "alpha", LogID: "log"})
	ctx := projectiontest.Bound(t)
	here := geo.FromDegrees(48.85, 2.35)
	first, second := projection.Mark{Offset: 1, Hash: "a"}, projection.Mark{Offset: 2, Hash: "b"}
	put, drop := projection.Changes{}, projection.Changes{}
	put.Put(projection.Entry{Name: "placed", Value: []byte("1"), Place: &here})
	put.Put(projection.Entry{Name: "elsewhere", Value: []byte("2")})
	drop.Drop("elsewhere")
	for _, b := range []projection.Batch{{To: first, Changes: put}, {After: &first, To: second, AtEnd: time.Now(), Changes: drop}} {
		if err := table.Apply(ctx, b); err != nil {
			t.Fatal(err)
		}
	}
	if s, hits, err := table.Near(ctx, here, 10); err != nil || s.Mark != second || len(hits) != 1 || len(s.Entries) != 1 {
		t.Errorf("%+v, %v, %v", s, hits, err)
	}
	if err := table.Clear(ctx); err != nil {
		t.Error(err)
	}
}
