package peer

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	// dialBound is short: whoever does not take a connection at once is away, and is called again soon.
	dialBound = time.Second
	// longestReason bounds what of a refusal is repeated in an error.
	longestReason = 200
)

// Client calls the processes of one service.
type Client struct {
	http *http.Client
}

// NewClient returns a client that talks to nobody but processes of this service.
func NewClient(c Credentials, service string) (*Client, error) {
	secured, err := c.client(service)
	if err != nil {
		return nil, err
	}
	return &Client{http: &http.Client{Transport: &http.Transport{
		DialContext:         (&net.Dialer{Timeout: dialBound}).DialContext,
		TLSClientConfig:     secured,
		TLSHandshakeTimeout: dialBound,
		MaxConnsPerHost:     4,
		IdleConnTimeout:     idle / 2,
	}}}, nil
}

// Call makes one call and gives its answer. ctx has a deadline.
func (c *Client) Call(ctx context.Context, address, name string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+address+path(name), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", address, err)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", address, err)
	}
	defer func() { _ = res.Body.Close() }() // it was read
	out, err := io.ReadAll(io.LimitReader(res.Body, largest))
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", address, err)
	}
	if res.StatusCode != http.StatusOK {
		reason := strings.TrimSpace(string(out[:min(len(out), longestReason)]))
		return nil, fmt.Errorf("call %s: status %d: %s", address, res.StatusCode, reason)
	}
	return out, nil
}

// Close drops the connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }
