package controlroom_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/snapshot"
	"vigie/pkg/wire"
)

// TestARoomGoesOnFromASnapshotAsFromItsBeginning: protocol §5, byte for byte, with causes that are forgotten as well.
func TestARoomGoesOnFromASnapshotAsFromItsBeginning(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rules := controlroom.Rules()
		rules.Remembered = rapid.SampledFrom([]int64{0, 3, 7, 20}).Draw(t, "remembered")
		r := &race{
			Room: room, Domain: rules, Encode: wire.Encode, Decode: wire.Decode, Now: start,
			Facts:  controlroom.Facts{Room: room, LogID: "log", MinuteOfDay: 22 * 60},
			Limits: es.Limits{Requests: 4, Deadlines: 4, Bytes: 1 << 20, ReadBack: 2000, Retry: 50},
		}
		wander(t, r)
		whole, begun := es.NewFold(room, rules), es.NewFold(room, rules)
		at := rapid.IntRange(2, len(r.Log)).Draw(t, "snapshot")
		read(t, whole, r.Log, 0)
		read(t, begun, r.Log[:at], 0)
		saved := begun.Save()
		read(t, begun, r.Log[at:], int64(at)) // what was saved is not touched by what its fold goes on with
		encoded, err := snapshot.Encode(room, &saved)
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := snapshot.Decode(room, encoded)
		if err != nil {
			t.Fatal(err)
		}
		restored, err := es.Restore(room, rules, decoded)
		if err != nil {
			t.Fatal(err)
		}
		read(t, restored, r.Log[at:], int64(at))
		alike(t, r, restored, whole)
		alike(t, r, begun, whole)
	})
}

// wander is a night of two deciders that lose races.
func wander(t *rapid.T, r *race) {
	r.Start(0, rapid.Int64Range(-400, 400).Draw(t, "skew"))
	put(t, r, configure(configuration(), "h1"))
	for _, team := range teams {
		put(t, r, link(team))
	}
	choose := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "choice") }
	for range rapid.IntRange(2, 8).Draw(t, "chapters") {
		for range choose(6) {
			put(t, r, drawRequest(t, r.Now))
		}
		for range choose(40) {
			if err := r.Step(choose); err != nil {
				t.Fatal(err)
			}
		}
		r.Now += int64(rapid.SampledFrom([]int{0, 10, 6000, 100_000}).Draw(t, "pass"))
		if choose(2) == 0 {
			if err := r.Settle(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := r.Settle(); err != nil {
		t.Fatal(err)
	}
}

func read(t *rapid.T, f *controlroom.Fold, log [][]byte, from int64) {
	for k, value := range log {
		s := wire.Decode(from+int64(k), value)
		if j := f.Read(&s); j.Verdict == es.Halting {
			t.Fatalf("record %d: %s", s.Offset, j.Reason)
		}
	}
}

// alike: the same state, the same memory, and the same bytes in answer to everything that was ever asked.
func alike(t *rapid.T, r *race, got, want *controlroom.Fold) {
	if g, w := controlroom.StateHash(got), controlroom.StateHash(want); g != w {
		t.Fatalf("state hash %s, not %s", g, w)
	}
	knowsWhoLives(t, got.State)
	g, w := got.Save(), want.Save()
	if g.Next != w.Next || g.Last != w.Last || g.Author != w.Author || g.Answered != w.Answered || g.Causes.Digest != w.Causes.Digest {
		t.Fatalf("at %d by %s, not at %d by %s", g.Next, g.Author, w.Next, w.Author)
	}
	if diff := cmp.Diff(w.Voids, g.Voids); diff != "" {
		t.Fatal(diff)
	}
	slots := func(c *es.Causes) (all []es.Slot) {
		for s := range c.All() {
			all = append(all, *s)
		}
		return all
	}
	if diff := cmp.Diff(slots(&w.Causes), slots(&g.Causes)); diff != "" {
		t.Fatal(diff)
	}
	if diff := cmp.Diff(again(r, w), again(r, g)); diff != "" {
		t.Fatalf("what comes again is answered otherwise:\n%s", diff)
	}
}

// again is what a decider that goes on from here writes when all of intake comes once more.
func again(r *race, saved controlroom.Saved) [][]byte {
	f, err := es.Restore(room, r.Domain, saved)
	if err != nil {
		return [][]byte{[]byte(err.Error())}
	}
	w := es.NewWriterAt(f, "d0", es.DefaultLimits().Waiting(), wire.Encode)
	for k, q := range slices.Concat(r.Intake, r.Intake[:1]) {
		q.Offset = saved.IntakeNext + int64(k)
		w.Request(q)
	}
	first := w.Step(es.Tick{Now: r.Now, Mono: 1}, r.Facts)
	if first.Batch != nil {
		return first.Batch
	}
	return append([][]byte{nil}, w.Step(es.Tick{Now: r.Now, Mono: 1000}, r.Facts).Batch...)
}
