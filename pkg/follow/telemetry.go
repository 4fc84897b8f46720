package follow

import (
	"context"
	"log/slog"
	"time"

	"google.golang.org/protobuf/proto"

	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	positionsv1 "vigie/pkg/gen/vigie/positions/v1"
)

// telemetryRetry is how long telemetry that could not be read is left alone.
const telemetryRetry = time.Second

// Telemetry reads a room's fixes and beats until ctx ends: first those received since a time of the domain clock, in
// milliseconds, then as they come. New says that one was written after the reading began: an old beat says nothing of now.
// What cannot be read is passed over, and an interruption may bring some again: nothing is decided by telemetry alone. atEnd
// is called, often, when nothing newer was there.
func Telemetry(
	ctx context.Context, log *kafkalog.Log, room eventlog.RoomEntry, since int64,
	deliver func(m *positionsv1.Telemetry, isNew bool), atEnd func(), logger *slog.Logger,
) {
	for ctx.Err() == nil {
		err := telemetry(ctx, log, room, since, deliver, atEnd)
		if ctx.Err() != nil {
			return
		}
		logger.WarnContext(ctx, "positions interrupted", "room", room.Room, "err", err)
		select {
		case <-time.After(telemetryRetry):
		case <-ctx.Done():
		}
	}
}

func telemetry(
	ctx context.Context, log *kafkalog.Log, room eventlog.RoomEntry, since int64,
	deliver func(*positionsv1.Telemetry, bool), atEnd func(),
) error {
	start, end, err := log.Bounds(ctx, eventlog.TopicPositions, room.Partition)
	if err != nil {
		return err
	}
	from, err := receivedSince(ctx, log, room, since, start, end)
	if err != nil {
		return err
	}
	return Partition(ctx, log, eventlog.TopicPositions, room.Partition, from, func(r eventlog.Record) error {
		var m positionsv1.Telemetry
		if proto.Unmarshal(r.Value, &m) == nil && m.GetRoom() == room.Room {
			deliver(&m, r.Offset >= end)
		}
		return nil
	}, func(next, highWatermark int64) {
		if next >= highWatermark {
			atEnd()
		}
	})
}

// receivedSince searches for the first record received since a time: receipts grow with offsets, but for what the clocks of
// those who receive differ by.
func receivedSince(ctx context.Context, log *kafkalog.Log, room eventlog.RoomEntry, since, low, high int64) (int64, error) {
	for low < high {
		middle := low + (high-low)/2
		var received int64
		err := log.Scan(ctx, eventlog.TopicPositions, room.Partition, middle, middle+1, func(r eventlog.Record) error {
			var m positionsv1.Telemetry
			if proto.Unmarshal(r.Value, &m) == nil {
				received = max(m.GetFix().GetReceivedAtMs(), m.GetBeat().GetClockMs(), m.GetDeviceStatus().GetReceivedAtMs())
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
		// One that cannot be read says nothing of its neighbours: rather read too much than too little.
		if received != 0 && received < since {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, nil
}
