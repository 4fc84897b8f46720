package edge

import (
	"context"
	"errors"
	"time"

	"vigie/pkg/eventlog/kafkalog"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	"vigie/pkg/journal"
)

// tryAgain is how long a log that refuses what is in the journal is left alone: what it was acknowledged for is not given
// up, and only an operator can mend that.
const tryAgain = time.Second

// restore puts an entry of an earlier run in line.
func (r *room) restore(q *intakev1.Request, kept *journal.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	it := &item{request: q, value: kept.Value(), kept: kept}
	it.told = r.edge.teller.add(r.entry.Room, r.edge.Urgency(q), it.value)
	if !r.stuck {
		var err error
		it.pending, err = r.send(it.value)
		r.stuck = err != nil // the line is full: the rest waits until there is room
	}
	it.place = r.line.PushBack(it)
	r.kept[causeOf(q)] = it
	if !r.draining {
		r.draining = true
		r.edge.wait.Go(r.drain)
	}
}

// drain waits for what is in the journal to be stored, one after the other, and ends with the last.
func (r *room) drain() {
	for {
		it, pending := r.first()
		if it == nil {
			return
		}
		if pending == nil {
			if !r.pause() {
				return
			}
			r.resend()
			continue
		}
		select {
		case <-pending.Done():
			if r.settle(it, pending) {
				return
			}
		case <-r.edge.stop:
			return
		}
	}
}

// first is the oldest item in the journal with its place in the writer's line.
func (r *room) first() (*item, *kafkalog.Pending) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for at := r.line.Front(); at != nil; at = at.Next() {
		if it, _ := at.Value.(*item); it.kept != nil {
			return it, it.pending
		}
	}
	r.draining, r.stuck = false, false
	return nil, nil
}

// settle takes in the outcome of an item of the journal; it says whether the writer is closed.
func (r *room) settle(it *item, pending *kafkalog.Pending) (closed bool) {
	offset, err := pending.Result()
	r.mu.Lock()
	defer r.mu.Unlock()
	if it.kept == nil || it.pending != pending {
		return false // taken out meanwhile
	}
	if err == nil {
		it.gone, it.offset = true, offset
		r.edge.Stored(it.request, offset)
		r.line.Remove(it.place)
		r.forget(it)
		return false
	}
	if errors.Is(err, kafkalog.ErrWriterClosed) {
		return true
	}
	r.edge.Logger.ErrorContext(context.Background(), "the log does not take what was acknowledged; trying again", "room", r.entry.Room, "err", err)
	it.pending, r.stuck = nil, true
	return false
}

// pause waits before another try; false when the edge stops.
func (r *room) pause() bool {
	timer := time.NewTimer(tryAgain)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.edge.stop:
		return false
	}
}

// resend puts all of the journal in line again, in order, once nothing of it is under way any more.
func (r *room) resend() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for at := r.line.Front(); at != nil; at = at.Next() {
		it, _ := at.Value.(*item)
		if it.kept == nil || it.pending == nil {
			continue
		}
		if !settled(it.pending) {
			return // the next look
		}
		if _, ok := stored(it.pending); !ok {
			it.pending = nil
		}
	}
	for at := r.line.Front(); at != nil; at = at.Next() {
		it, _ := at.Value.(*item)
		if it.kept == nil || it.pending != nil {
			continue
		}
		var err error
		if it.pending, err = r.send(it.value); err != nil {
			return
		}
	}
	r.stuck = false
}
