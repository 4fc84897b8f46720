// Package front is what an operator puts before services in processes of their own: one address, and the path decides which
// service answers. Of several of a kind they take turns, but for alarms: those of one source go to one process for as long as
// it runs, since what waits there in the journal must not be overtaken by way of another. It is for trying out and for tests;
// in production this is the work of an ingress, and [Service] says what to configure there.
package front

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Service names the service that answers a path.
func Service(path string) string {
	rest, ofRoom := strings.CutPrefix(path, "/v1/rooms/")
	_, what, _ := strings.Cut(rest, "/")
	switch {
	case path == "/v1/alarms":
		return "alarms"
	case strings.HasPrefix(path, "/v1/positions/"), ofRoom && what == "positions":
		return "positions"
	case ofRoom && (what == "state" || what == "log" || what == "summary" || strings.HasPrefix(what, "incidents/")):
		return "replay"
	}
	return "gateway"
}

// Front serves until Close.
type Front struct {
	hosts     func(service string) []string
	server    *http.Server
	transport *http.Transport
	address   net.Addr
	serving   sync.WaitGroup
	turn      atomic.Uint64
}

// headerBound is how long a client may take to say what it wants.
const headerBound = 30 * time.Second

// Open listens at host:port. hosts gives the host:port of each process that runs a service; it is asked for every request.
func Open(ctx context.Context, address string, hosts func(service string) []string) (*Front, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	f := &Front{hosts: hosts, transport: &http.Transport{}, address: l.Addr()}
	quiet := log.New(io.Discard, "", 0) // clients that hang up, services that are killed: both are meant
	proxy := &httputil.ReverseProxy{
		Transport: f.transport, ErrorLog: quiet,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: f.host(r.In)})
			r.Out.Host = r.In.Host // a gateway compares it with the origin of a page
		},
	}
	f.server = &http.Server{Handler: proxy, ErrorLog: quiet, ReadHeaderTimeout: headerBound}
	f.serving.Go(func() { _ = f.server.Serve(l) }) // it ends when it is closed
	return f, nil
}

// URL is where it listens.
func (f *Front) URL() string { return "http://" + f.address.String() }

// host gives one that answers a request; there is none at the name that it gives when nobody can.
func (f *Front) host(r *http.Request) string {
	service := Service(r.URL.Path)
	able := f.hosts(service)
	switch {
	case len(able) == 0:
		return "nobody.invalid"
	case service == "alarms":
		return slices.MaxFunc(able, func(a, b string) int { return cmp.Compare(affinity(r, a), affinity(r, b)) })
	}
	return able[f.turn.Add(1)%uint64(len(able))]
}

// affinity of whoever asks for a host: when one goes, only those who were there move (rendezvous hashing). A hash that mixes
// well: keys are alike but for their ends.
func affinity(r *http.Request, host string) uint64 {
	sum := sha256.Sum256([]byte(host + " " + r.Header.Get("Authorization")))
	return binary.BigEndian.Uint64(sum[:])
}

// Close cuts off whoever is still connected.
func (f *Front) Close() {
	_ = f.server.Close() // it only closes
	f.serving.Wait()
	f.transport.CloseIdleConnections()
}
