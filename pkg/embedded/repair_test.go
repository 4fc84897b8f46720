package embedded_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vigie/pkg/embedded"
	"vigie/pkg/eventlog"
)

// salvaged is every record of the log of partition 0 that can be made out, by its offset.
func salvaged(t *testing.T, cfg embedded.Config) map[int64]string {
	t.Helper()
	s := stopped(t, cfg)
	records := map[int64]string{}
	err := s.Records(eventlog.TopicLog, 0, func(r eventlog.Record) error {
		records[r.Offset] = string(r.Value)
		return nil
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	return records
}

func stopped(t *testing.T, cfg embedded.Config) *embedded.Stopped {
	t.Helper()
	s, err := embedded.OpenStopped(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryFlippedByteIsNoticedAndCostsAtMostItsOwnRecord(t *testing.T) {
	t.Parallel()
	dir, _ := filled(t)
	cfg := config(dir)
	log := segment(dir, eventlog.TopicLog)
	whole := read(t, log)
	want := salvaged(t, cfg)
	if len(want) != 10 {
		t.Fatalf("%d records in a whole log", len(want))
	}
	at := batches(whole)
	for i := range whole {
		spoilt := bytes.Clone(whole)
		spoilt[i] ^= 0x04
		write(t, log, spoilt)
		own := 0
		for own+1 < len(at) && at[own+1] <= i {
			own++
		}
		// A batch also says which epoch its leader was in, outside of its checksum: nothing depends on that.
		epoch := i-at[own] >= 12 && i-at[own] < 16
		var damage *embedded.DamageError
		if err := embedded.Check(filepath.Join(dir, "main"), nil); !epoch && (!errors.As(err, &damage) || damage.File != log) {
			t.Fatalf("byte %d: %v", i, err)
		}
		got := salvaged(t, cfg)
		for offset, value := range want {
			if offset != int64(own) && got[offset] != value {
				t.Errorf("byte %d of record %d: record %d is lost with it", i, own, offset)
			}
		}
	}
}

func TestALogIsRewrittenAndWhatWasThereIsSetAside(t *testing.T) {
	t.Parallel()
	dir, _ := filled(t)
	cfg, aside := config(dir), t.TempDir()
	log := segment(dir, eventlog.TopicLog)
	spoilt := read(t, log)
	spoilt[len(spoilt)/2] ^= 1
	write(t, log, spoilt)
	s := stopped(t, cfg)
	rooms, err := s.Rooms()
	if err != nil || len(rooms) != 1 {
		t.Fatal(rooms, err)
	}
	want := map[int64]string{}
	err = s.RewriteLog(t.Context(), rooms[0], aside, func(write func([]byte) error) error {
		for k := range int64(700) { // more than is written at a time
			want[k] = fmt.Sprint("new ", k)
			if err := write([]byte(want[k])); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, s.Check(), s.Close()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, salvaged(t, cfg)); diff != "" {
		t.Error(diff)
	}
	if got := read(t, filepath.Join(aside, eventlog.TopicLog+"-0", "0.dat")); !bytes.Equal(got, spoilt) {
		t.Error("what was set aside is not what was there")
	}
	r := start(t, config(dir, "north")) // and the broker serves it
	defer r.stop(t)
	k := int64(0)
	err = r.Scan(deadline(t), eventlog.TopicLog, 0, 0, 700, func(got eventlog.Record) error {
		if string(got.Value) != want[k] || got.Offset != k {
			t.Errorf("record %d is %q at %d", k, got.Value, got.Offset)
		}
		k++
		return nil
	})
	if err != nil || k != 700 {
		t.Errorf("%d records: %v", k, err)
	}
}

func TestARunningBrokersDirectoryIsNotRepaired(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := start(t, config(dir, "north"))
	defer r.stop(t)
	if _, err := embedded.OpenStopped(config(dir)); !errors.Is(err, embedded.ErrInUse) {
		t.Errorf("got %v, want %v", err, embedded.ErrInUse)
	}
}
