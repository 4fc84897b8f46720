package app

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
)

// bodyLimit is for every request: what people and sources send is small, and it is all read into memory.
const bodyLimit = 64 << 10

// brokenHere is all that a caller is told of an error of ours.
const brokenHere = "something broke here; try again, and tell the operator the request id if it stays"

type requestKey struct{}

// RequestID returns the id of the request that ctx belongs to, or "". Clients see it in X-Request-Id.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// observe gives each request an id and a trace, and counts, times and logs it.
func observe(log *slog.Logger, reg prometheus.Registerer) func(http.Handler) http.Handler {
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "vigie_http_request_seconds",
		Help:    "Time to answer, by route; upgraded sockets are not in it.",
		Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"method", "route", "status"})
	reg.MustRegister(took)
	given := regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			began := time.Now()
			trace, ok := ParseTrace(r.Header.Get("traceparent"))
			if trace = trace.Child(); !ok {
				trace = NewTrace()
			}
			id := r.Header.Get("X-Request-Id")
			if !given.MatchString(id) {
				id = rand.Text()
			}
			w.Header().Set("X-Request-Id", id)
			ctx := context.WithValue(WithTrace(r.Context(), trace), requestKey{}, id)

			answer := &response{ResponseWriter: w, status: http.StatusOK}
			next.ServeHTTP(answer, r.WithContext(ctx))

			route := chi.RouteContext(ctx).RoutePattern()
			if route == "" {
				route = "none"
			}
			elapsed := time.Since(began)
			if !answer.hijacked {
				took.WithLabelValues(method(r), route, strconv.Itoa(answer.status)).Observe(elapsed.Seconds())
			}
			log.DebugContext(ctx, "request", "method", r.Method, "route", route, "status", answer.status,
				"upgraded", answer.hijacked, "ms", elapsed.Milliseconds(), "request_id", id)
		})
	}
}

// method bounds what strangers can make of the metric's labels.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "other"
}

// response notes what was answered. Sockets are upgraded through its Hijack.
type response struct {
	http.ResponseWriter
	status   int
	wrote    bool
	hijacked bool
}

func (w *response) WriteHeader(status int) {
	if !w.wrote && status >= http.StatusOK {
		w.status, w.wrote = status, true
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(b []byte) (int, error) {
	w.wrote = true
	return w.ResponseWriter.Write(b)
}

// Hijack is what websocket upgraders ask for by type.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.hijacked, w.wrote, w.status = true, true, http.StatusSwitchingProtocols
	}
	return c, rw, err
}

// Flush is what event streams ask for by type.
func (w *response) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// SetReadDeadline does nothing: bodies have been read when a handler runs (see limited), and a deadline left on the connection
// would end the context of a handler that is still waiting for its outcome.
func (w *response) SetReadDeadline(time.Time) error { return nil }

// bodyRead lifts the server's read deadline.
func (w *response) bodyRead() {
	_ = http.NewResponseController(w.ResponseWriter).SetReadDeadline(time.Time{}) // a test's recorder has none
}

// Unwrap lets http.ResponseController reach the rest.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// secure sets what browsers are to enforce. A handler of pages may set its own policy over it.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// recovered answers a panic with a problem and goes on: one broken request must not take the control room down.
func recovered(log *slog.Logger) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				if v := recover(); v != nil {
					answerPanic(log, w, r, v)
				}
			}()
			next.ServeHTTP(w, r)
		})
	}
}

func answerPanic(log *slog.Logger, w http.ResponseWriter, r *http.Request, v any) {
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v) // net/http's own way to drop a connection
	}
	log.ErrorContext(r.Context(), "handler panicked", "panic", v, "stack", string(debug.Stack()), "request_id", RequestID(r.Context()))
	if rw, ok := w.(*response); ok && rw.wrote {
		return
	}
	WriteProblem(w, http.StatusInternalServerError, "internal", brokenHere)
}

// limited reads the body, up to the limit, before the handler runs. The server's read deadline bounds how long that takes, and
// is lifted then.
func limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
		var tooLarge *http.MaxBytesError
		switch {
		case errors.As(err, &tooLarge):
			WriteProblem(w, http.StatusRequestEntityTooLarge, "too_large", "the body is larger than 64 KiB: send less")
			return
		case err != nil:
			WriteProblem(w, http.StatusBadRequest, "invalid_request", "the body broke off: send it again")
			return
		}
		if len(body) > 0 {
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		if rw, ok := w.(*response); ok {
			rw.bodyRead()
		}
		next.ServeHTTP(w, r)
	})
}
