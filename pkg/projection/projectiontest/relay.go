package projectiontest

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"
)

// Relay passes bytes between a client and a server, or does to them what networks do.
type Relay struct {
	listener net.Listener
	target   string
	wait     sync.WaitGroup

	mu      sync.Mutex // guards what follows
	conns   map[net.Conn]struct{}
	gate    chan struct{} // closed: bytes pass
	slow    time.Duration
	refuse  bool
	mute    bool // answers are thrown away
	asked   int  // bytes that clients have sent
	closing bool
	closed  chan struct{}
}

// NewRelay relays to target for the time of a test.
func NewRelay(tb testing.TB, target string) *Relay {
	tb.Helper()
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	r := &Relay{listener: l, target: target, conns: map[net.Conn]struct{}{}, gate: make(chan struct{}), closed: make(chan struct{})}
	close(r.gate)
	r.wait.Go(r.accept)
	tb.Cleanup(r.close)
	return r
}

// Addr is where clients connect.
func (r *Relay) Addr() string { return r.listener.Addr().String() }

// Asked counts the bytes that clients have sent so far.
func (r *Relay) Asked() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

// Heal makes everything well again: what was held is passed on.
func (r *Relay) Heal() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.slow, r.refuse, r.mute = 0, false, false
	r.openLocked()
}

func (r *Relay) openLocked() {
	select {
	case <-r.gate:
	default:
		close(r.gate)
	}
}

// HalfOpen lets connections stand and passes nothing on, in neither direction.
func (r *Relay) HalfOpen() {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.gate:
		r.gate = make(chan struct{})
	default: // it is so already
	}
}

// Slow holds back everything for a while.
func (r *Relay) Slow(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.slow = d
}

// Mute throws answers away: what is asked is done, and nobody is told.
func (r *Relay) Mute() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mute = true
}

// Cut ends all connections and refuses new ones.
func (r *Relay) Cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse = true
	r.dropLocked()
}

// Drop ends all connections once.
func (r *Relay) Drop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropLocked()
}

func (r *Relay) dropLocked() {
	for c := range r.conns {
		_ = c.Close()
	}
}

func (r *Relay) close() {
	r.mu.Lock()
	r.closing = true
	close(r.closed)
	_ = r.listener.Close()
	r.openLocked()
	r.dropLocked()
	r.mu.Unlock()
	r.wait.Wait()
}

func (r *Relay) accept() {
	for {
		client, err := r.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || !r.enter(client) {
			continue
		}
		r.wait.Go(func() { r.serve(client) })
	}
}

// enter takes note of a connection, or ends it.
func (r *Relay) enter(c net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing || r.refuse {
		_ = c.Close()
		return false
	}
	r.conns[c] = struct{}{}
	return true
}

func (r *Relay) serve(client net.Conn) {
	defer r.leave(client)
	server, err := (&net.Dialer{Timeout: Patience}).DialContext(context.Background(), "tcp", r.target)
	if err != nil || !r.enter(server) {
		return
	}
	defer r.leave(server)
	var ways sync.WaitGroup
	ways.Go(func() { r.pass(client, server, true) })
	ways.Go(func() { r.pass(server, client, false) })
	ways.Wait()
}

func (r *Relay) leave(c net.Conn) {
	_ = c.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, c)
}

// pass copies one way until it ends; then the other way ends, too.
func (r *Relay) pass(from, to net.Conn, asking bool) {
	defer func() { _, _ = from.Close(), to.Close() }()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && !r.through(to, buf[:n], asking) {
			return
		}
		if err != nil {
			return
		}
	}
}

func (r *Relay) through(to net.Conn, b []byte, asking bool) bool {
	r.mu.Lock()
	if asking {
		r.asked += len(b)
	}
	gate, slow := r.gate, r.slow
	r.mu.Unlock()
	<-gate
	if slow > 0 {
		select {
		case <-time.After(slow):
		case <-r.closed:
		}
	}
	r.mu.Lock()
	drop := r.mute && !asking
	r.mu.Unlock()
	if drop {
		return true
	}
	_, err := to.Write(b)
	return err == nil
}
