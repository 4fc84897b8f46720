package replay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/fx"

	"vigie/pkg/app"
	"vigie/pkg/authz"
	"vigie/pkg/clock"
	"vigie/pkg/directory"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow/followtest"
	"vigie/pkg/follow/past"
	personalv1 "vigie/pkg/gen/vigie/personal/v1"
	"vigie/pkg/projection"
	"vigie/pkg/projection/projectiontest"
	"vigie/services/replay" //nolint:depguard // its own test
)

// node is a running replay over the story of a room.
type node struct {
	*followtest.Room
	t     *testing.T
	dir   *directory.Directory
	url   string
	void  int64
	chief string
	redis *projectiontest.Miniredis
	relay *projectiontest.Relay
}

const secret = "un homme armé"

var received = time.UnixMilli(followtest.Begin)

// start tells a story and serves it.
func start(t *testing.T) *node {
	t.Helper()
	n := &node{t: t, Room: followtest.Start(t)}
	var err error
	if n.dir, err = directory.Open(t.Context(), directory.Config{Path: filepath.Join(t.TempDir(), "directory.db")}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.dir.Close(); err != nil {
			t.Error(err)
		}
	})
	key, sealed, err := n.dir.SealForRequest(t.Context(), "panel", "a1", received, secret)
	if err != nil {
		t.Fatal(err)
	}
	n.void = n.Tell(&personalv1.SealedText{Key: key, Sealed: sealed})
	n.chief = n.token(authz.Grant{Role: authz.Chief, Scope: authz.RoomScope(followtest.Name)})
	n.redis = projectiontest.StartMiniredis(t)
	n.relay = projectiontest.NewRelay(t, n.redis.Addr())
	n.url = serve(t, n.Log, n.dir, projectiontest.Open(t, projectiontest.Config(n.relay.Addr())))
	return n
}

func serve(t *testing.T, log *kafkalog.Log, dir *directory.Directory, projections *projection.Client) string {
	t.Helper()
	cfg := app.Default()
	cfg.Listen, cfg.LogLevel = "127.0.0.1:0", "error"
	ctx, cancel := context.WithCancel(t.Context())
	up, done := make(chan string, 1), make(chan error, 1)
	go func() {
		done <- app.Run(ctx, app.Module(cfg), fx.Supply(log, dir, clock.Real(), projections), replay.Module(replay.Default()),
			fx.Invoke(func(lc fx.Lifecycle, a *app.Address) { lc.Append(fx.StartHook(func() { up <- a.URL() })) }))
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	select {
	case url := <-up:
		return url
	case err := <-done:
		done <- nil
		t.Fatal(err)
		return ""
	}
}

func (n *node) auditor() string {
	n.t.Helper()
	return n.token(authz.Grant{Role: authz.Auditor, Scope: authz.RegionScope})
}

func (n *node) token(grants ...authz.Grant) string {
	n.t.Helper()
	account := fmt.Sprintf("a%d", time.Now().UnixNano())
	if _, err := n.dir.CreateAccount(n.t.Context(), account, grants...); err != nil {
		n.t.Fatal(err)
	}
	session, err := n.dir.NewSession(n.t.Context(), account)
	if err != nil {
		n.t.Fatal(err)
	}
	return session.Token
}

type answer struct {
	status int
	code   string
	detail string
	header http.Header
	body   string
}

func (n *node) get(token, path string) answer {
	n.t.Helper()
	ctx, done := context.WithTimeout(n.t.Context(), 30*time.Second)
	defer done()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.url+path, http.NoBody)
	if err != nil {
		n.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, body: string(body)}
	var p struct{ Code, Detail string }
	if res.StatusCode != http.StatusOK && json.Unmarshal(body, &p) == nil {
		a.code, a.detail = p.Code, p.Detail
	}
	return a
}

// caughtUp waits until the service has read the whole story.
func (n *node) caughtUp() {
	n.t.Helper()
	if a := n.get(n.chief, fmt.Sprintf("/v1/rooms/main/state?min_offset=%d", n.Next()-1)); a.status != http.StatusOK {
		n.t.Fatalf("%+v", a)
	}
}

func bytesOf(t *testing.T, v controlroom.View) string {
	t.Helper()
	b, err := past.Encode(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
