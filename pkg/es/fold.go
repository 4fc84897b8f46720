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
	// author of the last effective record.
	author string
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
	}
}

// Read judges the next record of the log and folds it when it is effective. After a halting record nothing is folded
// any more and the same judgement comes back.
func (f *Fold[S, E, R, F]) Read(r *Stored[E]) Judgement {
	if f.halted != "" {
		return Judgement{Halting, f.halted}
	}
	if r.Offset != f.Next {
		f.halted = fmt.Sprintf("record %d was read where %d follows: an offset is missing or came twice", r.Offset, f.Next)
		return Judgement{Halting, f.halted}
	}
	j := f.domain.judge(f.room, f.Head, f.voids, f.State, r)
	if j.Verdict == Halting {
		f.halted = j.Reason
		return j
	}
	f.Next, f.last = r.Offset+1, r.Hash
	if j.Verdict == Void {
		if r.Version >= f.Version {
			f.voids[r.Hash] = r.Version
		}
		return j
	}
	if r.Intake != NoIntake {
		first := First{Version: r.Version, Offset: r.Offset, ContentHash: short(r.ContentHash)}
		if r.Refusal != nil {
			first.Code = r.Refusal.Code
		}
		f.causes.remember(r.Intake, r.Cause, r.RepeatOf != 0, first)
		f.answered = r.RequestHash
	}
	f.author = r.Decider
	f.State = f.domain.apply(f.State, &r.Decision)
	f.Head = f.domain.after(f.Head, &r.Decision, r.Hash)
	f.checkLevel()
	for hash, version := range f.voids {
		if version < f.Version {
			delete(f.voids, hash)
		}
	}
	return j
}

func (f *Fold[S, E, R, F]) checkLevel() {
	if f.Level > f.domain.MaxLevel {
		f.halted = fmt.Sprintf("the room is at level %d from version %d on and this program reads %d: run a newer version", f.Level, f.Version, f.domain.MaxLevel)
	}
}

// LastRead is the place of the last record that was read, effective or not; its offset is -1 before the first.
func (f *Fold[S, E, R, F]) LastRead() (offset int64, hash Hash) { return f.Next - 1, f.last }

// LastAnswered is the intake offset of the last request that was answered, and its hash; -1 before the first.
func (f *Fold[S, E, R, F]) LastAnswered() (offset int64, hash Hash) {
	return f.IntakeNext - 1, f.answered
}

// Outcome gives the first outcome of a cause that is still remembered.
func (f *Fold[S, E, R, F]) Outcome(c Cause) (First, bool) { return f.causes.lookup(c) }

// Halted gives the reason why this fold has stopped, or "".
func (f *Fold[S, E, R, F]) Halted() string { return f.halted }

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
