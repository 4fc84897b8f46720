package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/fx"

	"vigie/pkg/app"
)

type reply struct {
	status int
	header http.Header
	body   string
}

func call(t *testing.T, method, url, body string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true // no idle connection is left to look like a leak
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, string(b)}
}

type greeting struct {
	Body struct {
		Name string `json:"name" minLength:"2"`
	}
}

type greeted struct {
	Body struct {
		Text string `json:"text"`
	}
}

// routes answers by the name it is given.
func routes() app.Routes {
	greet := func(_ context.Context, in *greeting) (*greeted, error) {
		switch in.Body.Name {
		case "nobody":
			return nil, app.Problem(http.StatusConflict, "id_reused", "take another name")
		case "broken":
			return nil, errors.New("dial 10.0.0.7: secret detail")
		case "panic":
			panic("impossible")
		}
		out := &greeted{}
		out.Body.Text = "hello " + in.Body.Name
		return out, nil
	}
	return app.Routes{Name: "greet", Add: func(api huma.API, r chi.Router) {
		huma.Register(api, huma.Operation{
			OperationID: "greet", Method: http.MethodPost, Path: "/v1/greet", Summary: "Greet", Tags: []string{"greetings"},
			Security: []map[string][]string{{app.BearerAuth: {}}},
		}, greet)
		r.Get("/echo", echo)
		r.Get("/trace", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, app.TraceFrom(r.Context()).String()+" "+app.RequestID(r.Context()))
		})
	}}
}

func echo(w http.ResponseWriter, r *http.Request) {
	c, err := new(websocket.Upgrader).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	for {
		kind, b, err := c.ReadMessage()
		if err != nil || c.WriteMessage(kind, b) != nil {
			return
		}
	}
}

var withRoutes = fx.Module("greet", fx.Provide(app.AsRoutes(routes)))

func TestErrorsAreProblemsWithCodes(t *testing.T) {
	t.Parallel()
	url := start(t, withRoutes, fx.Replace(slog.New(slog.DiscardHandler)))
	if got := call(t, http.MethodPost, url+"/v1/greet", `{"name":7}`); strings.Contains(got.body, "value") {
		t.Errorf("what was sent is echoed: %s", got.body)
	}
	for name, tt := range map[string]struct {
		method, path, body string
		status             int
		code               string
	}{
		"an invalid body":    {"POST", "/v1/greet", `{"name":"x"}`, 422, "invalid_request"},
		"an unknown field":   {"POST", "/v1/greet", `{"name":"xx","y":1}`, 422, "invalid_request"},
		"what is not JSON":   {"POST", "/v1/greet", `{"name"`, 400, "invalid_request"},
		"no body":            {"POST", "/v1/greet", ``, 400, "invalid_request"},
		"a module's problem": {"POST", "/v1/greet", `{"name":"nobody"}`, 409, "id_reused"},
		"a plain error":      {"POST", "/v1/greet", `{"name":"broken"}`, 500, "internal"},
		"a panic":            {"POST", "/v1/greet", `{"name":"panic"}`, 500, "internal"},
		"a body too large":   {"POST", "/v1/greet", `{"name":"` + strings.Repeat("x", 64<<10) + `"}`, 413, "too_large"},
		"an unknown address": {"GET", "/v1/nothing", ``, 404, "not_found"},
		"another method":     {"DELETE", "/v1/greet", ``, 405, "method_not_allowed"},
		"an upgrade without": {"GET", "/echo", ``, 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := call(t, tt.method, url+tt.path, tt.body)
			if got.status != tt.status {
				t.Fatalf("status %d: %s", got.status, got.body)
			}
			if tt.code == "" {
				return
			}
			var p app.ProblemError
			if err := json.Unmarshal([]byte(got.body), &p); err != nil {
				t.Fatal(err)
			}
			if p.Code != tt.code || p.Status != tt.status || p.Title == "" || p.Detail == "" {
				t.Errorf("problem %+v", p)
			}
			if ct := got.header.Get("Content-Type"); ct != "application/problem+json" {
				t.Errorf("content type %s", ct)
			}
			if strings.Contains(got.body, "secret detail") {
				t.Errorf("what broke inside is told to the caller: %s", got.body)
			}
		})
	}
}

func TestAnOperationAnswersAndIsDescribed(t *testing.T) {
	t.Parallel()
	url := start(t, withRoutes)
	if got := call(t, http.MethodPost, url+"/v1/greet", `{"name":"Zoé"}`); got.status != 200 || got.body != `{"text":"hello Zoé"}`+"\n" {
		t.Errorf("%d %s", got.status, got.body)
	}
	var spec struct {
		OpenAPI    string
		Paths      map[string]any
		Components struct {
			Schemas map[string]struct{ Properties map[string]any }
		}
	}
	if err := json.Unmarshal([]byte(call(t, http.MethodGet, url+"/openapi.json", "").body), &spec); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(spec.OpenAPI, "3.1") || spec.Paths["/v1/greet"] == nil {
		t.Errorf("description %+v", spec)
	}
	var names []string
	for name := range spec.Components.Schemas["ErrorModel"].Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	if diff := cmp.Diff([]string{"code", "detail", "errors", "status", "title"}, names); diff != "" {
		t.Errorf("an error is described with %s", diff)
	}
}

func TestReadyMeansThatEveryCheckPasses(t *testing.T) {
	t.Parallel()
	failing := errors.New("3 records behind")
	check := func(name string, err error) fx.Option {
		return fx.Module(name, fx.Provide(app.AsCheck(func() app.Check {
			return app.Check{Name: name, Ready: func(context.Context) error { return err }}
		})))
	}
	for name, tt := range map[string]struct {
		opts   fx.Option
		status int
		body   string
	}{
		"no checks":    {fx.Options(), 200, `{"ready":true,"checks":[]}`},
		"all pass":     {fx.Options(check("b", nil), check("a", nil)), 200, `{"ready":true,"checks":[{"name":"a","ready":true},{"name":"b","ready":true}]}`},
		"one does not": {fx.Options(check("b", failing), check("a", nil)), 503, `{"ready":false,"checks":[{"name":"a","ready":true},{"name":"b","ready":false,"reason":"3 records behind"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := start(t, tt.opts)
			if got := call(t, http.MethodGet, url+"/readyz", ""); got.status != tt.status || got.body != tt.body+"\n" {
				t.Errorf("readyz %d %s", got.status, got.body)
			}
			if got := call(t, http.MethodGet, url+"/livez", ""); got.status != 200 {
				t.Errorf("livez %d %s", got.status, got.body)
			}
		})
	}
}

func TestMetricsAreOfThisAppOnly(t *testing.T) {
	t.Parallel()
	url := start(t, withRoutes, fx.Module("part", fx.Invoke(func(r *prometheus.Registry) {
		r.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "vigie_part_of_this_app", Help: "h"}))
	})))
	call(t, "BREW", url+"/v1/greet", "")
	call(t, http.MethodPost, url+"/v1/greet", `{"name":"xx"}`)
	got := call(t, http.MethodGet, url+"/metrics", "").body
	for _, want := range []string{
		"vigie_part_of_this_app 0", "go_goroutines",
		`vigie_http_request_seconds_count{method="POST",route="/v1/greet",status="200"} 1`,
		`vigie_http_request_seconds_count{method="other",route="none",status="405"} 1`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

func TestTheDocsPageLoadsNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	url := start(t)
	elsewhere := regexp.MustCompile(`(?i)(https?:)?//[a-z0-9]`)
	for _, path := range []string{"/docs", "/docs/docs.js", "/docs/docs.css"} {
		got := call(t, http.MethodGet, url+path, "")
		if got.status != 200 || elsewhere.MatchString(got.body) {
			t.Errorf("%s: status %d, names %q", path, got.status, elsewhere.FindString(got.body))
		}
		if csp := got.header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'; script-src 'self'") {
			t.Errorf("%s: policy %s", path, csp)
		}
	}
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	t.Parallel()
	url := start(t)
	for _, path := range []string{"/livez", "/openapi.json", "/nothing"} {
		h := call(t, http.MethodGet, url+path, "").header
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" ||
			!strings.Contains(h.Get("Content-Security-Policy"), "default-src 'self'") ||
			!strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") || h.Get("X-Request-Id") == "" {
			t.Errorf("%s: headers %v", path, h)
		}
	}
}

func TestARequestKeepsItsTraceAndId(t *testing.T) {
	t.Parallel()
	url := start(t, withRoutes)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/trace", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	req.Header.Set("Traceparent", traceparent)
	req.Header.Set("X-Request-Id", "from-the-proxy")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(b); !strings.HasPrefix(got, traceparent[:36]) || strings.HasPrefix(got, traceparent) || !strings.HasSuffix(got, " from-the-proxy") {
		t.Errorf("the handler saw %s", got)
	}
}

func TestSocketsUpgradeThroughTheRouter(t *testing.T) {
	t.Parallel()
	url := start(t, withRoutes)
	c, res, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(url, "http")+"/echo", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = c.Close(), res.Body.Close() }()
	if err := c.WriteMessage(websocket.TextMessage, []byte("ping")); err != nil {
		t.Fatal(err)
	}
	if _, b, err := c.ReadMessage(); err != nil || string(b) != "ping" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestARequestUnderWayIsAnsweredAndReadinessIsOffWhileStopping(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	up, entered, leave := make(chan string, 1), make(chan struct{}), make(chan struct{})
	slow := func() app.Routes {
		return app.Routes{Name: "slow", Add: func(_ huma.API, r chi.Router) {
			r.Get("/slow", func(w http.ResponseWriter, _ *http.Request) {
				close(entered)
				<-leave
				_, _ = io.WriteString(w, "done")
			})
		}}
	}
	done := make(chan error, 1)
	go func() {
		done <- app.Run(ctx, app.Module(config()), fx.Module("slow", fx.Provide(app.AsRoutes(slow))), fx.Invoke(announce(up)),
			// The last to start is the first to stop: the server is still answering then.
			fx.Invoke(func(lc fx.Lifecycle) { lc.Append(fx.StopHook(func() { close(leave) })) }))
	}()
	url := <-up
	answered := make(chan reply, 1)
	go func() { answered <- call(t, http.MethodGet, url+"/slow", "") }()
	<-entered
	cancel()
	if got := <-answered; got.body != "done" {
		t.Errorf("answered %d %s", got.status, got.body)
	}
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
}
