package newest_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"vigie/services/gateway/internal/newest"
)

// follower shows what it was told.
type follower struct {
	at    uint64
	shown map[string]string
}

const gone = "gone"

func (w *follower) pull(t *rapid.T, f *newest.Each[[2]string]) {
	told, next, ok := f.Since(w.at)
	if !ok || next < w.at {
		t.Fatalf("from %d to %d, %v", w.at, next, ok)
	}
	for _, v := range told {
		if w.shown[v[0]] = v[1]; v[1] == gone {
			delete(w.shown, v[0])
		}
	}
	w.at = next
}

// TestWhoeverFollowsShowsWhatIsOpen: whenever they come and however seldom they read.
func TestWhoeverFollowsShowsWhatIsOpen(whole *testing.T) {
	whole.Parallel()
	rapid.Check(whole, func(t *rapid.T) {
		f, open := newest.New[[2]string](), map[string]string{}
		var all []*follower
		key := rapid.StringMatching(`[a-e]`)
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				k, v := key.Draw(t, "key"), fmt.Sprint(rapid.Int().Draw(t, "value"))
				open[k] = v
				f.Put(k, [2]string{k, v})
			},
			"end": func(t *rapid.T) {
				k := key.Draw(t, "key")
				delete(open, k)
				f.End(k, [2]string{k, gone})
			},
			"come": func(*rapid.T) { all = append(all, &follower{shown: map[string]string{}}) },
			"read": func(t *rapid.T) {
				if len(all) > 0 {
					rapid.SampledFrom(all).Draw(t, "who").pull(t, f)
				}
			},
			"": func(t *rapid.T) {
				if !rapid.Bool().Draw(t, "all read") {
					return
				}
				for _, w := range all {
					w.pull(t, f)
					if diff := cmp.Diff(open, w.shown); diff != "" {
						t.Fatal(diff)
					}
				}
			},
		})
	})
}

func TestWhatHasComeAndGoneIsToldToNobodyAndAnEndOnce(t *testing.T) {
	t.Parallel()
	f := newest.New[string]()
	f.End("a", "over a")
	f.Put("a", "a")
	before := f.Last()
	f.Put("b", "b")
	f.Put("a", "a again")
	changed := f.Changed()
	f.End("b", "over b")
	<-changed
	f.End("a", "over a")
	changed = f.Changed()
	f.End("a", "over again")
	select {
	case <-changed:
		t.Error("an end is told twice")
	default:
	}
	for place, want := range map[uint64][]string{0: nil, before: {"over a"}, before + 1: {"over b", "over a"}} {
		if got, next, ok := f.Since(place); !cmp.Equal(got, want) || next != f.Last() || !ok {
			t.Errorf("from %d: %v to %d, %v", place, got, next, ok)
		}
	}
}

func TestWhatIsHeldIsBoundedAndWhoMissesAnEndLearnsSo(t *testing.T) {
	t.Parallel()
	f := newest.New[int]()
	for k := range newest.Most + 3 {
		f.Put(fmt.Sprint(k), k)
	}
	if got, _, ok := f.Since(0); len(got) != newest.Most || got[0] != 3 || !ok {
		t.Errorf("%d held, from %d on, %v", len(got), got[0], ok)
	}
	behind := f.Last()
	for k := range newest.Most + 3 {
		f.Put(fmt.Sprint(k), k)
		f.End(fmt.Sprint(k), -k)
	}
	if _, _, ok := f.Since(behind); ok {
		t.Error("an end is held back")
	}
	for _, place := range []uint64{0, f.Last()} {
		if got, next, ok := f.Since(place); len(got) != 0 || next != f.Last() || !ok {
			t.Errorf("from %d: %v to %d, %v", place, got, next, ok)
		}
	}
}

// BenchmarkPut is a fix of one of 500 teams, with how many consoles looking on.
func BenchmarkPut(b *testing.B) {
	for _, followers := range []int{0, 10, 200} {
		b.Run(fmt.Sprint("followers=", followers), func(b *testing.B) {
			f, end := newest.New[int](), make(chan struct{})
			var wait sync.WaitGroup
			for range followers {
				wait.Go(func() {
					for place := uint64(0); ; {
						changed := f.Changed()
						_, place, _ = f.Since(place)
						select {
						case <-changed:
						case <-end:
							return
						}
					}
				})
			}
			teams := make([]string, 500)
			for k := range teams {
				teams[k] = fmt.Sprint("T-", k)
			}
			for k := 0; b.Loop(); k++ {
				f.Put(teams[k%len(teams)], k)
			}
			close(end)
			wait.Wait()
		})
	}
}
