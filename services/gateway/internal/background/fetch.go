package background

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/sony/gobreaker/v2"
	"golang.org/x/sync/singleflight"
)

const (
	// patience with the source: a page does not wait longer for its ground.
	patience = 2 * time.Second
	// failures in a row after which the source is left alone for the pause.
	failures = 3
	pause    = time.Minute
	// largest answer that is taken, in bytes.
	largest = 8 << 20
	// fresh is how long what was fetched is not asked for again.
	fresh = 30 * 24 * time.Hour
)

// fetched is an answer of the source.
type fetched struct {
	Status          int    `json:"status"`
	ContentType     string `json:"content_type,omitempty"`
	ContentEncoding string `json:"content_encoding,omitempty"`
	ContentRange    string `json:"content_range,omitempty"`
	body            []byte
}

func (f *fetched) reader() io.Reader { return bytes.NewReader(f.body) }

// errSource says that the source answered, and not with a tile.
var errSource = errors.New("no such part of the map")

// fetcher asks the source once for what many want at the same time, and not at all while it is gone.
type fetcher struct {
	client  *http.Client
	breaker *gobreaker.CircuitBreaker[*fetched]
	once    singleflight.Group
	kept    *cache
	log     *slog.Logger
}

func newFetcher(kept *cache, log *slog.Logger) *fetcher {
	return &fetcher{
		kept: kept, log: log,
		client: &http.Client{Timeout: patience, Transport: &http.Transport{
			DisableCompression: true, MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute, Proxy: http.ProxyFromEnvironment,
		}},
		breaker: gobreaker.NewCircuitBreaker[*fetched](gobreaker.Settings{
			Name: "map", Timeout: pause,
			ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= failures },
			IsSuccessful: func(err error) bool { return err == nil || errors.Is(err, errSource) },
			OnStateChange: func(_ string, from, to gobreaker.State) {
				log.Warn("map source", "was", from.String(), "is", to.String())
			},
		}),
	}
}

// get gives what the source has at an address, or of it a part: from the cache, from the source, or an old one from the cache
// when the source does not answer.
func (f *fetcher) get(ctx context.Context, address, part string) (*fetched, error) {
	key := address + "\n" + part
	kept, age := f.kept.get(key)
	if kept != nil && age < fresh {
		return kept, nil
	}
	// Whoever asked first may go; the others are still waiting. The client's own bound ends it.
	shared := context.WithoutCancel(ctx)
	got, err, _ := f.once.Do(key, func() (any, error) {
		return f.breaker.Execute(func() (*fetched, error) { return f.ask(shared, address, part) })
	})
	if err != nil {
		if kept != nil {
			return kept, nil
		}
		return nil, err
	}
	answer, _ := got.(*fetched)
	if err := f.kept.put(key, answer); err != nil {
		f.log.WarnContext(ctx, "map cache", "err", err)
	}
	return answer, nil
}

func (f *fetcher) ask(ctx context.Context, address, part string) (*fetched, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody) //nolint:gosec // the configured source, with three numbers in it
	if err != nil {
		return nil, fmt.Errorf("map source: %w", err)
	}
	req.Header.Set("User-Agent", "vigie")
	req.Header.Set("Accept-Encoding", "gzip")
	if part != "" {
		req.Header.Set("Range", part)
	}
	res, err := f.client.Do(req) //nolint:gosec // the same
	if err != nil {
		return nil, fmt.Errorf("map source: %w", err)
	}
	defer func() { _ = res.Body.Close() }() // read to its end, or given up
	wanted := http.StatusOK
	if part != "" {
		wanted = http.StatusPartialContent
	}
	switch {
	case res.StatusCode >= http.StatusInternalServerError || res.StatusCode == http.StatusTooManyRequests:
		return nil, fmt.Errorf("map source: %s", res.Status)
	case res.StatusCode != wanted:
		return nil, fmt.Errorf("%w: %s", errSource, res.Status)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, largest+1))
	if err != nil {
		return nil, fmt.Errorf("map source: %w", err)
	}
	if len(body) > largest {
		return nil, fmt.Errorf("%w: larger than %d bytes", errSource, largest)
	}
	return &fetched{
		Status: res.StatusCode, ContentType: res.Header.Get("Content-Type"), ContentEncoding: res.Header.Get("Content-Encoding"),
		ContentRange: res.Header.Get("Content-Range"), body: body,
	}, nil
}
