// Package clock is the domain clock: the time that deadlines, shifts, ages and travel are measured in.
//
// Domain time = origin + rate × (real − origin). At rate 1 it is the real time; a simulated day runs at a higher rate.
// The origin is kept in a file, in the data directory or shared by the processes of one machine, so that a restart goes on where domain time would be by now, and a directory keeps
// the rate it was made with: its log is full of domain times, which another rate would contradict.
//
// Timers that belong to the network (pings, write deadlines, retries, token expiry) are real and must not use this package.
package clock

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"
)

// MaxRate is the fastest a domain clock runs: a day in less than ten seconds.
const MaxRate = 10_000

// ErrRate says that a directory has another rate than the one asked for.
var ErrRate = errors.New("clock rate differs from the data's")

// Clock tells domain time. It is safe for concurrent use; the zero Clock is not usable.
type Clock struct {
	origin time.Time
	rate   int64
}

// Real is the clock of rate 1.
func Real() *Clock { return &Clock{rate: 1} }

type file struct {
	Origin time.Time `json:"origin"`
	Rate   int64     `json:"rate"`
}

// Open returns the clock kept in the file at path. The first Open makes the file, with the present as origin; of many at
// once, in whatever processes, one is first.
func Open(path string, rate int) (*Clock, error) {
	if rate < 1 || rate > MaxRate {
		return nil, fmt.Errorf("clock rate %d: give a whole number from 1 to %d", rate, MaxRate)
	}
	raw, err := os.ReadFile(path) //nolint:gosec // the path comes from the operator
	if errors.Is(err, fs.ErrNotExist) {
		return create(path, int64(rate))
	}
	if err != nil {
		return nil, fmt.Errorf("clock: %w", err)
	}
	var f file
	if err := json.Unmarshal(raw, &f); err != nil || f.Rate < 1 || f.Rate > MaxRate || f.Origin.IsZero() {
		return nil, fmt.Errorf("clock: %s is damaged: restore it from a backup of the data directory, or use another --data directory", path)
	}
	if f.Rate != int64(rate) {
		return nil, fmt.Errorf("%w: %s runs at rate %d, not %d: start with --clock-rate %d, or use another --data directory",
			ErrRate, filepath.Dir(path), f.Rate, rate, f.Rate)
	}
	return &Clock{origin: f.Origin.UTC(), rate: f.Rate}, nil
}

func create(path string, rate int64) (*Clock, error) {
	f := file{Origin: time.Now().UTC().Round(0), Rate: rate}
	raw, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("clock: %w", err)
	}
	switch err := writeNew(path, append(raw, '\n')); {
	case errors.Is(err, fs.ErrExist):
		return Open(path, int(rate)) // another process was quicker: its origin is that of all
	case err != nil:
		return nil, fmt.Errorf("clock: %w", err)
	}
	// The name is durable only when the directory is.
	if err := syncDir(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("clock: %w", err)
	}
	return &Clock{origin: f.Origin, rate: rate}, nil
}

// writeNew makes the file whole or not at all, and never in the place of another.
func writeNew(path string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path) // unlike a rename, it replaces nothing
}

func syncDir(path string) error {
	d, err := os.Open(path) //nolint:gosec // the path comes from the operator
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Now returns domain time, in UTC.
func (c *Clock) Now() time.Time {
	if c.rate == 1 {
		return time.Now().UTC()
	}
	// In whole seconds and the rest: rate × elapsed in nanoseconds overflows within months at high rates.
	elapsed := time.Since(c.origin)
	sec, rest := elapsed/time.Second, elapsed%time.Second
	return time.Unix(c.origin.Unix()+int64(sec)*c.rate, int64(c.origin.Nanosecond())+int64(rest)*c.rate).UTC()
}

// Rate returns how many domain seconds pass in a real one.
func (c *Clock) Rate() int { return int(c.rate) }

// Real returns how long to wait in real time until d of domain time has passed, never less.
func (c *Clock) Real(d time.Duration) time.Duration {
	wait := d / time.Duration(c.rate)
	if d%time.Duration(c.rate) > 0 {
		wait++
	}
	return wait
}

// Domain returns how much domain time passes in d of real time.
func (c *Clock) Domain(d time.Duration) time.Duration {
	rate := time.Duration(c.rate)
	switch {
	case d > math.MaxInt64/rate:
		return math.MaxInt64
	case d < math.MinInt64/rate:
		return math.MinInt64
	}
	return d * rate
}
