package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"go.uber.org/fx"
)

// askEach is how often the checks are asked until all of them say ready.
const askEach = 20 * time.Millisecond

// Announce writes one line to out, as JSON {"event":"ready","url":...,"pid":...} where the configuration says so,
// once every check says ready. Whoever starts the process waits for that line; with port 0 it is the way to learn the address.
func Announce(out io.Writer) fx.Option {
	return fx.Invoke(func(lc fx.Lifecycle, cfg Config, address *Address, ready *readiness, stop *Stop) {
		a := &announcement{out: out, json: cfg.JSON, address: address, ready: ready, fail: stop.Fail}
		lc.Append(fx.StartStopHook(a.start, a.end))
	})
}

// announcement is under way until the process is ready or ends.
type announcement struct {
	out     io.Writer
	json    bool
	address *Address
	ready   *readiness
	fail    func(error)

	stop context.CancelFunc
	wait sync.WaitGroup
}

func (a *announcement) start(ctx context.Context) {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	a.stop = stop
	a.wait.Go(func() {
		if !a.ready.await(run) {
			return
		}
		if err := a.tell(); err != nil {
			a.fail(fmt.Errorf("announce: %w", err))
		}
	})
}

func (a *announcement) end() {
	a.stop()
	a.wait.Wait()
}

func (a *announcement) tell() error {
	url := a.address.URL()
	if a.json {
		return json.NewEncoder(a.out).Encode(struct {
			Event string `json:"event"`
			URL   string `json:"url"`
			PID   int    `json:"pid"`
		}{"ready", url, os.Getpid()})
	}
	_, err := fmt.Fprintf(a.out, "Ready on %s. Ctrl-C stops.\n", url)
	return err
}

// await waits until all checks say ready; false when ctx has ended before.
func (r *readiness) await(ctx context.Context) bool {
	tick := time.NewTicker(askEach)
	defer tick.Stop()
	for !r.ask(ctx).Ready {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}
