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
	// alone is how many of the records are stored as batches of their own, at most: each waits for the disk.
	alone = 30_000
	// quiet is a room whose log is made of such batches.
	quiet = "quiet"
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

// replays reads a log as every service does at its start: in bulk, and as batches of one record, which the log is made of on
// a quiet night.
func replays(ctx context.Context, s settings) (rows []row, err error) {
	n, err := startNode(ctx, room, quiet)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, n.stop()) }()
	told, entry, err := tellRoom(ctx, n.log, s.records)
	if err != nil {
		return nil, err
	}
	bulk := hop{eventlog.TopicLog, entry.Partition}
	single := hop{eventlog.TopicLog, 1 - entry.Partition} // the other of the two rooms
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
			under, events, err := read(ctx, n.log, of.hop, of.records)
			if err != nil {
				return nil, err
			}
			value, err := fold(ctx, n.log, of.hop, of.records, entry)
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

// read scans a partition and checks each record's hash.
func read(ctx context.Context, log *kafkalog.Log, of hop, records int) (took time.Duration, events int, err error) {
	began := time.Now()
	err = log.Scan(ctx, of.topic, of.partition, 0, int64(records), func(r eventlog.Record) error {
		s := wire.Decode(r.Offset, r.Value)
		if s.Damage != "" {
			return errors.New(s.Damage)
		}
		events += len(s.Events)
		return nil
	})
	return time.Since(began), events, err
}

// fold makes the room of a partition, as services do.
func fold(ctx context.Context, log *kafkalog.Log, of hop, records int, entry eventlog.RoomEntry) (time.Duration, error) {
	began := time.Now()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	f := controlroom.NewFold(entry.Room)
	var took time.Duration
	err := follow.Decisions(ctx, log, of.partition, 0,
		func(s *wire.Stored) error {
			_, err := follow.Fold(f, entry, s)
			return err
		},
		func(next, _ int64) {
			if next == int64(records) {
				took = time.Since(began)
				stop()
			}
		})
	if took > 0 {
		return took, nil
	}
	return 0, fmt.Errorf("replay: %w", err)
}
