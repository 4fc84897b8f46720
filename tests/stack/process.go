package stack

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// process is a child that dies with this process.
type process struct {
	name  string
	log   string
	child *os.Process
	done  chan struct{} // closed when it has ended
}

// launch starts argv in dir; what it says is appended to the file log.
func launch(name, dir, log string, argv ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // a path of our own
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	cmd := exec.Command(argv[0], argv[1:]...) //nolint:gosec,noctx // a fixed program; it outlives every context and is killed by id
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, out, out
	// Its own group: ctrl-C at the terminal is for us, who then end it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p := &process{name: name, log: log, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The death signal is sent when the thread that started the child ends, which need not be when the process ends.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		defer func() { _ = out.Close() }()
		err := cmd.Start()
		p.child = cmd.Process
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in its log
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

// signal sends sig; os.Process never hits another process that got the same id.
func (p *process) signal(sig os.Signal) error {
	if err := p.child.Signal(sig); err != nil {
		return fmt.Errorf("signal %s: %w", p.name, err)
	}
	return nil
}

// kill ends the process, whatever it is doing, and waits until it is gone.
func (p *process) kill() {
	_ = p.child.Kill() // fails only when it has ended
	<-p.done
}

// failed says why the process has ended, nil while it runs.
func (p *process) failed() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s has ended; the end of %s:\n%s", p.name, p.log, lastLines(p.log))
	default:
		return nil
	}
}

// lastLines returns the end of a log for an error message.
func lastLines(file string) []byte {
	const most = 15
	content, err := os.ReadFile(file) //nolint:gosec // our own log
	if err != nil {
		return []byte(err.Error())
	}
	lines := bytes.Split(bytes.TrimSpace(content), []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-most):], []byte("\n"))
}

var errNotRunning = errors.New("it does not run; restart it first")
