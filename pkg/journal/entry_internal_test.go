package journal

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAForgedEntryWithinAValueIsNotFound(t *testing.T) {
	t.Parallel()
	ours, forged := salt{1, 2, 3, 4, 5, 6, 7, 8}, salt{8, 7, 6, 5, 4, 3, 2, 1}
	data := ours.encode(nil, forged.encode(nil, []byte("SOS of nobody")))
	data = ours.encode(data, []byte("next"))
	data[9] ^= 1
	if r := ours.read(data); len(r.values) != 1 || string(r.values[0]) != "next" || len(r.damaged) != 1 {
		t.Errorf("read %q, damaged %v", r.values, r.damaged)
	}
}

func FuzzAnyBytesAreReadWithoutHarm(f *testing.F) {
	s := salt{1, 2, 3, 4, 5, 6, 7, 8}
	two := s.encode(s.encode(nil, []byte("first")), []byte("second"))
	for _, seed := range [][]byte{nil, two, two[:len(two)-3], append(slices.Clone(two), 0, 0, 0), bytes.Repeat([]byte{0}, 50), two[4:], s[:]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := s.read(data)
		if r.end > len(data) || len(r.damaged) > 0 && r.end < len(data) && !s.cutShort(data[r.end:]) {
			t.Fatalf("read to %d of %d", r.end, len(data))
		}
		// What was read, written again, reads alike; and whatever the bytes before were, entries behind them are found.
		var again, behind []byte
		for _, v := range r.values {
			again = s.encode(again, v)
		}
		if diff := cmp.Diff(r.values, s.read(again).values); diff != "" {
			t.Fatal(diff)
		}
		if len(r.damaged) == 0 && r.end == len(data) && !bytes.Equal(again, data) {
			t.Fatal("whole, and not what was written")
		}
		behind = s.encode(append(behind, data...), []byte("behind"))
		if got := s.read(behind).values; len(got) == 0 || string(got[len(got)-1]) != "behind" {
			t.Fatalf("what stands behind is not found: %q", got)
		}
	})
}
