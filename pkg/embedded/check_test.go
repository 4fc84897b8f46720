package embedded_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"vigie/pkg/app"
	"vigie/pkg/embedded"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/witness"
)

// filled is the directory of a stopped broker with ten records in intake and
// log of one room, and the room's log id.
func filled(t *testing.T) (dir, logID string) {
	t.Helper()
	dir = t.TempDir()
	r := start(t, config(dir, "north"))
	r.fill(t, 0, 10, all...)
	logID = r.rooms(t)[0].LogID
	r.stop(t)
	return dir, logID
}

func keep(t *testing.T, path string, head witness.Head) {
	t.Helper()
	k, err := witness.Keep(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	k.Set(head)
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
}

func segment(dir, topic string) string {
	return filepath.Join(dir, "main", "partitions", topic+"-0", "0.dat")
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// batches returns where each batch of a segment begins, and its end.
func batches(b []byte) []int {
	at := []int{0}
	for pos := 0; pos < len(b); {
		pos += 12 + int(binary.BigEndian.Uint32(b[pos+8:]))
		at = append(at, pos)
	}
	return at
}

// sums is what every file in a directory holds.
func sums(t *testing.T, dir string) map[string][32]byte {
	t.Helper()
	all := make(map[string][32]byte)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all[path] = sha256.Sum256(read(t, path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// refused starts a broker that must refuse, and checks that it left the files alone.
func refused(t *testing.T, cfg embedded.Config) *embedded.DamageError {
	t.Helper()
	main := filepath.Join(cfg.Dir, "main")
	before := sums(t, main)
	_, err := embedded.Start(deadline(t), cfg)
	var damage *embedded.DamageError
	if !errors.As(err, &damage) {
		t.Fatalf("got %v, want a DamageError", err)
	}
	if app.Status(embedded.Exit(err)) != app.LogDamaged {
		t.Errorf("status %d, want %d", app.Status(embedded.Exit(err)), app.LogDamaged)
	}
	if diff := cmp.Diff(before, sums(t, main)); diff != "" {
		t.Errorf("the refused directory was changed: %s", diff)
	}
	return damage
}

func TestADamagedDirectoryIsRefusedUntouched(t *testing.T) {
	t.Parallel()
	dir, _ := filled(t)
	log := segment(dir, eventlog.TopicLog)
	whole := read(t, log)
	at := batches(whole)
	last := at[len(at)-2]
	flip := func(b []byte, i int) []byte { b[i] ^= 0x40; return b }
	for _, c := range []struct {
		name   string
		spoil  func(b []byte) []byte
		offset int
	}{
		{"a byte in the middle", func(b []byte) []byte { return flip(b, at[4]+70) }, at[4]},
		{"a byte of the last batch", func(b []byte) []byte { return flip(b, last+70) }, last},
		{"an offset", func(b []byte) []byte { return flip(b, at[3]+7) }, at[3]},
		{"a length that becomes short", func(b []byte) []byte { b[at[3]+11]--; return b }, at[3]},
		{"a length that becomes long", func(b []byte) []byte { b[at[3]+10] = 0xff; return b }, at[3]},
		{"a length that becomes absurd", func(b []byte) []byte { return flip(b, at[3]+8) }, at[3]},
		{"the length of the last batch", func(b []byte) []byte { b[last+11]++; return b }, last},
		{"a batch that is missing", func(b []byte) []byte { return append(b[:at[3]], b[at[4]:]...) }, at[3]},
		{"a batch that is there twice", func(b []byte) []byte { return append(b, b[last:]...) }, len(whole)},
		{"zeros at the end", func(b []byte) []byte { return append(b, make([]byte, 200)...) }, len(whole)},
		{"the first batch cut off", func(b []byte) []byte { return b[at[1]:] }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			write(t, log, c.spoil(append([]byte(nil), whole...)))
			damage := refused(t, config(dir, "north"))
			if damage.File != log || damage.Offset != int64(c.offset) {
				t.Errorf("got %v, want byte %d of %s", damage, c.offset, log)
			}
		})
	}
	write(t, log, whole)
	r := start(t, config(dir, "north"))
	defer r.stop(t)
	if got := len(r.values(t, eventlog.TopicLog, 0)); got != 10 {
		t.Errorf("%d records after all that, want 10", got)
	}
}

func TestATornLastBatchIsCut(t *testing.T) {
	t.Parallel()
	dir, logID := filled(t)
	log := segment(dir, eventlog.TopicLog)
	whole := read(t, log)
	at := batches(whole)
	last := at[len(at)-2]
	for _, size := range []int{1, 11, 12, 20, 61, len(whole) - last - 1} {
		write(t, log, whole[:last+size])
		if err := embedded.Check(filepath.Join(dir, "main"), nil); err != nil {
			t.Errorf("torn after %d bytes: %v", size, err)
		}
		// Unless this node has seen the record whole.
		heads := []witness.Head{{Room: "north", LogID: logID, Offset: 9, IntakeNext: 10}}
		var damage *embedded.DamageError
		if err := embedded.Check(filepath.Join(dir, "main"), heads); !errors.As(err, &damage) {
			t.Errorf("torn after %d bytes, seen before: got %v, want damage", size, err)
		}
	}
	r := start(t, config(dir, "north"))
	defer r.stop(t)
	if got := len(r.values(t, eventlog.TopicLog, 0)); got != 9 {
		t.Errorf("%d records, want the 9 before the torn one", got)
	}
	r.fill(t, 0, 1, eventlog.TopicLog)
	if got := len(r.values(t, eventlog.TopicLog, 0)); got != 10 {
		t.Errorf("%d records, want 10", got)
	}
}

func TestAnEndBelowTheWitnessIsRefused(t *testing.T) {
	t.Parallel()
	dir, logID := filled(t)
	main := filepath.Join(dir, "main")
	head := func(change func(*witness.Head)) []witness.Head {
		h := witness.Head{Room: "north", LogID: logID, Offset: 9, Version: 10, IntakeNext: 10}
		change(&h)
		return []witness.Head{h}
	}
	if err := embedded.Check(main, head(func(*witness.Head) {})); err != nil {
		t.Errorf("what was seen is there: %v", err)
	}
	for name, heads := range map[string][]witness.Head{
		"the log":         head(func(h *witness.Head) { h.Offset = 10 }),
		"intake":          head(func(h *witness.Head) { h.IntakeNext = 11 }),
		"the room":        head(func(h *witness.Head) { h.Room = "south" }),
		"the log's id":    head(func(h *witness.Head) { h.LogID = "another" }),
		"the whole place": {{Room: "elsewhere"}},
	} {
		var damage *embedded.DamageError
		if err := embedded.Check(main, heads); !errors.As(err, &damage) {
			t.Errorf("%s: got %v, want damage", name, err)
		}
	}
	var damage *embedded.DamageError
	if err := embedded.Check(t.TempDir(), head(func(*witness.Head) {})); !errors.As(err, &damage) {
		t.Errorf("an empty directory: got %v, want damage", err)
	}
}

func TestALogCutAtARecordIsRefusedByTheWitnessOfTheNode(t *testing.T) {
	t.Parallel()
	dir, logID := filled(t)
	cfg := config(dir, "north")
	cfg.WitnessFile = filepath.Join(t.TempDir(), "heads.json")
	keep(t, cfg.WitnessFile, witness.Head{Room: "north", LogID: logID, Offset: 9, Version: 10, IntakeNext: 10})
	r := start(t, cfg)
	r.stop(t)
	log := segment(dir, eventlog.TopicLog)
	whole := read(t, log)
	write(t, log, whole[:batches(whole)[8]])
	if damage := refused(t, cfg); damage.File != log {
		t.Errorf("got %v, want %s", damage, log)
	}
}

func TestAMissingListOfTopicsIsRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"topics.json", "meta.json"} {
		dir, _ := filled(t)
		if err := os.Remove(filepath.Join(dir, "main", name)); err != nil {
			t.Fatal(err)
		}
		if damage := refused(t, config(dir, "north")); filepath.Base(damage.File) != name {
			t.Errorf("got %v, want %s", damage, name)
		}
	}
	dir, _ := filled(t)
	write(t, filepath.Join(dir, "main", "topics.json"), []byte(`{"version":1,"topics":[]}`))
	if damage := refused(t, config(dir, "north")); filepath.Base(damage.File) != "topics.json" {
		t.Errorf("got %v, want topics.json", damage)
	}
}

// No single byte that changes may lose a record unnoticed.
func TestEveryChangedByteIsNoticedOrHarmless(t *testing.T) {
	t.Parallel()
	dir, logID := filled(t)
	log := segment(dir, eventlog.TopicLog)
	whole := read(t, log)
	at := batches(whole)
	heads := []witness.Head{{Room: "north", LogID: logID, Offset: 9, IntakeNext: 10}}
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.IntRange(0, len(whole)-1).Draw(t, "byte")
		b := append([]byte(nil), whole...)
		b[i] ^= byte(rapid.IntRange(1, 255).Draw(t, "change"))
		if err := os.WriteFile(log, b, 0o600); err != nil {
			t.Fatal(err)
		}
		err := embedded.Check(filepath.Join(dir, "main"), heads)
		var damage *embedded.DamageError
		if noticed := errors.As(err, &damage); !noticed && !leaderEpoch(at, i) {
			t.Errorf("byte %d changed: got %v", i, err)
		}
	})
}

// leaderEpoch says whether byte i is of the one field of a batch that no
// checksum covers and that says nothing here.
func leaderEpoch(at []int, i int) bool {
	for _, start := range at {
		if i >= start+12 && i < start+16 {
			return true
		}
	}
	return false
}
