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

// judge is the effective rule (protocol §2), the only one there is. voids holds the hashes of void records whose
// version is not below head.Version: the discarded chain of a writer that lost a race may go on for a while.
func (d *Domain[S, E, R, F]) judge(room string, head Head, voids map[Hash]uint64, state S, r *Stored[E]) Judgement {
	if r.Damage != "" {
		return Judgement{Halting, r.Damage}
	}
	if r.Room != room {
		return Judgement{Void, "wrong_room"}
	}
	chained := r.PrevHash == head.Hash
	if r.Version > head.Version && !chained {
		if _, discarded := voids[r.PrevHash]; !discarded {
			return Judgement{Halting, fmt.Sprintf("version %d follows a record that is not in this log: the log was cut or rewritten", r.Version)}
		}
	}
	switch {
	case r.Version != head.Version+1 || !chained:
		return Judgement{Void, "stale_version"}
	case r.Level > head.Level:
		return Judgement{Void, "level_too_high"}
	case r.At < head.At && !slices.ContainsFunc(r.Events, d.StepsClock):
		return Judgement{Void, "time_goes_back"}
	case r.Intake != NoIntake && r.Intake != head.IntakeNext:
		return Judgement{Void, "not_the_next_request"}
	}
	if r.Intake == NoIntake {
		due, isOpen := d.Open(state, r.Deadline)
		if !isOpen {
			return Judgement{Void, "deadline_not_open"}
		}
		if due > r.At {
			return Judgement{Void, "deadline_not_due"}
		}
	}
	return Judgement{Verdict: Effective}
}
