package kafkalog

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// TLS says how connections are encrypted and what is trusted. The zero value is no TLS; any field turns it on. Files are read
// for each new connection, so that renewed certificates need no restart.
type TLS struct {
	// On asks for TLS that trusts what this machine trusts.
	On bool
	// CAFile holds the certificates that are trusted instead, in PEM.
	CAFile string
	// CertFile and KeyFile are this process's own certificate, for brokers that ask for one.
	CertFile, KeyFile string
	// ServerName is the name in the brokers' certificates where it is not that of their address.
	ServerName string
}

func (t TLS) on() bool { return t != TLS{} }

// Ways to prove who one is.
const (
	ScramSHA512 = "SCRAM-SHA-512"
	ScramSHA256 = "SCRAM-SHA-256"
	Plain       = "PLAIN"
)

// SASL says as whom to sign in; the zero value is nobody. It prints without the password.
type SASL struct {
	Mechanism string // ScramSHA512, also when empty; ScramSHA256; or Plain
	User      string
	// Password, or PasswordFile, which is read for each new connection, so that a new password needs no restart.
	Password     string `json:"-"`
	PasswordFile string
}

// String names the user.
func (s SASL) String() string {
	if s.User == "" {
		return "nobody"
	}
	return fmt.Sprintf("%s by %s", s.User, s.name())
}

// GoString names the user.
func (s SASL) GoString() string { return s.String() }

func (s SASL) name() string {
	if s.Mechanism == "" {
		return ScramSHA512
	}
	return s.Mechanism
}

func (s SASL) password() (string, error) {
	if s.PasswordFile == "" {
		return s.Password, nil
	}
	content, err := os.ReadFile(s.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("kafka_password_file: %w", err)
	}
	password := bytes.TrimRight(content, "\r\n")
	if len(password) == 0 {
		return "", fmt.Errorf("kafka_password_file: %s is empty", s.PasswordFile)
	}
	return string(password), nil
}

func (s SASL) mechanism() (sasl.Mechanism, error) {
	password, err := s.password()
	if err != nil {
		return nil, err
	}
	switch s.name() {
	case ScramSHA512:
		return scram.Mechanism(scram.SHA512, s.User, password)
	case ScramSHA256:
		return scram.Mechanism(scram.SHA256, s.User, password)
	default: // Validate lets no other pass
		return plain.Mechanism{Username: s.User, Password: password}, nil
	}
}

// config is that of a connection to a host.
func (t TLS) config(host string) (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if t.ServerName != "" {
		cfg.ServerName = t.ServerName
	}
	if t.CAFile != "" {
		authorities, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("kafka_tls_ca: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(authorities) {
			return nil, fmt.Errorf("kafka_tls_ca: %s holds no certificate in PEM", t.CAFile)
		}
	}
	if t.CertFile != "" {
		own, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("kafka_tls_cert and kafka_tls_key: %w", err)
		}
		cfg.Certificates = []tls.Certificate{own}
	}
	return cfg, nil
}

func (t TLS) validate() error {
	switch {
	case !t.on():
		return nil
	case (t.CertFile == "") != (t.KeyFile == ""):
		return errors.New("kafka_tls_cert, kafka_tls_key: give both or neither")
	}
	_, err := t.config("")
	return err
}

// validateAccess says what is wrong with how c proves who it is.
func (c Config) validateAccess() []error {
	errs := []error{c.TLS.validate()}
	s := c.SASL
	given := s.Password != "" || s.PasswordFile != ""
	switch s.name() {
	case ScramSHA512, ScramSHA256, Plain:
	default:
		errs = append(errs, fmt.Errorf("kafka_sasl %q: give %s, %s or %s", s.Mechanism, ScramSHA512, ScramSHA256, Plain))
	}
	switch {
	case s.User == "" && given:
		errs = append(errs, errors.New("kafka_password: whose is it? Give kafka_user"))
	case s.User == "":
	case !given:
		errs = append(errs, errors.New("kafka_user: give its password in kafka_password_file"))
	case s.Password != "" && s.PasswordFile != "":
		errs = append(errs, errors.New("kafka_password, kafka_password_file: give one of them"))
	default:
		_, err := s.password()
		errs = append(errs, err)
	}
	if s.User == "" || c.TLS.on() {
		return errs
	}
	if s.name() == Plain {
		errs = append(errs, errors.New("kafka_sasl PLAIN: shows the password to whoever listens; give kafka_tls_ca, or use "+ScramSHA512))
	}
	for _, addr := range c.all() {
		if host, _, err := net.SplitHostPort(addr); err == nil && !loopback(host) {
			errs = append(errs, fmt.Errorf("kafka_user: %s is reached over a network, %w", addr, errNaked))
		}
	}
	return errs
}

// errNaked is why nobody signs in without TLS: it proves who one is to the broker for the first moment only.
var errNaked = errors.New("where without TLS what follows signing in can be read and changed; give kafka_tls_ca")

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
