package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vigie/pkg/eventlog"
	"vigie/pkg/wait"
)

func alarmEmbedded(ctx context.Context, s settings) (rows []row, err error) {
	n, err := startNode(ctx, "floor")
	if err != nil {
		return nil, fmt.Errorf("floor: %w", err)
	}
	defer func() { err = errors.Join(err, n.stop()) }()
	f, err := startFloor(ctx, n.log, hop{topic: eventlog.TopicIntake}, hop{topic: eventlog.TopicLog})
	if err != nil {
		return nil, fmt.Errorf("floor: %w", err)
	}
	defer func() { err = errors.Join(err, f.stop()) }()
	v, err := startVigie(ctx, s, "")
	if err != nil {
		return nil, fmt.Errorf("vigie: %w", err)
	}
	defer func() { err = errors.Join(err, v.stop()) }()
	return besideHops(ctx, s, v, "", f)
}

// besideHops alternates floors and alarms. The aim holds for the first floor.
func besideHops(ctx context.Context, s settings, v *system, where string, floors ...*floor) ([]row, error) {
	got := make([]series, len(floors))
	for k := range s.rounds + 1 {
		t, err := inTurns(ctx, s.samples, v, floors)
		if err != nil {
			return nil, err
		}
		if k == 0 {
			continue // everything is warm from the second round on
		}
		for j, f := range floors {
			if j > 0 {
				got[j].took(row{Name: "alarm sent → handheld" + where + ", beside " + f.name, under: f.name}, t.sent, t.hops[j], 50, 99)
				continue
			}
			got[j].took(row{Name: "alarm sent → handheld" + where, aim: "≤ 1.5 ×", under: f.name}, t.sent, t.hops[j], 50, 99)
			got[j].took(row{Name: "alarm accepted → handheld" + where, under: f.name}, t.accepted, t.hops[j], 50, 99)
		}
	}
	var rows []row
	for j := range got {
		rows = append(rows, got[j].medians()...)
	}
	return rows, nil
}

const (
	// turn is how many samples are taken of one before it is the next one's turn: a shared machine, and brokers whose code is
	// still being compiled, are faster or slower for seconds at a time, which is to fall on all alike.
	turn = 20
	// settled is when nothing is done any more for the alarms before: summaries are written 200 ms late.
	settled = 300 * time.Millisecond
)

// times are those of one round.
type times struct {
	hops           [][]time.Duration // by floor
	sent, accepted []time.Duration
}

// inTurns takes n samples of each floor and of alarms.
func inTurns(ctx context.Context, n int, v *system, floors []*floor) (times, error) {
	t := times{hops: make([][]time.Duration, len(floors))}
	for len(t.sent) < n {
		some := min(turn, n-len(t.sent))
		for j, f := range floors {
			if err := wait.For(ctx, settled); err != nil {
				return t, err
			}
			hops, err := f.hops(ctx, some)
			if err != nil {
				return t, fmt.Errorf("floor: %w", err)
			}
			t.hops[j] = append(t.hops[j], hops...)
		}
		if err := wait.For(ctx, settled); err != nil {
			return t, err
		}
		sent, accepted, err := v.alarms(ctx, some)
		if err != nil {
			return t, fmt.Errorf("alarms: %w", err)
		}
		t.sent, t.accepted = append(t.sent, sent...), append(t.accepted, accepted...)
	}
	return t, nil
}
