package lastknown

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"vigie/pkg/eventlog"
	positionsv1 "vigie/pkg/gen/vigie/positions/v1"
	"vigie/pkg/projection"
	"vigie/pkg/projection/projector"
)

// folded applies what a fold says to entries.
func folded(entries map[string][]byte, f projector.Fold, records []eventlog.Record) {
	for _, r := range records {
		c := projection.Changes{}
		f.Take(r, c)
		for name, e := range c {
			if e == nil {
				delete(entries, name)
			} else {
				entries[name] = e.Value
			}
		}
	}
}

func TestAFoldThatGoesOnFromWhatIsStoredIsTheFoldOfAll(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		hours := rapid.Int64Range(0, 40)
		var records []eventlog.Record
		for i := range rapid.IntRange(1, 40).Draw(t, "n") {
			value, err := proto.Marshal(&positionsv1.Telemetry{Room: "r", Body: &positionsv1.Telemetry_Fix{Fix: &positionsv1.Fix{
				Team:  fmt.Sprint("t", rapid.IntRange(0, 4).Draw(t, "team")),
				LatE7: rapid.Int32Range(-91e7, 91e7).Draw(t, "lat"), LonE7: rapid.Int32Range(-181e7, 181e7).Draw(t, "lon"),
				AtMs: 1_000_000 + hours.Draw(t, "at")*3_600_000, ReceivedAtMs: 1_000_000 + hours.Draw(t, "received")*3_600_000,
				Mock: rapid.Bool().Draw(t, "mock"),
			}}})
			if err != nil {
				t.Fatal(err)
			}
			records = append(records, eventlog.Record{Offset: int64(i), Value: value})
		}
		room := eventlog.RoomEntry{Room: "r"}
		restore := func(entries map[string][]byte) projector.Fold {
			f := newFold(room)
			if err := f.Restore(entries); err != nil {
				t.Fatal(err)
			}
			return f
		}
		once := map[string][]byte{}
		folded(once, restore(nil), records)
		cut := rapid.IntRange(0, len(records)).Draw(t, "cut")
		twice := map[string][]byte{}
		folded(twice, restore(nil), records[:cut])
		folded(twice, restore(twice), records[cut:])
		if diff := cmp.Diff(once, twice); diff != "" {
			t.Errorf("stored after %d (-once +twice):\n%s", cut, diff)
		}
		newest := int64(0)
		fixes := map[string]*positionsv1.Fix{}
		for team, value := range once {
			fix, err := decode(team, value)
			if err != nil {
				t.Fatal(err)
			}
			fixes[team] = fix
			newest = max(newest, fix.GetAtMs())
		}
		for team, fix := range fixes {
			if fix.GetAtMs() <= newest-keep || fix.GetAtMs() > fix.GetReceivedAtMs() {
				t.Errorf("team %s at %d is too old beside %d, or from the future", team, fix.GetAtMs(), newest)
			}
		}
	})
}
