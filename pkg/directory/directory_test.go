package directory_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"vigie/pkg/authz"
	"vigie/pkg/directory"
	"vigie/pkg/directory/directorytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestDirectory_on_SQLite(t *testing.T) {
	t.Parallel()
	directorytest.Run(t, func(ctx context.Context, dir string, now func() time.Time) (*directory.Directory, error) {
		return directory.Open(ctx, directory.Config{Path: filepath.Join(dir, "directory.db"), Now: now})
	})
}

func open(t *testing.T, path string) *directory.Directory {
	t.Helper()
	d, err := directory.Open(t.Context(), directory.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestOpen_makes_files_that_only_their_owner_reads(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a b?c#d%20") // as a URL it would be another path
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	d := open(t, filepath.Join(dir, "directory.db"))
	if _, err := d.AddSource(t.Context(), "panel", "paris"); err != nil {
		t.Fatal(err)
	}
	first := &directory.FirstAccounts{
		Accounts: []directory.FirstAccount{{Account: "chief", Password: "p", Role: authz.Chief, Scope: authz.RegionScope}},
		Sources:  []directory.FirstSource{{Source: "paris-panel", Key: "k"}},
	}
	path := filepath.Join(dir, "first-accounts.json")
	if err := os.WriteFile(path, nil, 0o644); err != nil { // a wider file gives its mode to nothing
		t.Fatal(err)
	}
	if err := directory.WriteFirstAccounts(path, first); err != nil {
		t.Fatal(err)
	}
	var names []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", e.Name(), info.Mode())
		}
		names = append(names, e.Name())
	}
	want := []string{"directory.db", "directory.db-shm", "directory.db-wal", "directory.db.kek", "first-accounts.json"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, got); err != nil {
		t.Fatal(err)
	}
	const wire = `{"accounts":[{"account":"chief","password":"p","role":"chief","scope":"region"}],"sources":[{"source":"paris-panel","key":"k"}]}`
	if diff := cmp.Diff(wire, compact.String()); diff != "" {
		t.Errorf("first-accounts.json (-want +got):\n%s", diff)
	}
}

func TestOpen_refuses_a_key_file_that_does_not_fit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		spoil func(kek string) error
		want  error // nil: any
	}{
		{"missing", os.Remove, directory.ErrWrongKEK},
		{"of another directory", func(kek string) error {
			return os.WriteFile(kek, []byte("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"), 0o600)
		}, directory.ErrWrongKEK},
		{"cut", func(kek string) error { return os.Truncate(kek, 10) }, directory.ErrWrongKEK},
		{"readable by others", func(kek string) error { return os.Chmod(kek, 0o640) }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "directory.db")
			if err := open(t, path).Close(); err != nil {
				t.Fatal(err)
			}
			if err := tt.spoil(path + ".kek"); err != nil {
				t.Fatal(err)
			}
			d, err := directory.Open(t.Context(), directory.Config{Path: path})
			if err == nil {
				_ = d.Close()
				t.Fatal("the directory opened")
			}
			if tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("Open = %v, want %v", err, tt.want)
			}
			if _, err := os.Stat(path + ".kek"); tt.name == "missing" && !errors.Is(err, fs.ErrNotExist) {
				t.Error("a second key was made")
			}
		})
	}
}

func TestOpen_by_several_at_once_makes_one_directory(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "directory.db")
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			d, err := directory.Open(t.Context(), directory.Config{Path: path})
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			if _, err := d.AddSource(t.Context(), fmt.Sprintf("panel-%d", i), "paris"); err != nil {
				t.Errorf("add source: %v", err)
			}
			if err := d.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
	wg.Wait()
}

func TestOpen_refuses_the_directory_of_a_newer_release(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "directory.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), "PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	if d, err := directory.Open(t.Context(), directory.Config{Path: path}); err == nil {
		_ = d.Close()
		t.Fatal("the directory opened")
	}
}

func TestAlarm_path_does_not_wait_for_a_writer(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "directory.db")
	var now clock
	d, err := directory.Open(t.Context(), directory.Config{Path: path, Now: now.now})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	key, err := d.AddSource(t.Context(), "panel", "paris")
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.NewDeviceToken(t.Context(), "paris", "alpha", "g1", 0)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	now.advance(10 * time.Minute)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, err := d.Source(ctx, key); err != nil {
		t.Errorf("source: %v", err)
	}
	if _, _, err := d.Principal(ctx, s.Token); err != nil {
		t.Errorf("principal: %v", err)
	}
	if _, _, err := d.SealForRequest(ctx, "panel", "r1", now.now(), "text"); err != nil {
		t.Errorf("seal: %v", err)
	}
}

func TestDestroyMonth_leaves_no_key_on_the_disk(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "directory.db")
	d := open(t, path)
	at := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	if _, _, err := d.SealForSubject(t.Context(), "somebody-who-left", at, "text"); err != nil {
		t.Fatal(err)
	}
	holds := func() bool {
		t.Helper()
		for _, f := range []string{path, path + "-wal"} {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(b, []byte("somebody-who-left")) {
				return true
			}
		}
		return false
	}
	if !holds() {
		t.Fatal("the row of the key is not in the files: the test looks for the wrong thing")
	}
	if err := d.DestroyMonth(t.Context(), directory.SubjectKeys, "2026-09"); err != nil {
		t.Fatal(err)
	}
	if holds() {
		t.Error("the row of the key is still in the files")
	}
}

// clock moves by hand.
type clock struct {
	mu sync.Mutex // guards at
	at time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Date(2026, 9, 15, 0, 0, 0, 0, time.UTC).Add(c.at)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at += d
}
