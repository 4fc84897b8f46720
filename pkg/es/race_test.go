package es_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"vigie/pkg/es"
)

// TestRacingDecidersGiveOneStory is I3, I4 and I7 under every fate of an append.
func TestRacingDecidersGiveOneStory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, race)
}

// FuzzRacingDeciders lets the fuzzer choose the schedule.
func FuzzRacingDeciders(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(race))
}

func race(t *rapid.T) {
	r := &toyRace{Room: room, Domain: toy(), Encode: encode, Decode: decode, Limits: es.Limits{
		Requests: rapid.IntRange(1, 4).Draw(t, "requests"), Deadlines: 3, Bytes: 1 << 20, ReadBack: 200, Retry: 50,
	}}
	skews := []int64{0, rapid.Int64Range(-300, 300).Draw(t, "skew")}
	if rapid.Bool().Draw(t, "a third decider") {
		skews = append(skews, 40)
	}
	r.Start(skews...)
	choose := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "choice") }
	for range rapid.IntRange(50, 300).Draw(t, "steps") {
		switch choose(6) {
		case 0:
			r.Ask(draw(t, r.Now))
		case 1:
			r.Now += int64(choose(60))
		default:
			if err := r.Step(choose); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := r.Settle(); err != nil {
		t.Fatal(err)
	}
	told, err := r.Check()
	if err != nil {
		t.Fatal(err)
	}
	if told.IntakeNext != int64(len(r.Intake)) {
		t.Fatalf("%d of %d requests have an outcome", told.IntakeNext, len(r.Intake))
	}
	for _, d := range r.Deciders {
		if d.Head != told.Head || d.CausesDigest() != told.CausesDigest() || !cmp.Equal(d.State, told.State) {
			t.Fatalf("%s folds another room:\n%s", d.Name, cmp.Diff(told.State, d.State))
		}
	}
}

// draw gives a request: few causes, so that they come again, with the same content or with another.
func draw(t *rapid.T, now int64) toyRequest {
	cause := rapid.IntRange(0, 12).Draw(t, "cause")
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0:
		return ask(cause, order{Kind: "spend", N: rapid.IntRange(0, 9).Draw(t, "gold")})
	case 1:
		return ask(cause, order{Kind: "break"})
	case 2:
		r := ask(cause, order{})
		r.Unreadable, r.Cause = "it is noise", es.Cause{}
		return r
	case 3, 4, 5:
		return ask(cause, order{Kind: "promise", ID: fmt.Sprint("p", cause), Promise: Promise{
			Due: now + rapid.Int64Range(0, 400).Draw(t, "due"), Expiry: rapid.IntRange(0, 3).Draw(t, "expiry") > 0, Rank: cause % 3,
		}})
	default:
		return ask(cause, order{Kind: "earn", N: cause})
	}
}
