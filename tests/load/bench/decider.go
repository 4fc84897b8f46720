package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// deciderKilled plays the night of the scenarios in which whoever decides is killed, as often as asked for: what it promises
// is checked there, and the times are taken here.
func deciderKilled(ctx context.Context, s settings) (rows []row, err error) {
	dir, err := os.MkdirTemp("", "vigie-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	file := filepath.Join(dir, "took.json")
	c := exec.CommandContext(ctx, "go", "test", "-count=1", "-timeout=3h", "-v", "./scenario", //nolint:gosec // our own tests
		"-run", "^TestWhoeverDecidesIsKilled", "-args", "-kills="+strconv.Itoa(s.kills), "-took="+file)
	c.Env = append(os.Environ(), "VIGIE_TOPOLOGY=kafka", "VIGIE_BIN="+filepath.Join(s.bin, "vigie"))
	if out, err := c.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	raw, err := os.ReadFile(file) //nolint:gosec // in a directory of our own
	if err != nil {
		return nil, err
	}
	var took struct{ Calm, Killed []time.Duration }
	if err := json.Unmarshal(raw, &took); err != nil {
		return nil, err
	}
	var got series
	got.took(row{
		Name: fmt.Sprintf("decider killed → outcome at a console, %d kills", s.kills), aim: "≤ 1 s", under: "nobody killed",
	}, took.Killed, took.Calm, 50, 90, 99, 100)
	return got.medians(), nil
}
