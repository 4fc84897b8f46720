package sim_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
)

// epoch is the domain time, in milliseconds, at which every simulated world begins.
const epoch = int64(1_767_265_200_000)

const second = int64(1000)

// world is one run: everything in it happens in one goroutine, in the order of the queue.
type world struct {
	seed   uint64
	chance *rand.Rand
	faults faults
	broken broken

	// now is the real time since the beginning, in milliseconds.
	now   int64
	queue queue
	// calm is set when the faults have ended, at healed.
	calm   bool
	healed int64

	rooms    []*room
	nodes    []*node
	deciders []*deciderNode
	gateways []*gatewayNode
	byName   map[string]*node
	ids      int

	failed *failure
	// story is told only when a seed that failed is run again.
	story   []string
	telling bool
}

// failure is a promise that was broken.
type failure struct {
	invariant, what string
	at              int64
}

func (f *failure) Error() string {
	return fmt.Sprintf("%s at %.3f s: %s", f.invariant, float64(f.at)/1000, f.what)
}

// fail notes the first broken promise; the run ends with it.
func (w *world) fail(invariant, format string, args ...any) {
	if w.failed == nil {
		w.failed = &failure{invariant, fmt.Sprintf(format, args...), w.now}
	}
}

// told bounds the story of a seed that failed.
const told = 60

func (w *world) tell(format string, args ...any) {
	if !w.telling {
		return
	}
	if len(w.story) >= 4*told {
		w.story = append(w.story[:0], w.story[len(w.story)-told:]...)
	}
	w.story = append(w.story, fmt.Sprintf("%9.3f  ", float64(w.now)/1000)+fmt.Sprintf(format, args...))
}

func (w *world) lastTold() string {
	return strings.Join(w.story[max(0, len(w.story)-told):], "\n")
}

func (w *world) likely(p float64) bool { return p > 0 && w.chance.Float64() < p }

// between gives a number of [from, to].
func (w *world) between(from, to int64) int64 { return from + w.chance.Int64N(to-from+1) }

func pick[T any](w *world, from []T) T { return from[w.chance.IntN(len(from))] }

// id makes one that no other has.
func (w *world) id(of string) string {
	w.ids++
	return fmt.Sprint(of, "-", w.ids)
}

// after lets something happen later, whatever becomes of anybody meanwhile.
func (w *world) after(delay int64, do func()) { w.queue.push(w.now+delay, do) }

// node is a process on a machine with a clock: it can be killed, stopped for a while, and be wrong about the time.
type node struct {
	w    *world
	name string
	up   bool
	// life counts its starts: what was under way in an earlier one is gone.
	life int
	// stoppedUntil is when a stopped process goes on.
	stoppedUntil int64
	// skew is what its clock shows beside the time, skews since when which.
	skew  int64
	skews []skewed
}

type skewed struct{ since, skew int64 }

func (n *node) clock() int64 { return epoch + n.w.now + n.skew }

// clockAt is what the clock showed at a real time.
func (n *node) clockAt(at int64) int64 {
	skew := int64(0)
	for _, s := range n.skews {
		if s.since <= at {
			skew = s.skew
		}
	}
	return epoch + at + skew
}

func (n *node) setSkew(skew int64) {
	n.skew = skew
	n.skews = append(n.skews, skewed{n.w.now, skew})
}

// after lets something happen in this process, unless it has died meanwhile; when it is stopped, as soon as it goes on.
func (n *node) after(delay int64, do func()) {
	life := n.life
	n.w.queue.push(n.w.now+delay, func() { n.inLife(life, do) })
}

func (n *node) inLife(life int, do func()) {
	switch {
	case n.life != life || !n.up:
	case n.stoppedUntil > n.w.now:
		n.w.queue.push(n.stoppedUntil, func() { n.inLife(life, do) })
	default:
		do()
	}
}

// runUntil lets happen what is due until then, or until done says so.
func (w *world) runUntil(end int64, done func() bool) {
	for w.failed == nil && len(w.queue.events) > 0 && w.queue.events[0].at <= end {
		e := w.queue.pop()
		w.now = max(w.now, e.at)
		e.do()
		if done != nil && done() {
			return
		}
	}
	w.now = max(w.now, end)
}

// digest stands for all bytes that were stored.
func (w *world) digest() string {
	h := sha256.New()
	for _, r := range w.rooms {
		for _, p := range []*partition{r.intake, r.log} {
			for _, v := range p.values {
				_, _ = fmt.Fprintf(h, "%s %d ", p.name, len(v)) // never fails
				h.Write(v)
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// queue is a heap of what is to happen, by time and then in the order in which it was asked for.
type queue struct {
	events []event
	pushed uint64
}

type event struct {
	at  int64
	seq uint64
	do  func()
}

func (e event) before(o event) bool { return e.at < o.at || e.at == o.at && e.seq < o.seq }

func (q *queue) push(at int64, do func()) {
	q.pushed++
	q.events = append(q.events, event{at, q.pushed, do})
	for k := len(q.events) - 1; k > 0; {
		up := (k - 1) / 2
		if !q.events[k].before(q.events[up]) {
			return
		}
		q.events[k], q.events[up] = q.events[up], q.events[k]
		k = up
	}
}

func (q *queue) pop() event {
	first, last := q.events[0], len(q.events)-1
	q.events[0], q.events[last] = q.events[last], event{}
	q.events = q.events[:last]
	for k := 0; ; {
		least := k
		for child := 2*k + 1; child <= 2*k+2 && child < last; child++ {
			if q.events[child].before(q.events[least]) {
				least = child
			}
		}
		if least == k {
			return first
		}
		q.events[k], q.events[least] = q.events[least], q.events[k]
		k = least
	}
}
