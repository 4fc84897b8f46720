package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/wait"
)

// floor is the least that an alarm's way can take with these parts: two durable hops chained, and a socket; between processes
// also the request that brings it. No decision, no validation, no directory.
type floor struct {
	name string // what it is, in the table
	// put sends a record on its way, waits until it is stored, and says when it was sent.
	put    func(ctx context.Context, value []byte) (time.Time, error)
	client *websocket.Conn
	// end stops what passes records on, and waits for it.
	end func() error
}

// hop is a partition that the floor writes to and reads.
type hop struct {
	topic     string
	partition int
}

// startFloor passes records on within this process.
func startFloor(ctx context.Context, log *kafkalog.Log, intake, out hop) (*floor, error) {
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var wait sync.WaitGroup
	url := make(chan string, 1)
	wait.Go(func() { _ = relay(run, log, intake, out) })
	wait.Go(func() { _ = socket(run, log, out, func(at string) { url <- at }) })
	put := func(ctx context.Context, value []byte) (time.Time, error) {
		began := time.Now()
		_, err := log.Append(ctx, intake.topic, intake.partition, [][]byte{value})
		return began, err
	}
	f, err := joinFloor(ctx, put, url, func() error {
		cancel()
		wait.Wait()
		return nil
	})
	if err != nil {
		return nil, err
	}
	f.name = "the same hops in one process"
	return f, nil
}

// joinFloor is its client, once the socket is there.
func joinFloor(
	ctx context.Context, put func(context.Context, []byte) (time.Time, error), url <-chan string, end func() error,
) (*floor, error) {
	ctx, done := context.WithTimeout(ctx, patience)
	defer done()
	select {
	case at := <-url:
		client, res, err := websocket.DefaultDialer.DialContext(ctx, at, nil)
		if err != nil {
			return nil, errors.Join(err, end())
		}
		_ = res.Body.Close()
		return &floor{put: put, client: client, end: end}, nil
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), end())
	}
}

// receive writes the body of each request to a partition, and answers when it is stored. ready is told the address.
func receive(ctx context.Context, log *kafkalog.Log, to hop, ready func(url string)) error {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		value, err := io.ReadAll(r.Body)
		if err == nil {
			_, err = log.Append(r.Context(), to.topic, to.partition, [][]byte{value})
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()
	ready(server.URL)
	<-ctx.Done()
	return ctx.Err()
}

// relay writes each record of one partition to another.
func relay(ctx context.Context, log *kafkalog.Log, from, to hop) error {
	return each(ctx, log, from, func(value []byte) error {
		_, err := log.Append(ctx, to.topic, to.partition, [][]byte{value})
		return err
	})
}

// socket writes each record of a partition to the first client. ready is told the address.
func socket(ctx context.Context, log *kafkalog.Log, from hop, ready func(url string)) error {
	conns := make(chan *websocket.Conn, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil); err == nil {
			conns <- conn
		}
	}))
	defer server.Close()
	ready("ws" + strings.TrimPrefix(server.URL, "http"))
	select {
	case conn := <-conns:
		defer func() { _ = conn.Close() }() // the client has gone first
		return each(ctx, log, from, func(value []byte) error { return conn.WriteMessage(websocket.BinaryMessage, value) })
	case <-ctx.Done():
		return ctx.Err()
	}
}

// each does something with each record of a partition, in order.
func each(ctx context.Context, log *kafkalog.Log, of hop, do func([]byte) error) error {
	return log.Tail(ctx, of.topic, of.partition, 0, func(records []eventlog.Record, _ int64) error {
		for _, r := range records {
			if err := do(r.Value); err != nil {
				return err
			}
		}
		return nil
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
		began, err := f.put(ctx, value)
		if err != nil {
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
	err := f.client.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	return errors.Join(err, f.end())
}
