package es_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"vigie/pkg/es"
)

// oracle tells a log in the plainest way: it keeps the room as it was behind every effective record, and takes it up again
// where a reopening says. It knows nothing of how folds look ahead.
type oracle struct {
	fold    *toyFold
	domain  *toyDomain
	halted  bool
	history []es.Saved[purse]
	at      []int64
	whole   []toyStored
	number  []uint64
}

func newOracle() *oracle {
	d := toy()
	d.Reopens = nil
	o := &oracle{domain: d, fold: es.NewFold(room, d)}
	o.keep(-1, 0)
	return o
}

func (o *oracle) keep(offset int64, number uint64) {
	o.history, o.at, o.number = append(o.history, o.fold.Save()), append(o.at, offset), append(o.number, number)
}

func (o *oracle) read(t *rapid.T, s *toyStored) {
	defer func() {
		if s.Damage == "" {
			o.whole = append(o.whole, *s)
		}
	}()
	if s.Damage == "" && s.Events[0].Reopening != nil {
		if o.reopen(t, s, *s.Events[0].Reopening) {
			return
		}
	}
	if o.halted {
		return
	}
	switch j := o.fold.Read(s); j.Verdict {
	case es.Effective:
		o.keep(s.Offset, o.number[len(o.number)-1])
	case es.Halting:
		o.halted = true
	case es.Void:
	}
}

func (o *oracle) reopen(t *rapid.T, s *toyStored, re es.Reopening) bool {
	k := slices.Index(o.at, re.GoodOffset)
	if k < 0 || o.history[k].Hash != re.GoodHash || s.PrevHash != re.GoodHash || re.DeadFrom != re.GoodOffset+1 || re.DeadTo != s.Offset-1 ||
		re.Number <= o.number[k] || s.Version != o.history[k].Version+1 {
		return false
	}
	saved := o.history[k]
	saved.State = o.domain.Clone(saved.State)
	delete(saved.State.Promises, s.Deadline)
	saved.Version, saved.Hash, saved.At = s.Version, s.Hash, s.At
	saved.Next, saved.Last, saved.Author = s.Offset+1, s.Hash, s.Decider
	saved.Voids = maps.Clone(saved.Voids)
	for _, dead := range o.whole {
		if dead.Offset > re.GoodOffset {
			saved.Voids[dead.Hash] = dead.Version
		}
	}
	maps.DeleteFunc(saved.Voids, func(_ es.Hash, version uint64) bool { return version < s.Version })
	f, err := es.Restore(room, o.domain, saved)
	if err != nil {
		t.Fatal(err)
	}
	o.fold, o.halted = f, false
	o.history, o.at, o.number = o.history[:k+1], o.at[:k+1], o.number[:k+1]
	o.keep(s.Offset, re.Number)
	return true
}

// same says how a fold differs from the oracle, or "". Hashes of void records are not compared: one that was damaged after
// it was read is still known to its reader.
func (o *oracle) same(f *toyFold) string {
	if o.halted || f.Halted() != "" {
		if o.halted != (f.Halted() != "") {
			return fmt.Sprintf("halted %v, and the fold %q", o.halted, f.Halted())
		}
		return ""
	}
	want, got := o.fold.Save(), f.Save()
	return cmp.Diff([]any{want.Head, want.State, want.Next, want.Last, want.Author, want.Causes.Digest},
		[]any{got.Head, got.State, got.Next, got.Last, got.Author, got.Causes.Digest})
}

// reader follows a log as it grows, is damaged and is reopened, as a board does.
type reader struct {
	fold    *toyFold
	stopped bool
}

func (r *reader) follow(l records) {
	if !r.stopped && r.fold.Next > int64(len(l)) {
		r.stopped = true // the log ends before what was read of it
	}
	for !r.stopped {
		missing := false
		for k := r.fold.Next; k < int64(len(l)); k++ {
			missing = missing || l[k] == nil
		}
		before := r.fold.Next
		l.from(r.fold.Next, func(s *toyStored) bool { return r.fold.Read(s).Verdict != es.Halting })
		if r.fold.Halted() != "" || missing && r.fold.Next < int64(len(l)) {
			r.stopped = true
		}
		if before == r.fold.Next {
			break
		}
	}
	if !r.stopped {
		return
	}
	again := told(l)
	reopens := again.Reopened().After(r.fold.Reopened())
	passed := r.fold.Overtaken() != nil && again.Hash == r.fold.Hash
	if again.Halted() == "" && (reopens || passed) {
		r.fold, r.stopped = again, false
	}
}

// TestAllReadersOfAReopenedLogAgree is I8 and the way out of it: whatever is damaged, cut or rewritten, and wherever the log
// goes on, readers that have seen all of it, some of it or none tell the same.
func TestAllReadersOfAReopenedLogAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		choose := func(n int, what string) int { return rapid.IntRange(0, n-1).Draw(t, what) }
		var l records
		live := []*reader{{fold: es.NewFold(room, toy())}}
		var saved []es.Saved[purse]
		numbers := uint64(0)
		write := func(n int) {
			l = decided(t, l, n)
			for _, r := range live {
				r.follow(l)
				if !r.stopped && r.fold.Version > 0 && r.fold.Next > 0 {
					saved = append(saved, r.fold.Save())
				}
			}
		}
		write(2 + choose(8, "records"))
		for range 1 + choose(3, "times") {
			damage(l, choose)
			if choose(3, "cut") == 0 {
				l = l[:choose(len(l)+1, "cut at")]
			}
			for _, r := range live {
				r.follow(l)
			}
			if choose(2, "written on") == 0 {
				write(1 + choose(4, "more"))
			}
			f := told(l)
			goods := survivors(l)
			g := goods[choose(len(goods), "good")]
			numbers = max(numbers, f.Reopened().Number) + 1
			l = append(l, reopening(g, int64(len(l)), numbers, func(*toyDecision) {}))
			write(choose(6, "records"))
			live = append(live, &reader{fold: es.NewFold(room, toy())})
		}
		o := newOracle()
		l.from(0, func(s *toyStored) bool {
			o.read(t, s)
			return true
		})
		if o.halted {
			t.Fatal("a reopened log halts")
		}
		if d := o.same(told(l)) + cmp.Diff(o.fold.Save().Voids, told(l).Save().Voids); d != "" {
			t.Fatalf("from the beginning: %s", d)
		}
		for k, r := range live {
			r.follow(l)
			if d := o.same(r.fold); d != "" || r.stopped {
				t.Fatalf("reader %d, stopped %v: %s", k, r.stopped, d)
			}
		}
		for _, s := range saved {
			startsFrom(t, o, l, s)
		}
	})
}

// startsFrom begins with what was saved at some time, if the log still holds its record, as a decider does.
func startsFrom(t *rapid.T, o *oracle, l records, saved es.Saved[purse]) {
	f, err := es.Restore(room, toy(), saved)
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{fold: f}
	offset, hash := f.LastRead()
	if offset >= int64(len(l)) || l[offset] == nil || decode(offset, l[offset]).Hash != hash {
		r.stopped = true
	}
	r.follow(l)
	if r.stopped && !o.lastReopened().After(f.Reopened()) {
		return // it knows of the last reopening and of what was cut behind it: it stays halted
	}
	if d := o.same(r.fold); d != "" || r.stopped {
		t.Fatalf("from what was saved at %d, stopped %v: %s", offset, r.stopped, d)
	}
}

func (o *oracle) lastReopened() es.Reopened {
	n := o.number[len(o.number)-1]
	for _, s := range o.whole {
		if re := s.Events; len(re) > 0 && re[0].Reopening != nil && re[0].Reopening.Number == n {
			return es.Reopened{Number: n, Hash: s.Hash}
		}
	}
	return es.Reopened{}
}

// survivors are the places at which a log can be reopened.
func survivors(l records) []good {
	all := []good{{offset: -1}}
	for k := range l {
		if f := told(l[:k+1]); f.Halted() == "" && f.HeadOffset() == int64(k) {
			all = append(all, good{f.Head, int64(k)})
		}
	}
	end := told(l)
	return slices.DeleteFunc(all, func(g good) bool { return g.offset > end.HeadOffset() || !onPath(l, end, g) })
}

// onPath says whether a place is still one of the story at its end.
func onPath(l records, end *toyFold, g good) bool {
	byHash := map[es.Hash]toyStored{}
	l.from(0, func(s *toyStored) bool {
		if _, twice := byHash[s.Hash]; !twice {
			byHash[s.Hash] = *s
		}
		return true
	})
	for at := end.Hash; ; at = byHash[at].PrevHash {
		if at == g.Hash {
			return true
		}
		if at == (es.Hash{}) {
			return false
		}
	}
}

// damage flips a byte of some records and takes others away.
func damage(l records, choose func(int, string) int) {
	for range choose(3, "damaged") {
		k := choose(len(l), "record")
		if l[k] == nil {
			continue
		}
		if choose(3, "missing") == 0 {
			l[k] = nil
			continue
		}
		l[k] = slices.Clone(l[k])
		l[k][choose(len(l[k]), "byte")] ^= byte(1 + choose(255, "bits"))
	}
}

// decided lets a decider answer some requests behind a log, now and then with a record that is void; a halted one writes
// nothing.
func decided(t *rapid.T, l records, n int) records {
	f := told(l)
	if f.Halted() != "" {
		return l
	}
	w := es.NewWriterAt(f, fmt.Sprint("d", len(l)), es.DefaultLimits(), encode)
	for range n {
		if w.Version > 0 {
			r := ask(int(w.IntakeNext), order{Kind: "earn", N: rapid.IntRange(0, 9).Draw(t, "gold")})
			r.Offset = w.IntakeNext
			w.Request(r)
		}
		for _, value := range w.Step(es.Tick{Now: 1000 * int64(len(l)+1), Mono: 1}, 0).Batch {
			l = append(l, value)
			if rapid.IntRange(0, 4).Draw(t, "twice") == 0 {
				l = append(l, value)
			}
		}
		w.Appended(es.Written, es.Tick{Mono: 1})
		l[w.Next:].from(0, func(s *toyStored) bool {
			s.Offset = w.Next
			return w.Read(s).Verdict != es.Halting
		})
	}
	return l
}
