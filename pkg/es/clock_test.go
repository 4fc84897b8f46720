package es_test

import (
	"testing"

	"vigie/pkg/es"
)

func TestOnlyAStepOfTheClockMayLieBeforeTheLastDecision(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.now = 3_600_000 // a machine that booted an hour ahead
	d.ask(1, order{Kind: "promise", ID: "late", Promise: Promise{Due: 3_601_000}})
	d.commit()
	d.now = 10_000 // its clock has been corrected
	d.ask(2, order{N: 1})
	if at := d.commit()[0].At; at != 3_600_000 {
		t.Errorf("an ordinary decision lies at %d, before the last", at)
	}
	d.ask(3, order{Kind: "step", N: -3_590_000})
	if at := d.commit()[0].At; at != 10_000 {
		t.Errorf("the step lies at %d, want the corrected time", at)
	}
	if due := d.State.Promises["late"].Due; due != 11_000 {
		t.Errorf("the deadline is due at %d: it did not move with the clock", due)
	}
	d.now = 11_000
	if decided := d.commit(); len(decided) != 1 || decided[0].Deadline != "late" {
		t.Errorf("the deadline was not answered in its time: %+v", decided)
	}
}

func TestADecisionThatLiesBeforeTheLastIsVoid(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.now = 1000
	d.ask(1, order{N: 1})
	d.commit()
	forged := toyDecision{Room: room, Version: d.Version + 1, PrevHash: d.Hash, Intake: d.IntakeNext, At: 999, Level: 1}
	value, _ := encode(&forged)
	s := decode(d.Next, value)
	if j := d.Read(&s); j.Verdict != es.Void || j.Reason != "time_goes_back" {
		t.Errorf("judged %v (%s), want void", j.Verdict, j.Reason)
	}
}

func TestARoomThatIsRaisedAboveItsReaderStopsIt(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.ask(1, order{Kind: "level", N: 2})
	d.commit()
	d.ask(2, order{N: 1})
	if level := d.commit()[0].Level; level != 2 {
		t.Errorf("decided at level %d after it was raised to 2", level)
	}
	d.ask(3, order{Kind: "level", N: 3})
	d.commit()
	if d.Halted() == "" {
		t.Error("goes on at a level that it does not read")
	}
}
