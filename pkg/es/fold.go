package es

import (
	"cmp"
	"fmt"
)

// Fold is a room as told by the records read so far. It is not safe for concurrent use.
type Fold[S, E, R, F any] struct {
	Head
	State S
	// Next is the offset of the next record to read.
	Next int64

	room   string
	domain *Domain[S, E, R, F]
	voids  map[Hash]uint64
	causes *causes
	halted string
	// last is the hash of the record before Next, answered that of the last request that was answered.
	last, answered Hash
	// author of the last effective record, and its offset; -1 before the first.
	author string
	headAt int64
	// reopened is the last record that reopened the log.
	reopened Reopened
	// expected are records further on that may reopen it; until is the one up to which nothing counts.
	expected []*Stored[E]
	until    *Stored[E]
	// overtaken is the record that may have reopened the log at a record that this fold is past.
	overtaken *Stored[E]
}

// NewFold is a room before its first record.
func NewFold[S, E, R, F any](room string, domain *Domain[S, E, R, F]) *Fold[S, E, R, F] {
	return &Fold[S, E, R, F]{
		Head:   Head{Level: 1},
		State:  domain.Initial(),
		room:   room,
		domain: domain,
		voids:  map[Hash]uint64{},
		causes: newCauses(cmp.Or(domain.Remembered, Remembered)),
		headAt: -1,
	}
}

// Read judges the next record of the log and folds it when it is effective. After a halting record nothing is folded
// any more and the same judgement comes back, until a record reopens the log where this fold has halted.
func (f *Fold[S, E, R, F]) Read(r *Stored[E]) Judgement {
	if whole := f.halted == "" && f.until == nil; r.Offset < f.Next || r.Offset > f.Next && whole {
		f.Halt(fmt.Sprintf("record %d was read where %d follows: an offset is missing or came twice", r.Offset, f.Next))
	}
	j := f.look(r)
	if j.Verdict == Halting {
		f.discard(r)
		f.Halt(j.Reason)
		return j
	}
	f.Next, f.last = r.Offset+1, r.Hash
	if j.Verdict == Void {
		f.discard(r)
	} else {
		f.fold(r)
	}
	return j
}

// look is judge between a good record and the one that reopens, where nothing counts, and after a halt.
func (f *Fold[S, E, R, F]) look(r *Stored[E]) Judgement {
	if f.until != nil {
		switch {
		case r.Offset < f.until.Offset:
			return Judgement{Void, "dead"}
		case r.Offset > f.until.Offset || r.Hash != f.until.Hash:
			f.until = nil
			return Judgement{Halting, "the record that reopened the log is not there any more: the log was cut or rewritten"}
		}
	}
	j := f.judge(r)
	_, reopens := f.Reopens(r)
	if reopens && j.Verdict == Halting && f.overtaken == nil && !f.expects(r) {
		f.overtaken = r
	}
	if f.halted != "" && (j.Verdict != Effective || !reopens) {
		return Judgement{Halting, f.halted}
	}
	return j
}

// discard keeps the hash of what does not count: a writer that has not read why may go on from it for a while.
func (f *Fold[S, E, R, F]) discard(r *Stored[E]) {
	if r.Version > 0 && r.Version >= f.Version {
		f.voids[r.Hash] = r.Version
	}
}

func (f *Fold[S, E, R, F]) fold(r *Stored[E]) {
	if r.Intake != NoIntake {
		first := First{Version: r.Version, Offset: r.Offset, ContentHash: short(r.ContentHash)}
		if r.Refusal != nil {
			first.Code = r.Refusal.Code
		}
		f.causes.remember(r.Intake, r.Cause, r.RepeatOf != 0, first)
		f.answered = r.RequestHash
	}
	f.author, f.headAt = r.Decider, r.Offset
	f.State = f.domain.apply(f.State, &r.Decision)
	f.Head = f.domain.after(f.Head, &r.Decision, r.Hash)
	if re, ok := f.reopens(r); ok {
		f.reopen(r, re)
	}
	f.checkLevel()
	for hash, version := range f.voids {
		if version < f.Version {
			delete(f.voids, hash)
		}
	}
	f.lookOut()
}

func (f *Fold[S, E, R, F]) checkLevel() {
	if f.Level > f.domain.MaxLevel {
		f.halted = fmt.Sprintf("the room is at level %d from version %d on and this program reads %d: run a newer version", f.Level, f.Version, f.domain.MaxLevel)
	}
}

// LastRead is the place of the last record that was read, effective or not; its offset is -1 before the first.
func (f *Fold[S, E, R, F]) LastRead() (offset int64, hash Hash) { return f.Next - 1, f.last }

// LastAnswered is the intake offset of the last request that was answered, and its hash; -1 before the first, and when
// requests were passed over.
func (f *Fold[S, E, R, F]) LastAnswered() (offset int64, hash Hash) {
	if f.answered == (Hash{}) {
		return -1, f.answered
	}
	return f.IntakeNext - 1, f.answered
}

// HeadOffset is the offset of the last effective record, -1 before the first.
func (f *Fold[S, E, R, F]) HeadOffset() int64 { return f.headAt }

// Outcome gives the first outcome of a cause that is still remembered.
func (f *Fold[S, E, R, F]) Outcome(c Cause) (First, bool) { return f.causes.lookup(c) }

// Halted gives the reason why this fold has stopped, or "".
func (f *Fold[S, E, R, F]) Halted() string { return f.halted }

// Halt stops the fold as a halting record does, for what only its reader sees.
func (f *Fold[S, E, R, F]) Halt(reason string) {
	if f.halted == "" {
		f.halted = reason
	}
}

// CausesDigest stands for all remembered causes in the hash of the state.
func (f *Fold[S, E, R, F]) CausesDigest() Hash { return f.causes.digest }

func (d *Domain[S, E, R, F]) apply(state S, decision *Decision[E]) S {
	if decision.Intake == NoIntake {
		state = d.Answered(state, decision.Deadline)
	}
	for _, event := range decision.Events {
		state = d.Evolve(state, decision.At, event)
	}
	return state
}

func (d *Domain[S, E, R, F]) after(h Head, decision *Decision[E], hash Hash) Head {
	h.Version, h.Hash, h.At = decision.Version, hash, decision.At
	if decision.Intake != NoIntake {
		h.IntakeNext++
	}
	for _, event := range decision.Events {
		h.Level = max(h.Level, d.Level(event))
	}
	return h
}
