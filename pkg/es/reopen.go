package es

import (
	"cmp"
	"slices"
)

// A log that was damaged, cut or rewritten is left only by a record that reopens it (protocol §5): the one record that is
// effective against the chain. It follows a good record, and what lies between the two is dead. A fold that has not gone
// past the good record takes it as it comes. One that is past it, whether it noticed that something is wrong or not, halts
// on it and is [Fold.Overtaken]: its reader folds again from the beginning, with a fold that was told to expect it.

// Reopening is what an event says that reopens a log.
type Reopening struct {
	// Number counts the reopenings of a log, those that are dead by now included.
	Number uint64
	// GoodOffset is that of the last record that counts, -1 when none does, and GoodHash its hash.
	GoodOffset int64
	GoodHash   Hash
	// DeadFrom and DeadTo are all that lies between the good record and the one that reopens. One that was written while
	// somebody else wrote does not cover all, and is void.
	DeadFrom, DeadTo int64
	// IntakeNext is the next request to be answered when those before it are gone; 0: where the good record leaves off.
	IntakeNext int64
}

// Reopened names a reopening: its number and the hash of its record; zero when a log was never reopened.
type Reopened struct {
	Number uint64
	Hash   Hash
}

// After says that a reader that knows of other has not seen this reopening. One with the same number was written in
// ignorance of it: where the log was cut.
func (r Reopened) After(other Reopened) bool {
	return r.Number > other.Number || r.Number == other.Number && r.Hash != other.Hash
}

// Reopened names the last record that reopened the log, as far as it was read.
func (f *Fold[S, E, R, F]) Reopened() Reopened { return f.reopened }

// Skips says that the last record read lies in what is dead.
func (f *Fold[S, E, R, F]) Skips() bool { return f.until != nil }

// Overtaken is the record on which the fold halted because it may reopen the log at a record that the fold is past, or nil.
func (f *Fold[S, E, R, F]) Overtaken() *Stored[E] { return f.overtaken }

// Reopens gives what a record says that may reopen the log, if it does.
func (f *Fold[S, E, R, F]) Reopens(r *Stored[E]) (Reopening, bool) {
	if r.Damage != "" || r.Room != f.room {
		return Reopening{}, false
	}
	return f.reopens(r)
}

// Expect tells a fold that has read nothing yet of the records further on that may reopen the log. Whether they do is
// decided by the same rule when their good record is reached; those that do not are judged like any other.
func (f *Fold[S, E, R, F]) Expect(records ...*Stored[E]) {
	f.expected = append(f.expected, records...)
	// Of several at the same good record the last counts: the others are dead.
	slices.SortFunc(f.expected, func(a, b *Stored[E]) int { return cmp.Compare(b.Offset, a.Offset) })
	f.lookOut()
}

// reopens is what a record says of itself: that it reopens the log, and that nothing lies between but what it names.
func (f *Fold[S, E, R, F]) reopens(r *Stored[E]) (Reopening, bool) {
	if f.domain.Reopens == nil || len(r.Events) == 0 || r.Intake != NoIntake {
		return Reopening{}, false
	}
	re, ok := f.domain.Reopens(r.Events[0])
	// Where nothing counts any more the log is opened anew by the same record.
	only := len(r.Events) == 1 || len(r.Events) == 2 && re.GoodOffset < 0
	covers := re.DeadFrom == re.GoodOffset+1 && re.DeadTo == r.Offset-1 && re.GoodOffset >= -1
	return re, ok && only && covers && r.PrevHash == re.GoodHash
}

func (d *Domain[S, E, R, F]) saysReopened(event E) bool {
	if d.Reopens == nil {
		return false
	}
	_, says := d.Reopens(event)
	return says
}

// follows says whether a reopening is effective at this head.
func (f *Fold[S, E, R, F]) follows(r *Stored[E], re Reopening) bool {
	return re.GoodOffset == f.headAt && re.GoodHash == f.Hash && r.Version == f.Version+1 && re.Number > f.reopened.Number &&
		r.Level <= f.Level && r.At >= f.At && (re.IntakeNext == 0 || re.IntakeNext >= f.IntakeNext)
}

func (f *Fold[S, E, R, F]) expects(r *Stored[E]) bool {
	return slices.ContainsFunc(f.expected, func(e *Stored[E]) bool { return e.Offset == r.Offset && e.Hash == r.Hash })
}

// lookOut finds the record further on that reopens the log at this head.
func (f *Fold[S, E, R, F]) lookOut() {
	f.until = nil
	for _, r := range f.expected {
		if r.Offset < f.Next {
			return
		}
		if re, ok := f.Reopens(r); ok && f.follows(r, re) {
			f.until = r
			return
		}
	}
}

// reopen is what reopening means beside its events.
func (f *Fold[S, E, R, F]) reopen(r *Stored[E], re Reopening) {
	f.halted, f.overtaken, f.until = "", nil, nil
	f.reopened = Reopened{Number: re.Number, Hash: r.Hash}
	if re.IntakeNext > f.IntakeNext {
		f.causes.pass(f.IntakeNext, re.IntakeNext)
		f.IntakeNext, f.answered = re.IntakeNext, Hash{}
	}
}
