package decider

import (
	"context"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/eventlog/witness"
	"vigie/pkg/follow"
	"vigie/pkg/wire"
)

func (d *Decider) halt(ctx context.Context, err error) {
	reason := err.Error()
	d.halted.Store(&reason)
	d.ready.Store(false)
	d.log.ErrorContext(ctx, "room halted", "err", err)
}

// reopened waits until the log of a room that cannot go on was reopened, and begins anew behind that: nothing that was
// decided, read of intake or waited for before is gone on with. It is false when ctx has ended.
func (d *Decider) reopened(ctx context.Context, halted error) bool {
	told := false
	tell := func() {
		d.halt(ctx, halted)
		told = true
	}
	known := d.writer.Reopened()
	if w := d.Witnessed; w.LogID == d.Room.LogID && w.Reopened > known.Number {
		known = w.LastReopened()
	}
	fold, _, err := follow.Reopened(ctx, d.Log, d.Room, d.writer.Fold, known, follow.Watching{Halted: tell})
	if err != nil {
		if !told {
			tell()
		}
		return false
	}
	d.log.WarnContext(ctx, "room goes on: its log was reopened", "version", fold.Version, "intake_next", fold.IntakeNext)
	d.begin(fold)
	return true
}

// begin takes a fold to decide on. Nothing of the decider runs.
func (d *Decider) begin(fold *controlroom.Fold) {
	d.writer = es.NewWriterAt(fold, d.Name, d.Limits, wire.Encode)
	d.records, d.requests = make(chan stretch, buffered), make(chan []wire.Request, buffered)
	d.appended, d.watermarks = make(chan es.Appended, 1), make(chan int64, 1)
	d.inIntake = false
	d.saving.begun = fold.Version
	d.saving.written.Store(0) // what was saved may be dead
	d.ready.Store(false)
	d.halted.Store(nil)
}

// witnessed is where an earlier run had seen the log, unless it was reopened since.
func (d *Decider) witnessed() (witness.Head, bool) {
	w := d.Witnessed
	return w, w.Room != "" && w.LogID == d.Room.LogID && !w.OutdatedBy(d.writer.Reopened())
}
