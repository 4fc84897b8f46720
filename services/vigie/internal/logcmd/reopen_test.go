package logcmd_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vigie/pkg/app"
	"vigie/pkg/authz"
	"vigie/pkg/embedded"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow/followtest"
	"vigie/pkg/follow/verify"
)

// reopened is what vigie log reopen --json says.
type reopened struct {
	Room         string
	GoodOffset   int64   `json:"good_offset"`
	DeadRecords  int64   `json:"dead_records"`
	Undone       int64   `json:"undone"`
	DecidedAgain []int64 `json:"decided_again"`
	Offset       int64
	Version      uint64
	SetAside     string `json:"set_aside"`
	Remains      string
}

func reopen(t *testing.T, args ...string) (r reopened) {
	t.Helper()
	who := someAdmins(t, t.TempDir())
	out := ok(t, append([]string{
		"log", "reopen", "--room", "main", "--by", "alice", "--by", "bob", "--why", "a disk", "--yes", "--json",
		"--directory", who.directory, "--password-file", who.file,
	}, args...)...)
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return r
}

func verified(t *testing.T, where ...string) verify.Room {
	t.Helper()
	var report verify.Report
	if err := json.Unmarshal([]byte(ok(t, append([]string{"log", "verify", "--json"}, where...)...)), &report); err != nil {
		t.Fatal(err)
	}
	return report.Rooms[0]
}

func TestADamagedLogOnBrokersIsReopened(t *testing.T) {
	t.Parallel()
	room := followtest.Start(t)
	void := room.Tell(nil)
	head := room.Next() - 1
	bad := room.Damage(room.Flipped(), []byte("noise"))
	where := brokers(room)
	tail := func() string { return ok(t, append([]string{"log", "tail", "--room", "main"}, where...)...) }

	_, status, err := vigie(t, append([]string{
		"log", "reopen", "--room", "main", "--good-offset", fmt.Sprint(bad), "--by", "alice", "--by", "bob",
		"--why", "a disk", "--yes", "--unverified-admins",
	}, where...)...)
	if status != app.Usage || !strings.Contains(err.Error(), fmt.Sprintf("the last good one before record %d", bad)) ||
		!strings.Contains(err.Error(), fmt.Sprintf("--good-offset %d", head)) {
		t.Errorf("a bad record as the good one: status %d: %v", status, err)
	}
	_, remote := serve(t, room, authz.Auditor) // a node that runs all the while
	r := reopen(t, append([]string{"--good-offset", fmt.Sprint(head)}, where...)...)
	if r.Offset != bad+2 || r.DeadRecords != 2 || r.Undone != 0 || r.SetAside != "" {
		t.Errorf("%+v", r)
	}
	if out := tail(); !strings.Contains(out, "void (dead)") || !strings.Contains(out, "log reopened after record") {
		t.Error(out)
	}
	if got := verified(t, where...); got.Reopened != 1 || got.Dead != 2 || got.HeadOffset != r.Offset {
		t.Errorf("%+v", got)
	}

	// And again, further back: what counted until now is undone.
	again := reopen(t, append([]string{"--good-offset", fmt.Sprint(void - 1)}, where...)...)
	if again.Offset != r.Offset+1 || again.Undone == 0 || again.DecidedAgain[1] <= again.DecidedAgain[0] {
		t.Errorf("%+v", again)
	}
	if got := verified(t, where...); got.Reopened != 2 || got.Effective != void+1 {
		t.Errorf("%+v", got)
	}
	if out := tail(); !strings.Contains(out, "void (dead)") || strings.Contains(out, "CANNOT BE TRUSTED") {
		t.Error(out)
	}
	_, live := fetch(t, fmt.Sprintf("%s/v1/rooms/main/state?min_offset=%d", remote[1], again.Offset), remote[3])
	if got := ok(t, append([]string{"replay", "--room", "main", "--offset", fmt.Sprint(again.Offset)}, where...)...); got != live {
		t.Errorf("replay says\n%s\nthe node\n%s", got, live)
	}
	if got := ok(t, append([]string{"log", "tail", "--room", "main", "--json"}, remote...)...); got != ok(t, append([]string{"log", "tail", "--room", "main", "--json"}, where...)...) {
		t.Errorf("the node says of its log\n%s", got)
	}
	if got := verified(t, remote...); got.Reopened != 2 || got.HeadOffset != again.Offset {
		t.Errorf("by the node: %+v", got)
	}
}

func TestADamagedNodeIsReopenedAndItsFilesAreSetAside(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, path string, whole []byte){
		"a flipped byte": func(t *testing.T, path string, whole []byte) {
			t.Helper()
			whole[len(whole)/2] ^= 1
			put(t, path, whole)
		},
		"a tail cut": func(t *testing.T, path string, whole []byte) {
			t.Helper()
			put(t, path, whole[:len(whole)/2])
		},
		"the first bytes gone": func(t *testing.T, path string, whole []byte) {
			t.Helper()
			put(t, path, whole[100:])
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, _ := node(t)
			path := filepath.Join(data, "broker", "main", "partitions", eventlog.TopicLog+"-0", "0.dat")
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			spoil(t, path, bytes.Clone(whole))
			spoilt, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			put(t, filepath.Join(data, "snapshots", "room-main.snapshot"), []byte("of what is dead"))
			out, status, err := vigie(t, "log", "verify", "--data", data, "--json")
			var report verify.Report
			if status != app.LogDamaged || json.Unmarshal([]byte(out), &report) != nil || report.OK || len(report.Rooms) != 1 {
				t.Fatalf("status %d: %v: %s", status, err, out)
			}
			good := report.Rooms[0].HeadOffset
			r := reopen(t, "--data", data, "--good-offset", fmt.Sprint(good))
			if r.Offset != good+1 || r.Remains != "" {
				t.Fatalf("%+v", r)
			}
			if left, err := os.ReadFile(filepath.Join(r.SetAside, eventlog.TopicLog+"-0", "0.dat")); err != nil || !bytes.Equal(left, spoilt) {
				t.Errorf("what was there is not set aside: %v", err)
			}
			for _, kept := range []string{"room-main.snapshot", "witness.json"} {
				if _, err := os.Stat(filepath.Join(r.SetAside, kept)); err != nil {
					t.Error(err)
				}
			}
			if got := verified(t, "--data", data); got.Reopened != 1 || got.HeadOffset != r.Offset {
				t.Errorf("%+v", got)
			}
			cfg := embedded.Default()
			cfg.Dir, cfg.WitnessFile = filepath.Join(data, "broker"), filepath.Join(data, "witness.json")
			broker, err := embedded.Start(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if err := broker.Stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

func put(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
