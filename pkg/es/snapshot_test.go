package es_test

import (
	"errors"
	"fmt"
	"testing"

	"vigie/pkg/es"
)

// asked is a chain that answers n requests, each of another cause.
func asked(c *chain, from, n int) *chain {
	for k := range n {
		c.add(func(d *toyDecision) {
			d.Origin = ask(from+k, order{N: from + k}).Origin
			d.RequestHash[0] = byte(k)
		})
	}
	return c
}

func TestWhatIsSavedStaysAsItWasWhileItsFoldGoesOn(t *testing.T) {
	t.Parallel()
	const keep, before, after = 2000, 2500, 2500 // more than a piece, and the ring wraps on either side
	domain := toy()
	domain.Remembered = keep
	c := asked(asked(new(chain).add(asItIs), 0, before), before, after)
	whole, begun := es.NewFold(room, domain), es.NewFold(room, domain)
	for k := range c.records {
		whole.Read(&c.records[k])
	}
	read := func(f *toyFold, records []toyStored) {
		for k := range records {
			if j := f.Read(&records[k]); j.Verdict != es.Effective {
				t.Fatal(j)
			}
		}
	}
	read(begun, c.records[:before+1])
	saved := begun.Save()
	read(begun, c.records[before+1:])
	restored, err := es.Restore(room, domain, saved)
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range map[int]bool{before - keep - 1: false, before - keep: true, before - 1: true, before: false} {
		if _, known := restored.Outcome(ask(k, order{}).Cause); known != want {
			t.Errorf("cause %d is known: %v", k, known)
		}
	}
	if offset, hash := restored.LastAnswered(); offset != before-1 || hash[0] != byte((before-1)%256) {
		t.Errorf("last answered %d with %x", offset, hash[0])
	}
	if offset, hash := restored.LastRead(); offset != before || hash != c.records[before].Hash {
		t.Errorf("last read %d", offset)
	}
	read(restored, c.records[before+1:])
	for name, f := range map[string]*toyFold{"restored": restored, "gone on": begun} {
		if f.Head != whole.Head || f.CausesDigest() != whole.CausesDigest() {
			t.Errorf("%s: %+v, not %+v", name, f.Head, whole.Head)
		}
		for k := range before + after {
			cause := ask(k, order{}).Cause
			got, known := f.Outcome(cause)
			want, wanted := whole.Outcome(cause)
			if got != want || known != wanted {
				t.Fatalf("%s: cause %d: %+v, not %+v", name, k, got, want)
			}
		}
	}
}

func TestWhatNoFoldCanHaveBeenIsNotRestored(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*es.Saved[purse]){
		"a slot too many":     func(s *es.Saved[purse]) { s.Causes.Add(es.Slot{}) },
		"a slot too few":      func(s *es.Saved[purse]) { s.IntakeNext++ },
		"a cause twice":       func(s *es.Saved[purse]) { s.IntakeNext++; s.Causes.Add(first(&s.Causes)) },
		"nothing was read":    func(s *es.Saved[purse]) { s.Next = 0 },
		"nothing was decided": func(s *es.Saved[purse]) { s.Version = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, _ := readAll(asked(new(chain).add(asItIs), 0, 3).records)
			saved := f.Save()
			change(&saved)
			if _, err := es.Restore(room, toy(), saved); !errors.Is(err, es.ErrSaved) {
				t.Errorf("restored: %v", err)
			}
		})
	}
}

func first(c *es.Causes) es.Slot {
	for s := range c.All() {
		return *s
	}
	return es.Slot{}
}

func TestARoomSavedAboveThisProgramsLevelStaysHalted(t *testing.T) {
	t.Parallel()
	f, _ := readAll(asked(new(chain).add(asItIs), 0, 3).records)
	saved := f.Save()
	saved.Level = 99
	restored, err := es.Restore(room, toy(), saved)
	if err != nil || restored.Halted() == "" {
		t.Errorf("it goes on: %v", err)
	}
}

func TestAWriterThatWasFirstIsFirstAgainAfterItsRoomWasRestored(t *testing.T) {
	t.Parallel()
	f, _ := readAll(asked(new(chain).add(asItIs), 0, 3).records)
	for name, want := range map[string]bool{"d": true, "other": false} {
		restored, err := es.Restore(room, toy(), f.Save())
		if err != nil {
			t.Fatal(err)
		}
		if got := es.NewWriterAt(restored, name, es.DefaultLimits(), encode).First(); got != want {
			t.Errorf("%s is first: %v", name, got)
		}
	}
}

// BenchmarkSave is what saving keeps a decider from deciding: full memory, next to nothing in the state.
func BenchmarkSave(b *testing.B) {
	saved := es.Saved[purse]{Head: es.Head{Version: 1, IntakeNext: es.Remembered}, Next: 1}
	for k := range es.Remembered {
		saved.Causes.Add(es.Slot{Key: [16]byte(fmt.Appendf(nil, "%016d", k+1)), First: es.First{Version: 1}})
	}
	f, err := es.Restore(room, toy(), saved)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		f.Save()
	}
}
