package es_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

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
