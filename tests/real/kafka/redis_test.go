package kafka_test

import (
	"bufio"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"
)

// ask sends one command to Redis and returns the last line of its answer.
func ask(t *testing.T, lines int, command string) string {
	t.Helper()
	u, err := url.Parse(shared.RedisURL())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := (&net.Dialer{}).DialContext(deadline(t), "tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte(command + "\r\n")); err != nil {
		t.Fatal(err)
	}
	var line string
	for r := bufio.NewReader(conn); lines > 0; lines-- {
		if line, err = r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	return strings.TrimSpace(line)
}

func TestRedisComesBackEmptyAfterACrash(t *testing.T) {
	if got := ask(t, 1, "SET k v"); got != "+OK" {
		t.Fatalf("set: %s", got)
	}
	if got := ask(t, 2, "GET k"); got != "v" {
		t.Fatalf("get: %s", got)
	}
	shared.KillRedis()
	if err := shared.RestartRedis(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, 1, "GET k"); got != "$-1" {
		t.Errorf("after the crash: %s, want nothing", got)
	}
}
