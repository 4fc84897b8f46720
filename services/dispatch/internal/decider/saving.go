package decider

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	"vigie/pkg/snapshot"
	"vigie/pkg/wire"
)

// saving is what a decider knows of its snapshots.
type saving struct {
	// busy holds a token while one is being written: one at a time.
	busy chan struct{}
	// begun is the version of the last one begun, written that of the last one on the disk.
	begun   uint64
	written atomic.Uint64
}

// resume begins where the last snapshot left off, if the log contains it.
func (d *Decider) resume(ctx context.Context) error {
	if d.Snapshots == nil {
		return nil
	}
	fold := d.Snapshots.Load(ctx, d.Room)
	if fold == nil {
		return nil
	}
	d.writer = es.NewWriterAt(fold, d.Name, d.Limits, wire.Encode)
	if err := snapshot.InLog(ctx, d.Log, d.Room, fold); err != nil {
		if errors.Is(err, snapshot.ErrCut) {
			return fmt.Errorf("%w: %w; run vigie log verify", ErrHalted, err)
		}
		return err
	}
	if err := d.passedWitness(ctx, fold.Next); err != nil {
		return err
	}
	d.saving.begun = fold.Version
	d.saving.written.Store(fold.Version)
	d.log.InfoContext(ctx, "room taken from its snapshot", "version", fold.Version, "next", fold.Next)
	return nil
}

// passedWitness reads what a start from a snapshot would pass over: the record that an earlier run had seen last.
func (d *Decider) passedWitness(ctx context.Context, next int64) error {
	w, ok := d.witnessed()
	if !ok || w.Offset < 0 || w.Offset >= next {
		return nil
	}
	return d.Log.Scan(ctx, eventlog.TopicLog, d.Room.Partition, w.Offset, w.Offset+1, func(r eventlog.Record) error {
		return d.isWitnessed(r.Offset, wire.Decode(r.Offset, r.Value).Hash)
	})
}

// saveNowAndThen begins a snapshot when enough has been decided since the last. The loop only copies; encoding and the
// disk are beside the deciding. A room that is still catching up has not been checked against its witness and intake.
func (d *Decider) saveNowAndThen(ctx context.Context) {
	if d.Snapshots == nil || !d.inIntake || d.writer.Version < d.saving.begun+d.SnapshotEvery {
		return
	}
	select {
	case d.saving.busy <- struct{}{}:
	default:
		return
	}
	saved := d.writer.Save()
	d.saving.begun = saved.Version
	d.waits.Go(func() {
		d.save(ctx, &saved)
		<-d.saving.busy
	})
}

// saveLast writes the room as an orderly stop leaves it; nothing else of the decider runs any more.
func (d *Decider) saveLast(ctx context.Context) {
	if d.Snapshots == nil || !d.inIntake || d.writer.Halted() != "" || d.writer.Version == d.saving.written.Load() {
		return
	}
	saved := d.writer.Save()
	d.save(context.WithoutCancel(ctx), &saved)
}

// save writes a snapshot. One that cannot be written costs a longer start, and is tried again with the next.
func (d *Decider) save(ctx context.Context, saved *controlroom.Saved) {
	if err := d.Snapshots.Save(d.Room.Room, saved); err != nil {
		d.log.WarnContext(ctx, "snapshot not written: the next start reads more of the log", "err", err)
		return
	}
	d.saving.written.Store(saved.Version)
	d.log.DebugContext(ctx, "snapshot written", "version", saved.Version, "next", saved.Next)
}
