package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"time"

	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"

	"vigie/tests/fleet"
	"vigie/tests/stack"
)

// apart is what runs, for a program that wants to see how it fails.
type apart struct {
	stack *stack.Stack
	fleet *fleet.Fleet
}

// ready is the first line of the output.
type ready struct {
	Event         string `json:"event"`
	URL           string `json:"url"`
	FirstAccounts string `json:"first_accounts"`
}

// answer to a line of the input.
type answer struct {
	Event   string `json:"event"` // done or failed
	Command string `json:"command"`
	Error   string `json:"error,omitempty"`
}

// serve does what is asked until nobody can ask any more, or ctx ends.
func (a *apart) serve(ctx context.Context, first ready, in io.Reader, out io.Writer) error {
	say := json.NewEncoder(out)
	if err := say.Encode(first); err != nil {
		return err
	}
	asked := make(chan string)
	go func() { // ends with the input, which nothing but its other end can end
		defer close(asked)
		for lines := bufio.NewScanner(in); lines.Scan(); {
			select {
			case asked <- lines.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		select {
		case command, ok := <-asked:
			if !ok {
				return nil
			}
			given := answer{Event: "done", Command: command}
			if err := a.do(ctx, command); err != nil {
				given.Event, given.Error = "failed", err.Error()
			}
			if err := say.Encode(given); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// errCommand is of a line that says nothing known.
var errCommand = errors.New("the commands are kill, await, pause and resume with kafka, a service or one of its processes, and spoil with a room")

// do carries out one command:
//
//	kill gateway-1    a process, or all of a service; it is started again after a moment
//	await gateway-1   until it runs, and all others do
//	pause kafka       all brokers, a service or a process, as machines that hang do
//	resume kafka
//	spoil alpha       writes into the log of a room what is no decision
func (a *apart) do(ctx context.Context, command string) error {
	verb, what, _ := strings.Cut(command, " ")
	if what == "" {
		return errCommand
	}
	switch verb {
	case "kill":
		return a.fleet.Kill(what)
	case "await":
		a.fleet.Await(ctx)
		return ctx.Err()
	case "pause":
		return a.signal(what, syscall.SIGSTOP, a.stack.PauseBroker)
	case "resume":
		return a.signal(what, syscall.SIGCONT, a.stack.ResumeBroker)
	case "spoil":
		return a.spoil(ctx, what)
	}
	return errCommand
}

func (a *apart) signal(what string, sig syscall.Signal, broker func(int) error) error {
	if what != "kafka" {
		return a.fleet.Signal(what, sig)
	}
	var errs []error
	for k := range a.stack.Kafka() {
		errs = append(errs, broker(k))
	}
	return errors.Join(errs...)
}

const spoilBound = 30 * time.Second

func (a *apart) spoil(ctx context.Context, room string) error {
	cfg := kafkalog.Default()
	cfg.Brokers, cfg.SingleNode = a.stack.Kafka(), a.fleet.SingleNode
	log, err := kafkalog.New(cfg)
	if err != nil {
		return err
	}
	defer log.Close()
	ctx, done := context.WithTimeout(ctx, spoilBound)
	defer done()
	table, err := log.Rooms(ctx)
	if err != nil {
		return err
	}
	for _, entry := range table {
		if entry.Room == room {
			_, err := log.Append(ctx, eventlog.TopicLog, entry.Partition, [][]byte{[]byte("this is no decision")})
			return err
		}
	}
	return fmt.Errorf("spoil %s: there is no such room", room)
}
