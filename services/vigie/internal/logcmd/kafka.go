package logcmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"vigie/pkg/app"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/embedded"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow"
	"vigie/pkg/follow/past"
	"vigie/pkg/follow/verify"
	regionv1 "vigie/pkg/gen/vigie/region/v1"
	"vigie/pkg/region"
	"vigie/pkg/wire/line"
)

// kafkaSource reads brokers: those of a group, or a stopped node's own.
type kafkaSource struct {
	log    *kafkalog.Log
	broker *embedded.Broker // nil: not ours
}

func (k *kafkaSource) close() error {
	k.log.Close()
	if k.broker == nil {
		return nil
	}
	return embedded.Exit(k.broker.Stop())
}

// tableBound is how long brokers may be away before a command gives up.
const tableBound = 15 * time.Second

// table is the room table. How the topics are set is for those to check that run on them: a running node's broker, which has
// no positions, can be asked too.
func (k *kafkaSource) table(ctx context.Context) ([]eventlog.RoomEntry, error) {
	bounded, done := context.WithTimeout(ctx, tableBound)
	defer done()
	table, err := k.log.Rooms(bounded)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("the brokers do not answer: check --brokers and that they run: %w", err)
	case err != nil:
		return nil, damaged(fmt.Errorf("room table: %w", err))
	case len(table) == 0:
		return nil, follow.ErrNoRooms
	}
	slices.SortFunc(table, func(a, b eventlog.RoomEntry) int { return a.Partition - b.Partition })
	return table, nil
}

func (k *kafkaSource) room(ctx context.Context, name string) (eventlog.RoomEntry, error) {
	table, err := k.table(ctx)
	if err != nil {
		return eventlog.RoomEntry{}, err
	}
	return find(table, name)
}

// find gives the line of a room.
func find(table []eventlog.RoomEntry, name string) (eventlog.RoomEntry, error) {
	names := make([]string, len(table))
	for i, entry := range table {
		if entry.Room == name {
			return entry, nil
		}
		names[i] = entry.Room
	}
	return eventlog.RoomEntry{}, usage("there is no room %q: give --room with one of %s", name, strings.Join(names, ", "))
}

// damaged gives errors of a log that cannot be trusted their exit status.
func damaged(err error) error {
	var damage *eventlog.DamageError
	if errors.As(err, &damage) || errors.Is(err, follow.ErrHalted) {
		return app.Exit(app.LogDamaged, err)
	}
	return err
}

func (k *kafkaSource) tail(ctx context.Context, t tailing, each func(line.Record, *time.Location) error) error {
	room, err := k.room(ctx, t.room)
	if err != nil {
		return err
	}
	_, end, err := k.log.Bounds(ctx, eventlog.TopicLog, room.Partition)
	if err != nil {
		return fmt.Errorf("end of the log: %w", err)
	}
	if t.from > end {
		return &past.BeyondEndError{Offset: t.from, End: end}
	}
	// Which records count, only the whole story tells.
	through := func(each func(eventlog.Record) error) error {
		return follow.Through(ctx, k.log, room.Partition, 0, end, each)
	}
	r := tailReader{tailing: t, each: each, fold: controlroom.NewFold(room.Room)}
	expected, err := follow.Reopenings(room.Room, through)
	if err != nil {
		return damaged(err)
	}
	r.fold.Expect(expected...)
	if t.follow {
		err = r.follow(ctx, k.log, room)
	} else if err = through(r.read); err == nil {
		err = r.end(end)
	}
	if errors.Is(err, errEnough) || t.follow && errors.Is(err, context.Canceled) {
		err = nil // the limit, or being stopped, is how it ends
	}
	return damaged(err)
}

// zone keeps the time zone that was looked up last.
type zone struct {
	name     string
	location *time.Location
}

func (z *zone) of(name string) *time.Location {
	if z.location == nil || z.name != name {
		z.name, z.location = name, time.UTC
		if l, err := region.Location(&regionv1.RoomConfiguration{Timezone: name}); err == nil {
			z.location = l
		}
	}
	return z.location
}

func (k *kafkaSource) state(ctx context.Context, name string, p point) ([]byte, error) {
	room, err := k.room(ctx, name)
	if err != nil {
		return nil, err
	}
	view, err := past.Show(ctx, k.log, room, controlroom.NewFold(room.Room), p.past(), func() error { return nil })
	if err != nil {
		return nil, damaged(err)
	}
	return past.Encode(view)
}

func (k *kafkaSource) verify(ctx context.Context, progress func(string, int64, int64)) ([]verify.Room, error) {
	table, err := k.table(ctx)
	if err != nil {
		return nil, err
	}
	rooms := make([]verify.Room, len(table))
	for i, room := range table {
		rooms[i], err = verify.Log(ctx, k.log, room, func(next, end int64) { progress(room.Room, next, end) })
		if err != nil {
			return nil, fmt.Errorf("room %s: %w", room.Room, err)
		}
	}
	return rooms, nil
}
