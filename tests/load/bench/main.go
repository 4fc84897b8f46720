// Command bench measures Vigie's figures, each beside the floor that the same machine reached in the same run, and writes
// them as a table and as bench.json. Times vary with the machine and the hour; a ratio taken in one run holds.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// row is one figure of bench.json.
type row struct {
	Name    string  `json:"name"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	Floor   float64 `json:"floor"`
	Ratio   float64 `json:"ratio"`
	Machine string  `json:"machine"`
}

func main() { os.Exit(run()) }

func run() int {
	rounds := flag.Int("rounds", 3, "rounds of floor and figure, alternated; the median of the rounds is shown")
	samples := flag.Int("samples", 200, "samples in a round")
	out := flag.String("out", "../bench.json", "file to write")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	rows, err := measure(ctx, *rounds, *samples)
	if err == nil {
		err = report(rows, *out)
	}
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	return 0
}

func measure(ctx context.Context, rounds, samples int) (rows []row, err error) {
	floor, err := startFloor(ctx)
	if err != nil {
		return nil, fmt.Errorf("floor: %w", err)
	}
	defer func() { err = errors.Join(err, floor.stop()) }()
	vigie, err := startVigie(ctx)
	if err != nil {
		return nil, fmt.Errorf("vigie: %w", err)
	}
	defer func() { err = errors.Join(err, vigie.stop()) }()

	series := map[string][]float64{}
	note := func(name string, times []time.Duration) {
		slices.Sort(times)
		series[name+" p50"] = append(series[name+" p50"], millis(percentile(times, 50)))
		series[name+" p99"] = append(series[name+" p99"], millis(percentile(times, 99)))
	}
	for k := range rounds + 1 {
		hops, err := floor.hops(ctx, samples)
		if err != nil {
			return nil, fmt.Errorf("floor: %w", err)
		}
		sent, accepted, err := vigie.alarms(ctx, samples)
		if err != nil {
			return nil, fmt.Errorf("alarms: %w", err)
		}
		if k == 0 {
			continue // everything is warm from the second round on
		}
		note("floor", hops)
		note("alarm sent → mission at the handheld", sent)
		note("alarm accepted → mission at the handheld", accepted)
	}
	for _, name := range []string{"alarm sent → mission at the handheld", "alarm accepted → mission at the handheld"} {
		for _, p := range []string{" p50", " p99"} {
			value, under := median(series[name+p]), median(series["floor"+p])
			rows = append(rows, row{
				Name: name + p, Value: value, Unit: "ms", Floor: under, Ratio: value / under, Machine: machine(),
			})
		}
	}
	return rows, nil
}

func report(rows []row, path string) error {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(w, "figure\tvalue\tfloor\tratio\t\n")
	for _, r := range rows {
		_, _ = fmt.Fprintf(w, "%s\t%.2f %s\t%.2f %s\t%.2f\t\n", r.Name, r.Value, r.Unit, r.Floor, r.Unit, r.Ratio)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	text.WriteString("floor: two durable hops chained (produce with fsync → consume → produce with fsync → consume → socket → client)\n")
	text.WriteString("machine: " + machine() + "\n")
	if _, err := os.Stdout.WriteString(text.String()); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(raw, '\n'), 0o600)
}

// percentile of sorted times, nearest rank.
func percentile(sorted []time.Duration, p int) time.Duration {
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// machine names what the figures were taken on.
func machine() string {
	model := runtime.GOARCH
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, ok := strings.CutPrefix(line, "model name"); ok {
				model = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(name), ":"))
				break
			}
		}
	}
	return fmt.Sprintf("%s, %d cores, %s", cmp.Or(model, "unknown"), runtime.NumCPU(), runtime.Version())
}
