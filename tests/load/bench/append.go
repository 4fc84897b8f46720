package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
)

const (
	// recordSize is that of a request.
	recordSize = 300
	// callers append at the same time.
	callers = 64
)

// appends measures the group commit on the embedded broker: one caller waits for nobody, many share a sync.
func appends(ctx context.Context, s settings) (rows []row, err error) {
	n, err := startNode(ctx, "floor")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, n.stop()) }()
	w, err := kafkalog.NewWriter(n.log, kafkalog.DefaultWriter())
	if err != nil {
		return nil, err
	}
	defer w.Close()
	file, err := os.Create(filepath.Join(n.dir, "raw"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()

	value := make([]byte, recordSize)
	write := func() error {
		_, err := w.Write(ctx, eventlog.TopicIntake, 0, value)
		return err
	}
	produce := func(records int) func() error {
		values := make([][]byte, records)
		for k := range values {
			values[k] = value
		}
		return func() error {
			_, err := n.log.Append(ctx, eventlog.TopicIntake, 0, values)
			return err
		}
	}
	sync := func(records int) func() error {
		all := make([]byte, records*recordSize)
		return func() error {
			_, err := file.Write(all)
			return errors.Join(err, file.Sync())
		}
	}
	var got series
	for k := range s.rounds + 1 {
		// One after the other: what else the disk has to do falls on all three alike.
		times, err := inTurn(s.samples, write, produce(1), sync(1))
		if err != nil {
			return nil, err
		}
		one, raw, disk := times[0], times[1], times[2]
		manyAll, many, err := together(s.samples*callers, callers, write)
		rawAll, rawBatches, err2 := together(s.samples, 1, produce(callers))
		diskAll, _, err3 := together(s.samples, 1, sync(callers))
		if err := errors.Join(err, err2, err3); err != nil {
			return nil, err
		}
		if k == 0 {
			continue
		}
		got.took(row{Name: "durable append, 1 caller", aim: "≤ 1.3 ×", under: "a raw produce of the same record"}, one, raw, 50, 99)
		got.took(row{Name: "durable append, 1 caller, on disk", under: "write and fsync of the same bytes"}, one, disk, 50, 99)
		count := s.samples * callers
		rate := row{Name: "durable appends, 64 callers", Value: perSecond(count, manyAll), Unit: "/s", aim: "≥ 20000 /s"}
		rate.Floor, rate.under = perSecond(count, rawAll), "raw produces of 64 records"
		got.add(rate)
		got.took(row{Name: "durable append, 64 callers", under: rate.under}, many, rawBatches, 50, 99)
		rate.Name, rate.Floor, rate.under = rate.Name+", on disk", perSecond(count, diskAll), "write and fsync of 64 records"
		got.add(rate)
	}
	return got.medians(), nil
}

// inTurn does several things n times, one after the other, and says how long each took.
func inTurn(n int, do ...func() error) ([][]time.Duration, error) {
	times := make([][]time.Duration, len(do))
	for range n {
		for k := range do {
			began := time.Now()
			if err := do[k](); err != nil {
				return nil, err
			}
			times[k] = append(times[k], time.Since(began))
		}
	}
	return times, nil
}

// together does something n times, so many at the same time.
func together(n, at int, do func() error) (all time.Duration, each []time.Duration, err error) {
	var wait sync.WaitGroup
	parts, errs := make([][]time.Duration, at), make([]error, at)
	began := time.Now()
	for k := range at {
		wait.Go(func() {
			for range n / at {
				start := time.Now()
				if err := do(); err != nil {
					errs[k] = err
					return
				}
				parts[k] = append(parts[k], time.Since(start))
			}
		})
	}
	wait.Wait()
	all = time.Since(began)
	for _, p := range parts {
		each = append(each, p...)
	}
	return all, each, errors.Join(errs...)
}
