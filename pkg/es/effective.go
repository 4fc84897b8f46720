package es

import (
	"fmt"
	"slices"
)

// Head is the part of a folded room that the effective rule looks at.
type Head struct {
	// Version of the last effective decision, 0 before the first.
	Version uint64
	Hash    Hash
	// IntakeNext is the offset of the next request to be answered.
	IntakeNext int64
	// At of the last effective decision, in milliseconds.
	At    int64
	Level uint32
}

// Verdict is what the effective rule says of a record.
type Verdict int

const (
	// Effective records are folded.
	Effective Verdict = iota + 1
	// Void records are counted, shown and never applied.
	Void
	// Halting records mean that the log was cut or rewritten: the reader stops.
	Halting
)

func (v Verdict) String() string {
	switch v {
	case Effective:
		return "effective"
	case Void:
		return "void"
	case Halting:
		return "halting"
	}
	return "unjudged"
}

// Judgement is a verdict with its reason; an effective record has none.
type Judgement struct {
	Verdict Verdict
	Reason  string
}

// judge is the effective rule (protocol §2), the only one there is. Of the fold it looks at the head, the state, the hashes
// of void records whose version is not below the head's (the discarded chain of a writer that lost a race may go on for a
// while), and the records further on that it was told to expect.
func (f *Fold[S, E, R, F]) judge(r *Stored[E]) Judgement {
	if r.Damage != "" {
		return Judgement{Halting, r.Damage}
	}
	if r.Room != f.room {
		return Judgement{Void, "wrong_room"}
	}
	if re, ok := f.reopens(r); ok {
		switch {
		case f.follows(r, re):
			return Judgement{Verdict: Effective}
		case !f.expects(r):
			return Judgement{Halting, fmt.Sprintf("record %d reopens the log at record %d: it has to be read again from its beginning", r.Offset, re.GoodOffset)}
		}
	}
	head := f.Head
	chained := r.PrevHash == head.Hash
	if r.Version > head.Version && !chained {
		if _, discarded := f.voids[r.PrevHash]; !discarded {
			return Judgement{Halting, fmt.Sprintf("version %d follows a record that is not in this log: the log was cut or rewritten", r.Version)}
		}
	}
	switch {
	case r.Version != head.Version+1 || !chained:
		return Judgement{Void, "stale_version"}
	case r.Level > head.Level:
		return Judgement{Void, "level_too_high"}
	case r.At < head.At && !slices.ContainsFunc(r.Events, f.domain.StepsClock):
		return Judgement{Void, "time_goes_back"}
	case r.Intake != NoIntake && r.Intake != head.IntakeNext:
		return Judgement{Void, "not_the_next_request"}
	}
	if r.Intake == NoIntake {
		due, isOpen := f.domain.Open(f.State, r.Deadline)
		if !isOpen {
			return Judgement{Void, "deadline_not_open"}
		}
		if due > r.At {
			return Judgement{Void, "deadline_not_due"}
		}
	}
	if slices.ContainsFunc(r.Events, f.domain.saysReopened) {
		return Judgement{Void, "reopens_nothing"}
	}
	return Judgement{Verdict: Effective}
}
