// Package peer is how our own services talk to one another directly, for the little that cannot go through the log: a
// listener and a client that accept nobody but one another.
//
// Guarantees: TLS 1.3; each side shows a certificate of the one authority that both are given; a client reaches no server
// but one that is named for the service it asks for, a server answers no client but those named to it; every call has a
// deadline and a bounded size. Certificates are read anew at each handshake, so that they can be replaced while all runs.
//
// Callers owe: addresses, since nothing is discovered (this works when all else is away); a context with a deadline to
// each call; one Close.
package peer

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
)

// Names of the services that talk to one another, as their certificates bear them.
const (
	Alarms    = "alarms"
	Gateway   = "gateway"
	Positions = "positions"
)

// Credentials are the files that a process shows and checks others by: none, or all three.
type Credentials struct {
	CA   string `koanf:"internal_ca" help:"certificate of the authority of our own services (vigie certs issue)"`
	Cert string `koanf:"internal_cert" help:"certificate of this process for calls between our own services"`
	Key  string `koanf:"internal_key" help:"key of that certificate"`
}

// Set says that there are any.
func (c Credentials) Set() bool { return c != Credentials{} }

// Validate says what cannot work; the files are read at start.
func (c Credentials) Validate() error {
	if c.Set() && (c.CA == "" || c.Cert == "" || c.Key == "") {
		return errors.New("internal_ca, internal_cert, internal_key: give all three or none; vigie certs issue makes them")
	}
	return nil
}

// ValidateAddresses says which of the addresses of others cannot be one.
func ValidateAddresses(name string, addresses []string) error {
	var errs []error
	for _, a := range addresses {
		if _, port, err := net.SplitHostPort(a); err != nil || port == "" {
			errs = append(errs, fmt.Errorf("%s %q: give host:port", name, a))
		}
	}
	return errors.Join(errs...)
}

// load reads the files once, to say at the start what is wrong with them.
func (c Credentials) load() (*x509.CertPool, error) {
	raw, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, fmt.Errorf("internal_ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(raw) {
		return nil, fmt.Errorf("internal_ca %s holds no certificate", c.CA)
	}
	_, err = c.own()
	return pool, err
}

func (c Credentials) own() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		return nil, fmt.Errorf("internal_cert and internal_key: %w", err)
	}
	return &pair, nil
}

// errName says that a client has a certificate of the authority, and is not one of those who may call.
var errName = errors.New("the certificate names no service that may call here")

func (c Credentials) server(clients []string) (*tls.Config, error) {
	pool, err := c.load()
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.own() },
		VerifyConnection: func(s tls.ConnectionState) error {
			named := func(name string) bool { return slices.Contains(clients, name) }
			if len(s.PeerCertificates) == 0 || !slices.ContainsFunc(s.PeerCertificates[0].DNSNames, named) {
				return errName
			}
			return nil
		},
	}, nil
}

func (c Credentials) client(service string) (*tls.Config, error) {
	pool, err := c.load()
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, RootCAs: pool, ServerName: service,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.own() },
	}, nil
}
