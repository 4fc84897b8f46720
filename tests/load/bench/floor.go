package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"vigie/pkg/embedded"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/wait"
)

// floor is the least that an alarm's way can take with these parts: two durable hops chained, and a socket. No decision,
// no HTTP, no directory.
type floor struct {
	log         *kafkalog.Log
	intake, out hop
	server      *httptest.Server
	client      *websocket.Conn
	cancel      context.CancelFunc
	wait        sync.WaitGroup
}

// hop is a partition that the floor writes to and reads.
type hop struct {
	topic     string
	partition int
}

// node is an embedded broker in this process, on a directory that goes with it.
type node struct {
	*embedded.Broker
	dir string
	log *kafkalog.Log
}

func startNode(ctx context.Context, rooms ...string) (*node, error) {
	dir, err := os.MkdirTemp("", "vigie-floor-")
	if err != nil {
		return nil, err
	}
	return startNodeIn(ctx, dir, rooms...)
}

func startNodeIn(ctx context.Context, dir string, rooms ...string) (*node, error) {
	cfg := embedded.Default()
	cfg.Dir, cfg.Rooms = dir, rooms
	broker, err := embedded.Start(ctx, cfg)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	log, err := kafkalog.New(broker.Config())
	if err != nil {
		return nil, errors.Join(err, broker.Stop(), os.RemoveAll(dir))
	}
	return &node{Broker: broker, dir: dir, log: log}, nil
}

// stop takes the directory away, too.
func (n *node) stop() error { return errors.Join(n.halt(), os.RemoveAll(n.dir)) }

func (n *node) halt() error {
	n.log.Close()
	return n.Stop()
}

func startFloor(ctx context.Context, log *kafkalog.Log, intake, out hop) (*floor, error) {
	f := &floor{log: log, intake: intake, out: out}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f.cancel = cancel
	conns := make(chan *websocket.Conn, 1)
	f.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil); err == nil {
			conns <- conn
		}
	}))
	client, res, err := websocket.DefaultDialer.DialContext(ctx, "ws"+strings.TrimPrefix(f.server.URL, "http"), nil)
	if err != nil {
		cancel()
		f.server.Close()
		return nil, err
	}
	_ = res.Body.Close()
	f.client = client
	server := <-conns
	f.follow(run, intake, func(value []byte) error {
		_, err := f.log.Append(run, out.topic, out.partition, [][]byte{value})
		return err
	})
	f.follow(run, out, func(value []byte) error { return server.WriteMessage(websocket.BinaryMessage, value) })
	return f, nil
}

// follow does something with each record of a partition, in order.
func (f *floor) follow(ctx context.Context, of hop, do func([]byte) error) {
	f.wait.Go(func() {
		_ = f.log.Tail(ctx, of.topic, of.partition, 0, func(records []eventlog.Record, _ int64) error {
			for _, r := range records {
				if err := do(r.Value); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// hops measures n records, one after the other, of the size of an alarm.
func (f *floor) hops(ctx context.Context, n int) ([]time.Duration, error) {
	times := make([]time.Duration, 0, n)
	value := make([]byte, 300)
	for range n {
		if err := wait.For(ctx, apart); err != nil {
			return nil, err
		}
		began := time.Now()
		if _, err := f.log.Append(ctx, f.intake.topic, f.intake.partition, [][]byte{value}); err != nil {
			return nil, err
		}
		_ = f.client.SetReadDeadline(time.Now().Add(patience))
		if _, _, err := f.client.ReadMessage(); err != nil {
			return nil, fmt.Errorf("receive: %w", err)
		}
		times = append(times, time.Since(began))
	}
	return times, nil
}

func (f *floor) stop() error {
	f.cancel()
	err := f.client.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	f.server.CloseClientConnections()
	f.server.Close()
	f.wait.Wait()
	return err
}
