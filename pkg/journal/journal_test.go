package journal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"vigie/pkg/journal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testing.TB and rapid's T alike.
type tester interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func open(t tester, cfg journal.Config) (*journal.Journal, []string) {
	t.Helper()
	j, entries, err := journal.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return j, values(entries)
}

func values(entries []*journal.Entry) []string {
	var list []string
	for _, e := range entries {
		list = append(list, string(e.Value()))
	}
	return list
}

func add(t tester, j *journal.Journal, value string) *journal.Entry {
	t.Helper()
	e, err := j.Add([]byte(value))
	if err == nil {
		err = e.Wait(context.Background())
	}
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func shut(t tester, j *journal.Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func files(t tester, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*.journal"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestWhatIsNotDoneIsGivenBackInOrder(t *testing.T) {
	t.Parallel()
	cfg := journal.Default(t.TempDir())
	cfg.SegmentBytes = 100 // a few entries a file
	j, found := open(t, cfg)
	if found != nil || j.Entries() != 0 {
		t.Fatalf("a new journal holds %q", found)
	}
	var want []string
	for k := range 20 {
		want = append(want, fmt.Sprintf("entry number %d", k))
		add(t, j, want[k])
	}
	shut(t, j)
	j, found = open(t, cfg)
	if diff := cmp.Diff(want, found); diff != "" || j.Entries() != 20 {
		t.Fatalf("%d entries: %s", j.Entries(), diff)
	}
	shut(t, j)

	j, again, err := journal.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range again[:15] {
		j.Done(e)
		j.Done(e) // twice is once
	}
	if j.Entries() != 5 {
		t.Errorf("%d entries, want 5", j.Entries())
	}
	shut(t, j)
	j, found = open(t, cfg)
	// Whole files go; of the one that holds a part all is given back.
	if n := len(found); n < 5 || n > 9 || !slices.Equal(found, want[20-n:]) {
		t.Errorf("given back: %q", found)
	}
	shut(t, j)
}

func TestAnEmptyJournalLeavesNoFile(t *testing.T) {
	t.Parallel()
	cfg := journal.Default(t.TempDir())
	j, _ := open(t, cfg)
	for range 3 {
		j.Done(add(t, j, "x"))
	}
	late, err := j.Add([]byte("done before it is on disk"))
	if err != nil {
		t.Fatal(err)
	}
	j.Done(late)
	shut(t, j)
	if left := files(t, cfg.Dir); len(left) != 0 {
		t.Errorf("files left: %q", left)
	}
}

func TestAFullJournalRefusesUntilThereIsRoom(t *testing.T) {
	t.Parallel()
	cfg := journal.Default(t.TempDir())
	cfg.MaxBytes, cfg.SegmentBytes, cfg.MaxEntry = 300, 100, 80
	j, _ := open(t, cfg)
	defer shut(t, j)
	if _, err := j.Add(make([]byte, 81)); !errors.Is(err, journal.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	var held []*journal.Entry
	for {
		e, err := j.Add(make([]byte, 80))
		if err != nil {
			if !errors.Is(err, journal.ErrFull) || len(held) != 3 {
				t.Errorf("after %d: %v", len(held), err)
			}
			break
		}
		if err := e.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		held = append(held, e)
	}
	j.Done(held[0])
	if e, err := j.Add(make([]byte, 80)); err != nil || e.Wait(t.Context()) != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestADirectoryHasOneUser(t *testing.T) {
	t.Parallel()
	cfg := journal.Default(t.TempDir())
	j, _ := open(t, cfg)
	if _, _, err := journal.Open(cfg); !errors.Is(err, journal.ErrInUse) {
		t.Errorf("a second user: %v", err)
	}
	shut(t, j)
	if _, err := j.Add(nil); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
	j, _ = open(t, cfg)
	shut(t, j)
}

func TestADiskThatRefusesSaysSoAndLaterEntriesAreKept(t *testing.T) {
	t.Parallel()
	cfg := journal.Default(filepath.Join(t.TempDir(), "journal"))
	j, _ := open(t, cfg)
	add(t, j, "before")
	away := cfg.Dir + "-away"
	if err := os.Rename(cfg.Dir, away); err != nil {
		t.Fatal(err)
	}
	// The file that is open can still be written to; fill it, so that the next one cannot be made.
	big := string(bytes.Repeat([]byte("x"), cfg.MaxEntry))
	for n := int64(0); n < cfg.SegmentBytes; n += int64(len(big)) {
		add(t, j, big)
	}
	e, err := j.Add([]byte("lost"))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Wait(t.Context()); err == nil {
		t.Error("acknowledged, and there is no directory")
	}
	if err := os.Rename(away, cfg.Dir); err != nil {
		t.Fatal(err)
	}
	add(t, j, "after")
	shut(t, j)
	j, found := open(t, cfg)
	shut(t, j)
	if found[0] != "before" || found[len(found)-1] != "after" || slices.Contains(found, "lost") {
		t.Errorf("given back: %d entries, the last %q", len(found), found[len(found)-1])
	}
}

func TestManyAtOnceAreAllKept(t *testing.T) {
	t.Parallel()
	cfg := journal.Default(t.TempDir())
	cfg.SegmentBytes = 1000
	j, _ := open(t, cfg)
	var wait sync.WaitGroup
	for k := range 200 {
		wait.Go(func() {
			e := add(t, j, fmt.Sprint(k))
			if k%2 == 0 {
				j.Done(e)
			}
		})
	}
	wait.Wait()
	if j.Entries() != 100 {
		t.Errorf("%d entries, want 100", j.Entries())
	}
	shut(t, j)
	j, found := open(t, cfg)
	shut(t, j)
	for k := 1; k < 200; k += 2 {
		if !slices.Contains(found, fmt.Sprint(k)) {
			t.Errorf("%d is lost", k)
		}
	}
}

// TestAfterACrashAtAnyByteEverythingAcknowledgedIsThere: the files hold what was synced, and of what was under way any
// beginning.
func TestAfterACrashAtAnyByteEverythingAcknowledgedIsThere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "journal-") //nolint:usetesting // of each of many cases
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		cfg := journal.Default(dir)
		cfg.SegmentBytes = int64(rapid.IntRange(1, 400).Draw(t, "segment bytes"))
		all := rapid.SliceOfN(rapid.StringN(0, 50, 100), 1, 20).Draw(t, "values")
		acknowledged := rapid.IntRange(0, len(all)-1).Draw(t, "acknowledged")
		j, _ := open(t, cfg)
		for _, v := range all[:acknowledged] {
			add(t, j, v)
		}
		sizes := map[string]int64{}
		for _, f := range files(t, dir) {
			info, err := os.Stat(f)
			if err != nil {
				t.Fatal(err)
			}
			sizes[f] = info.Size()
		}
		for _, v := range all[acknowledged:] {
			add(t, j, v)
		}
		shut(t, j)
		for _, f := range files(t, dir) {
			info, err := os.Stat(f)
			if err != nil {
				t.Fatal(err)
			}
			at := rapid.Int64Range(sizes[f], info.Size()).Draw(t, "cut")
			if err := os.Truncate(f, at); err != nil {
				t.Fatal(err)
			}
		}
		j, found := open(t, cfg)
		defer shut(t, j)
		if len(found) < acknowledged || !slices.Equal(found[:acknowledged], all[:acknowledged]) {
			t.Fatalf("acknowledged %q, given back %q", all[:acknowledged], found)
		}
		if set := j.SetAside(); len(set) != 0 {
			t.Fatalf("set aside: %q", set)
		}
		// What has survived survives the next crash as well, and goes on being added to.
		add(t, j, "one more")
	})
}

func TestADamagedFileIsSetAsideAndTheRestOfItGivenBack(t *testing.T) {
	t.Parallel()
	want := []string{"first", "second, which is longer than the others", "third"}
	whole := t.TempDir()
	j, _ := open(t, journal.Default(whole))
	for _, v := range want {
		add(t, j, v)
	}
	shut(t, j)
	name := files(t, whole)[0]
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for at := range content {
		dir := t.TempDir()
		spoilt := bytes.Clone(content)
		spoilt[at] ^= 1
		path := filepath.Join(dir, filepath.Base(name))
		if err := os.WriteFile(path, spoilt, 0o600); err != nil {
			t.Fatal(err)
		}
		cfg := journal.Default(dir)
		for round := range 2 { // and again: the file that was set aside is not read any more
			j, found := open(t, cfg)
			if len(found) != 2 || !subsequence(found, want) {
				t.Errorf("byte %d, start %d: given back %q", at, round, found)
			}
			if set := j.SetAside(); len(set) != 1 {
				t.Errorf("byte %d: set aside %q", at, set)
			} else if kept, err := os.ReadFile(set[0]); err != nil || !bytes.Equal(kept, spoilt) {
				t.Errorf("byte %d: the file set aside is not what it was: %v", at, err)
			}
			shut(t, j)
		}
	}
}

// subsequence says that a is b with some left out.
func subsequence(a, b []string) bool {
	for _, v := range b {
		if len(a) > 0 && a[0] == v {
			a = a[1:]
		}
	}
	return len(a) == 0
}

func TestStrangersFilesAreLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"notes.journal", "0000000000000001-zz.journal", "README"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	j, found := open(t, journal.Default(dir))
	add(t, j, "x")
	shut(t, j)
	if found != nil {
		t.Errorf("read %q", found)
	}
	if raw, err := os.ReadFile(filepath.Join(dir, "notes.journal")); err != nil || string(raw) != "mine" {
		t.Errorf("%q, %v", raw, err)
	}
}

func BenchmarkAdd(b *testing.B) {
	j, _ := open(b, journal.Default(b.TempDir()))
	defer shut(b, j)
	value := string(make([]byte, 300))
	b.ReportAllocs()
	for b.Loop() {
		j.Done(add(b, j, value))
	}
}
