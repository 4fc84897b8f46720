package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
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
	secure     net.Listener // of HTTPS; nil without
}

func newAddress(lc fx.Lifecycle, cfg Config) *Address {
	a := &Address{configured: cfg.Listen}
	bind := func(ctx context.Context) (err error) {
		if a.listener, err = bind(ctx, cfg.Listen, "--listen"); err != nil || cfg.ListenTLS == "" {
			return err
		}
		a.secure, err = bind(ctx, cfg.ListenTLS, "--listen-tls")
		return err
	}
	lc.Append(fx.Hook{OnStart: func(ctx context.Context) error {
		if err := bind(ctx); err != nil {
			return errors.Join(err, a.close()) // nobody stops what has not started
		}
		return nil
	}, OnStop: func(context.Context) error { return a.close() }})
	return a
}

// close is for a start that broke off: else the server has closed them.
func (a *Address) close() error {
	var errs []error
	for _, l := range []net.Listener{a.listener, a.secure} {
		if l == nil {
			continue
		}
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, fmt.Errorf("listener: %w", err))
		}
	}
	return errors.Join(errs...)
}

func bind(ctx context.Context, address, flag string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, Exit(PortBusy, fmt.Errorf("address %s is in use: stop the other program or pass %s", address, flag))
	case err != nil:
		return nil, fmt.Errorf("listen: %w: pass an address of this machine with %s", err, flag)
	}
	return l, nil
}

// SecurePort is the port of HTTPS, or 0 when there is none.
func (a *Address) SecurePort() int {
	if a.secure == nil {
		return 0
	}
	tcp, _ := a.secure.Addr().(*net.TCPAddr)
	return tcp.Port
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
	cfg   Config
	done  sync.WaitGroup // of serving
}

type serverParams struct {
	fx.In
	LC      fx.Lifecycle
	Log     *slog.Logger
	Handler *handler
	Ready   *readiness
	Addr    *Address
	Stop    *Stop
	Config  Config
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
		ready: p.Ready, addr: p.Addr, stop: p.Stop, end: end, cfg: p.Config,
	}
	p.LC.Append(fx.StartStopHook(s.start, s.shutdown))
	return s
}

func (s *server) start() error {
	if s.addr.secure != nil {
		if s.cfg.TLSCert == "" {
			return Exit(Usage, errors.New("listen_tls needs a certificate: give tls_cert and tls_key"))
		}
		// Read for each connection: a certificate that was renewed needs no restart.
		certificate := func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(s.cfg.TLSCert, s.cfg.TLSKey)
			return &pair, err
		}
		if _, err := certificate(nil); err != nil {
			return fmt.Errorf("certificate of %s: %w", s.cfg.ListenTLS, err)
		}
		// The protocols are named here because the plain listener may be the first to set the server up, and would else leave
		// HTTP/2 out while TLS goes on to offer it.
		s.http.TLSConfig = &tls.Config{
			MinVersion: tls.VersionTLS12, GetCertificate: certificate, NextProtos: []string{"h2", "http/1.1"},
		}
		s.serve(func() error { return s.http.ServeTLS(s.addr.secure, "", "") })
	}
	s.serve(func() error { return s.http.Serve(s.addr.listener) })
	return nil
}

func (s *server) serve(serve func() error) {
	s.done.Go(func() {
		if err := serve(); !errors.Is(err, http.ErrServerClosed) {
			s.stop.Fail(fmt.Errorf("http: %w", err))
		}
	})
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
	s.done.Wait()
	if err != nil {
		return fmt.Errorf("http: %w", err)
	}
	return nil
}
