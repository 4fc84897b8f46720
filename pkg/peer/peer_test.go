package peer_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"vigie/pkg/peer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func issue(t *testing.T, dir, name string) peer.Credentials {
	t.Helper()
	c, err := peer.Issue(dir, name, "127.0.0.1", "localhost", "gate-1.example")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// listen runs a server that says back what it is told, and that alarms may call.
func listen(t *testing.T, c peer.Credentials) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := peer.Listen(l, peer.ServerConfig{
		Credentials: c, Clients: []string{peer.Alarms},
		Handlers: map[string]peer.Handler{
			"echo":   func(_ context.Context, body []byte) ([]byte, error) { return body, nil },
			"refuse": func(context.Context, []byte) ([]byte, error) { return nil, errors.New("not now") },
			"hang":   func(ctx context.Context, _ []byte) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() },
		},
		Failed: func(err error) { t.Error(err) }, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s.Address()
}

func client(t *testing.T, c peer.Credentials) *peer.Client {
	t.Helper()
	k, err := peer.NewClient(c, peer.Gateway)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

func call(t *testing.T, k *peer.Client, address, name, body string) (string, error) {
	t.Helper()
	ctx, done := context.WithTimeout(t.Context(), 30*time.Second)
	defer done()
	out, err := k.Call(ctx, address, name, []byte(body))
	return string(out), err
}

func TestServicesOfOneAuthorityTalk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	address := listen(t, issue(t, dir, peer.Gateway))
	k := client(t, issue(t, dir, peer.Alarms))
	if out, err := call(t, k, address, "echo", "hello"); err != nil || out != "hello" {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := call(t, k, address, "refuse", ""); err == nil || !strings.Contains(err.Error(), "not now") {
		t.Errorf("a refusal: %v", err)
	}
	if _, err := call(t, k, address, "dance", ""); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("an unknown call: %v", err)
	}
	if _, err := call(t, k, address, "echo", strings.Repeat("x", 5<<20)); err == nil {
		t.Error("a call of any size is taken")
	}
	ctx, done := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer done()
	if _, err := k.Call(ctx, address, "hang", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a call that hangs: %v", err)
	}
}

func TestStrangersAreRefused(t *testing.T) {
	t.Parallel()
	dir, foreign := t.TempDir(), t.TempDir()
	address := listen(t, issue(t, dir, peer.Gateway))
	ours, theirs := issue(t, dir, peer.Alarms), issue(t, foreign, peer.Alarms)
	for name, c := range map[string]peer.Credentials{
		"a certificate of another authority":             {CA: ours.CA, Cert: theirs.Cert, Key: theirs.Key},
		"our certificate under a name that may not call": issue(t, dir, "patrol"),
		"a client that trusts another authority":         {CA: theirs.CA, Cert: ours.Cert, Key: ours.Key},
	} {
		if _, err := call(t, client(t, c), address, "echo", "x"); err == nil {
			t.Errorf("%s: answered", name)
		}
	}
	// One that is named for another service is not the gateway, whoever signed it.
	elsewhere := listen(t, issue(t, dir, "replay"))
	if _, err := call(t, client(t, ours), elsewhere, "echo", "x"); err == nil {
		t.Error("a server of another name is believed")
	}

	pool := x509.NewCertPool()
	raw, err := os.ReadFile(ours.CA)
	if err != nil || !pool.AppendCertsFromPEM(raw) {
		t.Fatal(err)
	}
	plain := func(cfg *tls.Config, scheme string) error {
		transport := &http.Transport{TLSClientConfig: cfg, DisableKeepAlives: true}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, scheme+"://"+address+"/internal/v1/echo", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := (&http.Client{Transport: transport, Timeout: 30 * time.Second}).Do(req)
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode != http.StatusOK {
				return errors.New(res.Status)
			}
		}
		return err
	}
	if plain(&tls.Config{RootCAs: pool, ServerName: peer.Gateway}, "https") == nil {
		t.Error("a client without a certificate is answered")
	}
	pair, err := tls.LoadX509KeyPair(ours.Cert, ours.Key)
	if err != nil {
		t.Fatal(err)
	}
	if plain(&tls.Config{RootCAs: pool, ServerName: peer.Gateway, Certificates: []tls.Certificate{pair}, MaxVersion: tls.VersionTLS12}, "https") == nil {
		t.Error("an older TLS is spoken")
	}
	if plain(nil, "http") == nil {
		t.Error("no TLS at all is spoken")
	}
	if err := plain(&tls.Config{RootCAs: pool, ServerName: peer.Gateway, Certificates: []tls.Certificate{pair}}, "https"); err != nil {
		t.Errorf("the same with everything right: %v", err)
	}
}

func TestACertificateIsReplacedWhileAllRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	address := listen(t, issue(t, dir, peer.Gateway))
	alarms := issue(t, dir, peer.Alarms)
	if _, err := call(t, client(t, alarms), address, "echo", "x"); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, "gateway.crt"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := peer.Ensure(dir, peer.Gateway); err != nil {
		t.Fatal(err)
	}
	if kept, err := os.ReadFile(filepath.Join(dir, "gateway.crt")); err != nil || !bytes.Equal(before, kept) {
		t.Errorf("a good certificate is made anew: %v", err)
	}
	issue(t, dir, peer.Gateway)
	pair, err := tls.LoadX509KeyPair(alarms.Cert, alarms.Key)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := (&tls.Dialer{Config: &tls.Config{ServerName: peer.Gateway, Certificates: []tls.Certificate{pair}, InsecureSkipVerify: true}}).
		DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	shown := conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Raw
	_ = conn.Close()
	if block, _ := pem.Decode(before); block == nil || bytes.Equal(block.Bytes, shown) {
		t.Error("the old certificate is still shown")
	}
	if _, err := call(t, client(t, alarms), address, "echo", "x"); err != nil {
		t.Errorf("under the new certificate: %v", err)
	}
}

func TestKeysAreTheirOwnersAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "internal")
	issue(t, dir, peer.Gateway)
	for _, name := range []string{"ca.key", "ca.crt", "gateway.key", "gateway.crt"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	for _, name := range []string{"", "ca", "../gateway"} {
		if _, err := peer.Issue(dir, name); err == nil {
			t.Errorf("a certificate for %q", name)
		}
	}
	if err := os.Remove(filepath.Join(dir, "ca.key")); err != nil {
		t.Fatal(err)
	}
	if _, err := peer.Issue(dir, peer.Alarms); err == nil {
		t.Error("an authority without its key is replaced")
	}
	if _, err := peer.NewClient(peer.Credentials{CA: filepath.Join(dir, "none"), Cert: "x", Key: "y"}, peer.Gateway); err == nil {
		t.Error("a client without its files")
	}
	if (peer.Credentials{CA: "x"}).Validate() == nil || (peer.Credentials{}).Validate() != nil {
		t.Error("all three or none")
	}
}
