package edge_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"vigie/pkg/edge"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow/livetest"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWhileKafkaAnswersTheJournalIsNotTouched(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	dir := filepath.Join(t.TempDir(), "journal")
	s := newStation(t, w, edge.Settings{JournalDir: dir})
	s.cfg.After = patience // a busy machine is not an outage
	s.start()
	defer s.end()
	for k := range 50 {
		if got := s.must("north", "panel", fmt.Sprint(k), false); got.Offset != int64(k) {
			t.Errorf("%d at %d", k, got.Offset)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || files[0].Name() != "lock" {
		t.Errorf("the journal holds %v, %v", files, err)
	}
	if s.Degraded() != "" || s.Provisional() != 0 {
		t.Errorf("%q, %d", s.Degraded(), s.Provisional())
	}
}

func TestWhileKafkaIsAwayTheJournalAcknowledgesAndDrainsInOrderAfterwards(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north", "south")
	s := newStation(t, w, edge.Settings{JournalDir: t.TempDir()})
	var mu sync.Mutex
	where, kept := map[string]int64{}, map[string]int{}
	s.cfg.Stored = func(q *intakev1.Request, offset int64) {
		mu.Lock()
		defer mu.Unlock()
		where[q.GetId()] = offset
	}
	s.cfg.Kept = func(q *intakev1.Request) {
		mu.Lock()
		defer mu.Unlock()
		kept[q.GetId()]++
	}
	s.start()
	defer s.end()
	s.gate.set(away)
	var want []string
	for k := range 5 {
		id := fmt.Sprint("a", k)
		want = append(want, id)
		s.must("north", "panel", id, true)
	}
	s.must("south", "other", "b", true)
	s.must("north", "panel", "a1", true) // again
	if _, err := s.write("north", "panel", "a1", "ZZ"); !errors.Is(err, edge.ErrReused) {
		t.Errorf("another use of an id: %v", err)
	}
	if q := s.Find("north", "source/panel", "a1"); q.GetRaiseAlarm().GetCode() != "PB" || s.Find("north", "source/panel", "a9") != nil || s.Find("east", "", "") != nil {
		t.Errorf("found %v", q)
	}
	if s.Entries() != 6 || s.Provisional() != 6 || s.Degraded() == "" {
		t.Errorf("%d entries, %d provisional, %q", s.Entries(), s.Provisional(), s.Degraded())
	}
	s.gate.set(fine)
	drained(t, s)
	s.must("north", "panel", "after", false)
	if got := stored(w, "north"); !inOrder(append(want, "after"), got) {
		t.Errorf("stored %q", got)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(where) != 6 || len(kept) != 6 || kept["a1"] != 1 || s.Find("north", "source/panel", "a1") != nil {
		t.Errorf("stored at %v, kept %v", where, kept)
	}
	for id, offset := range where {
		room := "north"
		if id == "b" {
			room = "south"
		}
		if got := stored(w, room)[offset]; got != id {
			t.Errorf("%s is said to be at %d, there is %s", id, offset, got)
		}
	}
}

// inOrder says that the first occurrences of want in got are all there and in order, and nothing else is.
func inOrder(want, got []string) bool {
	seen := map[string]bool{}
	var first []string
	for _, id := range got {
		if !seen[id] {
			seen[id] = true
			first = append(first, id)
		}
	}
	if len(first) != len(want) {
		return false
	}
	for k := range want {
		if first[k] != want[k] {
			return false
		}
	}
	return true
}

func TestWhatADeadProcessHasLeftIsStoredBeforeAnythingNew(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	settings := edge.Settings{JournalDir: t.TempDir()}
	s := newStation(t, w, settings).start()
	s.gate.set(away)
	s.must("north", "panel", "alarm", true)
	s.must("north", "panel", "second", true)
	s.end()
	s.gate.set(fine)
	s.start()
	s.must("north", "panel", "restore", false)
	drained(t, s)
	s.end()
	if got := stored(w, "north"); !inOrder([]string{"alarm", "second", "restore"}, got) {
		t.Errorf("stored %q", got)
	}
	s.start()
	if s.Entries() != 0 {
		t.Errorf("%d entries after all was stored", s.Entries())
	}
	s.end()
}

func TestOfADamagedJournalTheRestIsStoredAndItIsSaid(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	settings := edge.Settings{JournalDir: t.TempDir()}
	s := newStation(t, w, settings).start()
	s.gate.set(away)
	for k := range 3 {
		s.must("north", "panel", fmt.Sprint(k), true)
	}
	s.end()
	files, err := filepath.Glob(filepath.Join(settings.JournalDir, "*.journal"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 1
	if err := os.WriteFile(files[0], content, 0o600); err != nil {
		t.Fatal(err)
	}
	s.gate.set(fine)
	s.start()
	defer s.end()
	drained(t, s)
	if got := stored(w, "north"); !inOrder([]string{"0", "2"}, got) {
		t.Errorf("stored %q", got)
	}
	if aside := files[0] + ".damaged"; s.Degraded() == "" {
		t.Error("nothing is said of what is damaged")
	} else if err := os.Remove(aside); err != nil || s.Degraded() != "" {
		t.Errorf("with the file gone: %q, %v", s.Degraded(), err)
	}
}

func TestWhatALogRefusesIsKeptUntilItIsTaken(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	s := newStation(t, w, edge.Settings{JournalDir: t.TempDir()}).start()
	defer s.end()
	s.gate.set(refuse)
	if _, err := s.write("north", "panel", "refused at once", "PB"); !errors.Is(err, eventlog.ErrRefused) {
		t.Errorf("without an outage a refusal is told: %v", err)
	}
	s.gate.set(away)
	s.must("north", "panel", "first", true)
	s.must("north", "panel", "second", true)
	s.gate.set(refuse)
	// Once the refusal is noticed, what comes goes behind it into the journal.
	livetest.Await(t, "an alarm behind the refused ones", func() bool {
		got, err := s.write("north", "panel", "third", "PB")
		return err == nil && got.Provisional
	})
	s.gate.set(fine)
	drained(t, s)
	if got := stored(w, "north"); !inOrder([]string{"first", "second", "third"}, got) {
		t.Errorf("stored %q", got)
	}
}

func TestALineThatIsFullLosesAndReordersNothing(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	s := newStation(t, w, edge.Settings{JournalDir: t.TempDir()})
	s.bounds.MaxQueued, s.cfg.After = 2, time.Millisecond
	s.start()
	s.gate.set(away)
	var want []string
	for k := range 12 {
		want = append(want, fmt.Sprint(k))
		s.must("north", "panel", want[k], true)
	}
	s.end() // and the next run has more than its line holds
	s.start()
	want = append(want, "12")
	s.must("north", "panel", "12", true)
	s.gate.set(fine)
	drained(t, s)
	s.end()
	if got := stored(w, "north"); !inOrder(want, got) {
		t.Errorf("stored %q", got)
	}
}

func TestWithoutAJournalOrRoomInItTheWriterIsAllThereIs(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	for name, settings := range map[string]edge.Settings{
		"no journal":                       {},
		"a directory that has disappeared": {JournalDir: filepath.Join(t.TempDir(), "journal")},
	} {
		s := newStation(t, w, settings).start()
		if settings.JournalDir != "" {
			if err := os.RemoveAll(settings.JournalDir); err != nil {
				t.Fatal(err)
			}
		}
		s.gate.set(away)
		q, value := request(t, "north", "panel", name, "PB")
		ctx, done := context.WithTimeout(t.Context(), 2*edge.After)
		if got, err := s.Write(ctx, q, value); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		done()
		s.gate.set(fine)
		s.must("north", "panel", name+", again", false)
		if n := s.Entries(); n != 0 {
			t.Errorf("%s: %d entries", name, n)
		}
		s.end()
	}
	s := newStation(t, w, edge.Settings{}).start()
	defer s.end()
	if _, err := s.write("east", "panel", "x", "PB"); !errors.Is(err, eventlog.ErrRefused) {
		t.Errorf("a room that is not there: %v", err)
	}
}

func TestSettingsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]edge.Settings{
		"gateways without credentials": {Gateways: []string{"localhost:1"}},
		"an address that is none":      {Gateways: []string{"localhost"}},
	} {
		if s.Validate() == nil {
			t.Errorf("%s are accepted", name)
		}
	}
	if err := (edge.Settings{JournalDir: "x"}).Validate(); err != nil {
		t.Error(err)
	}
}
