package livetest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"vigie/pkg/authz"
	"vigie/pkg/directory"
)

// Directory is an empty directory for the time of a test.
func Directory(tb testing.TB) *directory.Directory {
	tb.Helper()
	d, err := directory.Open(context.Background(), directory.Config{Path: filepath.Join(tb.TempDir(), "directory.db")})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := d.Close(); err != nil {
			tb.Error(err)
		}
	})
	return d
}

// Token makes an account with these grants and signs it in.
func Token(tb testing.TB, d *directory.Directory, account string, grants ...authz.Grant) string {
	tb.Helper()
	if _, err := d.CreateAccount(context.Background(), account, grants...); err != nil {
		tb.Fatal(err)
	}
	s, err := d.NewSession(context.Background(), account)
	if err != nil {
		tb.Fatal(err)
	}
	return s.Token
}

// Serve runs a process until it is stopped or the test ends: run, which says by up where it listens. The process has
// started and says that it is ready.
func (w *World) Serve(run func(ctx context.Context, up func(url string)) error) (url string, stop func()) {
	w.tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	up, done := make(chan string, 1), make(chan error, 1)
	go func() { done <- run(ctx, func(url string) { up <- url }) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			w.tb.Error(err)
		}
	})
	w.tb.Cleanup(stop)
	select {
	case url = <-up:
	case err := <-done:
		done <- nil
		w.tb.Fatal(err)
	}
	Await(w.tb, "the service is ready", func() bool {
		return Call(w.tb, http.MethodGet, url+"/readyz", nil, "").Status == http.StatusOK
	})
	return url, stop
}

// Answer is what came back over HTTP.
type Answer struct {
	Status int
	Header http.Header
	Body   string
	// Code of a problem.
	Code string
}

// Into reads the body as JSON.
func (a Answer) Into(tb testing.TB, v any) {
	tb.Helper()
	if err := json.Unmarshal([]byte(a.Body), v); err != nil {
		tb.Fatalf("%v: %s", err, a.Body)
	}
}

// Call makes one HTTP request, over a connection of its own.
func Call(tb testing.TB, method, url string, header map[string]string, body string) Answer {
	tb.Helper()
	ctx, done := context.WithTimeout(context.Background(), 30*time.Second)
	defer done()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		tb.Fatal(err)
	}
	a := Answer{Status: res.StatusCode, Header: res.Header, Body: string(b)}
	var p struct{ Code string }
	if res.StatusCode >= http.StatusBadRequest && json.Unmarshal(b, &p) == nil {
		a.Code = p.Code
	}
	return a
}
