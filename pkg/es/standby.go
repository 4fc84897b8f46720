package es

import "hash/fnv"

// Who writes (protocol §3). First is the author of the last effective record. Any other decider waits, counted from the
// latest of reading the request, the deadline falling due and reading the last effective record, and so waits anew whenever
// another author's record appears. A wrong guess costs a void record, never a wrong decision.

// queued is a request with the real time at which it was first looked at; 0: not yet.
type queued[R any] struct {
	Request[R]
	seen int64
}

// standby knows since when there is something to do. Times are real milliseconds.
type standby struct {
	// steppedAt is when the writer was last asked. wokeAt is set when it had been left alone for so long that another may have
	// taken over without its having read so, until a decision that it has made since is read back.
	steppedAt, wokeAt int64
	// fresh is set by an effective record that no step has seen yet; lastAt is when one was seen last.
	fresh  bool
	lastAt int64
	// due is when a deadline was first seen to be due.
	due map[string]dueSeen
}

type dueSeen struct {
	due, at int64
}

// dueSince is when a deadline was first seen to be due; one that was set anew counts anew.
func (s *standby) dueSince(d Deadline, t Tick) int64 {
	seen, ok := s.due[d.ID]
	if !ok || seen.due != d.Due {
		seen = dueSeen{due: d.Due, at: t.Mono}
		s.due[d.ID] = seen
	}
	return seen.at
}

// notice stamps what has come since the last step.
func (w *Writer[S, E, R, F]) notice(t Tick) {
	if w.standby.fresh || w.standby.due == nil {
		// Deadlines that an effective record may have answered are forgotten with it.
		w.standby.fresh, w.standby.lastAt, w.standby.due = false, t.Mono, map[string]dueSeen{}
	}
	for i := len(w.requests) - 1; i >= 0 && w.requests[i].seen == 0; i-- {
		w.requests[i].seen = t.Mono
	}
}

// First says whether this decider acts at once.
func (w *Writer[S, E, R, F]) First() bool {
	// Own decisions under way: it has begun to act, and goes on until another author's record says otherwise.
	return w.author == w.decider || len(w.pending) > 0
}

// claims says that this decider takes over, or means to: another is the author of the last effective record, or may be by
// now, since this one's process stood still. It then writes one decision and no more until that has been read back as
// effective. Several that find the same backlog at the same moment so lose a record each, not the backlog, and so does one
// that wakes and reads the requests of an hour before it reads their outcomes.
func (w *Writer[S, E, R, F]) claims() bool {
	return w.limits.Standby > 0 && (w.author != w.decider || w.standby.wokeAt > 0)
}

// wakes looks whether the writer was left alone. A process that is well asks it several times in that time.
func (w *Writer[S, E, R, F]) wakes(t Tick) {
	if w.standby.steppedAt > 0 && t.Mono-w.standby.steppedAt > 2*w.limits.Standby {
		w.standby.wokeAt = t.Mono
	}
	w.standby.steppedAt = t.Mono
}

func (w *Writer[S, E, R, F]) mayAct(since int64, t Tick) bool {
	return w.First() || t.Mono >= max(since, w.standby.lastAt)+w.wait()
}

// itsTurn says whether something has been waiting for long enough that a decider which is not first acts on it.
func (w *Writer[S, E, R, F]) itsTurn(t Tick) bool {
	if len(w.requests) > 0 && w.mayAct(w.requests[0].seen, t) {
		return true
	}
	turn := false
	w.domain.Deadlines(w.State, func(d Deadline) {
		turn = turn || d.Due <= max(t.Now, w.At) && w.mayAct(w.standby.dueSince(d, t), t)
	})
	return turn
}

// wait is this decider's own, so that of several the same one comes first.
func (w *Writer[S, E, R, F]) wait() int64 {
	if w.limits.Spread == 0 {
		return w.limits.Standby
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(w.room + "\x00" + w.decider)) // never fails
	return w.limits.Standby + int64(h.Sum32())%w.limits.Spread
}
