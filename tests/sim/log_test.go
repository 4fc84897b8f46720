package sim_test

import (
	"bytes"

	"vigie/pkg/es"
	"vigie/pkg/wire"
)

// partition is one room's part of a topic, as the broker holds it.
type partition struct {
	w      *world
	name   string
	values [][]byte
	// written is the real time at which each record was stored.
	written []int64
	readers []*reader
	// stored is called for each record as it is stored.
	stored func(offset int64, value []byte)
}

func (p *partition) end() int64 { return int64(len(p.values)) }

func (p *partition) append(batch [][]byte) {
	for _, value := range batch {
		p.values, p.written = append(p.values, value), append(p.written, p.w.now)
		p.stored(p.end()-1, value)
	}
	for _, r := range p.readers {
		r.poke()
	}
}

// appendBound is how long an append may take before its outcome counts as unknown.
const appendBound = 5 * second

// produce sends a batch from a process; answer says whether it was acknowledged, or that nobody knows.
func (p *partition) produce(from *node, odds odds, batch [][]byte, answer func(es.Appended)) {
	w := p.w
	settle := func(delay int64, a es.Appended) { from.after(delay, func() { answer(a) }) }
	there, back := w.latency(), w.latency()
	if w.away() {
		settle(w.between(50, appendBound), es.Unsettled)
		return
	}
	switch {
	case w.likely(odds.lost):
		w.tell("%s: an append to %s is lost", from.name, p.name)
		if w.likely(0.5) {
			there = appendBound // else the broker says at once that it has failed
		}
		settle(there, es.Unsettled)
		return
	case w.likely(odds.unheard):
		w.tell("%s: nobody hears that an append to %s is stored", from.name, p.name)
		settle(w.between(there, appendBound), es.Unsettled)
	case w.likely(odds.late):
		there += w.between(1, 30) * second
		w.tell("%s: an append to %s comes after %d ms", from.name, p.name, there)
		settle(appendBound, es.Unsettled)
	case w.likely(odds.twice):
		w.tell("%s: an append to %s is stored twice", from.name, p.name)
		w.after(there+w.between(0, 100), func() { p.append(batch) })
		settle(there+back, es.Written)
	default:
		if w.likely(odds.slow) {
			there += w.between(10, 1500)
		}
		if there+back > appendBound {
			settle(appendBound, es.Unsettled)
		} else {
			settle(there+back, es.Written)
		}
	}
	w.after(there, func() { p.append(batch) })
}

// latency of one way between two processes that are well.
func (w *world) latency() int64 { return w.between(1, 4) }

// away says that the broker cannot be reached.
func (w *world) away() bool { return w.now < w.faults.awayUntil }

// reader hands the records of a partition to a process, in order and each once, as the adapter of the log does.
type reader struct {
	p     *partition
	owner *node
	life  int
	next  int64
	// deliver takes a record; false: it reads no further.
	deliver func(offset int64, value []byte) bool
	// atEnd is called whenever the log was read to its end.
	atEnd func()
	// lost is called when the broker does not have what comes next.
	lost func()

	fetching, over bool
	// slowUntil is until when it reads slowly, heldUntil until when not at all.
	slowUntil, heldUntil int64
	// last is the record before next; after an outage it must still be there (see again).
	last  []byte
	again bool
}

func (p *partition) read(owner *node, from int64, deliver func(int64, []byte) bool, atEnd, lost func()) *reader {
	r := &reader{p: p, owner: owner, life: owner.life, next: from, deliver: deliver, atEnd: atEnd, lost: lost}
	p.readers = append(p.readers, r)
	r.poke()
	return r
}

// poke makes the reader look again.
func (r *reader) poke() {
	if r.fetching || r.over || r.owner.life != r.life {
		return
	}
	r.fetching = true
	delay := r.p.w.latency()
	if r.slowUntil > r.p.w.now {
		delay += r.p.w.between(1, 3000)
	}
	r.owner.after(delay, r.fetch)
}

func (r *reader) fetch() {
	r.fetching = false
	w := r.p.w
	switch held := max(r.heldUntil, w.faults.awayUntil); {
	case held > w.now:
		r.fetching, r.again = true, true
		r.owner.after(held-w.now+w.between(0, 300), r.fetch)
		return
	case r.next > r.p.end() || r.again && r.last != nil && !w.broken.trustsTheBroker && !bytes.Equal(r.last, r.p.values[r.next-1]):
		// The adapter begins again with the last record that it has read: another leader may have lost it.
		r.over = true
		r.lost()
		return
	}
	r.again = false
	// A fetch may begin with records that were read before, and gives as many as it likes.
	from, to := r.next, r.p.end()
	if w.faults.overlaps && !w.calm {
		from, to = max(0, r.next-w.between(0, 3)), min(to, r.next+w.between(1, 200))
	}
	for offset := from; offset < to; offset++ {
		if offset < r.next && !w.broken.repeatsRecords {
			continue
		}
		r.next, r.last = max(r.next, offset+1), r.p.values[offset]
		if !r.deliver(offset, r.p.values[offset]) {
			r.over = true
			return
		}
	}
	if r.next == r.p.end() {
		r.atEnd()
		return
	}
	r.poke()
}

// atTheEnd says that nothing is left to be read.
func (r *reader) atTheEnd() bool { return r.next == r.p.end() }

// cutLog has the broker lose the last records of the log, which it had not written to its disk. Some have not read them
// yet, and go on from what is left; the others come back to it when there is something else in their place, or nothing.
func (r *room) cutLog(records int64) {
	for _, reader := range r.log.readers {
		if r.w.likely(0.5) {
			reader.heldUntil = r.w.now + 2*second
		}
	}
	r.w.after(r.w.between(500, 1800), func() {
		if r.w.calm {
			return
		}
		for _, reader := range r.log.readers {
			reader.again = true // the leader that had those records is gone, and every connection to it
			if reader.heldUntil < r.w.now {
				reader.heldUntil = r.w.now + r.w.between(0, 8000)
			}
		}
		r.loseLast(records)
	})
}

func (r *room) loseLast(records int64) {
	keep := max(2, r.log.end()-records)
	if keep >= r.log.end() {
		return
	}
	r.w.tell("the last %d records of the log are lost: it ends at %d", r.log.end()-keep, keep)
	r.cut = true
	r.log.values, r.log.written, r.decoded = r.log.values[:keep:keep], r.log.written[:keep:keep], r.decoded[:keep:keep]
	r.oracle = newOracle(r)
	for k := range r.decoded {
		r.oracle.read(&r.decoded[k], false)
	}
	for _, p := range r.log.readers {
		p.poke()
	}
}

// stored gives a record of the log as it is decoded; it is decoded once for all who read it.
func (r *room) stored(offset int64) *wire.Stored {
	s := r.decoded[offset]
	return &s
}
