package witness_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"vigie/pkg/eventlog/witness"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func keep(t *testing.T, path string) *witness.Keeper {
	t.Helper()
	k, err := witness.Keep(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func load(t *testing.T, path string) []witness.Head {
	t.Helper()
	heads, err := witness.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return heads
}

func head(room, log string, offset int64) witness.Head {
	return witness.Head{Room: room, LogID: log, Offset: offset, Version: uint64(offset + 1), Hash: []byte{1, 2}, IntakeNext: offset}
}

func TestHeadsAreWrittenAtMostOnceASecondAndAtClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "heads.json")
		k := keep(t, path)
		k.Set(head("north", "a", 1))
		synctest.Wait()
		if diff := cmp.Diff([]witness.Head{head("north", "a", 1)}, load(t, path)); diff != "" {
			t.Error(diff)
		}
		k.Set(head("north", "a", 2))
		synctest.Wait()
		if got := load(t, path)[0].Offset; got != 1 {
			t.Errorf("written at once again, offset %d", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := load(t, path)[0].Offset; got != 2 {
			t.Errorf("offset %d a second later, want 2", got)
		}
		k.Set(head("south", "b", 7))
		if err := k.Close(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]witness.Head{head("north", "a", 2), head("south", "b", 7)}, load(t, path)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAHeadNeverMovesBackInTheSameLog(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "heads.json")
	k := keep(t, path)
	k.Set(head("north", "a", 10))
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	k = keep(t, path)
	k.Set(head("north", "a", 3)) // a reader that begins again
	k.Set(head("south", "b", 0))
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]witness.Head{head("north", "a", 10), head("south", "b", 0)}, load(t, path)); diff != "" {
		t.Error(diff)
	}
	k = keep(t, path)
	k.Set(head("north", "c", 0)) // another log altogether
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	if got := load(t, path)[0]; got.LogID != "c" || got.Offset != 0 {
		t.Errorf("got %+v, want the new log's head", got)
	}
}

func TestAFileThatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "heads.json")
	if heads := load(t, path); heads != nil {
		t.Errorf("got %v from no file", heads)
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := witness.Load(path); err == nil {
		t.Error("loaded half a file")
	}
	if _, err := witness.Keep(path, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("kept half a file")
	}
}
