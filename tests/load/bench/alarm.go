package main

import (
	"context"
	"errors"
	"fmt"

	"vigie/pkg/eventlog"
)

// underHops is what the floor of an alarm's way is.
const underHops = "produce → consume → produce → consume → socket"

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
	return besideHops(ctx, s, f, v, "")
}

// besideHops alternates the floor and alarms.
func besideHops(ctx context.Context, s settings, f *floor, v *system, where string) ([]row, error) {
	var got series
	for k := range s.rounds + 1 {
		hops, err := f.hops(ctx, s.samples)
		if err != nil {
			return nil, fmt.Errorf("floor: %w", err)
		}
		sent, accepted, err := v.alarms(ctx, s.samples)
		if err != nil {
			return nil, fmt.Errorf("alarms: %w", err)
		}
		if k == 0 {
			continue // everything is warm from the second round on
		}
		got.took(row{Name: "alarm sent → handheld" + where, aim: "≤ 1.5 ×", under: underHops}, sent, hops, 50, 99)
		got.took(row{Name: "alarm accepted → handheld" + where, under: underHops}, accepted, hops, 50, 99)
	}
	return got.medians(), nil
}
