package follow

import (
	"context"
	"sync"
	"time"
)

// Recency is how recent what a reader has read is, in real time. Its zero value has read nothing; it is safe for concurrent use.
type Recency struct {
	mu    sync.Mutex
	heard time.Time
	// asked is no later than when it was asked for what showed the reader the end of the log last.
	asked time.Time
	next  chan struct{} // closed at the next answer; nil: nobody waits for it
}

// Answered notes that the brokers have said where the log ends, and that what they gave has been read; atEnd: all there is.
// Nothing is asked before what came last has been read.
func (r *Recency) Answered(atEnd bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if atEnd {
		r.asked = r.heard
	}
	r.heard = time.Now()
	if r.next != nil {
		close(r.next)
		r.next = nil
	}
}

// Heard is when the brokers last said where the log ends: what is read is not younger.
func (r *Recency) Heard() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.heard
}

// Await blocks until all has been read that was written by an instant: until what was asked for after it has been answered. An
// answer that only came after it may have been on its way before. It fails as ctx does. Before each answer that it waits
// for it says so to hurry.
func (r *Recency) Await(ctx context.Context, instant time.Time, hurry func()) error {
	for {
		next := r.answer(instant)
		if next == nil {
			return nil
		}
		hurry()
		select {
		case <-next:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// answer is closed when the next one comes; nil: it has come already.
func (r *Recency) answer(instant time.Time) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.asked.Before(instant) {
		return nil
	}
	if r.next == nil {
		r.next = make(chan struct{})
	}
	return r.next
}
