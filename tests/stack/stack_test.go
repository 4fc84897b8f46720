package stack

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// starterEnv makes this test binary the starter of a process that shall die
// with it; its value is the file for what the process says.
const starterEnv = "VIGIE_STACK_TEST_STARTER"

func TestMain(m *testing.M) {
	if log := os.Getenv(starterEnv); log != "" {
		os.Exit(beStarter(log))
	}
	goleak.VerifyTestMain(m)
}

func beStarter(log string) int {
	p, err := launch("sleeper", os.TempDir(), log, "sleep", "600")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if _, err := fmt.Fprintln(os.Stdout, p.child.Pid); err != nil {
		return 1
	}
	<-p.done
	return 0
}

func TestAProcessDiesWithItsStarter(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	starter := exec.CommandContext(t.Context(), self)
	starter.Env = append(os.Environ(), starterEnv+"="+filepath.Join(t.TempDir(), "log"))
	out, err := starter.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := starter.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if err := starter.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = starter.Wait()
	eventually(t, "the process dies", func() bool { return !alive(t, pid) })
}

// alive says whether a process runs; one that only waits to be reaped does not.
func alive(t *testing.T, pid int) bool {
	t.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(status), ") ")
	return !strings.HasPrefix(state, "Z")
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: waited too long", what)
		}
	}
}

func TestAProcessThatHangsIsKilled(t *testing.T) {
	t.Parallel()
	p, err := launch("sleeper", t.TempDir(), filepath.Join(t.TempDir(), "log"), "sleep", "600")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	p.kill()
	p.kill() // it is gone: nothing to do
	if alive(t, p.child.Pid) {
		t.Error("it lives")
	}
	if err := p.signal(syscall.SIGCONT); err == nil {
		t.Error("a signal reached a process that has ended")
	}
}

func TestAProcessThatEndsEarlyIsReportedWithItsLastWords(t *testing.T) {
	t.Parallel()
	p, err := launch("broker", t.TempDir(), filepath.Join(t.TempDir(), "log"), "sh", "-c", "echo port is taken; exit 1")
	if err != nil {
		t.Fatal(err)
	}
	err = until(t.Context(), p, "it does not answer", func(context.Context) error { return errNotRunning })
	if err == nil || !strings.Contains(err.Error(), "port is taken") {
		t.Errorf("got %v", err)
	}
}

func TestPortsAreFreeAndDifferent(t *testing.T) {
	t.Parallel()
	ports, err := freePorts(9)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, p := range ports {
		if p < portMin || p >= portMax || seen[p] {
			t.Errorf("port %d of %v", p, ports)
		}
		seen[p] = true
	}
	if len(seen) != 9 {
		t.Errorf("got %v", ports)
	}
}

func TestThreeNodesKeepThreeCopiesAndOneKeepsOne(t *testing.T) {
	t.Parallel()
	for n, want := range map[int][]string{
		1: {"min.insync.replicas=1", "default.replication.factor=1", "transaction.state.log.min.isr=1"},
		3: {"min.insync.replicas=2", "default.replication.factor=3", "transaction.state.log.min.isr=2"},
	} {
		for _, line := range append(want,
			"auto.create.topics.enable=false", "unclean.leader.election.enable=false",
			"broker.session.timeout.ms=1500", "broker.heartbeat.interval.ms=300",
			"listener.security.protocol.map=CLIENTS:PLAINTEXT,BROKERS:PLAINTEXT,CONTROLLER:PLAINTEXT",
		) {
			for _, config := range configsOf(t, n, nil) {
				if !strings.Contains(config, "\n"+line+"\n") {
					t.Errorf("%d nodes: %s is missing in:\n%s", n, line, config)
				}
			}
		}
	}
}

func TestASecureNodeHasNoPlaintextListener(t *testing.T) {
	t.Parallel()
	s, err := newSecrets(t.TempDir(), []string{"dispatch"})
	if err != nil {
		t.Fatal(err)
	}
	for _, config := range configsOf(t, 3, s) {
		if strings.Contains(config, ":PLAINTEXT") {
			t.Errorf("a listener without TLS:\n%s", config)
		}
		if strings.Contains(config, s.passwords["dispatch"]) {
			t.Error("a client's password is in the broker's configuration")
		}
	}
}

func TestASecureRedisHasNoPlaintextPortAndNobodyWithoutAnAccount(t *testing.T) {
	t.Parallel()
	s, err := newSecrets(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := newRedis(t.TempDir(), tools{}, s)
	if err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile(r.config())
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"port 0", "tls-port " + strconv.Itoa(r.port), "user default off"} {
		if !strings.Contains(string(config), "\n"+line+"\n") {
			t.Errorf("%s is missing in:\n%s", line, config)
		}
	}
	if strings.Contains(string(config), s.passwords[Projector]) {
		t.Error("the projector's password is in the configuration")
	}
}

func configsOf(t *testing.T, n int, s *secrets) []string {
	t.Helper()
	nodes, err := newNodes(t.TempDir(), tools{}, Options{Brokers: n}, s)
	if err != nil {
		t.Fatal(err)
	}
	configs := make([]string, n)
	for i, node := range nodes {
		content, err := os.ReadFile(node.config())
		if err != nil {
			t.Fatal(err)
		}
		configs[i] = string(content)
	}
	return configs
}

func TestTwoBrokersAreRefused(t *testing.T) {
	t.Parallel()
	if s, err := Run(t.Context(), Options{Brokers: 2}); err == nil {
		t.Error("two brokers have no majority when one is away, and were accepted")
		_ = s.Stop()
	}
}

func TestOnlyTheDirectoryOfAStackIsRemoved(t *testing.T) {
	t.Parallel()
	mine := filepath.Join(t.TempDir(), dirPrefix+"1")
	other := t.TempDir()
	if err := os.Mkdir(mine, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Remove(other); err == nil {
		t.Error("another directory was removed")
	}
	if err := Remove(mine); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(mine); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
}
