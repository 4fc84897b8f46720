package kafkalog_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"vigie/pkg/eventlog/kafkalog"
)

const (
	admin    = "admin"
	password = "open sesame"
)

// authority makes a certificate for 127.0.0.1 and the file of those who signed it.
func authority(tb testing.TB) (tls.Certificate, string) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "broker"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"broker.test"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		file(tb, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}

func file(tb testing.TB, name, content string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name)
	rewrite(tb, path, content)
	return path
}

func rewrite(tb testing.TB, path, content string) {
	tb.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		tb.Fatal(err)
	}
}

// secured starts a broker that asks for TLS and for the admin's password, and gives the configuration that it wants.
func secured(tb testing.TB, mechanism string, more ...kfake.Opt) (*kfake.Cluster, kafkalog.Config) {
	tb.Helper()
	cert, ca := authority(tb)
	c, err := kfake.NewCluster(append(more,
		kfake.NumBrokers(1), kfake.TLS(&tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}),
		kfake.EnableSASL(), kfake.Superuser(mechanism, admin, password),
	)...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	cfg := config(c.ListenAddrs()...)
	// Signing in takes its time where many do so at once.
	cfg.DialTimeout, cfg.RequestTimeout, cfg.MetadataTTL = 20*time.Second, 20*time.Second, 2*time.Second
	cfg.TLS = kafkalog.TLS{CAFile: ca}
	cfg.SASL = kafkalog.SASL{Mechanism: mechanism, User: admin, Password: password}
	return c, cfg
}

func open(tb testing.TB, cfg kafkalog.Config) *kafkalog.Log {
	tb.Helper()
	l, err := kafkalog.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(l.Close)
	return l
}
