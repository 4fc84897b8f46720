package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vigie/pkg/eventlog"
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
		hops := make([][]time.Duration, len(floors))
		for j, f := range floors {
			var err error
			if hops[j], err = f.hops(ctx, s.samples); err != nil {
				return nil, fmt.Errorf("floor: %w", err)
			}
		}
		sent, accepted, err := v.alarms(ctx, s.samples)
		if err != nil {
			return nil, fmt.Errorf("alarms: %w", err)
		}
		if k == 0 {
			continue // everything is warm from the second round on
		}
		for j, f := range floors {
			if j > 0 {
				got[j].took(row{Name: "alarm sent → handheld" + where + ", beside " + f.name, under: f.name}, sent, hops[j], 50, 99)
				continue
			}
			got[j].took(row{Name: "alarm sent → handheld" + where, aim: "≤ 1.5 ×", under: f.name}, sent, hops[j], 50, 99)
			got[j].took(row{Name: "alarm accepted → handheld" + where, under: f.name}, accepted, hops[j], 50, 99)
		}
	}
	var rows []row
	for j := range got {
		rows = append(rows, got[j].medians()...)
	}
	return rows, nil
}
