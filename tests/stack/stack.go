// Package stack runs the real parts that Vigie stands on, on one machine and
// without containers: Apache Kafka (three nodes that are broker and controller
// in one, or a single one) and Redis. Linux only.
//
// Guarantees: everything listens on loopback, on ports that were free; all
// data is in one temporary directory; the processes die with the one that
// started them, however it ends, and are killed by their id. Kafka's jars are
// fetched with Maven once per user and kept in the user's cache directory.
//
// Callers owe: one Stop, and calls of Kill, Restart, Pause and Resume from one
// goroutine at a time.
package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// Options says what to start.
type Options struct {
	// Brokers is the number of Kafka nodes, 1 or 3; 0 means 3.
	Brokers int
	// Redis starts a Redis, too.
	Redis bool
	// Secure makes clients use TLS and SCRAM-SHA-512, and turns the authorizer
	// on: only [Admin] may do anything until it has made rules for others. Its
	// Redis wants TLS and the account [Projector].
	Secure bool
	// Users are the accounts of a secure stack besides [Admin].
	Users []string
	// Properties are lines for the nodes' server.properties that go before those of the stack's own.
	Properties []string

	// brief is for the minutes that tests take: see [once].
	brief bool
}

// startTimeout bounds the start without the fetching of jars. Twelve seconds
// are usual on two cores.
const startTimeout = 2 * time.Minute

// dirPrefix begins the name of every stack's directory.
const dirPrefix = "vigie-stack-"

// Stack is a set of running parts.
type Stack struct {
	dir     string
	nodes   []*node
	redis   *redis
	secrets *secrets // nil unless secure
	keep    bool
}

// Run starts the parts and returns when all of them answer. ctx bounds the
// start only.
func Run(ctx context.Context, o Options) (*Stack, error) {
	if o.Brokers == 0 {
		o.Brokers = 3
	}
	if o.Brokers != 1 && o.Brokers != 3 {
		return nil, fmt.Errorf("start stack: %d brokers asked for; choose 1 or 3", o.Brokers)
	}
	tools, err := findTools(ctx, o.Redis)
	if err != nil {
		return nil, fmt.Errorf("start stack: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	dir, err := os.MkdirTemp("", dirPrefix)
	if err != nil {
		return nil, fmt.Errorf("start stack: %w", err)
	}
	s := &Stack{dir: dir}
	if err := s.start(ctx, tools, o); err != nil {
		return nil, errors.Join(fmt.Errorf("start stack (logs in %s): %w", s.Keep(), err), s.Stop())
	}
	return s, nil
}

func (s *Stack) start(ctx context.Context, t tools, o Options) error {
	var err error
	if o.Secure {
		if s.secrets, err = newSecrets(s.dir, o.Users); err != nil {
			return fmt.Errorf("certificates and accounts: %w", err)
		}
	}
	if s.nodes, err = newNodes(s.dir, t, o, s.secrets); err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	if o.Redis {
		if s.redis, err = newRedis(s.dir, t, s.secrets); err != nil {
			return fmt.Errorf("redis: %w", err)
		}
		if err := s.redis.start(ctx); err != nil {
			return fmt.Errorf("redis: %w", err)
		}
	}
	if err := s.formatNodes(ctx); err != nil {
		return fmt.Errorf("format kafka's directories: %w", err)
	}
	for _, n := range s.nodes {
		if err := n.start(); err != nil {
			return fmt.Errorf("kafka: %w", err)
		}
	}
	return s.await(ctx)
}

func (s *Stack) formatNodes(ctx context.Context) error {
	id, err := newUUID()
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, n := range s.nodes {
		g.Go(func() error { return n.format(ctx, id, s.secrets) })
	}
	return g.Wait()
}

// await waits until every broker that should run sees all of them.
func (s *Stack) await(ctx context.Context) error {
	running := s.running()
	for _, n := range running {
		if err := n.await(ctx, len(running), s.secrets); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stack) running() []*node {
	return slices.DeleteFunc(slices.Clone(s.nodes), func(n *node) bool { return n.proc == nil })
}

// Start is [Run] for a test: it fails the test if the parts do not start, and
// stops them at its end. When the test has failed, their logs stay and are named.
func Start(tb testing.TB, o Options) *Stack {
	tb.Helper()
	o.brief = true
	s, err := Run(tb.Context(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("logs of the stack: %s", s.Keep())
		}
		if err := s.Stop(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// Main runs the tests of a package with one stack for all of them, and returns
// the exit status for [os.Exit]. use receives the stack before the first test.
func Main(m *testing.M, o Options, use func(*Stack)) int {
	o.brief = true
	s, err := Run(context.Background(), o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	// Now: a test that panics leaves no later moment.
	fmt.Fprintln(os.Stderr, "logs of the stack, until the tests have passed:", s.Dir())
	use(s)
	code := m.Run()
	if code != 0 {
		fmt.Fprintln(os.Stderr, "the tests have not passed: see the logs in", s.Keep())
	}
	if err := s.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}

// Stop kills the parts, without a farewell, and removes their data.
func (s *Stack) Stop() error {
	for _, n := range s.nodes {
		n.kill()
	}
	if s.redis != nil {
		s.redis.kill()
	}
	if s.keep {
		return s.dropData()
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("remove the stack's data: %w", err)
	}
	return nil
}

// Keep makes Stop leave the logs and configuration where they are, and
// returns that directory.
func (s *Stack) Keep() string {
	s.keep = true
	return s.dir
}

// Dir returns where the configuration, the data and the logs are.
func (s *Stack) Dir() string { return s.dir }

// Remove removes the directory of a stack whose process was killed before it
// could do so.
func Remove(dir string) error {
	if !strings.HasPrefix(filepath.Base(dir), dirPrefix) {
		return fmt.Errorf("remove %s: it is not the directory of a stack", dir)
	}
	return os.RemoveAll(dir)
}

func (s *Stack) dropData() error {
	var errs []error
	for _, n := range s.nodes {
		errs = append(errs, os.RemoveAll(filepath.Join(n.dir, dataDir)))
	}
	return errors.Join(errs...)
}

// Kafka returns the addresses of the brokers.
func (s *Stack) Kafka() []string {
	addrs := make([]string, len(s.nodes))
	for i, n := range s.nodes {
		addrs[i] = n.addr()
	}
	return addrs
}

// RedisURL returns where Redis is, "" if it was not asked for.
func (s *Stack) RedisURL() string {
	if s.redis == nil {
		return ""
	}
	if s.secrets != nil {
		return "rediss://" + s.redis.addr() + "/0"
	}
	return "redis://" + s.redis.addr() + "/0"
}

// KillBroker ends a broker as a crash does (kill -9). Broker i is number i of
// [Stack.Kafka], and node i+1 of the cluster.
func (s *Stack) KillBroker(i int) { s.nodes[i].kill() }

// StopBroker asks a broker to end in order, as for maintenance, and returns
// when it has.
func (s *Stack) StopBroker(ctx context.Context, i int) error {
	if err := s.nodes[i].stop(ctx); err != nil {
		return fmt.Errorf("stop broker %d: %w", i, err)
	}
	return nil
}

// PartitionDir returns where a broker keeps its copy of a partition.
func (s *Stack) PartitionDir(i int, topic string, partition int) string {
	return filepath.Join(s.nodes[i].dir, dataDir, fmt.Sprintf("%s-%d", topic, partition))
}

// RestartBroker starts a broker that was killed or stopped, with the data it had, and
// returns when all brokers that run see each other.
func (s *Stack) RestartBroker(ctx context.Context, i int) error {
	if err := s.nodes[i].start(); err != nil {
		return fmt.Errorf("restart broker %d: %w", i, err)
	}
	if err := s.await(ctx); err != nil {
		return fmt.Errorf("restart broker %d: %w", i, err)
	}
	return nil
}

// RestartBrokers starts all brokers that were killed: two of three cannot be
// started one after the other, because one alone has no quorum.
func (s *Stack) RestartBrokers(ctx context.Context) error {
	for i, n := range s.nodes {
		if n.proc != nil {
			continue
		}
		if err := n.start(); err != nil {
			return fmt.Errorf("restart broker %d: %w", i, err)
		}
	}
	if err := s.await(ctx); err != nil {
		return fmt.Errorf("restart brokers: %w", err)
	}
	return nil
}

// PauseBroker stops a broker's threads without closing its connections, as a
// machine that hangs does.
func (s *Stack) PauseBroker(i int) error { return s.nodes[i].pause() }

// ResumeBroker lets a paused broker go on.
func (s *Stack) ResumeBroker(i int) error { return s.nodes[i].resume() }

// KillRedis ends Redis as a crash does (kill -9).
func (s *Stack) KillRedis() { s.redis.kill() }

// RestartRedis starts Redis again; it has forgotten everything.
func (s *Stack) RestartRedis(ctx context.Context) error {
	if err := s.redis.start(ctx); err != nil {
		return fmt.Errorf("restart redis: %w", err)
	}
	return nil
}

// FlushRedis makes Redis forget everything while it runs.
func (s *Stack) FlushRedis(ctx context.Context) error {
	if err := s.redis.command(ctx, "FLUSHALL"); err != nil {
		return fmt.Errorf("flush redis: %w", err)
	}
	return nil
}

// PauseRedis stops Redis without closing its connections, as a machine that
// hangs does.
func (s *Stack) PauseRedis() error { return s.redis.signal(syscall.SIGSTOP) }

// ResumeRedis lets a paused Redis go on.
func (s *Stack) ResumeRedis() error { return s.redis.signal(syscall.SIGCONT) }
