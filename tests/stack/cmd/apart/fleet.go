package main

import (
	"bufio"
	"context"
	"encoding/json"
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

// fleet is the processes.
type fleet struct {
	bin, dir, region, brokers, redis string

	running sync.WaitGroup

	mu    sync.Mutex // guards what follows
	names []string
	up    map[string]service // those that have said where they are
}

type service struct {
	host string
	pid  int
}

const (
	// restartAfter leaves time to see that something is missing.
	restartAfter = 5 * time.Second
	stopBound    = 15 * time.Second
)

// prepare does what an operator does once.
func (f *fleet) prepare(ctx context.Context) error {
	commands := [][]string{
		{"topics", "apply", "--brokers", f.brokers, "--region", f.region},
		{"account", "init", "--data", f.dir, "--region", f.region},
	}
	for _, name := range []string{"alarms", "gateway"} {
		commands = append(commands, []string{"certs", "issue", "--dir", f.internal(""), "--name", name, "--host", "127.0.0.1"})
	}
	for _, args := range commands {
		out, err := exec.CommandContext(ctx, filepath.Join(f.bin, "vigie"), args...).CombinedOutput() //nolint:gosec // our own program
		if err != nil {
			return fmt.Errorf("vigie %s: %w: %s", strings.Join(args, " "), err, out)
		}
	}
	return nil
}

func (f *fleet) internal(name string) string { return filepath.Join(f.dir, "internal", name) }

// environment is all that a service is told.
func (f *fleet) environment(program, name, number string) []string {
	env := append(os.Environ(),
		"VIGIE_LISTEN=127.0.0.1:0", "VIGIE_KAFKA_BROKERS="+f.brokers, "VIGIE_REDIS_URL="+f.redis,
		"VIGIE_DIRECTORY_URL="+filepath.Join(f.dir, "directory.db"),
		"VIGIE_DISPATCH_NAME="+name, "VIGIE_DISPATCH_WITNESS_PATH="+filepath.Join(f.dir, name+".witness.json"),
		"VIGIE_DISPATCH_SNAPSHOT_DIR="+filepath.Join(f.dir, "snapshots", name),
		"VIGIE_GATEWAY_NAME="+name, "VIGIE_GATEWAY_REGION="+f.region, "VIGIE_POSITIONS_NAME="+name,
	)
	if program != "alarms" && program != "gateway" {
		return env
	}
	// What they need of one another while Kafka is away.
	prefix := "VIGIE_" + strings.ToUpper(program) + "_"
	gateways := []string{gatewayAddress("1"), gatewayAddress("2")}
	env = append(env,
		prefix+"INTERNAL_CA="+f.internal("ca.crt"), prefix+"INTERNAL_CERT="+f.internal(program+".crt"),
		prefix+"INTERNAL_KEY="+f.internal(program+".key"), prefix+"JOURNAL_DIR="+filepath.Join(f.dir, "journal", name),
		prefix+"GATEWAYS="+strings.Join(gateways, ","),
	)
	if program == "gateway" {
		env = append(env, prefix+"INTERNAL_LISTEN="+gatewayAddress(number))
	}
	return env
}

// gatewayAddress is a loopback address of its own: no port of 127.0.0.1 is taken by chance.
func gatewayAddress(number string) string { return "127.7.4." + number + ":7443" }

// start keeps a service running until ctx ends.
func (f *fleet) start(ctx context.Context, name string) {
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
			say("%s has ended (%v); it is started again in %v.", name, err, restartAfter)
			select {
			case <-time.After(restartAfter):
			case <-ctx.Done():
				return
			}
		}
	})
}

// once runs a service to its end. Its log goes to a file, but for the line that says where it is.
func (f *fleet) once(ctx context.Context, name string) error {
	program, number, _ := strings.Cut(name, "-")
	log, err := os.OpenFile(filepath.Join(f.dir, "logs", name+".log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) //nolint:gosec // names are ours
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	c := exec.CommandContext(ctx, filepath.Join(f.bin, program), "--json") //nolint:gosec // our own program
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
			f.set(name, service{strings.TrimPrefix(line.URL, "http://"), c.Process.Pid})
		}
		_, _ = fmt.Fprintln(log, lines.Text())
	}
	return c.Wait()
}

func (f *fleet) set(name string, s service) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.up == nil {
		f.up = map[string]service{}
	}
	if f.up[name] = s; s.host == "" {
		delete(f.up, name)
	}
}

// hosts gives where the processes of a service are.
func (f *fleet) hosts(program string) []string {
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

// await waits until all are ready; false when it was interrupted.
func (f *fleet) await(ctx context.Context) bool {
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

func (f *fleet) list() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, name := range f.names {
		say("  %-16s http://%s  process %d", name, f.up[name].host, f.up[name].pid)
	}
	say("")
}

// wait is for the processes to end; their context has.
func (f *fleet) wait() { f.running.Wait() }
