package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow"
	"vigie/pkg/region"
	"vigie/pkg/wire"
)

const (
	// perBatch is how many records a bulk write stores as one batch.
	perBatch = 1000
	// alone is how many of the records are stored as batches of their own, at most: that takes its time.
	alone = 50_000
)

// regionFile is what the bench runs on; its first room is where everything happens.
func regionFile() (string, error) {
	return filepath.Abs(filepath.Join("..", "deployments", "regions", "two-sites.yaml"))
}

// tellRoom makes a story of the first room, as a broker's table of rooms has it.
func tellRoom(ctx context.Context, log *kafkalog.Log, records int) (*story, eventlog.RoomEntry, error) {
	path, err := regionFile()
	if err != nil {
		return nil, eventlog.RoomEntry{}, err
	}
	r, err := region.Load(path)
	if err != nil {
		return nil, eventlog.RoomEntry{}, err
	}
	table, err := follow.Table(ctx, log)
	if err != nil {
		return nil, eventlog.RoomEntry{}, err
	}
	k := slices.IndexFunc(table, func(e eventlog.RoomEntry) bool { return e.Room == room })
	if k < 0 || r.Rooms[0].ID != room {
		return nil, eventlog.RoomEntry{}, fmt.Errorf("no room %s", room)
	}
	conf := r.Rooms[0].Configuration
	s, err := tell(room, table[k].LogID, conf, region.Hash(conf), records, time.Now().UnixMilli())
	return s, table[k], err
}

// store appends values in batches.
func store(ctx context.Context, log *kafkalog.Log, at hop, values [][]byte, perBatch int) error {
	for batch := range slices.Chunk(values, perBatch) {
		if _, err := log.Append(ctx, at.topic, at.partition, batch); err != nil {
			return err
		}
	}
	return nil
}

// replays reads a log as every service does at its start. Batches of one record, which the log is made of on a quiet night,
// are read from the topic of positions: its embedded broker does not sync, and they would take minutes to write.
func replays(ctx context.Context, s settings) (rows []row, err error) {
	n, err := startNode(ctx, room)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, n.stop()) }()
	told, entry, err := tellRoom(ctx, n.log, s.records)
	if err != nil {
		return nil, err
	}
	bulk, single := hop{eventlog.TopicLog, entry.Partition}, hop{eventlog.TopicPositions, entry.Partition}
	few := told.records[:min(len(told.records), alone)]
	if err := errors.Join(store(ctx, n.log, bulk, told.records, perBatch), store(ctx, n.log, single, few, 1)); err != nil {
		return nil, err
	}
	var got series
	for range s.rounds {
		for _, of := range []struct {
			hop
			name, aim string
			records   int
		}{
			{bulk, "replay into state, batches of 1000", "≥ 0.8 ×, ≥ 800000 /s", len(told.records)},
			{single, "replay into state, batches of one", "≥ 0.8 ×", len(few)},
		} {
			under, _, err := read(ctx, n.log, of.hop, of.records, func(*wire.Stored) error { return nil })
			if err != nil {
				return nil, err
			}
			fold := controlroom.NewFold(room)
			value, events, err := read(ctx, n.log, of.hop, of.records, func(r *wire.Stored) error {
				_, err := follow.Fold(fold, entry, r)
				return err
			})
			if err != nil {
				return nil, err
			}
			r := row{Name: of.name, Unit: "events/s", aim: of.aim, under: "the same reader, decoding and hashing"}
			r.Value, r.Floor = perSecond(events, value), perSecond(events, under)
			got.add(r)
			r.Name, r.Unit, r.aim = of.name+", records", "records/s", ""
			r.Value, r.Floor = perSecond(of.records, value), perSecond(of.records, under)
			got.add(r)
		}
	}
	return got.medians(), nil
}

// read scans a partition and checks each record's hash, and does something with it.
func read(ctx context.Context, log *kafkalog.Log, of hop, records int, do func(*wire.Stored) error) (took time.Duration, events int, err error) {
	began := time.Now()
	err = log.Scan(ctx, of.topic, of.partition, 0, int64(records), func(r eventlog.Record) error {
		s := wire.Decode(r.Offset, r.Value)
		if s.Damage != "" {
			return errors.New(s.Damage)
		}
		events += len(s.Events)
		return do(&s)
	})
	return time.Since(began), events, err
}
