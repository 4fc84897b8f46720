package snapshot_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow/livetest"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	"vigie/pkg/snapshot"
	"vigie/pkg/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const room = "north"

var entry = eventlog.RoomEntry{Room: room, LogID: "log-1"}

// busy is the log of a room with incidents, and with refusals and repeats among the causes.
func busy(tb testing.TB, incidents, causes int) [][]byte {
	tb.Helper()
	w := es.NewWriter(room, "d", controlroom.Rules(), es.DefaultLimits(), wire.Encode)
	var log [][]byte
	now, offset := int64(1_000_000), int64(0)
	settle := func() {
		for {
			tick := es.Tick{Now: now, Mono: now}
			step := w.Step(tick, controlroom.Facts{Room: room, LogID: entry.LogID, MinuteOfDay: 600})
			if len(step.Batch) == 0 {
				return
			}
			for _, value := range step.Batch {
				s := wire.Decode(int64(len(log)), value)
				log = append(log, value)
				w.Read(&s)
			}
			w.Appended(es.Written, tick)
		}
	}
	ask := func(q *intakev1.Request) {
		q.Room, q.Principal, q.Id, q.ReceivedAtMs = room, "edge", fmt.Sprint(offset-offset%10/9), now // every tenth comes twice
		value, err := wire.EncodeRequest(q)
		if err != nil {
			tb.Fatal(err)
		}
		w.Request(wire.DecodeRequest(offset, value))
		if offset++; offset%200 == 0 {
			settle()
		}
	}
	settle()
	ask(&intakev1.Request{Body: &intakev1.Request_ConfigureRegion{ConfigureRegion: &intakev1.ConfigureRegion{
		Hash: "h", Content: livetest.Configuration(room),
	}}})
	for k := range causes - 1 {
		q := &intakev1.Request{Body: &intakev1.Request_OpenIncident{OpenIncident: &intakev1.OpenIncident{Site: room + "-1", Category: "assistance"}}}
		if k >= incidents {
			q = &intakev1.Request{Body: &intakev1.Request_AcceptMission{AcceptMission: &intakev1.AcceptMission{Mission: "M0"}}}
		}
		ask(q)
	}
	settle()
	return log
}

func folded(tb testing.TB, log [][]byte) *controlroom.Fold {
	tb.Helper()
	f := controlroom.NewFold(room)
	for k, value := range log {
		s := wire.Decode(int64(k), value)
		if j := f.Read(&s); j.Verdict == es.Halting {
			tb.Fatal(j)
		}
	}
	return f
}

// noted is a directory that notes its warnings.
func noted(tb testing.TB, path string) (*snapshot.Dir, *bytes.Buffer) {
	tb.Helper()
	var out bytes.Buffer
	d, err := snapshot.Open(path, slog.New(slog.NewTextHandler(&out, nil)))
	if err != nil {
		tb.Fatal(err)
	}
	return d, &out
}

func save(tb testing.TB, d *snapshot.Dir, name string, f *controlroom.Fold) {
	tb.Helper()
	saved := f.Save()
	if err := d.Save(name, &saved); err != nil {
		tb.Fatal(err)
	}
}

func TestTheLatestSnapshotIsTakenAndTheOneBeforeItWhenThatIsDamaged(t *testing.T) {
	t.Parallel()
	log := busy(t, 30, 200)
	path := t.TempDir()
	d, warned := noted(t, path)
	if d.Load(t.Context(), entry) != nil {
		t.Fatal("a room out of nothing")
	}
	for _, at := range []int{50, 100, 150} {
		save(t, d, room, folded(t, log[:at]))
	}
	expect := func(want *controlroom.Fold, warnings int) {
		t.Helper()
		got := d.Load(t.Context(), entry)
		switch {
		case (got == nil) != (want == nil):
			t.Fatalf("loaded %v", got)
		case got != nil && controlroom.StateHash(got) != controlroom.StateHash(want):
			t.Errorf("loaded version %d, not %d", got.Version, want.Version)
		}
		if got := strings.Count(warned.String(), "snapshot ignored"); got != warnings {
			t.Errorf("%d warnings, not %d: %s", got, warnings, warned)
		}
		warned.Reset()
	}
	expect(folded(t, log[:150]), 0)
	latest, older := filepath.Join(path, "room-north.snapshot"), filepath.Join(path, "room-north.snapshot.old")
	damage(t, latest)
	expect(folded(t, log[:100]), 1)
	damage(t, older)
	expect(nil, 2)
	if files, _ := os.ReadDir(path); len(files) != 2 {
		t.Errorf("%d files for two generations", len(files))
	}
	save(t, d, room, folded(t, log))
	expect(folded(t, log), 0)
	if err := os.Remove(latest); err != nil {
		t.Fatal(err)
	}
	expect(nil, 1)
}

// damage turns a bit in the middle of a file.
func damage(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestASnapshotOfAnotherLogIsPassedOver(t *testing.T) {
	t.Parallel()
	d, warned := noted(t, t.TempDir())
	save(t, d, room, folded(t, busy(t, 3, 10)))
	if d.Load(t.Context(), eventlog.RoomEntry{Room: room, LogID: "log-2"}) != nil {
		t.Error("it was taken")
	}
	if !strings.Contains(warned.String(), "it is of log log-1, the room table says log-2") {
		t.Errorf("said %s", warned)
	}
}

func TestRoomsOfAnyNameKeepApart(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	d, _ := noted(t, filepath.Join(path, "deep", "er"))
	f := folded(t, busy(t, 3, 10))
	names := []string{"../out", "a/b", ".", ".hidden", "a.snapshot", "a", "a%2Fb"}
	for range 2 {
		for _, name := range names {
			save(t, d, name, f)
		}
	}
	if files, _ := filepath.Glob(filepath.Join(path, "deep", "er", "*")); len(files) != 2*len(names) {
		t.Errorf("files %v", files)
	}
	d, _ = noted(t, filepath.Join(path, "deep", "er"))
	for _, name := range names {
		if d.Load(t.Context(), eventlog.RoomEntry{Room: name, LogID: "log-1"}) == nil {
			t.Errorf("%q is not there", name)
		}
	}
}

func TestWhatACrashLeftHalfWrittenIsClearedAway(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	d, _ := noted(t, path)
	save(t, d, room, folded(t, busy(t, 3, 10)))
	half := filepath.Join(path, ".room-north.snapshot123456")
	if err := os.WriteFile(half, []byte("VIGIE"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, _ = noted(t, path)
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Error("it is still there")
	}
	if d.Load(t.Context(), entry) == nil {
		t.Error("the whole one is gone")
	}
}

func TestEveryFlippedBitAndEveryCutIsNoticed(t *testing.T) {
	t.Parallel()
	saved := folded(t, busy(t, 2, 8)).Save()
	whole, err := snapshot.Encode(room, &saved)
	if err != nil {
		t.Fatal(err)
	}
	for k := range whole {
		flipped := bytes.Clone(whole)
		flipped[k] ^= 1 << (k % 8)
		if _, err := snapshot.Decode(room, flipped); err == nil {
			t.Fatalf("byte %d", k)
		}
		if _, err := snapshot.Decode(room, whole[:k]); err == nil {
			t.Fatalf("cut at %d", k)
		}
	}
	if _, err := snapshot.Decode("south", whole); err == nil {
		t.Error("another room's was read")
	}
}

// FuzzDecode gives the fields behind a checksum that fits: nothing in them may stop a start.
func FuzzDecode(f *testing.F) {
	saved := folded(f, busy(f, 2, 8)).Save()
	whole, err := snapshot.Encode(room, &saved)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole[:len(whole)-sha256.Size])
	f.Add([]byte("VIGIESNP"))
	f.Fuzz(func(t *testing.T, fields []byte) {
		sum := sha256.Sum256(fields)
		s, err := snapshot.Decode(room, append(bytes.Clone(fields), sum[:]...))
		if err != nil {
			return
		}
		again, err := snapshot.Encode(room, &s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := snapshot.Decode(room, again); err != nil {
			t.Fatalf("read, written and not read again: %v", err)
		}
	})
}

func TestASnapshotThatItsLogDoesNotContainSaysThatTheLogWasCut(t *testing.T) {
	t.Parallel()
	log := busy(t, 10, 40)
	other := busy(t, 11, 40)
	f := folded(t, log[:30])
	for name, c := range map[string]struct {
		log  [][]byte
		want string
	}{
		"as it was":            {log[:30], ""},
		"longer":               {log, ""},
		"cut":                  {log[:29], "ends at 29, the snapshot of room north has record 29"},
		"cut and written on":   {other, "record 29 of vigie.log is not the one that the snapshot of room north was taken at"},
		"the record is broken": {append(log[:29:29], []byte("no")), "record 29 of vigie.log is not the one"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := livetest.Start(t, room)
			w.Append(eventlog.TopicLog, room, c.log...)
			err := snapshot.InLog(t.Context(), w.Log, w.Entry(room), f)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (!errors.Is(err, snapshot.ErrCut) || !strings.Contains(err.Error(), c.want)):
				t.Errorf("said %v", err)
			}
		})
	}
}

// Benchmarks: 1000 incidents and 100 000 causes, one after the other with nothing else in the room.

func BenchmarkSave(b *testing.B) {
	d, _ := noted(b, b.TempDir())
	f := folded(b, busy(b, 1000, 100_000))
	b.ReportAllocs()
	for b.Loop() {
		save(b, d, room, f)
	}
}

func BenchmarkEncode(b *testing.B) {
	saved := folded(b, busy(b, 1000, 100_000)).Save()
	b.ReportAllocs()
	for b.Loop() {
		encoded, err := snapshot.Encode(room, &saved)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(encoded)))
	}
}

func BenchmarkLoad(b *testing.B) {
	d, _ := noted(b, b.TempDir())
	save(b, d, room, folded(b, busy(b, 1000, 100_000)))
	b.ReportAllocs()
	for b.Loop() {
		if d.Load(b.Context(), entry) == nil {
			b.Fatal("nothing")
		}
	}
}
