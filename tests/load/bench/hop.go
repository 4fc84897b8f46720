package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"vigie/pkg/eventlog/kafkalog"
)

// hopArg begins the command line of a process that is one hop of a floor, and of nothing else.
const hopArg = "hop"

// startFloorApart passes records on by processes, one for each hop, as services do that run apart: over HTTP to the first, which
// writes them to intake, by the second to out, by the third to a socket.
func startFloorApart(ctx context.Context, brokers []string, intake, out hop) (f *floor, err error) {
	var hops []*hopProcess
	stop := func() error {
		var errs []error
		for _, h := range hops {
			errs = append(errs, h.stop())
		}
		hops = nil
		return errors.Join(errs...)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, stop())
		}
	}()
	for _, way := range [][2]hop{{{}, intake}, {intake, out}, {out, {}}} {
		h, err := startHop(ctx, brokers, way[0], way[1])
		if err != nil {
			return nil, err
		}
		hops = append(hops, h)
	}
	taking, showing := hops[0], hops[2]
	at, err := taking.address(ctx)
	if err != nil {
		return nil, err
	}
	panel := &source{}
	put := func(ctx context.Context, value []byte) (time.Time, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, at, bytes.NewReader(value))
		if err != nil {
			return time.Time{}, err
		}
		return panel.send(req)
	}
	if f, err = joinFloor(ctx, put, showing.url, func() error {
		panel.hangUp()
		return stop()
	}); err != nil {
		return nil, err
	}
	f.name = "the same hops between processes"
	return f, nil
}

// hopProcess is a process that passes on what is in a partition.
type hopProcess struct {
	cmd *exec.Cmd
	url chan string // where it listens, if it does
	eof chan struct{}
}

// address is where it listens.
func (p *hopProcess) address(ctx context.Context) (string, error) {
	select {
	case at := <-p.url:
		return at, nil
	case <-p.eof:
		return "", errors.New("hop: it has ended")
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// startHop runs this very program as a hop between two partitions, or from HTTP, or to a socket.
func startHop(ctx context.Context, brokers []string, from, to hop) (*hopProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &hopProcess{url: make(chan string, 1), eof: make(chan struct{})}
	p.cmd = exec.CommandContext(ctx, self, hopArg, "--brokers", strings.Join(brokers, ","), "--from", from.topic, "--to", to.topic) //nolint:gosec // this program
	p.cmd.Stderr = os.Stderr
	said, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("hop: %w", err)
	}
	go func() {
		defer close(p.eof)
		lines := bufio.NewScanner(said)
		if lines.Scan() {
			p.url <- lines.Text()
		}
		_, _ = io.Copy(io.Discard, said)
	}()
	return p, nil
}

func (p *hopProcess) stop() error {
	err := p.cmd.Process.Signal(syscall.SIGTERM)
	<-p.eof
	return errors.Join(err, p.cmd.Wait())
}

// runHop is such a process.
func runHop(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet(hopArg, flag.ContinueOnError)
	brokers := flags.String("brokers", "", "addresses of Kafka, host:port,...")
	from := flags.String("from", "", "topic to read; without one records come over HTTP")
	to := flags.String("to", "", "topic to write to; without one the records go to a socket")
	if err := flags.Parse(args); err != nil {
		return err
	}
	cfg := kafkalog.Default()
	cfg.Brokers = strings.Split(*brokers, ",")
	log, err := kafkalog.New(cfg)
	if err != nil {
		return err
	}
	defer log.Close()
	ready := func(url string) { fmt.Println(url) } //nolint:forbidigo // it is what the process is asked for
	switch {
	case *from == "":
		err = receive(ctx, log, hop{topic: *to}, ready)
	case *to == "":
		err = socket(ctx, log, hop{topic: *from}, ready)
	default:
		err = relay(ctx, log, hop{topic: *from}, hop{topic: *to})
	}
	if ctx.Err() != nil {
		return nil // it was told to end
	}
	return err
}
