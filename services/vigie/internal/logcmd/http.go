package logcmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"vigie/pkg/app"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow/verify"
	"vigie/pkg/wait"
	"vigie/pkg/wire/line"
)

// httpSource asks a running node.
type httpSource struct {
	base   *url.URL
	token  string
	client *http.Client
}

const (
	// requestBound is above the minute that a node grants an answer.
	requestBound = 70 * time.Second
	// maxAnswer is far above a page of records or a state.
	maxAnswer = 256 << 20
	pageSize  = 1000
	pollEvery = 500 * time.Millisecond
)

func newHTTPSource(base *url.URL, token string) *httpSource {
	return &httpSource{base: base, token: token, client: &http.Client{
		Timeout: requestBound, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment},
	}}
}

func (h *httpSource) close() error {
	h.client.CloseIdleConnections()
	return nil
}

// problem is an error as the node tells it.
type problem struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func (p *problem) Error() string {
	if p.Detail == "" {
		return fmt.Sprintf("the node answers %d %s", p.Status, p.Code)
	}
	return p.Detail
}

const codeHalted = "halted"

func (h *httpSource) get(ctx context.Context, query url.Values, path ...string) ([]byte, error) {
	at := h.base.JoinPath(path...)
	at.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("ask the node: %w", err)
	}
	return h.do(req)
}

func (h *httpSource) do(req *http.Request) ([]byte, error) {
	req.Header.Set("Authorization", "Bearer "+h.token)
	res, err := h.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the node: %w: is it running? A stopped one is read with --data DIR", err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("answer of the node: %w", err)
	}
	if res.StatusCode == http.StatusOK {
		return body, nil
	}
	p := &problem{}
	if json.Unmarshal(body, p) != nil || p.Code == "" {
		return nil, fmt.Errorf("%s answers %s: is it a node of Vigie?", h.base, res.Status)
	}
	if p.Code == codeHalted {
		return nil, app.Exit(app.LogDamaged, p)
	}
	return nil, p
}

func (h *httpSource) page(ctx context.Context, room string, from, limit int64, raw bool) (line.Page, error) {
	query := url.Values{"from": {strconv.FormatInt(from, 10)}, "limit": {strconv.FormatInt(limit, 10)}}
	if raw {
		query.Set("raw", "true")
	}
	var page line.Page
	body, err := h.get(ctx, query, "v1", "rooms", room, "log")
	if err == nil {
		err = json.Unmarshal(body, &page)
	}
	return page, err
}

// known is what GET /v1/rooms says of a room.
type known struct {
	Room      string `json:"room"`
	Partition int    `json:"partition"`
	LogID     string `json:"log_id"`
	Timezone  string `json:"timezone"`
}

func (h *httpSource) rooms(ctx context.Context) ([]known, error) {
	var answer struct {
		Rooms []known `json:"rooms"`
	}
	body, err := h.get(ctx, nil, "v1", "rooms")
	if err == nil {
		err = json.Unmarshal(body, &answer)
	}
	if err != nil {
		return nil, fmt.Errorf("rooms of the node: %w", err)
	}
	return answer.Rooms, nil
}

// location is where the room is; without an answer times are shown in UTC.
func (h *httpSource) location(ctx context.Context, room string) *time.Location {
	var z zone
	rooms, err := h.rooms(ctx)
	if err != nil {
		return time.UTC
	}
	for _, r := range rooms {
		if r.Room == room {
			return z.of(r.Timezone)
		}
	}
	return time.UTC
}

func (h *httpSource) tail(ctx context.Context, t tailing, each func(line.Record, *time.Location) error) error {
	at := h.location(ctx, t.room)
	told := int64(0)
	for from := t.from; ; {
		size := int64(pageSize)
		if t.limit > 0 {
			size = min(size, t.limit-told)
		}
		page, err := h.page(ctx, t.room, from, size, false)
		switch {
		case t.follow && ctx.Err() != nil:
			return nil //nolint:nilerr // to be stopped is how following ends
		case err != nil:
			return err
		}
		for _, r := range page.Records {
			if err := each(r, at); err != nil {
				return err
			}
			if r.Halts != "" {
				return app.Exit(app.LogDamaged, fmt.Errorf("record %d: %s; run vigie log verify", r.Offset, r.Halts))
			}
		}
		told, from = told+int64(len(page.Records)), page.Next
		switch {
		case t.limit > 0 && told >= t.limit, len(page.Records) == 0 && !t.follow:
			return nil
		case len(page.Records) == 0:
			_ = wait.For(ctx, pollEvery) // the next page says whether it goes on
		}
	}
}

func (h *httpSource) state(ctx context.Context, room string, p point) ([]byte, error) {
	query := url.Values{}
	if p.at.IsZero() {
		query.Set("offset", strconv.FormatInt(p.offset, 10))
	} else {
		query.Set("at", p.at.UTC().Format(time.RFC3339Nano))
	}
	return h.get(ctx, query, "v1", "rooms", room, "state")
}

func (h *httpSource) verify(ctx context.Context, progress func(string, int64, int64)) ([]verify.Room, error) {
	rooms, err := h.rooms(ctx)
	if err != nil {
		return nil, err
	}
	results := make([]verify.Room, len(rooms))
	for i, r := range rooms {
		entry := eventlog.RoomEntry{Room: r.Room, Partition: r.Partition, LogID: r.LogID}
		if results[i], err = h.walk(ctx, entry, progress); err != nil {
			return nil, fmt.Errorf("room %s: %w", r.Room, err)
		}
	}
	return results, nil
}

// walk verifies the bytes as stored. Intake stays on the node: only its end is compared.
func (h *httpSource) walk(ctx context.Context, room eventlog.RoomEntry, progress func(string, int64, int64)) (verify.Room, error) {
	p := pages{source: h, room: room.Room, end: -1, progress: progress}
	result, err := verify.Records(room, func(each func(eventlog.Record) error) error { return p.pass(ctx, each) }, func() int64 { return p.intakeEnd })
	if err == nil && result.OK && p.halted != "" {
		result.OK, result.FirstBad = false, &verify.Bad{Offset: p.next, Reason: p.halted}
	}
	return result, err
}

// pages are the stored records of a room's log, page by page.
type pages struct {
	source   *httpSource
	room     string
	progress func(string, int64, int64)

	next, end, intakeEnd int64
	// halted is why the node gives no more.
	halted string
}

func (p *pages) pass(ctx context.Context, each func(eventlog.Record) error) error {
	p.halted = ""
	for p.next = 0; p.end < 0 || p.next < p.end; {
		page, err := p.source.page(ctx, p.room, p.next, pageSize, true)
		var said *problem
		switch {
		case errors.As(err, &said) && said.Code == codeHalted:
			p.halted = said.Detail
			return nil
		case err != nil:
			return err
		case page.Next <= p.next && page.End > p.next:
			return errors.New("the node gives no records although there are some: try again")
		}
		if p.end < 0 {
			p.end = page.End // what is written meanwhile is for the next time
		}
		if page.IntakeEnd != nil {
			p.intakeEnd = *page.IntakeEnd
		}
		for _, r := range page.Records {
			if r.Offset >= p.end {
				break
			}
			if err := each(eventlog.Record{Offset: r.Offset, Value: r.Raw}); err != nil {
				return err
			}
		}
		p.next = page.Next
		p.progress(p.room, min(p.next, p.end), p.end)
	}
	return nil
}
