package scenario_test

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

func TestAStartThatCannotBeSaysWhyAndWhatToDoAndHarmsNothing(t *testing.T) {
	t.Parallel()
	running, stopped := Begin(t), Begin(t, atRate(2))
	stopped.Panel("alpha").Rings("DOOR", "north", "HALL")
	stopped.Stop()
	before := hashes(t, filepath.Join(stopped.data, "broker"))
	broken, fresh := filepath.Join(t.TempDir(), "broken.yaml"), filepath.Join(t.TempDir(), "fresh")
	good, err := os.ReadFile(regionFile("two-sites.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(broken, []byte(strings.Replace(string(good), "site: south, guards: 2", "site: moon, guards: 2", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	busy := strings.TrimPrefix(running.at.URL, "http://")
	two := regionFile("two-sites.yaml")
	for name, c := range map[string]struct {
		status int
		says   []string
		args   []string
	}{
		"twice on one directory":    {4, []string{"another process uses this directory", "stop it first"}, []string{"--data", running.data, "--region", two, "--listen", "127.0.0.1:0"}},
		"a busy port":               {3, []string{busy, "--listen"}, []string{"--data", stopped.data, "--region", two, "--listen", busy, "--clock-rate", "2"}},
		"a busy port of the broker": {3, []string{"address already in use"}, []string{"--data", stopped.data, "--region", two, "--listen", "127.0.0.1:0", "--kafka-listen", running.at.Kafka, "--clock-rate", "2"}},
		"another clock rate":        {2, []string{"--clock-rate 2"}, []string{"--data", stopped.data, "--region", two, "--listen", "127.0.0.1:0", "--clock-rate", "3"}},
		"a broken region":           {5, []string{"broken.yaml", "moon"}, []string{"--data", fresh, "--region", broken}},
		"no region":                 {5, []string{"nowhere.yaml"}, []string{"--data", fresh, "--region", "nowhere.yaml"}},
		"a flag that is not there":  {2, []string{"--moon"}, []string{"--moon"}},
		"a rate that cannot be":     {2, []string{"clock_rate 0"}, []string{"--data", fresh, "--region", two, "--clock-rate", "0"}},
		"an address that is none":   {2, []string{"host:port"}, []string{"--data", fresh, "--region", two, "--listen", "here"}},
	} {
		got := vigie(t, append([]string{"up", "--json"}, c.args...)...)
		said := lastLine(got.stderr)
		for _, want := range c.says {
			if !strings.Contains(got.stderr, want) {
				t.Errorf("%s does not say %q: %s", name, want, said)
			}
		}
		if got.status != c.status || got.stdout != "" || !strings.HasPrefix(got.stderr, "vigie: ") && !strings.HasPrefix(said, "vigie: ") {
			t.Errorf("%s: want exit status %d and one sentence: %v", name, c.status, got)
		}
	}
	if _, err := os.Stat(fresh); err == nil {
		t.Error("a start that was refused for its arguments made a data directory")
	}
	if diff := cmp.Diff(before, hashes(t, filepath.Join(stopped.data, "broker"))); diff != "" {
		t.Errorf("files of the log were touched (-before +after):\n%s", diff)
	}
	running.State("alpha")
	stopped.Start()
	stopped.State("alpha")
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}

// fillUp sends alarms until one is not taken.
func (n *Night) fillUp() {
	n.t.Helper()
	panel, said := n.Panel("alpha"), alarm{Code: "DOOR", Site: "north", Zone: "HALL", Text: strings.Repeat("x", 4000)}
	for range 5000 {
		key := uuid.NewString()
		got, err := n.call(http.MethodPost, "/v1/alarms", panel.key, said, "Idempotency-Key", key)
		if err != nil || got.status != http.StatusAccepted {
			return
		}
		n.claims.add(promiseOf(got.body, key))
	}
	n.t.Fatal("there is always room")
}

func TestAFileThatMayNotGrowStopsTheProgramAndNothingAcknowledgedIsLost(t *testing.T) {
	t.Parallel()
	// Blocks of 512 or 1024 bytes, as the shell has it; what the directory of accounts needs is less.
	night := Begin(t, through("sh", "-c", `ulimit -f 1000 && exec "$@"`, "sh"))
	night.fillUp()
	if status := night.Ends(); status != 8 || !strings.Contains(night.top.story(), "make room on the disk and start again") {
		t.Errorf("exit status %d, want 8 and what to do:\n%s", status, night.top.story())
	}
	night.node().through = nil
	night.Start()
	night.State("alpha")
}

func TestAFullDiskStopsTheProgramInOrderAndKeepsItFromStartingUntilThereIsRoom(t *testing.T) {
	t.Parallel()
	disk, ok := smallDisk(t)
	if !ok {
		t.Log("disks are mounted by root on Linux only: the limit on files has to do here")
		return
	}
	night := Begin(t, onData(filepath.Join(disk, "data")))
	night.Panel("alpha").Rings("DOOR", "north", "HALL")
	filler := filepath.Join(disk, "filler")
	if err := os.WriteFile(filler, make([]byte, 20<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	// Whatever is acknowledged until then is durable.
	if status := night.Ends(); status != 8 || !strings.Contains(night.top.story(), "disk full") {
		t.Errorf("exit status %d, want 8 and why:\n%s", status, night.top.story())
	}
	before := hashes(t, filepath.Join(night.data, "broker"))
	again := vigie(t, "up", "--data", night.data, "--region", regionFile("two-sites.yaml"), "--listen", "127.0.0.1:0", "--json")
	if again.status != 8 || !strings.Contains(again.stderr, "make room") {
		t.Errorf("start on a full disk: %v", again)
	}
	if diff := cmp.Diff(before, hashes(t, filepath.Join(night.data, "broker"))); diff != "" {
		t.Errorf("files of the log were touched (-before +after):\n%s", diff)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	night.Start()
	night.State("alpha")
}

// smallDisk is one of 80 MiB, if this machine lets us have one.
func smallDisk(t *testing.T) (dir string, ok bool) {
	t.Helper()
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		return "", false
	}
	dir = t.TempDir()
	if err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=80m", "tmpfs", dir).Run(); err != nil {
		return "", false // root in a container is not always allowed to
	}
	t.Cleanup(func() {
		if out, err := exec.CommandContext(context.WithoutCancel(t.Context()), "umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return dir, true
}
