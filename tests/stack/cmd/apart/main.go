// Command apart runs every service in a process of its own on real Kafka and Redis, behind one address, until it is
// interrupted: what production looks like, on one machine. A process that ends is started again after a moment, so that one can
// be killed to see what happens. What it holds is gone when it stops.
//
// With --json it is for a program that started it: it says on its output when it is ready, then does what each line of its
// input asks (see [apart.do]) and answers each; it stops when its input ends.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"vigie/tests/fleet"
	"vigie/tests/front"
	"vigie/tests/stack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "apart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("apart", flag.ContinueOnError)
	bin := flags.String("bin", "bin", "where the programs are")
	dir := flags.String("dir", "data/apart", "directory of this run, emptied at its start")
	region := flags.String("region", "deployments/regions/aphp.yaml", "region file")
	listen := flags.String("listen", "127.0.0.1:8080", "address of everything, host:port")
	brokers := flags.Int("brokers", 3, "Kafka nodes, 1 or 3")
	program := flags.Bool("json", false, "for a program: take commands on the input, answer on the output")
	if err := flags.Parse(args); err != nil {
		return err
	}
	for _, path := range []*string{bin, dir, region} {
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	say("Starting Kafka and Redis. The first time fetches 43 MB; later it takes about 20 seconds.")
	st, err := stack.Run(ctx, stack.Options{Brokers: *brokers, Redis: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Stop()) }()

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f := &fleet.Fleet{
		Bin: *bin, Dir: *dir, Region: *region, Brokers: strings.Join(st.Kafka(), ","), Redis: st.RedisURL(), SingleNode: *brokers == 1,
		Ended: func(name string, err error, again time.Duration) {
			say("%s has ended (%v); it is started again in %v.", name, err, again)
		},
	}
	if err := f.Prepare(ctx); err != nil {
		return err
	}
	for _, name := range []string{
		"dispatch-1", "dispatch-2", "alarms-1", "alarms-2", "positions-1", "positions-2", "replay-1", "replay-2", "gateway-1", "gateway-2",
	} {
		f.Start(ctx, name)
	}
	defer func() {
		cancel()
		f.Wait()
	}()
	before, err := front.Open(ctx, *listen, f.Hosts)
	if err != nil {
		return fmt.Errorf("listen: %w: stop the other program or pass --listen", err)
	}
	defer before.Close()
	if !f.Await(ctx) {
		return nil // interrupted
	}
	if *program {
		return (&apart{stack: st, fleet: f}).serve(ctx, ready{Event: "ready", URL: before.URL(), FirstAccounts: f.FirstAccounts()}, os.Stdin, os.Stdout)
	}
	say("\nVigie is ready: each service is a process of its own.\n\n  start page       %s/\n  console          %s/console\n  first accounts   %s\n  logs             %s\n  Kafka            %s\n  Redis            %s\n",
		before.URL(), before.URL(), f.FirstAccounts(), f.Logs(), f.Brokers, f.Redis)
	f.Each(func(name, host string, pid int) { say("  %-16s http://%s  process %d", name, host, pid) })
	say("")
	say("Kill any of them and watch: it is started again after some seconds. Ctrl-C stops all.")
	<-ctx.Done()
	return nil
}

func say(format string, a ...any) { fmt.Fprintf(os.Stderr, format+"\n", a...) }
