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
)

// floor is the least that an alarm's way can take with these parts: two durable hops chained, and a socket. No decision,
// no HTTP, no directory.
type floor struct {
	dir    string
	broker *embedded.Broker
	log    *kafkalog.Log
	server *httptest.Server
	client *websocket.Conn
	cancel context.CancelFunc
	wait   sync.WaitGroup
}

func startFloor(ctx context.Context) (*floor, error) {
	dir, err := os.MkdirTemp("", "vigie-floor-")
	if err != nil {
		return nil, err
	}
	f := &floor{dir: dir}
	cfg := embedded.Default()
	cfg.Dir, cfg.Rooms = dir, []string{"floor"}
	if f.broker, err = embedded.Start(ctx, cfg); err != nil {
		return nil, err
	}
	if f.log, err = kafkalog.New(f.broker.Config()); err != nil {
		return nil, err
	}
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
		return nil, err
	}
	_ = res.Body.Close()
	f.client = client
	server := <-conns
	f.follow(run, eventlog.TopicIntake, func(value []byte) error {
		_, err := f.log.Append(run, eventlog.TopicLog, 0, [][]byte{value})
		return err
	})
	f.follow(run, eventlog.TopicLog, func(value []byte) error {
		return server.WriteMessage(websocket.BinaryMessage, value)
	})
	return f, nil
}

// follow does something with each record of a topic, in order.
func (f *floor) follow(ctx context.Context, topic string, do func([]byte) error) {
	f.wait.Go(func() {
		_ = f.log.Tail(ctx, topic, 0, 0, func(records []eventlog.Record, _ int64) error {
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
		began := time.Now()
		if _, err := f.log.Append(ctx, eventlog.TopicIntake, 0, [][]byte{value}); err != nil {
			return nil, err
		}
		_ = f.client.SetReadDeadline(time.Now().Add(10 * time.Second))
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
	f.log.Close()
	return errors.Join(err, f.broker.Stop(), os.RemoveAll(f.dir))
}
