// Package fleet runs services of Vigie as processes of their own, as production does, on Kafka and Redis that run already.
// A process that ends is started again after a moment. It is for trying out and for figures; tests have their own, which
// are killed and started when the test says so.
package fleet

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Fleet is the processes. All paths are absolute; Dir is emptied by [Fleet.Prepare].
type Fleet struct {
	// Bin is where the programs are, Dir what they write, Region the region file.
	Bin, Dir, Region string
	// Brokers are host:port,...; Redis is a URL.
	Brokers, Redis string
	// SingleNode says that Kafka is one node.
	SingleNode bool
	// Ended is told of a process that has ended before the fleet did.
	Ended func(name string, err error, again time.Duration)

	running sync.WaitGroup

	mu    sync.Mutex // guards what follows
	names []string
	up    map[string]service // those that have said where they are
}

type service struct {
	host    string
	process *os.Process
}

const (
	// restartAfter leaves time to see that something is missing.
	restartAfter = 5 * time.Second
	stopBound    = 15 * time.Second
)

// FirstAccounts is the file that [Fleet.Prepare] leaves the first accounts and source keys in.
func (f *Fleet) FirstAccounts() string { return filepath.Join(f.Dir, "first-accounts.json") }

// Logs is the directory of what the processes say.
func (f *Fleet) Logs() string { return filepath.Join(f.Dir, "logs") }

// Prepare does what an operator does once, in an empty directory.
func (f *Fleet) Prepare(ctx context.Context) error {
	if err := errors.Join(os.RemoveAll(f.Dir), os.MkdirAll(f.Logs(), 0o700)); err != nil {
		return err
	}
	commands := [][]string{
		{"topics", "apply", "--brokers", f.Brokers, "--region", f.Region},
		{"account", "init", "--data", f.Dir, "--region", f.Region},
	}
	for _, name := range []string{"alarms", "positions", "gateway"} {
		commands = append(commands, []string{"certs", "issue", "--dir", f.internal(""), "--name", name, "--host", "127.0.0.1"})
	}
	for _, args := range commands {
		c := exec.CommandContext(ctx, filepath.Join(f.Bin, "vigie"), args...) //nolint:gosec // our own program
		c.Env = append(os.Environ(), f.singleNode())
		if out, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("vigie %s: %w: %s", strings.Join(args, " "), err, out)
		}
	}
	return nil
}

func (f *Fleet) singleNode() string { return fmt.Sprint("VIGIE_KAFKA_SINGLE_NODE=", f.SingleNode) }

func (f *Fleet) internal(name string) string { return filepath.Join(f.Dir, "internal", name) }

// environment is all that a service is told.
func (f *Fleet) environment(program, name, number string) []string {
	env := append(os.Environ(),
		"VIGIE_LISTEN=127.0.0.1:0", "VIGIE_KAFKA_BROKERS="+f.Brokers, f.singleNode(), "VIGIE_REDIS_URL="+f.Redis,
		"VIGIE_DIRECTORY_URL="+filepath.Join(f.Dir, "directory.db"),
		"VIGIE_DISPATCH_NAME="+name, "VIGIE_DISPATCH_WITNESS_PATH="+filepath.Join(f.Dir, name+".witness.json"),
		"VIGIE_DISPATCH_SNAPSHOT_DIR="+filepath.Join(f.Dir, "snapshots", name),
		"VIGIE_GATEWAY_NAME="+name, "VIGIE_GATEWAY_REGION="+f.Region, "VIGIE_POSITIONS_NAME="+name,
	)
	if !slices.Contains([]string{"alarms", "positions", "gateway"}, program) {
		return env
	}
	// What they need of one another while Kafka is away.
	prefix := "VIGIE_" + strings.ToUpper(program) + "_"
	gateways := []string{gatewayAddress("1"), gatewayAddress("2")}
	env = append(env,
		prefix+"INTERNAL_CA="+f.internal("ca.crt"), prefix+"INTERNAL_CERT="+f.internal(program+".crt"),
		prefix+"INTERNAL_KEY="+f.internal(program+".key"), prefix+"JOURNAL_DIR="+filepath.Join(f.Dir, "journal", name),
		prefix+"GATEWAYS="+strings.Join(gateways, ","),
	)
	if program == "gateway" {
		env = append(env, prefix+"INTERNAL_LISTEN="+gatewayAddress(number))
	}
	return env
}

// gatewayAddress is a loopback address of its own: no port of 127.0.0.1 is taken by chance.
func gatewayAddress(number string) string { return "127.7.4." + number + ":7443" }

// Start keeps a service running until ctx ends.
func (f *Fleet) Start(ctx context.Context, name string) {
	f.mu.Lock()
	f.names = append(f.names, name)
	f.mu.Unlock()
	f.running.Go(func() {
		for {
			err := f.once(ctx, name)
			f.set(name, service{})
			if ctx.Err() != nil {
				return
			}
			f.Ended(name, err, restartAfter)
			select {
			case <-time.After(restartAfter):
			case <-ctx.Done():
				return
			}
		}
	})
}

// once runs a service to its end. Its log goes to a file, but for the line that says where it is.
func (f *Fleet) once(ctx context.Context, name string) error {
	program, number, _ := strings.Cut(name, "-")
	log, err := os.OpenFile(filepath.Join(f.Logs(), name+".log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) //nolint:gosec // names are ours
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	c := exec.CommandContext(ctx, filepath.Join(f.Bin, program), "--json") //nolint:gosec // our own program
	c.Env, c.Stderr = f.environment(program, name, number), log
	c.Cancel, c.WaitDelay = func() error { return c.Process.Signal(syscall.SIGTERM) }, stopBound
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM} // Ctrl-C is ours to pass on
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var line struct{ Event, URL string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Event == "ready" {
			f.set(name, service{strings.TrimPrefix(line.URL, "http://"), c.Process})
		}
		_, _ = fmt.Fprintln(log, lines.Text())
	}
	return c.Wait()
}

func (f *Fleet) set(name string, s service) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.up == nil {
		f.up = map[string]service{}
	}
	if f.up[name] = s; s.host == "" {
		delete(f.up, name)
	}
}

// Hosts gives where the processes of a service are.
func (f *Fleet) Hosts(program string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var hosts []string
	for _, name := range f.names {
		if s, ok := f.up[name]; ok && strings.HasPrefix(name, program+"-") {
			hosts = append(hosts, s.host)
		}
	}
	return hosts
}

// Await waits until all are ready; false when it was interrupted.
func (f *Fleet) Await(ctx context.Context) bool {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		f.mu.Lock()
		missing := slices.DeleteFunc(slices.Clone(f.names), func(name string) bool { return f.up[name].host != "" })
		f.mu.Unlock()
		if len(missing) == 0 {
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
}

// Each calls visit with every process that runs.
func (f *Fleet) Each(visit func(name, host string, pid int)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, name := range f.names {
		if s, ok := f.up[name]; ok {
			visit(name, s.host, s.process.Pid)
		}
	}
}

// Signal sends a signal to a process that runs, or to all of a service: to gateway-1, or to gateway.
func (f *Fleet) Signal(name string, sig os.Signal) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	errs := []error{fmt.Errorf("signal %s: nothing of this name runs", name)}
	for k, s := range f.up {
		if of(k, name) {
			errs[0] = nil
			errs = append(errs, s.process.Signal(sig))
		}
	}
	return errors.Join(errs...)
}

// Kill ends a process that runs, or all of a service, as a crash does; each is started again after a moment. They count as
// gone when it returns.
func (f *Fleet) Kill(name string) error {
	if err := f.Signal(name, syscall.SIGKILL); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for k := range f.up {
		if of(k, name) {
			delete(f.up, k)
		}
	}
	return nil
}

// of says whether a process is the one of a name, or one of the service of that name.
func of(process, name string) bool { return process == name || strings.HasPrefix(process, name+"-") }

// Wait is for the processes to end; their context has.
func (f *Fleet) Wait() { f.running.Wait() }
