package scenario_test

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
)

// front is what an operator puts before services in processes of their own: one address, and a path decides which service
// answers. Of several of a kind they take turns, and those that do not run are left out.
type front struct {
	server    *http.Server
	transport *http.Transport
	address   net.Addr
	serving   sync.WaitGroup
	turn      atomic.Uint64

	alarms, replay, gateways []*process
}

func openFront(ctx context.Context, address string, alarms, replay, gateways []*process) (*front, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	f := &front{transport: &http.Transport{}, address: l.Addr(), alarms: alarms, replay: replay, gateways: gateways}
	quiet := log.New(io.Discard, "", 0) // clients that hang up, services that are killed: both are meant
	proxy := &httputil.ReverseProxy{
		Transport: f.transport, ErrorLog: quiet,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: f.service(r.In.URL.Path)})
			r.Out.Host = r.In.Host // a gateway compares it with the origin of a page
		},
	}
	f.server = &http.Server{Handler: proxy, ErrorLog: quiet, ReadHeaderTimeout: patience}
	f.serving.Go(func() { _ = f.server.Serve(l) }) // it ends when it is closed
	return f, nil
}

func (f *front) url() string {
	if f == nil {
		return ""
	}
	return "http://" + f.address.String()
}

// service gives the host that answers a path; there is none at the name that it gives when nobody can.
func (f *front) service(path string) string {
	able := f.gateways
	if path == "/v1/alarms" {
		able = f.alarms
	} else if rest, ok := strings.CutPrefix(path, "/v1/rooms/"); ok {
		if _, what, _ := strings.Cut(rest, "/"); what == "state" || what == "log" || strings.HasPrefix(what, "incidents/") {
			able = f.replay
		}
	}
	for first, k := int(f.turn.Add(1)%uint64(len(able))), 0; k < len(able); k++ {
		if host, ok := strings.CutPrefix(able[(first+k)%len(able)].at(), "http://"); ok {
			return host
		}
	}
	return "nobody.invalid"
}

// close cuts off whoever is still connected.
func (f *front) close() {
	_ = f.server.Close() // it only closes
	f.serving.Wait()
	f.transport.CloseIdleConnections()
}
