package session

import (
	"bufio"
	"net"
	"net/http"
	"sync"
)

// gathered is a connection that can hold what is written to it back for a moment, so that frames that belong together leave
// in one system call: most of what a fan-out costs, and a device wakes once for a mission and the board that it changes.
type gathered struct {
	net.Conn

	mu   sync.Mutex // guards what follows; control frames come from other goroutines than the writer's
	hold bool
	held []byte
}

// heldMost is how much is held back at most.
const heldMost = 64 << 10

// Write holds p back or writes it, behind all that is held.
func (c *gathered) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hold && len(c.held)+len(p) <= heldMost {
		c.held = append(c.held, p...)
		return len(p), nil
	}
	if err := c.flush(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// together holds back what write writes, and lets it go when it is done.
func (c *gathered) together(write func() error) error {
	c.mu.Lock()
	c.hold = true
	c.mu.Unlock()
	err := write()
	if released := c.release(); err == nil {
		err = released
	}
	return err
}

func (c *gathered) release() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hold = false
	return c.flush(nil)
}

// flush writes what is held and then p; the caller holds mu.
func (c *gathered) flush(p []byte) error {
	var both net.Buffers
	for _, b := range [][]byte{c.held, p} {
		if len(b) > 0 {
			both = append(both, b)
		}
	}
	c.held = nil // an idle connection keeps no buffer
	if len(both) == 0 {
		return nil // nothing cannot be written either, under a deadline that has passed
	}
	_, err := both.WriteTo(c.Conn)
	return err
}

// Close lets go what is held first: it may be why the connection closes.
func (c *gathered) Close() error {
	_ = c.release() // whoever is gone does not hear it
	return c.Conn.Close()
}

// gathering makes the connection that an upgrader takes over a gathered one.
type gathering struct {
	http.ResponseWriter
	conn *gathered
}

// Hijack is what the upgrader asks for by type.
func (g *gathering) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(g.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	g.conn = &gathered{Conn: conn}
	return g.conn, rw, nil
}
