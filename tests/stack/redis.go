package stack

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// redis is one redis-server that keeps nothing on disk.
type redis struct {
	dir     string
	program string
	port    int
	secrets *secrets // nil unless secure
	proc    *process // nil when it does not run
}

func newRedis(dir string, t tools, s *secrets) (*redis, error) {
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	r := &redis{dir: filepath.Join(dir, "redis"), program: t.redis, port: ports[0], secrets: s}
	if err := os.Mkdir(r.dir, 0o700); err != nil {
		return nil, err
	}
	var digest string
	if s != nil {
		digest = fmt.Sprintf("%x", sha256.Sum256([]byte(s.passwords[Projector])))
	}
	return r, render(r.config(), "redis.conf.tmpl", struct {
		Port              int
		Data              string
		Secure            *secrets
		Projector, Digest string
	}{r.port, r.dir, s, Projector, digest})
}

func (r *redis) config() string { return filepath.Join(r.dir, "redis.conf") }

func (r *redis) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port)) }

// start returns when Redis answers.
func (r *redis) start(ctx context.Context) error {
	if r.proc != nil {
		return nil
	}
	proc, err := launch("redis", r.dir, filepath.Join(r.dir, "redis.log"), r.program, r.config())
	if err != nil {
		return err
	}
	r.proc = proc
	return until(ctx, proc, "redis does not answer", r.ping)
}

func (r *redis) ping(ctx context.Context) error {
	ctx, done := context.WithTimeout(ctx, time.Second)
	defer done()
	return r.ask(ctx, "PING", "+PONG")
}

// command sends a command that has to succeed.
func (r *redis) command(ctx context.Context, command string) error {
	return r.ask(ctx, command, "+OK")
}

// ask sends a command and compares the answer. It takes no longer than ctx.
func (r *redis) ask(ctx context.Context, command, want string) error {
	conn, err := r.dial(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	asked := [][2]string{{command, want}}
	if r.secrets != nil {
		asked = append([][2]string{{"AUTH " + Projector + " " + r.secrets.passwords[Projector], "+OK"}}, asked...)
	}
	answers := bufio.NewReader(conn)
	for _, a := range asked {
		if _, err := conn.Write([]byte(a[0] + "\r\n")); err != nil {
			return err
		}
		answer, err := answers.ReadString('\n')
		if err != nil {
			return err
		}
		if strings.TrimSpace(answer) != a[1] {
			return fmt.Errorf("redis answers %q", answer)
		}
	}
	return nil
}

func (r *redis) dial(ctx context.Context) (net.Conn, error) {
	if r.secrets == nil {
		return new(net.Dialer).DialContext(ctx, "tcp", r.addr())
	}
	return (&tls.Dialer{Config: r.secrets.tls()}).DialContext(ctx, "tcp", r.addr())
}

func (r *redis) kill() {
	if r.proc != nil {
		r.proc.kill()
		r.proc = nil
	}
}

func (r *redis) signal(s os.Signal) error {
	if r.proc == nil {
		return fmt.Errorf("redis: %w", errNotRunning)
	}
	return r.proc.signal(s)
}
