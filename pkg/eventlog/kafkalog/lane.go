package kafkalog

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"vigie/pkg/eventlog"
	"vigie/pkg/wait"
)

// entry is one caller's value on its way. The lane's lock guards its fields
// until done is closed; then the caller reads them.
type entry struct {
	value []byte

	sending bool // part of a produce that is under way
	maybe   bool // an earlier produce may have stored it
	settled bool
	cause   error // of the last failed try
	offset  int64
	err     error
	done    chan struct{}
}

// A repeated produce is cheap, and the first after an outage should be soon.
const (
	repeatMin = 10 * time.Millisecond
	repeatMax = 100 * time.Millisecond
)

// lane is the queue of one partition. At most one goroutine sends from it; it
// ends when the lane is empty.
type lane struct {
	w   *Writer
	key laneKey

	mu      sync.Mutex // guards what follows, and the entries
	queue   []*entry
	bytes   int
	running bool
}

// add queues e and says whether the lane needs a sender.
func (l *lane) add(e *entry) (idle bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	cfg := &l.w.cfg
	if len(l.queue) >= cfg.MaxQueued || (len(l.queue) > 0 && l.bytes+len(e.value) > cfg.MaxQueuedBytes) {
		return false, ErrQueueFull
	}
	l.queue = append(l.queue, e)
	l.bytes += len(e.value)
	idle = !l.running
	l.running = true
	return idle, nil
}

// abandon gives e up for a caller whose context has ended.
func (l *lane) abandon(e *entry, cause error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.giveUp(e, cause)
}

// giveUp settles e with what is known about it. l.mu is held.
func (l *lane) giveUp(e *entry, cause error) {
	if e.settled {
		return
	}
	outcome := eventlog.ErrNotWritten
	if e.sending || e.maybe {
		outcome = eventlog.ErrUnknownOutcome
	}
	err := fmt.Errorf("%w: %w", outcome, cause)
	if e.cause != nil {
		// Only the text: its sentinel is that of one try, not of the write.
		err = fmt.Errorf("%w (last try: %s)", err, e.cause.Error())
	}
	l.settle(e, 0, err)
}

func (l *lane) settle(e *entry, offset int64, err error) {
	if e.settled {
		return
	}
	e.settled, e.offset, e.err = true, offset, err
	close(e.done)
}

// send empties the lane.
func (l *lane) send() {
	for {
		// Those who were just answered often write again: let them join.
		runtime.Gosched()
		batch := l.take()
		if batch == nil {
			return
		}
		l.deliver(batch)
	}
}

// take removes the next batch from the queue; nil ends the sender.
func (l *lane) take() []*entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	cfg := &l.w.cfg
	var batch []*entry
	size, n := 0, 0
	for _, e := range l.queue {
		if len(batch) == cfg.MaxBatchRecords || (len(batch) > 0 && size+len(e.value) > cfg.MaxBatchBytes) {
			break
		}
		n++
		l.bytes -= len(e.value)
		if !e.settled {
			batch = append(batch, e)
			size += len(e.value)
		}
	}
	l.queue = slices.Delete(l.queue, 0, n)
	if len(batch) == 0 {
		l.running = false
		return nil
	}
	return batch
}

// deliver repeats batch until each of its entries is settled.
func (l *lane) deliver(batch []*entry) {
	for wait := repeatMin; ; wait = min(2*wait, repeatMax) {
		batch = l.begin(batch)
		if len(batch) == 0 {
			return
		}
		values := make([][]byte, len(batch))
		for i, e := range batch {
			values[i] = e.value
		}
		base, err := l.try(values)
		l.end(batch, base, err)
		switch {
		case err == nil:
			return
		case errors.Is(err, eventlog.ErrRefused):
			l.separate(batch)
			return
		}
		l.rest(wait)
	}
}

// separate sends the entries of a refused batch one by one: one of them is not
// acceptable, and the others must not suffer for it.
func (l *lane) separate(batch []*entry) {
	if len(batch) == 1 {
		return // settled by end
	}
	for _, e := range batch {
		l.deliver([]*entry{e})
	}
}

// rest waits between half of d and d, or until the writer closes.
func (l *lane) rest(d time.Duration) {
	t := time.NewTimer(wait.Roughly(d))
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.w.stop:
	}
}

// try is one produce. It outlives [Writer.Close], which waits for its answer.
func (l *lane) try(values [][]byte) (int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), l.w.cfg.ProduceTimeout)
	defer cancel()
	return l.w.log.Append(ctx, l.key.topic, l.key.partition, values)
}

// begin drops the entries whose callers have left and marks the others as
// being sent. After Close it settles them all.
func (l *lane) begin(batch []*entry) []*entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	var open []*entry
	for _, e := range batch {
		if stopped(l.w.stop) {
			l.giveUp(e, ErrWriterClosed)
		}
		if !e.settled {
			e.sending = true
			open = append(open, e)
		}
	}
	return open
}

// end takes in the outcome of one produce.
func (l *lane) end(batch []*entry, base int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, e := range batch {
		e.sending = false
		switch {
		case err == nil:
			l.settle(e, base+int64(i), nil)
		case errors.Is(err, eventlog.ErrRefused) && len(batch) == 1:
			l.refuse(e, err)
		case errors.Is(err, eventlog.ErrUnknownOutcome):
			e.maybe, e.cause = true, err
		default:
			e.cause = err
		}
	}
}

// refuse settles an entry that the log will never take. l.mu is held.
func (l *lane) refuse(e *entry, err error) {
	if e.maybe {
		// An earlier try may have been accepted.
		err = fmt.Errorf("%w (last try: %s)", eventlog.ErrUnknownOutcome, err.Error())
	}
	l.settle(e, 0, err)
}

func stopped(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}
