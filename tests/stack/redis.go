package stack

import (
	"bufio"
	"context"
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
	proc    *process // nil when it does not run
}

func newRedis(dir string, t tools) (*redis, error) {
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	r := &redis{dir: filepath.Join(dir, "redis"), program: t.redis, port: ports[0]}
	if err := os.Mkdir(r.dir, 0o700); err != nil {
		return nil, err
	}
	return r, render(r.config(), "redis.conf.tmpl", struct {
		Port int
		Data string
	}{r.port, r.dir})
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
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", r.addr())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && strings.TrimSpace(answer) != "+PONG" {
		err = fmt.Errorf("redis answers %q", answer)
	}
	return err
}

func (r *redis) kill() {
	if r.proc != nil {
		r.proc.kill()
		r.proc = nil
	}
}
