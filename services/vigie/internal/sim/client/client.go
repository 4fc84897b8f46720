// Package client is a client of Vigie's HTTP API and sockets as a panel, a handheld or a console is one: it knows nothing of
// the server but its published interface. Every call has a deadline; an [Account] signs in again by itself when its session
// has ended.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"vigie/pkg/app"
)

// API is one server. It is safe for concurrent use.
type API struct {
	base string
	http *http.Client
}

// callBound is how long any call may take: the server answers a command within 15 s, done or unknown.
const callBound = 20 * time.Second

// New returns a client of the server at a URL like http://127.0.0.1:8080.
func New(url string) *API {
	return &API{
		base: strings.TrimRight(url, "/"),
		http: &http.Client{Timeout: callBound, Transport: &http.Transport{MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute}},
	}
}

// Close lets go of idle connections.
func (a *API) Close() { a.http.CloseIdleConnections() }

// largest answer that is read: a page of the log.
const largest = 64 << 20

type call struct {
	method, path string
	bearer       string
	headers      map[string]string
	body         any
}

// do makes a call; an answer that is no success comes back as an *app.ProblemError.
func (a *API) do(ctx context.Context, c call, answer any) error {
	var body io.Reader
	if c.body != nil {
		encoded, err := json.Marshal(c.body)
		if err != nil {
			return fmt.Errorf("%s %s: %w", c.method, c.path, err)
		}
		body = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(ctx, c.method, a.base+c.path, body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", c.method, c.path, err)
	}
	req.Header.Set("Content-Type", "application/json")
	if c.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+c.bearer)
	}
	for k, v := range c.headers {
		req.Header.Set(k, v)
	}
	res, err := a.http.Do(req)
	if err != nil {
		return fmt.Errorf("%s %s: %w", c.method, c.path, err)
	}
	defer func() { _ = res.Body.Close() }() // it was read to its end, or is of no use
	raw, err := io.ReadAll(io.LimitReader(res.Body, largest))
	if err != nil {
		return fmt.Errorf("%s %s: %w", c.method, c.path, err)
	}
	if res.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s: %w", c.method, c.path, problem(res.StatusCode, raw))
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(raw, answer); err != nil {
		return fmt.Errorf("%s %s: read answer: %w", c.method, c.path, err)
	}
	return nil
}

func problem(status int, raw []byte) error {
	p := &app.ProblemError{}
	if err := json.Unmarshal(raw, p); err != nil || p.Code == "" {
		return app.Problem(status, "unreadable", fmt.Sprintf("status %d: %.200s", status, raw))
	}
	p.Status = status
	p.Detail = fmt.Sprintf("%s (%d %s)", p.Detail, status, p.Code)
	return p
}

// Final says whether an error is the server's considered no: the same call again would be refused again.
func Final(err error) bool {
	var p *app.ProblemError
	if !errors.As(err, &p) {
		return false
	}
	return p.Status < http.StatusInternalServerError && p.Status != http.StatusTooManyRequests && p.Status != http.StatusRequestTimeout
}

// Alarm is the body of POST /v1/alarms.
type Alarm struct {
	Code       string     `json:"code"`
	Site       string     `json:"site"`
	Zone       string     `json:"zone"`
	Category   string     `json:"category,omitempty"`
	Text       string     `json:"text,omitempty"`
	DeviceTime *time.Time `json:"device_time,omitempty"`
	Restore    bool       `json:"restore,omitempty"`
}

// Raise sends an alarm with its source's key and gives its id.
func (a *API) Raise(ctx context.Context, sourceKey, id string, alarm Alarm) (string, error) {
	var answer struct {
		AlarmID string `json:"alarm_id"`
	}
	err := a.do(ctx, call{
		method: http.MethodPost, path: "/v1/alarms", bearer: sourceKey, headers: map[string]string{"Idempotency-Key": id}, body: alarm,
	}, &answer)
	return answer.AlarmID, err
}
