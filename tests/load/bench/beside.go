package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"vigie/pkg/eventlog"
)

// beside alternates alarms alone and alarms beside a load, which runs until its context ends and says how much it did; done
// are how many of that in a second, by round.
func beside(ctx context.Context, s settings, v *system, r row, load func(context.Context) (int, error)) (got series, done []float64, err error) {
	r.under = "alarms alone"
	for k := range s.rounds + 1 {
		alone, _, err := v.alarms(ctx, s.samples)
		if err != nil {
			return got, nil, fmt.Errorf("alone: %w", err)
		}
		var wait sync.WaitGroup
		loading, end := context.WithCancel(ctx)
		var did int
		var failed error
		began := time.Now()
		wait.Go(func() { did, failed = load(loading) })
		loaded, _, err := v.alarms(ctx, s.samples)
		end()
		wait.Wait()
		if err := errors.Join(err, failed); err != nil {
			return got, nil, fmt.Errorf("beside: %w", err)
		}
		if k == 0 {
			continue
		}
		got.took(r, loaded, alone, 50, 99)
		done = append(done, perSecond(did, time.Since(began)))
	}
	return got, done, nil
}

const (
	positionsPerSecond = 5000
	// perPost is how many one telephone sends together that had no network for a while.
	perPost = 50
	// phones send at the same time.
	phones = 4
)

func besidePositions(ctx context.Context, s settings) (rows []row, err error) {
	v, err := startVigie(ctx, s, "")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, v.stop()) }()
	got, stored, err := beside(ctx, s, v, row{Name: "alarm beside 5,000 positions/s", aim: "p99 ≤ 1.3 ×"}, v.walk)
	if err != nil {
		return nil, err
	}
	for _, rate := range stored {
		got.add(row{Name: "positions stored beside alarms", Value: rate, Unit: "/s", Floor: positionsPerSecond, under: "what was to be sent"})
	}
	return got.medians(), nil
}

// walk posts positions at the rate asked for, as OwnTracks does, and says how many were taken.
func (s *system) walk(ctx context.Context) (int, error) {
	posts := make(chan time.Time)
	var wait sync.WaitGroup
	var taken atomic.Int64
	errs := make([]error, phones)
	for k := range phones {
		wait.Go(func() {
			for at := range posts {
				if err := s.post(ctx, at); err != nil {
					errs[k] = err
				} else {
					taken.Add(perPost)
				}
			}
		})
	}
	tick := time.NewTicker(time.Second * perPost / positionsPerSecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case at := <-tick.C:
			select {
			case posts <- at:
			case <-ctx.Done():
			}
		case <-ctx.Done():
		}
	}
	close(posts)
	wait.Wait()
	return int(taken.Load()), errors.Join(errs...)
}

// post is not broken off by ctx: what is under way at the end is counted.
func (s *system) post(ctx context.Context, at time.Time) error {
	type location struct {
		Type string  `json:"_type"`
		Lat  float64 `json:"lat"`
		Lon  float64 `json:"lon"`
		Tst  int64   `json:"tst"`
		Acc  int     `json:"acc"`
	}
	all := make([]location, perPost)
	for k := range all {
		all[k] = location{Type: "location", Lat: 48.85 + float64(k)*1e-6, Lon: 2.35, Tst: at.Unix(), Acc: 10}
	}
	return s.locate(context.WithoutCancel(ctx), all)
}

func besideHistory(ctx context.Context, s settings) (rows []row, err error) {
	dir, err := os.MkdirTemp("", "vigie-bench-")
	if err != nil {
		return nil, err
	}
	if err := writeHistory(ctx, s, filepath.Join(dir, "broker")); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	v, err := startVigie(ctx, s, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, v.stop()) }()
	var asked atomic.Int64
	got, read, err := beside(ctx, s, v, row{Name: "alarm beside a full replay", aim: "p99 ≤ 3 ×"}, func(ctx context.Context) (int, error) {
		return v.lookBack(ctx, s.records, &asked)
	})
	if err != nil {
		return nil, err
	}
	_, _ = fmt.Fprintf(os.Stderr, "  beside alarms %.0f records a second were looked back at\n", median(read))
	return got.medians(), nil
}

// writeHistory makes the files of an embedded node whose room has a long story.
func writeHistory(ctx context.Context, s settings, dir string) (err error) {
	n, err := startNodeIn(ctx, dir, room)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.halt()) }()
	told, entry, err := tellRoom(ctx, n.log, s.records)
	if err != nil {
		return err
	}
	return errors.Join(
		store(ctx, n.log, hop{eventlog.TopicIntake, entry.Partition}, told.requests, perBatch),
		store(ctx, n.log, hop{eventlog.TopicLog, entry.Partition}, told.records, perBatch),
	)
}

// lookBack asks, as many times as there is time for and twice at the same time, for the room as it was at ever earlier
// points, none of which can be reached from a fold made before, and says how many records were read for it. asked counts the
// points of all rounds.
func (s *system) lookBack(ctx context.Context, records int, asked *atomic.Int64) (int, error) {
	var wait sync.WaitGroup
	var read atomic.Int64
	errs := make([]error, 2)
	for k := range errs {
		wait.Go(func() {
			for ctx.Err() == nil && errs[k] == nil {
				offset := records - int(asked.Add(1))
				path := fmt.Sprintf("/v1/rooms/%s/state?offset=%d", room, offset)
				errs[k] = s.call(context.WithoutCancel(ctx), http.MethodGet, path, s.auditor, nil, nil)
				read.Add(int64(offset))
			}
		})
	}
	wait.Wait()
	return int(read.Load()), errors.Join(errs...)
}
