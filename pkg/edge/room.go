package edge

import (
	"bytes"
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	"vigie/pkg/journal"
)

type cause struct{ principal, id string }

func causeOf(q *intakev1.Request) cause { return cause{q.GetPrincipal(), q.GetId()} }

// item is a request on its way. Its room's lock guards what can change.
type item struct {
	request *intakev1.Request
	value   []byte

	// first is where its caller waits; nil: nowhere. It does not change.
	first *kafkalog.Pending

	place   *list.Element
	pending *kafkalog.Pending // its place in the writer's line; nil: it has none
	kept    *journal.Entry    // nil: it is not in the journal
	told    *place            // where the teller has it; nil: nowhere yet
	gone    bool              // it was in the journal and is stored, at offset
	offset  int64
}

// settled says whether the outcome of a place in line is known.
func settled(p *kafkalog.Pending) bool {
	if p == nil {
		return false
	}
	select {
	case <-p.Done():
		return true
	default:
		return false
	}
}

// stored says whether something is known to be in intake.
func stored(p *kafkalog.Pending) (offset int64, ok bool) {
	if !settled(p) {
		return 0, false
	}
	offset, err := p.Result()
	return offset, err == nil
}

// room is the line of one room: all items under way, in the order in which they were sent.
type room struct {
	edge  *Edge
	entry eventlog.RoomEntry

	mu    sync.Mutex // guards what follows, and the items
	line  *list.List
	kept  map[cause]*item
	stuck bool // the log has refused what is in the journal: nothing is sent before it
	// draining says that a goroutine waits for what is in the journal to be stored.
	draining bool
}

func newRoom(e *Edge, entry eventlog.RoomEntry) *room {
	return &room{edge: e, entry: entry, line: list.New(), kept: map[cause]*item{}}
}

func (r *room) find(c cause) *intakev1.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	if it := r.kept[c]; it != nil {
		return it.request
	}
	return nil
}

// write takes one request to its receipt.
func (r *room) write(ctx context.Context, q *intakev1.Request, value []byte) (Receipt, error) {
	it, before, err := r.begin(q, value)
	if err != nil {
		return Receipt{}, err
	}
	if before != nil {
		return Receipt{Provisional: true}, before.Wait(ctx)
	}
	pending := it.first
	var done <-chan struct{}  // never, for what has no place in line
	var late <-chan time.Time // never, without a journal
	wait := time.Duration(0)
	if pending != nil {
		done, wait = pending.Done(), r.edge.After
	}
	if r.edge.journal != nil {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-done:
		return r.end(ctx, it, pending)
	case <-ctx.Done():
		return r.leave(it, ctx.Err())
	case <-late:
	}
	receipt, err := r.keep(ctx, it)
	if err == nil {
		return receipt, nil
	}
	r.edge.Logger.ErrorContext(ctx, "journal cannot keep a request, it waits for kafka alone", "room", r.entry.Room, "err", err)
	select {
	case <-done:
		return r.end(ctx, it, pending)
	case <-ctx.Done():
		return r.leave(it, errors.Join(ctx.Err(), err))
	}
}

// begin puts a request in line; of one that waits in the journal already it gives the entry.
func (r *room) begin(q *intakev1.Request, value []byte) (*item, *journal.Entry, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if it := r.kept[causeOf(q)]; it != nil {
		if !bytes.Equal(it.request.GetContentHash(), q.GetContentHash()) {
			return nil, nil, ErrReused
		}
		return nil, it.kept, nil
	}
	it := &item{request: q, value: value}
	if !r.stuck {
		var err error
		it.pending, err = r.send(value)
		if err != nil && (r.edge.journal == nil || !errors.Is(err, kafkalog.ErrQueueFull)) {
			return nil, nil, err
		}
	}
	it.first, it.place = it.pending, r.line.PushBack(it)
	return it, nil, nil
}

func (r *room) send(value []byte) (*kafkalog.Pending, error) {
	return r.edge.Writer.Send(eventlog.TopicIntake, r.entry.Partition, value)
}

// keep has an item in the journal when it returns, behind all that were sent before it: what is restored after a crash is
// restored in the order of the line. It may be stored by then.
func (r *room) keep(ctx context.Context, it *item) (Receipt, error) {
	kept, err := r.enter(it)
	if err == nil && kept != nil {
		err = kept.Wait(ctx)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if it.gone {
		return Receipt{Offset: it.offset}, nil
	}
	if err != nil {
		if kept != nil && it.kept == kept {
			r.forget(it)
		}
		return Receipt{}, err
	}
	if offset, ok := stored(it.pending); ok {
		return Receipt{Offset: offset}, nil
	}
	if it.told == nil {
		r.edge.kept.Add(1)
		r.tell(it)
	}
	return Receipt{Provisional: true}, nil
}

// enter adds an item and those before it to the journal; of one that is gone from there again it gives none.
func (r *room) enter(it *item) (*journal.Entry, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var err error
	for at := r.line.Front(); at != nil && it.kept == nil && !it.gone; at = at.Next() {
		x, _ := at.Value.(*item)
		if x.kept != nil || x != it && settled(x.pending) {
			continue
		}
		if x.kept, err = r.edge.journal.Add(x.value); err == nil {
			r.kept[causeOf(x.request)] = x
		}
	}
	if it.kept == nil {
		return nil, err
	}
	// What has no place in line is put there by drain, and nothing that comes later before it.
	r.stuck = r.stuck || it.pending == nil
	if !r.draining {
		r.draining = true
		r.edge.wait.Go(r.drain)
	}
	return it.kept, nil
}

// tell has the gateways told of an item. r.mu is held.
func (r *room) tell(it *item) {
	it.told = r.edge.teller.add(r.entry.Room, r.edge.Urgency(it.request), it.value)
	r.edge.Kept(it.request)
}

// forget takes an item out of the journal. r.mu is held.
func (r *room) forget(it *item) {
	r.edge.journal.Done(it.kept)
	it.kept = nil
	if r.kept[causeOf(it.request)] == it {
		delete(r.kept, causeOf(it.request))
	}
	if it.told != nil {
		r.edge.teller.drop(it.told)
	}
}

// end takes in the outcome of an item. What is in the journal is left to drain.
func (r *room) end(ctx context.Context, it *item, pending *kafkalog.Pending) (Receipt, error) {
	offset, err := pending.Result()
	r.mu.Lock()
	kept := it.kept
	if kept == nil {
		r.line.Remove(it.place)
	}
	r.mu.Unlock()
	switch {
	case err == nil:
		return Receipt{Offset: offset}, nil
	case kept == nil:
		return Receipt{}, err
	}
	receipt, failed := r.keep(ctx, it)
	if failed != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.line.Remove(it.place)
		return Receipt{}, errors.Join(err, failed)
	}
	return receipt, nil
}

// leave gives up an item that is in neither place when its caller's time is over.
func (r *room) leave(it *item, why error) (Receipt, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case it.gone:
		return Receipt{Offset: it.offset}, nil
	case it.kept != nil:
		return Receipt{}, fmt.Errorf("write to room %s: %w: %w", r.entry.Room, eventlog.ErrUnknownOutcome, why)
	case it.pending == nil:
		r.line.Remove(it.place)
		return Receipt{}, fmt.Errorf("write to room %s: %w: %w", r.entry.Room, eventlog.ErrNotWritten, why)
	}
	r.line.Remove(it.place)
	it.pending.Leave(why)
	offset, err := it.pending.Result()
	return Receipt{Offset: offset}, err
}
