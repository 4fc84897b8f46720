package edge_test

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vigie/pkg/edge"
	"vigie/pkg/follow/livetest"
)

// TestAcrossAnyOutageNothingAcknowledgedIsLostAndNoSourceIsOvertaken: sources say one thing after the other, alarm and
// restore in turn, while the weather changes and the process ends and starts again.
func TestAcrossAnyOutageNothingAcknowledgedIsLostAndNoSourceIsOvertaken(whole *testing.T) {
	whole.Parallel()
	w := livetest.Start(whole, "north", "south")
	night := 0
	rapid.Check(whole, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "edge-") //nolint:usetesting // of each of many cases
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		night++
		s := newStation(t, w, edge.Settings{JournalDir: dir})
		s.cfg.After = 3 * time.Millisecond
		s.start()
		sources := []string{fmt.Sprint("north/", night, "a"), fmt.Sprint("north/", night, "b"), fmt.Sprint("south/", night, "c")}
		said := map[string][]string{}
		for _, w := range rapid.SliceOfN(rapid.SampledFrom([]weather{fine, away, lossy, full}), 1, 5).Draw(t, "weather") {
			s.gate.set(w)
			if rapid.Bool().Draw(t, "restart") {
				s.end()
				s.start()
			}
			// While each says its next few things, the weather may turn.
			turn := rapid.SampledFrom([]weather{w, w, fine, away}).Draw(t, "turning")
			n := rapid.IntRange(1, 4).Draw(t, "things said")
			var speaking sync.WaitGroup
			for _, source := range sources {
				next := make([]string, n)
				for k := range next {
					next[k] = fmt.Sprint(source, "-", len(said[source])+k)
				}
				said[source] = append(said[source], next...)
				speaking.Go(func() {
					for _, id := range next {
						if _, err := s.write(source[:5], source, id, "PB"); err != nil {
							s.t.Errorf("%s: %v", id, err)
						}
					}
				})
			}
			s.gate.set(turn)
			speaking.Wait()
		}
		s.end()
		s.gate.set(fine)
		s.start()
		livetest.Await(whole, "the journal is empty", func() bool { return s.Entries() == 0 })
		s.end()
		for _, source := range sources {
			var got []string
			for _, q := range w.Requests(source[:5]) {
				if q.Cause.Principal == "source/"+source {
					got = append(got, q.Cause.ID)
				}
			}
			if !inOrder(said[source], got) {
				t.Fatalf("%s said %q, stored is %q", source, said[source], got)
			}
		}
	})
}
