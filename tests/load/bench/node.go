package main

import (
	"context"
	"errors"
	"os"

	"vigie/pkg/embedded"
	"vigie/pkg/eventlog/kafkalog"
)

// node is an embedded broker in this process, on a directory that goes with it.
type node struct {
	*embedded.Broker
	dir string
	log *kafkalog.Log
}

func startNode(ctx context.Context, rooms ...string) (*node, error) {
	dir, err := os.MkdirTemp("", "vigie-floor-")
	if err != nil {
		return nil, err
	}
	return startNodeIn(ctx, dir, rooms...)
}

func startNodeIn(ctx context.Context, dir string, rooms ...string) (*node, error) {
	cfg := embedded.Default()
	cfg.Dir, cfg.Rooms = dir, rooms
	broker, err := embedded.Start(ctx, cfg)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	log, err := kafkalog.New(broker.Config())
	if err != nil {
		return nil, errors.Join(err, broker.Stop(), os.RemoveAll(dir))
	}
	return &node{Broker: broker, dir: dir, log: log}, nil
}

// stop takes the directory away, too.
func (n *node) stop() error { return errors.Join(n.halt(), os.RemoveAll(n.dir)) }

func (n *node) halt() error {
	n.log.Close()
	return n.Stop()
}
