package es_test

import (
	"fmt"
	"testing"

	"vigie/pkg/es"
)

// several is a few deciders of one room that wait for one another, over one log. Time passes in milliseconds.
type several struct {
	t        *testing.T
	deciders map[string]*toyWriter
	paused   map[string]bool
	log      [][]byte
	asked    int64
	now      int64
	voids    int
}

func newSeveral(t *testing.T, names ...string) *several {
	t.Helper()
	s := &several{t: t, deciders: map[string]*toyWriter{}, paused: map[string]bool{}}
	for _, name := range names {
		s.deciders[name] = es.NewWriter(room, name, toy(), es.DefaultLimits().Waiting(), encode)
	}
	return s
}

func (s *several) ask(cause int) {
	r := ask(cause, order{})
	r.Offset = s.asked
	s.asked++
	for _, d := range s.deciders {
		d.Request(r)
	}
}

// pass lets time pass until done, and gives how long it took; every decider that is not paused reads and acts each
// millisecond.
func (s *several) pass(done func() bool) int64 {
	s.t.Helper()
	began := s.now
	for ; !done(); s.now++ {
		if s.now-began > 5000 {
			s.t.Fatal("nothing has happened for 5 s")
		}
		for name, d := range s.deciders {
			if s.paused[name] {
				continue
			}
			s.read(d)
			tick := es.Tick{Now: s.now, Mono: s.now + 1}
			if step := d.Step(tick, 0); step.Batch != nil {
				s.log = append(s.log, step.Batch...)
				d.Appended(es.Written, tick)
			}
		}
	}
	return s.now - began
}

func (s *several) read(d *toyWriter) {
	s.t.Helper()
	for d.Next < int64(len(s.log)) {
		r := decode(d.Next, s.log[d.Next])
		switch j := d.Read(&r); j.Verdict {
		case es.Halting:
			s.t.Fatal(j.Reason)
		case es.Void:
			s.voids++
		case es.Effective:
		}
	}
}

func (s *several) author() string {
	if len(s.log) == 0 {
		return ""
	}
	return decode(0, s.log[len(s.log)-1]).Decider
}

func (s *several) answered(n int64) func() bool {
	return func() bool {
		best := int64(0)
		for name, d := range s.deciders {
			if !s.paused[name] {
				s.read(d)
				best = max(best, d.IntakeNext)
			}
		}
		return best >= n
	}
}

func TestTheFirstActsAtOnceAndTheOthersWait(t *testing.T) {
	t.Parallel()
	s := newSeveral(t, "a", "b", "c")
	if took := s.pass(func() bool { return len(s.log) > 0 }); took < 250 || took > 751 {
		t.Errorf("the log was opened after %d ms: nobody is first, so each waits 250 to 750", took)
	}
	first := s.author()
	for k := range 20 {
		s.ask(k)
		if took := s.pass(s.answered(int64(k + 1))); took > 2 {
			t.Errorf("request %d took %d ms with its decider there", k, took)
		}
		if s.author() != first {
			t.Errorf("request %d was answered by %s while %s was there", k, s.author(), first)
		}
	}
	if s.voids != 0 {
		t.Errorf("%d voids with everybody well", s.voids)
	}
}

func TestAnotherTakesOverWithinASecondAndGoesOnAtOnce(t *testing.T) {
	t.Parallel()
	for k := range 10 {
		names := []string{fmt.Sprintf("x%d", k), fmt.Sprintf("y%d", k), fmt.Sprintf("z%d", k)}
		s := newSeveral(t, names...)
		s.pass(func() bool { return len(s.log) > 0 })
		first := s.author()
		s.paused[first] = true
		s.ask(1)
		if took := s.pass(s.answered(1)); took < 250 || took > 751 {
			t.Errorf("taken over after %d ms, want 250 to 750", took)
		}
		second := s.author()
		s.ask(2)
		if took := s.pass(s.answered(2)); took > 2 {
			t.Errorf("the new first took %d ms for the next", took)
		}
		// The old first comes back and has read nothing of it: it neither disturbs nor takes over.
		s.paused[first] = false
		s.ask(3)
		s.pass(s.answered(3))
		s.ask(4)
		s.pass(s.answered(4))
		if s.author() != second {
			t.Errorf("%s took the room back from %s", s.author(), second)
		}
	}
}

func TestDecidersThatTakeOverAtTheSameMomentLoseARecordEachAndNotTheBacklog(t *testing.T) {
	t.Parallel()
	s := newSeveral(t, "first")
	s.pass(func() bool { return len(s.log) > 0 })
	s.paused["first"] = true
	const backlog = 200
	for k := range backlog {
		s.ask(k)
	}
	// Each decides on what it has read when its time comes, and none of them has read what another has just written.
	newcomers, batches := map[string]*toyWriter{}, map[string][][]byte{}
	for _, name := range []string{"a", "b", "c"} {
		d := es.NewWriter(room, name, toy(), es.DefaultLimits().Waiting(), encode)
		s.read(d)
		for k := range backlog {
			r := ask(k, order{})
			r.Offset = int64(k)
			d.Request(r)
		}
		d.Step(es.Tick{Now: s.now, Mono: s.now + 1}, 0)
		newcomers[name] = d
	}
	late := es.Tick{Now: s.now + 1000, Mono: s.now + 1001}
	for name, d := range newcomers {
		batches[name] = d.Step(late, 0).Batch
		d.Appended(es.Written, late)
		if step := d.Step(late, 0); len(batches[name]) != 1 || step.Batch != nil {
			t.Errorf("%s takes over with %d records, and goes on with %d before it knows whether it has", name, len(batches[name]), len(step.Batch))
		}
	}
	for _, batch := range batches {
		s.log = append(s.log, batch...)
	}
	s.now, s.deciders = late.Now, newcomers
	s.pass(s.answered(backlog))
	for name, d := range newcomers {
		s.read(d)
		if d.IntakeNext != backlog {
			t.Errorf("%s has read the outcome of %d requests", name, d.IntakeNext)
		}
	}
	if voids := s.voids / len(newcomers); voids != len(newcomers)-1 {
		t.Errorf("%d void records", voids)
	}
}

func TestWhoWakesLosesARecordAndNotAllThatItFindsWaiting(t *testing.T) {
	t.Parallel()
	s := newSeveral(t, "a", "b")
	s.pass(func() bool { return len(s.log) > 0 })
	first := s.author()
	s.ask(0)
	s.pass(s.answered(1))
	s.paused[first] = true
	const backlog = 100
	for k := range backlog {
		s.ask(k + 1)
	}
	s.pass(s.answered(backlog + 1))
	s.now += 10_000

	// It reads what was asked before it reads what was answered, and takes itself for the first.
	tick := es.Tick{Now: s.now, Mono: s.now + 1}
	batch := s.deciders[first].Step(tick, 0).Batch
	if len(batch) != 1 {
		t.Fatalf("who wakes writes %d records", len(batch))
	}
	s.log = append(s.log, batch...)
	s.deciders[first].Appended(es.Written, tick)
	if again := s.deciders[first].Step(tick, 0).Batch; again != nil {
		t.Errorf("it goes on with %d records before it knows whether it is first", len(again))
	}
	s.paused[first] = false
	s.ask(backlog + 1)
	s.pass(s.answered(backlog + 2))
	if s.voids != len(s.deciders) { // one, read by each
		t.Errorf("%d void records read by %d deciders", s.voids, len(s.deciders))
	}
}
