// Command stack runs the real parts, Kafka and Redis, in the background: up
// starts them and prints what to export, down stops them and removes their
// data. Both may be repeated.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"vigie/tests/stack"
)

const usage = `usage: stack up|down [--dir DIR] [--brokers 1|3] [--redis=false]
  up    start Kafka and Redis in the background and print the variables to export
  down  stop them; what they held is gone
`

// errUsage has been explained already.
var errUsage = errors.New("usage")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, errUsage):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "stack:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		return errUsage
	}
	flags := flag.NewFlagSet("stack "+args[0], flag.ContinueOnError)
	dir := flags.String("dir", "data/stack", "where the state file and the log of the background process are")
	brokers := flags.Int("brokers", 3, "Kafka nodes, 1 or 3")
	redis := flags.Bool("redis", true, "start Redis, too")
	if err := flags.Parse(args[1:]); err != nil {
		return errUsage
	}
	abs, err := filepath.Abs(*dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(abs, 0o750); err != nil {
		return err
	}
	h := home{dir: abs}
	o := stack.Options{Brokers: *brokers, Redis: *redis}
	switch args[0] {
	case "up":
		return up(ctx, h, o, args[1:])
	case "down":
		return down(ctx, h)
	case serveCommand:
		return serve(ctx, h, o)
	default:
		fmt.Fprint(os.Stderr, usage)
		return errUsage
	}
}
