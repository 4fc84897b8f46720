// Command bench measures Vigie's figures, each beside the floor that the same machine reached in the same run, and writes
// them as a table and as bench.json. Times vary with the machine and the hour; a ratio taken in one run holds.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
)

// settings are what the command line says.
type settings struct {
	rounds, samples int
	kills           int
	brokerKills     int
	records         int
	// bin is the directory of the programs.
	bin string
}

// figure is one or more rows that are measured together.
type figure struct {
	key, what string
	measure   func(context.Context, settings) ([]row, error)
}

func catalogue() []figure {
	return []figure{
		{"alarm", "alarm → handheld, all in one process, beside the same hops", alarmEmbedded},
		{"append", "durable appends to the embedded broker, 1 and 64 at a time, beside raw ones", appends},
		{"replay", "a log folded into state, beside reading, decoding and hashing it", replays},
		{"positions", "alarms beside 5,000 positions a second, beside alarms alone", besidePositions},
		{"history", "alarms beside somebody who reads the whole log again and again, beside alarms alone", besideHistory},
		{"kafka", "alarm → handheld, services apart on three brokers, beside the same hops there", alarmKafka},
		{"broker", "the broker that leads a room is killed, until the next decision, beside the next raw append", brokerKilled},
		{"decider", "the decider that wrote last is killed, until the next outcome, beside nobody killed", deciderKilled},
	}
}

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) > 1 && os.Args[1] == hopArg {
		if err := runHop(ctx, os.Args[2:]); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, "bench hop:", err)
			return 1
		}
		return 0
	}
	var s settings
	flag.IntVar(&s.rounds, "rounds", 3, "rounds of floor and figure, alternated; the median of the rounds is shown")
	flag.IntVar(&s.samples, "samples", 200, "samples in a round")
	flag.IntVar(&s.kills, "kills", 200, "how many deciders are killed")
	flag.IntVar(&s.brokerKills, "broker-kills", 20, "how many brokers are killed")
	flag.IntVar(&s.records, "records", 300_000, "records of the log that is replayed")
	only := flag.String("only", "", "what to measure, of: "+keys()+"; all when left out")
	out := flag.String("out", "../bench.json", "file to write")
	profile := flag.String("cpuprofile", "", "file to write a profile of this process to: brokers, replay and floors run in it")
	flag.Parse()
	chosen, err := choose(*only)
	if err == nil && os.Getenv("VIGIE_BIN") == "" {
		err = errors.New("VIGIE_BIN is not set: run make bench")
	}
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "bench:", err)
		return 2
	}
	if s.bin, err = filepath.Abs(filepath.Dir(os.Getenv("VIGIE_BIN"))); err == nil {
		err = profiled(*profile, func() error { return measure(ctx, s, chosen, *out) })
	}
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	return 0
}

func profiled(path string, do func() error) error {
	if path == "" {
		return do()
	}
	file, err := os.Create(path) //nolint:gosec // the caller's choice
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return errors.Join(err, file.Close())
	}
	err = do()
	pprof.StopCPUProfile()
	return errors.Join(err, file.Close())
}

func keys() string {
	var list []string
	for _, f := range catalogue() {
		list = append(list, f.key)
	}
	return strings.Join(list, ",")
}

func choose(only string) ([]figure, error) {
	if only == "" {
		return catalogue(), nil
	}
	var chosen []figure
	wanted := strings.Split(only, ",")
	for _, f := range catalogue() {
		if k := slices.Index(wanted, f.key); k >= 0 {
			chosen, wanted = append(chosen, f), slices.Delete(wanted, k, k+1)
		}
	}
	if len(wanted) > 0 {
		return nil, fmt.Errorf("--only %s: give some of %s", strings.Join(wanted, ","), keys())
	}
	return chosen, nil
}

// measure goes on after a figure that fails: the others took their time too.
func measure(ctx context.Context, s settings, chosen []figure, out string) error {
	var rows []row
	var failed []error
	for _, f := range chosen {
		_, _ = fmt.Fprintf(os.Stderr, "%s: %s …\n", f.key, f.what)
		got, err := f.measure(ctx, s)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", f.key, err))
			continue
		}
		rows = append(rows, got...)
	}
	return errors.Join(append(failed, report(rows, out))...)
}
