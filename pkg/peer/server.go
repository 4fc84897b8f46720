package peer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	// largest is the most that one call may say.
	largest = 4 << 20
	// slowest is how long a client may take to say it.
	slowest = 5 * time.Second
	// idle is how long a connection is kept for the next call.
	idle = 2 * time.Minute
)

// Handler takes one kind of call and gives its answer. An error is told to the caller, who may try again.
type Handler func(ctx context.Context, body []byte) ([]byte, error)

// Server answers calls. It is made listening.
type Server struct {
	http     *http.Server
	listener net.Listener
	done     chan struct{} // closed when serving is over
	failed   func(error)
}

// ServerConfig says who may call what.
type ServerConfig struct {
	Credentials
	// Clients are the names of the services that may call.
	Clients []string
	// Handlers by name of the call.
	Handlers map[string]Handler
	// Failed is told when the listener breaks while it serves.
	Failed func(error)
	Logger *slog.Logger
}

// Listen answers calls at l until Close, which also closes l.
func Listen(l net.Listener, c ServerConfig) (*Server, error) {
	secured, err := c.server(c.Clients)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for name, handle := range c.Handlers {
		mux.HandleFunc("POST "+path(name), func(w http.ResponseWriter, r *http.Request) { answer(w, r, handle) })
	}
	s := &Server{listener: l, done: make(chan struct{}), failed: c.Failed, http: &http.Server{
		Handler: mux, TLSConfig: secured,
		ReadHeaderTimeout: slowest, ReadTimeout: slowest, WriteTimeout: 2 * slowest, IdleTimeout: idle, MaxHeaderBytes: 8 << 10,
		ErrorLog: slog.NewLogLogger(c.Logger.Handler(), slog.LevelWarn), // a stranger, or a certificate that has run out
	}}
	go s.serve()
	return s, nil
}

func path(name string) string { return "/internal/v1/" + name }

func answer(w http.ResponseWriter, r *http.Request, handle Handler) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largest))
	if err != nil {
		http.Error(w, "the call cannot be read: "+err.Error(), http.StatusBadRequest)
		return
	}
	out, err := handle(r.Context(), body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	_, _ = w.Write(out) // the caller is gone, and calls again
}

func (s *Server) serve() {
	defer close(s.done)
	if err := s.http.ServeTLS(s.listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
		s.failed(fmt.Errorf("internal listener: %w", err))
	}
}

// Address is where it listens.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Close lets the calls under way end, for as long as ctx lives.
func (s *Server) Close(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("internal listener: %w", err), s.http.Close())
	}
	<-s.done
	return err
}
