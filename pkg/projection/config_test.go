package projection_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"vigie/pkg/eventlog"
	"vigie/pkg/projection"
	"vigie/pkg/projection/projectiontest"
)

func TestAConfigurationThatCannotWorkIsRefusedWithoutSayingASecret(t *testing.T) {
	t.Parallel()
	const secret = "s3cret"
	for name, spoil := range map[string]func(*projection.Config){
		"another scheme":        func(c *projection.Config) { c.URL = "http://" + secret + ":6379" },
		"no host":               func(c *projection.Config) { c.URL = "redis://:6379/" + secret },
		"not a URL":             func(c *projection.Config) { c.URL = "redis://" + secret + "\x7f" },
		"a password in the URL": func(c *projection.Config) { c.URL = "redis://vigie:" + secret + "@redis:6379/0" },
		"an account in the URL": func(c *projection.Config) { c.URL = "redis://" + secret + "@redis:6379" },
		"not a database":        func(c *projection.Config) { c.URL = "redis://redis:6379/" + secret },
		"settings in the URL":   func(c *projection.Config) { c.URL = "redis://redis:6379?password=" + secret },
		"a CA without TLS":      func(c *projection.Config) { c.CAFile = "ca.pem" },
		"no password":           func(c *projection.Config) { c.User = "vigie" },
		"no time":               func(c *projection.Config) { c.IO = 0 },
		"rests that cross":      func(c *projection.Config) { c.RestMax = c.RestMin - 1 },
	} {
		cfg := projection.Default()
		cfg.URL = "redis://redis:6379/0"
		if err := cfg.Validate(); err != nil {
			t.Fatalf("before it was spoilt: %v", err)
		}
		spoil(&cfg)
		_, err := projection.Open(cfg)
		if err == nil || cfg.Validate() == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWithoutAURLEverythingIsOff(t *testing.T) {
	t.Parallel()
	c := projectiontest.Open(t, projection.Default())
	table := c.Table("x.1", eventlog.RoomEntry{Room: "r", LogID: "l"})
	_, read := table.All(t.Context())
	if !c.Off() || !errors.Is(read, projection.ErrOff) || !errors.Is(table.Apply(t.Context(), projection.Batch{}), projection.ErrOff) {
		t.Errorf("off %v, %v", c.Off(), read)
	}
}

// certificate makes a key and a certificate for this machine, signed by itself, and writes the latter to a file.
func certificate(t *testing.T) (own tls.Certificate, file string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

func TestTLSAndAccountsAreUsedAndAStrangerIsNotTrusted(t *testing.T) {
	t.Parallel()
	own, ca := certificate(t)
	_, other := certificate(t)
	server := miniredis.NewMiniRedis()
	if err := server.StartTLS(&tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	server.RequireUserAuth("vigie", "s3cret")

	good := projectiontest.Config(server.Addr())
	good.URL, good.CAFile, good.User, good.Password = "rediss://"+server.Addr()+"/0", ca, "vigie", "s3cret"
	for _, test := range []struct {
		name  string
		spoil func(*projection.Config)
		want  error
	}{
		{"all as it should be", func(*projection.Config) {}, projection.ErrCold},
		{"a wrong password", func(c *projection.Config) { c.Password = "wrong" }, projection.ErrAway},
		{"another account", func(c *projection.Config) { c.User = "stranger" }, projection.ErrAway},
		{"a certificate that another has signed", func(c *projection.Config) { c.CAFile = other }, projection.ErrAway},
		{"no TLS", func(c *projection.Config) { c.URL, c.CAFile = "redis://"+server.Addr(), "" }, projection.ErrAway},
	} {
		cfg := good
		test.spoil(&cfg)
		cfg.IO, cfg.Wait = time.Second, 10*time.Second // a server that waits for a handshake says nothing
		table := projectiontest.Open(t, cfg).Table("x.1", eventlog.RoomEntry{Room: "r", LogID: "l"})
		_, err := table.All(context.Background())
		if !errors.Is(err, test.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	for _, file := range []string{filepath.Join(t.TempDir(), "missing.pem"), empty(t)} {
		cfg := good
		cfg.CAFile = file
		if _, err := projection.Open(cfg); err == nil {
			t.Errorf("%s was taken for a certificate", file)
		}
	}
}

func empty(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestATableThatNobodyWritesGoesAwayByItself(t *testing.T) {
	t.Parallel()
	server := projectiontest.StartMiniredis(t)
	cfg := projectiontest.Config(server.Addr())
	cfg.Keep = 50 * time.Millisecond
	table := projectiontest.Open(t, cfg).Table("x.1", eventlog.RoomEntry{Room: "r", LogID: "l"})
	c := projection.Changes{}
	c.Put(projection.Entry{Name: "a", Value: []byte("1")})
	if err := table.Apply(t.Context(), projection.Batch{To: projection.Mark{Offset: 1}, AtEnd: time.Now(), Changes: c}); err != nil {
		t.Fatal(err)
	}
	projectiontest.Await(t, "it is cold", func() bool {
		_, err := table.All(t.Context())
		return errors.Is(err, projection.ErrCold)
	})
}
