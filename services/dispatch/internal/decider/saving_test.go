package decider_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigie/pkg/clock"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/witness"
	"vigie/pkg/follow/livetest"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	"vigie/pkg/snapshot"
	"vigie/pkg/wire"
	"vigie/services/dispatch/internal/decider"
	"vigie/services/dispatch/internal/fixes"
)

func snapshots(tb testing.TB, path string) *snapshot.Dir {
	tb.Helper()
	d, err := snapshot.Open(path, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// saving makes a decider write snapshots into a directory, after so many records.
func saving(d *snapshot.Dir, every uint64) func(*decider.Config) {
	return func(c *decider.Config) { c.Snapshots, c.SnapshotEvery = d, every }
}

func TestARestartReadsTheTailAndDecidesAsIfItHadReadAll(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	dir := snapshots(t, t.TempDir())
	never := uint64(1 << 40) // only the stop saves
	first := decide(t, w, "north", "a", saving(dir, never))
	w.Configure("north")
	for k := range 40 {
		w.Ask("north", "account/dora", fmt.Sprint(k), open("north-1"))
	}
	before := answered(t, w, "north", 41)
	livetest.Await(t, "all read back", func() bool { return first.Figures().Backlog == 0 && first.Figures().Decided >= int64(before.Version) })
	if err := first.end(); err != nil {
		t.Fatal(err)
	}
	saved := dir.Load(t.Context(), w.Entry("north"))
	if saved == nil || saved.Version < 41 {
		t.Fatalf("an orderly stop has saved %v", saved)
	}
	again := decide(t, w, "north", "a", saving(dir, never))
	livetest.Await(t, "ready again", func() bool { return again.Ready() == nil })
	last := w.Ask("north", "account/dora", "7", open("north-1")) // a repeat of what is before the snapshot
	last = max(last, w.Ask("north", "account/dora", "new", open("north-1")))
	log := answered(t, w, "north", last+1)
	if err := again.end(); err != nil {
		t.Fatal(err)
	}
	repeat := log.outcomes[last-1][0]
	if first := log.outcomes[8][0]; repeat.RepeatOf != first.Version || len(log.State.Incidents) != 41 {
		t.Errorf("a repeat of %d is answered as one of %d, with %d incidents", first.Version, repeat.RepeatOf, len(log.State.Incidents))
	}
	tail := tell(t, w, "north").Version - saved.Version
	if got := again.Figures().Decided; got > int64(tail) {
		t.Errorf("read %d records for a tail of %d", got, tail)
	}
	saved = dir.Load(t.Context(), w.Entry("north"))
	if saved == nil || controlroom.StateHash(saved) != controlroom.StateHash(upTo(t, w, saved.Next)) {
		t.Errorf("what the second run has saved is not what the log says")
	}
}

// upTo is the room as folded from its first record to before an offset.
func upTo(t *testing.T, w *livetest.World, next int64) *controlroom.Fold {
	t.Helper()
	return fold(w.Read(eventlog.TopicLog, "north")[:next])
}

func fold(log [][]byte) *controlroom.Fold {
	f := controlroom.NewFold("north")
	for k, value := range log {
		s := wire.Decode(int64(k), value)
		f.Read(&s)
	}
	return f
}

func TestSnapshotsAreWrittenWhileItDecidesAndByWhoStandsByAsWell(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	first, standby := snapshots(t, t.TempDir()), snapshots(t, t.TempDir())
	decide(t, w, "north", "a", saving(first, 10))
	decide(t, w, "north", "b", func(c *decider.Config) {
		saving(standby, 10)(c)
		c.Limits = es.DefaultLimits().Waiting()
	})
	w.Configure("north")
	for k := range 50 {
		w.Ask("north", "account/dora", fmt.Sprint(k), open("north-1"))
	}
	answered(t, w, "north", 51)
	for name, dir := range map[string]*snapshot.Dir{"first": first, "standby": standby} {
		var f *controlroom.Fold
		livetest.Await(t, "a snapshot of "+name, func() bool {
			f = dir.Load(t.Context(), w.Entry("north"))
			return f != nil && f.Version > 40
		})
		if controlroom.StateHash(f) != controlroom.StateHash(upTo(t, w, f.Next)) {
			t.Errorf("%s has saved what the log does not say", name)
		}
	}
}

func TestARoomThatItsSnapshotDoesNotFitHaltsAndADamagedSnapshotIsPassedOver(t *testing.T) {
	t.Parallel()
	intake, log := story(t)
	path := t.TempDir()
	saved := fold(log).Save()
	if err := snapshots(t, path).Save("north", &saved); err != nil {
		t.Fatal(err)
	}
	end := len(log) - 1
	stranger := wire.Decode(0, log[end]).Decision
	stranger.Decider = "stranger"
	other, _ := wire.Encode(&stranger)
	rewritten := bytes.Clone(intake[len(intake)-1])
	rewritten[len(rewritten)-1] ^= 1
	seen := func(offset int, hash es.Hash) witness.Head {
		return witness.Head{Room: "north", LogID: "log-1", Offset: int64(offset), Hash: hash[:]}
	}
	for name, c := range map[string]struct {
		intake, log [][]byte
		witnessed   witness.Head
		damaged     bool
		want        string
	}{
		"as it was":            {intake: intake, log: log, witnessed: seen(1, wire.Decode(1, log[1]).Hash)},
		"damaged snapshot":     {intake: intake, log: log, damaged: true},
		"log cut":              {intake: intake, log: log[:end], want: fmt.Sprintf("vigie.log ends at %d, the snapshot of room north has record %d; run vigie log verify", end, end)},
		"log written on":       {intake: intake, log: append(log[:end:end], other), want: "is not the one that the snapshot of room north was taken at; run vigie log verify"},
		"another witness":      {intake: intake, log: log, witnessed: seen(1, es.Hash{}), want: "record 1 of vigie.log is not the one this node had seen there"},
		"witnessed at its end": {intake: intake, log: log, witnessed: seen(end, es.Hash{}), want: "is not the one this node had seen there"},
		"intake cut":           {intake: intake[:1], log: log, want: "intake ends at 1 and request 1 was answered: intake was cut"},
		"intake rewritten":     {intake: append(intake[:len(intake)-1:len(intake)-1], rewritten), log: log, want: "is not the one that was answered: intake was rewritten"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			own := t.TempDir()
			if err := os.CopyFS(own, os.DirFS(path)); err != nil {
				t.Fatal(err)
			}
			if c.damaged {
				if err := os.WriteFile(filepath.Join(own, "room-north.snapshot"), []byte("VIGIESNP and noise of more than a checksum's length"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			w := livetest.Start(t, "north")
			w.Append(eventlog.TopicIntake, "north", c.intake...)
			w.Append(eventlog.TopicLog, "north", c.log...)
			d := decide(t, w, "north", "author", func(cfg *decider.Config) {
				saving(snapshots(t, own), 1)(cfg)
				cfg.Witnessed = c.witnessed
			})
			livetest.Await(t, "ready or halted", func() bool { return d.Ready() == nil || d.Halted() })
			if c.want == "" {
				answered(t, w, "north", w.Ask("north", "account/dora", "more", open("north-1"))+1)
			}
			err := d.end()
			if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, decider.ErrHalted) || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("ended with %v, want %q", err, c.want)
			}
		})
	}
}

// BenchmarkStart is a decider's way from nothing to deciding, on a log of 200 000 records.
func BenchmarkStart(b *testing.B) {
	w := livetest.Start(b, "north")
	intake, log := long(b, 200_000)
	for k := 0; k < len(log); k += 1000 {
		w.Append(eventlog.TopicLog, "north", log[k:min(k+1000, len(log))]...)
	}
	for k := 0; k < len(intake); k += 1000 {
		w.Append(eventlog.TopicIntake, "north", intake[k:min(k+1000, len(intake))]...)
	}
	dir := snapshots(b, b.TempDir())
	start := func(b *testing.B, dir *snapshot.Dir) {
		b.Helper()
		d := decider.New(decider.Config{
			Limits: es.DefaultLimits(), Room: w.Entry("north"), Name: "d", Log: w.Log, Clock: w.Clock, Positions: fixes.NewTable(),
			Snapshots: dir, SnapshotEvery: 1 << 40, Logger: slog.New(slog.DiscardHandler),
		})
		ctx, stop := context.WithCancel(b.Context())
		ended := make(chan error, 1)
		go func() { ended <- d.Run(ctx) }()
		livetest.Await(b, "ready", func() bool { return d.Ready() == nil })
		b.StopTimer()
		stop()
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.Run("from the beginning", func(b *testing.B) {
		for b.Loop() {
			start(b, nil)
		}
	})
	saved := fold(log[:len(log)-10_000]).Save() // half of what is read at most
	if err := dir.Save("north", &saved); err != nil {
		b.Fatal(err)
	}
	b.Run("from a snapshot", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			if err := dir.Save("north", &saved); err != nil { // the stop of the last round has saved as well
				b.Fatal(err)
			}
			b.StartTimer()
			start(b, dir)
		}
	})
}

// long is a story of so many decisions, most of them refusals.
func long(b *testing.B, decisions int) (intake, log [][]byte) {
	b.Helper()
	w := es.NewWriter("north", "d", controlroom.Rules(), es.DefaultLimits(), wire.Encode)
	now := clock.Real().Now().Add(-time.Hour).UnixMilli()
	settle := func() {
		for {
			tick := es.Tick{Now: now, Mono: now}
			step := w.Step(tick, controlroom.Facts{Room: "north", LogID: "log-1", MinuteOfDay: 600})
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
		q.Room, q.Principal, q.Id, q.ReceivedAtMs = "north", "edge", fmt.Sprint(len(intake)), now
		value, err := wire.EncodeRequest(q)
		if err != nil {
			b.Fatal(err)
		}
		w.Request(wire.DecodeRequest(int64(len(intake)), value))
		if intake = append(intake, value); len(intake)%200 == 0 {
			settle()
		}
	}
	settle()
	ask(&intakev1.Request{Body: &intakev1.Request_ConfigureRegion{ConfigureRegion: &intakev1.ConfigureRegion{
		Hash: "h", Content: livetest.Configuration("north"),
	}}})
	for len(intake) < 1000 {
		ask(open("north-1"))
	}
	for len(log) < decisions {
		ask(&intakev1.Request{Body: &intakev1.Request_AcceptMission{AcceptMission: &intakev1.AcceptMission{Mission: "M0"}}})
	}
	settle()
	return intake, log
}
