package es

import (
	"cmp"
	"fmt"
	"slices"
)

// Appended says what became of a batch.
type Appended int

const (
	// Written batches are in the log; whether they are effective, reading says.
	Written Appended = iota + 1
	// Unsettled batches may or may not be in the log: the same bytes are sent again, and reading settles it.
	Unsettled
)

// Tick is what a decider's clocks show.
type Tick struct {
	// Now is the domain clock, Mono a real clock that never jumps; both in milliseconds.
	Now, Mono int64
	// NoExpiry says that Now is not to be trusted: nothing is taken away by it.
	NoExpiry bool
}

// Limits bound one batch of a writer.
type Limits struct {
	// Requests and Deadlines decided for one batch.
	Requests, Deadlines int
	// Bytes of the encoded decisions of one batch; the first always fits.
	Bytes int
	// ReadBack is how long, in real milliseconds, decisions may wait to be read back before the writer stops writing.
	ReadBack int64
	// Retry is how long, in real milliseconds, an unsettled batch waits before the same bytes go out again.
	Retry int64
	// Standby is how long, in real milliseconds, a decider waits that is not the author of the last effective record, and
	// Spread the range of what is added to it so that two that wait do not act at once. Both 0: it never waits.
	Standby, Spread int64
}

// DefaultLimits are those of a decider that always acts at once.
func DefaultLimits() Limits {
	return Limits{Requests: 256, Deadlines: 256, Bytes: 512 << 10, ReadBack: 2000, Retry: 50}
}

// Waiting are the same limits for one of several deciders: who is not first waits 250 to 750 ms (protocol §3).
func (l Limits) Waiting() Limits {
	l.Standby, l.Spread = 250, 500
	return l
}

// Step is what a writer wants done next.
type Step struct {
	// Batch is to be appended as one; nil: nothing. The answer comes back through Appended.
	Batch [][]byte
	// AskWatermark wants the end of intake, fetched after now; the answer comes back through Watermark.
	AskWatermark bool
	// Faults are deadlines on which the domain panicked. They are tried again after a while.
	Faults []string
}

// Writer decides the requests and deadlines of one room and says what to append. It decides on its folded state plus its
// own decisions not yet read back, has one batch in flight, and discards what it has decided when it lost a race
// (protocol §3). It is a pure state machine: not safe for concurrent use, no clock, no I/O.
type Writer[S, E, R, F any] struct {
	*Fold[S, E, R, F]
	decider string
	encode  func(*Decision[E]) (value []byte, hash Hash)
	limits  Limits

	// requests read from intake and not known to be answered, from intake offset IntakeNext of the fold.
	requests []queued[R]
	standby  standby

	ahead *ahead[S]
	// pending are own decisions not yet read back; the last of them may be in flight.
	pending []pending
	flight  *flight

	watermarks watermarks
	faults     map[string]int64
}

// ahead is the room with the writer's own decisions folded in.
type ahead[S any] struct {
	Head
	state S
	first map[Cause]First
}

type pending struct {
	value []byte
	hash  Hash
	// sent is the real time of the first append.
	sent int64
}

// flight is the one batch whose append has not been acknowledged.
type flight struct {
	batch [][]byte
	// unread counts its records that have not been read back; 0: settled, whatever the append says.
	unread int
	// waiting for the append to answer; otherwise the same bytes go out again at resendAt.
	waiting  bool
	resendAt int64
}

// NewWriter returns the writer of one decider for one room; encode gives the stored bytes of a decision and its hash.
func NewWriter[S, E, R, F any](
	room, decider string, domain *Domain[S, E, R, F], limits Limits, encode func(*Decision[E]) ([]byte, Hash),
) *Writer[S, E, R, F] {
	return NewWriterAt(NewFold(room, domain), decider, limits, encode)
}

// NewWriterAt is [NewWriter] for a room that has been folded, from its beginning or from what was saved. The fold is the
// writer's from then on.
func NewWriterAt[S, E, R, F any](
	fold *Fold[S, E, R, F], decider string, limits Limits, encode func(*Decision[E]) ([]byte, Hash),
) *Writer[S, E, R, F] {
	return &Writer[S, E, R, F]{Fold: fold, decider: decider, encode: encode, limits: limits, faults: map[string]int64{}}
}

// Request takes the next record of intake. Records already answered in the folded log are dropped.
func (w *Writer[S, E, R, F]) Request(r Request[R]) {
	if r.Offset >= w.IntakeNext {
		w.requests = append(w.requests, queued[R]{Request: r})
	}
}

// Backlog is how many requests are waiting for their outcome to be read back.
func (w *Writer[S, E, R, F]) Backlog() int { return len(w.requests) }

// Read judges and folds the next record of the log.
func (w *Writer[S, E, R, F]) Read(r *Stored[E]) Judgement {
	j := w.Fold.Read(r)
	own := len(w.pending) > 0 && w.pending[0].hash == r.Hash
	if j.Verdict == Effective {
		w.standby.fresh = true
	}
	switch {
	case j.Verdict == Halting:
		return j
	case own && j.Verdict == Effective:
		if w.pending[0].sent >= w.standby.wokeAt {
			w.standby.wokeAt = 0
		}
		w.pending = w.pending[1:]
		delete(w.ahead.first, r.Cause) // the fold remembers it by now, and forgets it in time
		w.settle()
	case own || j.Verdict == Effective:
		// A lost race. What was decided ahead of it is decided again, under the same causes.
		w.pending, w.ahead = nil, nil
		w.settle()
	}
	for len(w.requests) > 0 && w.requests[0].Offset < w.IntakeNext {
		w.requests[0] = queued[R]{} // let its bytes go
		w.requests = w.requests[1:]
	}
	return j
}

// settle ends the flight when reading has told what became of it and no append is under way.
func (w *Writer[S, E, R, F]) settle() {
	if w.flight == nil {
		return
	}
	w.flight.unread = min(w.flight.unread, len(w.pending))
	if w.flight.unread == 0 && !w.flight.waiting {
		w.flight = nil
	}
}

// Appended takes the answer to the batch of the last step.
func (w *Writer[S, E, R, F]) Appended(a Appended, t Tick) {
	if a == Written {
		w.flight = nil
		return
	}
	w.flight.waiting, w.flight.resendAt = false, t.Mono+w.limits.Retry
	w.settle()
}

// CaughtUp says that everything up to a high watermark of the log has been read. What was acknowledged long before and
// is not there is decided again; should it appear after all, one of the two is void.
func (w *Writer[S, E, R, F]) CaughtUp(t Tick) {
	if w.overdue(t) {
		w.pending, w.ahead = nil, nil
	}
}

// overdue: acknowledged decisions have not come back for so long that this reader must be behind (protocol §3).
func (w *Writer[S, E, R, F]) overdue(t Tick) bool {
	return w.flight == nil && len(w.pending) > 0 && t.Mono-w.pending[0].sent > w.limits.ReadBack
}

// Step decides what can be decided now.
func (w *Writer[S, E, R, F]) Step(t Tick, facts F) Step {
	w.wakes(t)
	switch {
	case w.Halted() != "":
		return Step{}
	case w.flight != nil:
		return w.resend(t)
	case w.overdue(t), w.claims() && len(w.pending) > 0:
		return Step{}
	}
	w.notice(t)
	if w.ahead == nil {
		if !w.First() && !w.itsTurn(t) {
			return Step{} // a room is not cloned for each record of another author
		}
		w.ahead = &ahead[S]{Head: w.Head, state: w.domain.Clone(w.State), first: map[Cause]First{}}
	}
	var step Step
	from, size, limits := len(w.pending), 0, w.limits
	if w.claims() {
		limits.Requests, limits.Deadlines = 1, 1
	}
	if w.ahead.Version > 0 { // the log is opened by a deadline, before any request
		w.decideRequests(t, facts, limits, &size)
	}
	w.passWatermark(t)
	if size == 0 || !w.claims() {
		w.decideDeadlines(t, facts, limits, &size, &step)
	}
	for i := from; i < len(w.pending); i++ {
		w.pending[i].sent = t.Mono
		step.Batch = append(step.Batch, w.pending[i].value)
	}
	if len(step.Batch) > 0 {
		w.flight = &flight{batch: step.Batch, unread: len(step.Batch), waiting: true}
	}
	return step
}

// resend gives the same bytes again when the outcome of the batch is unknown and reading has not settled it by now.
func (w *Writer[S, E, R, F]) resend(t Tick) Step {
	if w.flight.waiting || t.Mono < w.flight.resendAt {
		return Step{}
	}
	w.flight.waiting = true
	return Step{Batch: w.flight.batch}
}

func (w *Writer[S, E, R, F]) decideRequests(t Tick, facts F, limits Limits, size *int) {
	done := int(w.ahead.IntakeNext - w.IntakeNext)
	for i := done; i < len(w.requests) && i < done+limits.Requests && *size < limits.Bytes; i++ {
		r := w.requests[i].Request
		if r.Offset != w.ahead.IntakeNext {
			return // the reader of intake has not delivered it yet
		}
		if !w.mayAct(w.requests[i].seen, t) {
			return
		}
		if *size > 0 && *size+len(r.Raw) > limits.Bytes {
			return // its decision may be as large as it is, and the batch larger than the log takes
		}
		d := Decision[E]{Origin: r.Origin, Intake: r.Offset, RequestHash: r.ValueHash}
		at := max(t.Now, w.ahead.At)
		switch first, known := w.firstOutcome(r.Cause); {
		case known && first.SameContent(r.ContentHash):
			d.RepeatOf = first.Version
		case r.Unreadable != "":
			d.Outcome = w.domain.Undecidable(w.ahead.state, r, at, r.Unreadable)
		case known && (w.domain.Heard == nil || !w.domain.Heard(r.Body)):
			d.Refusal = &Refusal{Code: "id_reused", Message: fmt.Sprintf(
				"The id %s was used before for something else (decision %d): use a new id.", r.Cause.ID, first.Version)}
		default:
			r.Reuses = first.Version
			if w.domain.AsksStep(r.Body) {
				at = t.Now // the one decision whose time may lie before the last
			}
			if d.Outcome = w.decide(r, at, facts); !slices.ContainsFunc(d.Events, w.domain.StepsClock) {
				at = max(at, w.ahead.At)
			}
		}
		*size += w.push(&d, at)
	}
}

func (w *Writer[S, E, R, F]) firstOutcome(c Cause) (First, bool) {
	if c == (Cause{}) {
		return First{}, false
	}
	if f, ok := w.ahead.first[c]; ok {
		return f, true
	}
	return w.Outcome(c)
}

// decide lets the domain decide; a request on which it panics is undecidable, not the end of the room (protocol §2).
func (w *Writer[S, E, R, F]) decide(r Request[R], at int64, facts F) (out Outcome[E]) {
	defer func() {
		if p := recover(); p != nil {
			out = w.domain.Undecidable(w.ahead.state, r, at, fmt.Sprintf("the rules failed on it: %v", p))
		}
	}()
	return w.domain.Decide(w.ahead.state, r, at, facts)
}

func (w *Writer[S, E, R, F]) decideDeadlines(t Tick, facts F, limits Limits, size *int, step *Step) {
	for range limits.Deadlines {
		if *size >= limits.Bytes {
			return
		}
		due, ok := w.nextDue(t, step)
		if !ok {
			return
		}
		at := max(t.Now, w.ahead.At)
		out, fault := w.decideDue(due, at, facts)
		if fault != "" {
			w.faults[due.ID] = t.Mono + 30_000
			step.Faults = append(step.Faults, due.ID+": "+fault)
			continue
		}
		*size += w.push(&Decision[E]{Intake: NoIntake, Deadline: due.ID, Outcome: out}, at)
	}
}

// nextDue is the deadline to answer next: lowest rank, then earliest, then by id. An expiry is passed over until all
// intake below an end fetched after it was due has been answered: what a guard did in time is never overtaken by a clock.
func (w *Writer[S, E, R, F]) nextDue(t Tick, step *Step) (Deadline, bool) {
	var best Deadline
	found := false
	w.domain.Deadlines(w.ahead.state, func(d Deadline) {
		now := t.Now
		if !d.Expiry {
			// What only adds does not wait for a clock that is behind that of the last author.
			now = max(now, w.ahead.At)
		}
		if d.Due > now || w.faults[d.ID] > t.Mono || d.Expiry && t.NoExpiry {
			return
		}
		if d.Expiry && !w.intakeAnsweredSince(d.Due) {
			step.AskWatermark = w.askWatermark(t) || step.AskWatermark
			return
		}
		if !w.mayAct(w.standby.dueSince(d, t), t) {
			return
		}
		if !found || order(d, best) < 0 {
			best, found = d, true
		}
	})
	return best, found
}

func order(a, b Deadline) int {
	return cmp.Or(cmp.Compare(a.Rank, b.Rank), cmp.Compare(a.Due, b.Due), cmp.Compare(a.ID, b.ID))
}

func (w *Writer[S, E, R, F]) decideDue(due Deadline, at int64, facts F) (out Outcome[E], fault string) {
	defer func() {
		if p := recover(); p != nil {
			fault = fmt.Sprint(p)
		}
	}()
	return w.domain.DecideDue(w.ahead.state, due, at, facts), ""
}

// push folds a decision of this writer into the room ahead and queues its bytes.
func (w *Writer[S, E, R, F]) push(d *Decision[E], at int64) int {
	d.Room, d.Decider, d.At = w.room, w.decider, at
	d.Version, d.PrevHash, d.Level = w.ahead.Version+1, w.ahead.Hash, w.ahead.Level
	value, hash := w.encode(d)
	if d.Intake != NoIntake && d.RepeatOf == 0 {
		if _, known := w.firstOutcome(d.Cause); !known {
			w.ahead.first[d.Cause] = First{Version: d.Version, ContentHash: short(d.ContentHash)}
		}
	}
	w.ahead.state = w.domain.apply(w.ahead.state, d)
	w.ahead.Head = w.domain.after(w.ahead.Head, d, hash)
	w.pending = append(w.pending, pending{value: value, hash: hash})
	return len(value)
}

// NextDue is when the earliest open deadline of the room falls due, in domain milliseconds.
func (w *Writer[S, E, R, F]) NextDue() (int64, bool) {
	state := w.State
	if w.ahead != nil {
		state = w.ahead.state
	}
	earliest, found := int64(0), false
	w.domain.Deadlines(state, func(d Deadline) {
		if !found || d.Due < earliest {
			earliest, found = d.Due, true
		}
	})
	return earliest, found
}
