package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// row is one figure of bench.json. What is measured in milliseconds is better when lower, in a number a second when higher.
type row struct {
	Name    string  `json:"name"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	Floor   float64 `json:"floor"`
	Ratio   float64 `json:"ratio"`
	Machine string  `json:"machine"`
	// aim and under are for the table: what is aimed at, and what the floor is.
	aim, under string
}

// series gathers what the rounds of one figure have shown.
type series struct {
	rows   []row
	values [][]float64
	floors [][]float64
}

// add notes one round of a row. Rounds after the first only add to it.
func (s *series) add(r row) {
	k := slices.IndexFunc(s.rows, func(x row) bool { return x.Name == r.Name })
	if k < 0 {
		k = len(s.rows)
		s.rows, s.values, s.floors = append(s.rows, r), append(s.values, nil), append(s.floors, nil)
	}
	s.values[k], s.floors[k] = append(s.values[k], r.Value), append(s.floors[k], r.Floor)
}

// took notes percentiles of one round's times beside those of the floor.
func (s *series) took(r row, times, floor []time.Duration, percents ...int) {
	times, floor = slices.Sorted(slices.Values(times)), slices.Sorted(slices.Values(floor))
	name := r.Name
	for _, p := range percents {
		r.Name, r.Unit = fmt.Sprintf("%s, p%d", name, p), "ms"
		if p == 100 {
			r.Name = name + ", longest"
		}
		r.Value, r.Floor = millis(percentile(times, p)), millis(percentile(floor, p))
		s.add(r)
	}
}

// medians are the rows of all rounds.
func (s *series) medians() []row {
	rows := slices.Clone(s.rows)
	for k := range rows {
		r := &rows[k]
		r.Value, r.Floor, r.Machine = median(s.values[k]), median(s.floors[k]), machine()
		r.Ratio = r.Value / r.Floor
	}
	return rows
}

func report(rows []row, path string) error {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(w, "figure\tvalue\tfloor\tratio\taim\tthe floor is\n")
	for _, r := range rows {
		_, _ = fmt.Fprintf(w, "%s\t%s %s\t%s\t%.2f\t%s\t%s\n", r.Name, short(r.Value), r.Unit, short(r.Floor), r.Ratio, r.aim, r.under)
	}
	if err := w.Flush(); err != nil {
		return err
	}
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

// short leaves out the digits that mean nothing.
func short(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.2f", v)
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

// perSecond is how many in a second n in d are.
func perSecond(n int, d time.Duration) float64 { return float64(n) / d.Seconds() }

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
