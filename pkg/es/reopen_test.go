package es_test

import (
	"slices"
	"strings"
	"testing"

	"vigie/pkg/es"
)

// good is a record after which a log goes on.
type good struct {
	es.Head
	offset int64
}

// reopening is the record that reopens a log at a good record, if it is written at an offset.
func reopening(g good, offset int64, number uint64, change func(*toyDecision)) []byte {
	d := toyDecision{
		Room: room, Version: g.Version + 1, Intake: es.NoIntake, Deadline: "reopened", Decider: "admins", At: g.At, Level: max(g.Level, 1),
		PrevHash: g.Hash, Outcome: es.Outcome[event]{Events: []event{{Kind: "reopened", Reopening: &es.Reopening{
			Number: number, GoodOffset: g.offset, GoodHash: g.Hash, DeadFrom: g.offset + 1, DeadTo: offset - 1,
		}}}},
	}
	if g.offset < 0 {
		d.Deadline = "open"
	}
	change(&d)
	value, _ := encode(&d)
	return value
}

// records is a log as stored; what is missing is nil.
type records [][]byte

func (l records) from(next int64, read func(*toyStored) (on bool)) {
	for k := next; k < int64(len(l)); k++ {
		if l[k] == nil {
			continue
		}
		if s := decode(k, l[k]); !read(&s) {
			return
		}
	}
}

// told folds a log as its readers do: from the beginning again whenever a record may have reopened what was passed.
func told(l records) *toyFold {
	var expected []*toyStored
	for {
		f := es.NewFold(room, toy())
		f.Expect(expected...)
		l.from(0, func(s *toyStored) bool {
			f.Read(s)
			return f.Overtaken() == nil
		})
		if f.Overtaken() == nil {
			if l != nil && f.Halted() == "" && f.Next < int64(len(l)) {
				f.Halt("the end is missing")
			}
			return f
		}
		expected = append(expected, f.Overtaken())
	}
}

func stored(c *chain) records {
	var l records
	for k := range c.records {
		value, _ := encode(&c.records[k].Decision)
		l = append(l, value)
	}
	return l
}

func goodAt(l records, offset int64) good {
	f := told(l[:offset+1])
	return good{f.Head, f.HeadOffset()}
}

func TestWhatReopensALogIsJudgedByTheRule(t *testing.T) {
	t.Parallel()
	whole := stored(asked(new(chain).add(asItIs), 0, 9))
	damaged := slices.Clone(whole)
	damaged[6] = []byte("noise")
	hole := slices.Clone(whole)
	hole[6] = nil
	first := slices.Clone(whole)
	first[0] = nil
	asWritten := func(*toyDecision) {}
	says := func(change func(*es.Reopening)) func(*toyDecision) {
		return func(d *toyDecision) { change(d.Events[0].Reopening) }
	}
	for name, c := range map[string]struct {
		log    records
		good   int64
		change func(*toyDecision)
		// version after it, 0: it is not effective and the log says why in want.
		version uint64
		want    string
	}{
		"behind the last good record":             {damaged, 5, asWritten, 7, ""},
		"further back":                            {damaged, 2, asWritten, 4, ""},
		"over a hole":                             {hole, 5, asWritten, 7, ""},
		"from nothing":                            {first, -1, asWritten, 1, ""},
		"of a log in which nothing is wrong":      {whole, 4, asWritten, 6, ""},
		"of a log that is kept as it is":          {whole, 9, asWritten, 11, ""},
		"past requests that are gone":             {damaged, 5, says(func(r *es.Reopening) { r.IntakeNext = 8 }), 7, ""},
		"behind a record that is itself bad":      {damaged, 7, asWritten, 0, "noise"},
		"with the hash of another record":         {damaged, 5, says(func(r *es.Reopening) { r.GoodHash[0]++ }), 0, "noise"},
		"with another offset for the good record": {damaged, 5, says(func(r *es.Reopening) { r.GoodOffset, r.DeadFrom = 4, 5 }), 0, "noise"},
		"that does not name all that is dead":     {damaged, 5, says(func(r *es.Reopening) { r.DeadTo-- }), 0, "noise"},
		"that names more than is dead":            {damaged, 5, says(func(r *es.Reopening) { r.DeadTo++ }), 0, "noise"},
		"without a number":                        {damaged, 5, says(func(r *es.Reopening) { r.Number = 0 }), 0, "noise"},
		"to requests answered before":             {damaged, 5, says(func(r *es.Reopening) { r.IntakeNext = 2 }), 0, "noise"},
		"of another room":                         {damaged, 5, func(d *toyDecision) { d.Room = "chest" }, 0, "noise"},
		"with a version of its own":               {damaged, 5, func(d *toyDecision) { d.Version++ }, 0, "noise"},
		"with a time before the good record":      {damaged, 5, func(d *toyDecision) { d.At-- }, 0, "noise"},
		"with a level above the room's":           {damaged, 5, func(d *toyDecision) { d.Level = 2 }, 0, "noise"},
		"with something else in it":               {damaged, 5, func(d *toyDecision) { d.Events = append(d.Events, event{Kind: "gold", N: 5}) }, 0, "noise"},
		"that answers a request":                  {damaged, 5, func(d *toyDecision) { d.Intake = 5 }, 0, "noise"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := good{offset: -1}
			switch {
			case c.good == 7: // what whoever does not look believes
				g = goodAt(whole, 7)
			case c.good >= 0:
				g = goodAt(c.log, c.good)
			}
			f := told(append(slices.Clone(c.log), reopening(g, int64(len(c.log)), 1, c.change)))
			if c.version == 0 {
				if f.Halted() == "" || f.Reopened().Number != 0 || f.Version != 6 {
					t.Errorf("goes on at version %d, halted %q", f.Version, f.Halted())
				}
				return
			}
			if f.Halted() != "" || f.Version != c.version || f.Reopened().Number != 1 || f.HeadOffset() != int64(len(c.log)) {
				t.Fatalf("at version %d, head %d, halted %q", f.Version, f.HeadOffset(), f.Halted())
			}
			want := max(g.IntakeNext, map[bool]int64{true: 8}[strings.HasPrefix(name, "past")])
			if offset, _ := f.LastAnswered(); f.IntakeNext != want || want == 8 && offset != -1 {
				t.Errorf("the next request is %d, want %d; last answered %d", f.IntakeNext, want, offset)
			}
			for k := range int64(9) {
				if _, known := f.Outcome(ask(int(k), order{}).Cause); known != (k < g.IntakeNext) {
					t.Errorf("cause %d is remembered: %v", k, known)
				}
			}
			if saved, err := es.Restore(room, toy(), f.Save()); err != nil || saved.Reopened() != f.Reopened() || saved.HeadOffset() != f.HeadOffset() {
				t.Errorf("saved and restored: %v", err)
			}
		})
	}
}

func TestTwoCopiesOfAReopeningCountOnce(t *testing.T) {
	t.Parallel()
	l := stored(asked(new(chain).add(asItIs), 0, 5))
	once := reopening(goodAt(l, 3), 6, 1, func(*toyDecision) {})
	f := told(append(l, once, once))
	if f.Halted() != "" || f.Version != 5 || f.HeadOffset() != 6 {
		t.Errorf("version %d at %d, halted %q", f.Version, f.HeadOffset(), f.Halted())
	}
}

func TestAWriterThatHasNotReadOfTheReopeningWritesWhatIsVoid(t *testing.T) {
	t.Parallel()
	c := asked(new(chain).add(asItIs), 0, 5)
	l := stored(c)
	l = append(l, reopening(goodAt(l, 3), 6, 1, func(*toyDecision) {}))
	c.records = append(c.records, toyStored{}) // the place of the reopening
	asked(c, 5, 2)                             // and on as if it were not there
	for _, s := range c.records[7:] {
		value, _ := encode(&s.Decision)
		l = append(l, value)
	}
	if f := told(l); f.Halted() != "" || f.Version != 5 {
		t.Errorf("version %d, halted %q", f.Version, f.Halted())
	}
}

func TestAReaderThatWasPastItIsTold(t *testing.T) {
	t.Parallel()
	l := stored(asked(new(chain).add(asItIs), 0, 5))
	f := told(l)
	s := decode(6, reopening(goodAt(l, 3), 6, 1, func(*toyDecision) {}))
	if j := f.Read(&s); j.Verdict != es.Halting || f.Overtaken() != &s {
		t.Errorf("%+v, overtaken by %v", j, f.Overtaken())
	}
}
