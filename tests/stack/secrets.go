package stack

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// Admin is the account of a secure stack that may do everything.
const Admin = "admin"

// Projector is the account of a secure stack's Redis, for projections.
const Projector = "projector"

// secrets are the certificates and passwords of a secure stack; they live as
// long as it does. A nil *secrets is a stack without any.
type secrets struct {
	NodeName  string // the common name of the brokers' certificate
	Node, CA  string // files, in the spelling of Kafka's PEM stores
	Admin     string
	roots     *x509.CertPool
	passwords map[string]string
}

func newSecrets(dir string, users []string) (*secrets, error) {
	s := &secrets{
		NodeName: "broker", Node: filepath.Join(dir, "node.pem"), CA: filepath.Join(dir, "ca.pem"), Admin: Admin,
		roots: x509.NewCertPool(), passwords: map[string]string{},
	}
	for _, user := range append([]string{Admin, Projector}, users...) {
		s.passwords[user] = rand.Text()
	}
	caKey, ca, err := certificate("Vigie stack", nil, nil)
	if err != nil {
		return nil, err
	}
	nodeKey, node, err := certificate(s.NodeName, ca, caKey)
	if err != nil {
		return nil, err
	}
	s.roots.AddCert(ca)
	private, err := x509.MarshalPKCS8PrivateKey(nodeKey)
	if err != nil {
		return nil, err
	}
	store := bytes.Join([][]byte{
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		encode(node), encode(ca),
	}, nil)
	if err := os.WriteFile(s.Node, store, 0o600); err != nil {
		return nil, err
	}
	return s, os.WriteFile(s.CA, encode(ca), 0o600)
}

func encode(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// certificate makes a key and its certificate, signed by issuer or, without
// one, by itself.
func certificate(name string, issuer *x509.Certificate, issuerKey *ecdsa.PrivateKey) (*ecdsa.PrivateKey, *x509.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(30 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
	}
	if issuer == nil {
		template.IsCA, template.KeyUsage = true, x509.KeyUsageCertSign
		issuer, issuerKey = template, key
	} else {
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
		// Nodes are servers to clients and clients of each other.
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), issuerKey)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return key, cert, err
}

// scram are the arguments that give a new cluster its accounts.
func (s *secrets) scram() []string {
	var args []string
	for user, password := range s.passwords {
		if user == Projector {
			continue // Redis' own
		}
		args = append(args, "--add-scram", fmt.Sprintf("SCRAM-SHA-512=[name=%s,password=%s]", user, password))
	}
	return args
}

// client are the options of a Kafka client that connects as user.
func (s *secrets) client(user string) []kgo.Opt {
	if s == nil {
		return nil
	}
	return []kgo.Opt{
		kgo.DialTLSConfig(s.tls()),
		kgo.SASL(scram.Auth{User: user, Pass: s.passwords[user]}.AsSha512Mechanism()),
	}
}

func (s *secrets) tls() *tls.Config {
	return &tls.Config{RootCAs: s.roots, MinVersion: tls.VersionTLS13}
}

// TLS is what a client of a secure stack trusts; nil otherwise.
func (s *Stack) TLS() *tls.Config {
	if s.secrets == nil {
		return nil
	}
	return s.secrets.tls()
}

// CAFile is the file with the certificate that a secure stack's others are signed by; "" otherwise.
func (s *Stack) CAFile() string {
	if s.secrets == nil {
		return ""
	}
	return s.secrets.CA
}

// Password returns the password of [Admin], [Projector] or one of [Options.Users].
func (s *Stack) Password(user string) string {
	if s.secrets == nil {
		return ""
	}
	return s.secrets.passwords[user]
}

// Client connects to Kafka as user, without an account if the stack is not
// secure, for what the event log does not offer: administration and tests.
func (s *Stack) Client(user string, more ...kgo.Opt) (*kgo.Client, error) {
	opts := append(s.secrets.client(user), kgo.SeedBrokers(s.Kafka()...))
	c, err := kgo.NewClient(append(opts, more...)...)
	if err != nil {
		return nil, fmt.Errorf("kafka client: %w", err)
	}
	return c, nil
}
