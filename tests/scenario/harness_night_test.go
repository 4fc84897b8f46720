package scenario_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// setting is what a night may be given.
type setting struct {
	region, listen string
	rate           int
	data           string
	through        []string
	unchecked      bool
	redis          string // another way to Redis
}

type option func(*setting)

// atRate runs the domain clock faster; timers of the network stay real.
func atRate(rate int) option { return func(s *setting) { s.rate = rate } }

// onData keeps everything in a directory that the test has made.
func onData(dir string) option { return func(s *setting) { s.data = dir } }

// through starts the program with another's help.
func through(command ...string) option { return func(s *setting) { s.through = command } }

// unchecked is for a night whose log the test itself has spoilt.
func unchecked() option { return func(s *setting) { s.unchecked = true } }

// Night is a running Vigie on data of its own, with those who use it.
type Night struct {
	t   *testing.T
	top topology
	at  endpoint
	// sockets is where clients connect; where everything is, when empty.
	sockets string
	data    string
	http    *http.Client
	life    context.Context //nolint:containedctx // of the whole night, its clean-up included: longer than t.Context

	up       bool
	clock    clock
	tokens   map[string]string
	first    firstAccounts
	watchers []*watcher
	claims   ledger
}

// firstAccounts is first-accounts.json.
type firstAccounts struct {
	Accounts []struct{ Account, Password, Role, Scope string }
	Sources  []struct{ Source, Key string }
}

// clock tells the domain time of the server, measured once.
type clock struct {
	server, real time.Time
	rate         int
}

func (c clock) now() time.Time { return c.server.Add(time.Since(c.real) * time.Duration(c.rate)) }

// Now is the domain time.
func (n *Night) Now() time.Time { return n.clock.now() }

// Real is how long some domain time takes.
func (n *Night) Real(domain time.Duration) time.Duration { return domain / time.Duration(n.clock.rate) }

// Begin starts a night. When it is over, all that was promised in it is checked, and the program has to stop in order.
func Begin(t *testing.T, options ...option) *Night {
	t.Helper()
	s := setting{region: regionFile("two-sites.yaml"), listen: "127.0.0.1:0", rate: 1}
	for _, o := range options {
		o(&s)
	}
	home, err := os.MkdirTemp("", "vigie-night-") //nolint:usetesting // kept when the test fails
	if err != nil {
		t.Fatal(err)
	}
	if s.data == "" {
		s.data = filepath.Join(home, "data")
	}
	n := &Night{t: t, data: s.data, tokens: map[string]string{}, http: &http.Client{Timeout: 20 * time.Second}, life: untilDeadline(t)}
	n.top = s.begin(t, home)
	t.Cleanup(func() { n.end(home, s.unchecked) })
	n.Start()
	return n
}

// end is the way out of every night.
func (n *Night) end(home string, unchecked bool) {
	if n.up && !unchecked && !n.t.Failed() {
		n.checkPromises()
	}
	for _, w := range n.watchers {
		w.cut()
	}
	if n.up {
		n.Stop()
	}
	if !unchecked && !n.t.Failed() {
		n.checkVerify()
	}
	n.http.CloseIdleConnections()
	if n.t.Failed() {
		n.t.Logf("kept: %s\nthe server's last words:\n%s", home, n.top.story())
		return
	}
	if err := os.RemoveAll(home); err != nil {
		n.t.Error(err)
	}
}

// Start runs the program, for the first time or again.
func (n *Night) Start() {
	n.t.Helper()
	at, err := n.top.start()
	if err != nil {
		n.t.Fatalf("start: %v", err)
	}
	n.at, n.up = at, true
	raw, err := os.ReadFile(filepath.Join(n.data, "first-accounts.json"))
	if err != nil {
		n.t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &n.first); err != nil {
		n.t.Fatalf("first-accounts.json: %v", err)
	}
	n.readClock()
}

// Kill9 cuts the power.
func (n *Night) Kill9() {
	n.t.Helper()
	n.up = false
	if err := n.top.kill(); err != nil {
		n.t.Fatalf("kill: %v", err)
	}
	n.http.CloseIdleConnections()
}

// Ends waits until the program has ended by itself, and gives its exit status.
func (n *Night) Ends() int {
	n.t.Helper()
	status, err := n.node().wait()
	if err != nil {
		n.t.Fatal(err)
	}
	n.up = false
	n.http.CloseIdleConnections()
	return status
}

// Stop asks the program to end, and it has to end well.
func (n *Night) Stop() {
	n.t.Helper()
	n.up = false
	if err := n.top.stop(); err != nil {
		n.t.Errorf("stop: %v", err)
	}
	n.http.CloseIdleConnections()
}

// patience is how long something may take that is due at once, on a busy machine.
const patience = 30 * time.Second

// Eventually waits until look says yes; what it says otherwise is told when it never does.
func (n *Night) Eventually(what string, look func() (bool, string)) {
	n.t.Helper()
	n.Within(patience, what, look)
}

// Within is Eventually with another patience.
func (n *Night) Within(bound time.Duration, what string, look func() (bool, string)) {
	n.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(bound)
	for {
		ok, seen := look()
		if ok {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			n.t.Fatalf("not within %v: %s\nseen instead: %s", bound, what, seen)
		}
	}
}

// ledger keeps what the server has said yes to: the log must hold it.
type ledger struct {
	mu   sync.Mutex
	said []promise
	// asked is when each id was first sent.
	asked map[string]time.Time
}

// promise is a 202 to an alarm, or an outcome of a command.
type promise struct {
	room, id, outcome, code string
	// intake is the alarm's offset there; log and version are where an outcome stands.
	alarm       bool
	intake, log int64
	// provisional: a journal had it, and nobody knew yet where it would be.
	provisional bool
	version     uint64
	// asked is when it was first sent, if that is known, told when it was heard at the latest.
	asked, told time.Time
}

func (p promise) String() string {
	if p.alarm {
		return fmt.Sprintf("alarm %s of %s at intake %d", p.id, p.room, p.intake)
	}
	return fmt.Sprintf("command %s of %s: %s %s at %d (version %d)", p.id, p.room, p.outcome, p.code, p.log, p.version)
}

func (l *ledger) add(p promise) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p.asked, p.told = l.asked[p.id], time.Now()
	l.said = append(l.said, p)
}

// asks is called before an id is sent, for the first time or again.
func (l *ledger) asks(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asked == nil {
		l.asked = map[string]time.Time{}
	}
	if _, again := l.asked[id]; !again {
		l.asked[id] = time.Now()
	}
}

// last is the latest record of a room that an outcome has named.
func (l *ledger) last(room string) (offset int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.said {
		if p.room == room {
			offset = max(offset, p.log)
		}
	}
	return offset
}

func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.said)
}

// promiseOf reads the 202 to an alarm.
func promiseOf(body []byte, key string) promise {
	var got taken
	_ = json.Unmarshal(body, &got) // what it does not say fails the check
	return promise{alarm: true, room: got.Room, id: key, intake: got.Offset, provisional: got.Provisional}
}
