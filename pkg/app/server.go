package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.uber.org/fx"
)

func newRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// Address is where the process listens. It is known from the first start hook on.
type Address struct {
	configured string
	listener   net.Listener
}

func newAddress(lc fx.Lifecycle, cfg Config) *Address {
	a := &Address{configured: cfg.Listen}
	lc.Append(fx.Hook{OnStart: a.bind, OnStop: func(context.Context) error {
		// The server has closed it, unless the start broke off before.
		if err := a.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("listener: %w", err)
		}
		return nil
	}})
	return a
}

func (a *Address) bind(ctx context.Context) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", a.configured)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return Exit(PortBusy, fmt.Errorf("address %s is in use: stop the other program or pass --listen", a.configured))
	case err != nil:
		return fmt.Errorf("listen: %w: pass an address of this machine with --listen", err)
	}
	a.listener = l
	return nil
}

// String returns host:port, the port being the real one where 0 was asked for.
func (a *Address) String() string {
	if a.listener == nil {
		return a.configured
	}
	return a.listener.Addr().String()
}

// URL returns how a program on this machine reaches it.
func (a *Address) URL() string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return "http://" + a.String()
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

const (
	headerTimeout = 5 * time.Second
	bodyTimeout   = 15 * time.Second
	// writeTimeout bounds one answer. A handler that streams for longer moves its deadline with http.ResponseController;
	// upgraded sockets have none, and set their own.
	writeTimeout   = time.Minute
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 16 << 10
	// drainBound leaves the other half of the stop to the modules.
	drainBound = stopBound / 2
)

type server struct {
	http  *http.Server
	ready *readiness
	addr  *Address
	stop  *Stop
	end   context.CancelFunc // of all requests
	done  chan struct{}      // closed when serving is over
}

type serverParams struct {
	fx.In
	LC      fx.Lifecycle
	Log     *slog.Logger
	Handler *handler
	Ready   *readiness
	Addr    *Address
	Stop    *Stop
}

func newServer(p serverParams) *server {
	base, end := context.WithCancel(context.Background())
	s := &server{
		http: &http.Server{
			Handler:           p.Handler,
			ReadHeaderTimeout: headerTimeout,
			ReadTimeout:       bodyTimeout,
			WriteTimeout:      writeTimeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxHeaderBytes,
			BaseContext:       func(net.Listener) context.Context { return base },
			ErrorLog:          slog.NewLogLogger(p.Log.Handler(), slog.LevelDebug), // strangers' broken connections
		},
		ready: p.Ready, addr: p.Addr, stop: p.Stop, end: end, done: make(chan struct{}),
	}
	p.LC.Append(fx.StartStopHook(s.start, s.shutdown))
	return s
}

func (s *server) start() {
	go func() {
		defer close(s.done)
		if err := s.http.Serve(s.addr.listener); !errors.Is(err, http.ErrServerClosed) {
			s.stop.Fail(fmt.Errorf("http: %w", err))
		}
	}()
}

// shutdown lets requests finish for a while, then cuts them off. Upgraded sockets are their module's to close.
func (s *server) shutdown(ctx context.Context) error {
	s.ready.stopping.Store(true)
	ctx, done := context.WithTimeout(ctx, drainBound)
	defer done()
	defer s.end()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	<-s.done
	if err != nil {
		return fmt.Errorf("http: %w", err)
	}
	return nil
}
