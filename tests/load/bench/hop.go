package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"vigie/pkg/eventlog/kafkalog"
)

// hopArg begins the command line of a process that is one hop of a floor, and of nothing else.
const hopArg = "hop"

// startFloorApart passes records on by processes, one for each hop, as services do that run apart.
func startFloorApart(ctx context.Context, log *kafkalog.Log, brokers []string, intake, out hop) (*floor, error) {
	relaying, err := startHop(ctx, brokers, intake, out)
	if err != nil {
		return nil, err
	}
	showing, err := startHop(ctx, brokers, out, hop{})
	if err != nil {
		return nil, errors.Join(err, relaying.stop())
	}
	f, err := joinFloor(ctx, log, intake, showing.url, func() error { return errors.Join(relaying.stop(), showing.stop()) })
	if err != nil {
		return nil, err
	}
	f.name = "the same hops between processes"
	return f, nil
}

// hopProcess is a process that passes on what is in a partition.
type hopProcess struct {
	cmd *exec.Cmd
	url chan string // of its socket, if it has one
	eof chan struct{}
}

// startHop runs this very program as a hop between two partitions, or to a socket.
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
	from := flags.String("from", "", "topic to read")
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
	if *to != "" {
		err = relay(ctx, log, hop{topic: *from}, hop{topic: *to})
	} else {
		err = socket(ctx, log, hop{topic: *from}, func(url string) { fmt.Println(url) }) //nolint:forbidigo // it is what the process is asked for
	}
	if ctx.Err() != nil {
		return nil // it was told to end
	}
	return err
}
