package kafkalog_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"vigie/pkg/eventlog/kafkalog"
)

const (
	keyProduce = 0
	keyFetch   = 1
)

// tamper is a broker's listener that may change or swallow its answers.
type tamper struct {
	net.Listener
	// answer gets the kind of the request and the bytes of the answer, which it
	// may change; false closes the connection instead of sending them.
	answer *atomic.Pointer[func(key int16, b []byte) bool]
}

func (l tamper) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &tamperedConn{Conn: c, l: l}, nil
}

// tamperedConn relies on the broker reading a length of four bytes and then the
// request, and on its answering one request of a connection at a time.
type tamperedConn struct {
	net.Conn
	l    tamper
	body bool
	key  atomic.Int32
}

func (c *tamperedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	switch {
	case len(p) == 4:
		c.body = true
	case c.body && n >= 2:
		c.key.Store(int32(binary.BigEndian.Uint16(p)))
		c.body = false
	}
	return n, err
}

func (c *tamperedConn) Write(p []byte) (int, error) {
	if f := c.l.answer.Load(); f != nil && !(*f)(int16(c.key.Load()), p) {
		return 0, net.ErrClosed
	}
	return c.Conn.Write(p)
}

// tampered is a log on a broker whose answers the test may change.
func tampered(tb testing.TB) (*kafkalog.Log, *atomic.Pointer[func(key int16, b []byte) bool]) {
	tb.Helper()
	answer := new(atomic.Pointer[func(key int16, b []byte) bool])
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.ListenFn(func(network, address string) (net.Listener, error) {
		l, err := new(net.ListenConfig).Listen(context.Background(), network, address)
		return tamper{Listener: l, answer: answer}, err
	}))
	if err != nil {
		tb.Fatalf("start broker: %v", err)
	}
	tb.Cleanup(c.Close)
	l := connect(tb, c.ListenAddrs()...)
	create(tb, l, topic)
	return l, answer
}

// inFetch applies change to the answers of fetches that hold marker, at the
// first byte of it.
func inFetch(marker string, change func(b []byte, at int)) *func(key int16, b []byte) bool {
	f := func(key int16, b []byte) bool {
		if at := bytes.Index(b, []byte(marker)); key == keyFetch && at >= 0 {
			change(b, at)
		}
		return true
	}
	return &f
}
