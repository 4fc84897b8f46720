package kafkalog

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/saslauthenticate"
	"github.com/segmentio/kafka-go/protocol/saslhandshake"
)

// AccessError says that a broker is there and does not let this process in, or cannot be trusted. Trying again does not help
// before somebody changes a setting, a password or a certificate.
type AccessError struct {
	Broker string
	Reason string // a sentence's end: what is wrong and what to do
	Err    error  // what the broker or the handshake said; may be nil
}

func (e *AccessError) Error() string {
	text := "kafka at " + e.Broker + " " + e.Reason
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *AccessError) Unwrap() error { return e.Err }

// dial makes every connection of this package, and hands it out when this process has been let in: kafka-go's own ways differ
// between its transport and its dialer, and sign in without a deadline.
func (c Config) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, done := context.WithTimeout(ctx, c.DialTimeout)
	defer done()
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	entered, err := c.enter(ctx, conn, address)
	if err != nil {
		_ = conn.Close() // it has failed already
		return nil, refusal(address, err, "cannot be entered")
	}
	return entered, nil
}

// enter encrypts the connection and signs in, as far as either is asked for.
func (c Config) enter(ctx context.Context, conn net.Conn, address string) (net.Conn, error) {
	if c.TLS.on() {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		cfg, err := c.TLS.config(host)
		if err != nil {
			return nil, err
		}
		encrypted := tls.Client(conn, cfg)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			return nil, fmt.Errorf("TLS handshake: %w", err)
		}
		conn = encrypted
	}
	if c.SASL.User == "" {
		return conn, nil
	}
	if err := within(ctx, conn, func() error { return c.signIn(ctx, conn, address) }); err != nil {
		return nil, fmt.Errorf("sign in as %s: %w", c.SASL.User, err)
	}
	return conn, nil
}

// within gives what is done over conn until the end of ctx.
func within(ctx context.Context, conn net.Conn, do func() error) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	err := do()
	if !stop() && err == nil {
		err = ctx.Err() // the deadline is set, or about to be
	}
	return err
}

func (c Config) signIn(ctx context.Context, conn net.Conn, address string) error {
	if remote, ok := conn.RemoteAddr().(*net.TCPAddr); !c.TLS.on() && (!ok || !remote.IP.IsLoopback()) {
		// The first broker may be here and those that it names elsewhere.
		return &AccessError{Broker: address, Reason: "is reached over a network", Err: errNaked}
	}
	mechanism, err := c.SASL.mechanism()
	if err != nil {
		return err
	}
	pc := protocol.NewConn(conn, c.ClientID)
	pc.SetVersions(map[protocol.ApiKey]int16{protocol.SaslHandshake: 1, protocol.SaslAuthenticate: 1})
	hello, err := ask[*saslhandshake.Response](pc, &saslhandshake.Request{Mechanism: mechanism.Name()})
	if err != nil {
		return err
	}
	switch code := kafka.Error(hello.ErrorCode); code { //nolint:exhaustive // all others are told as they are
	case 0:
	case kafka.UnsupportedSASLMechanism:
		return &AccessError{
			Broker: address, Reason: fmt.Sprintf("does not offer %s (kafka_sasl), but %s", mechanism.Name(), strings.Join(hello.Mechanisms, ", ")), Err: code,
		}
	default:
		return &AccessError{Broker: address, Reason: "lets nobody sign in on this port: give that of its listener for users", Err: code}
	}
	conversation, token, err := mechanism.Start(ctx)
	for finished := false; !finished && err == nil; {
		var answer *saslauthenticate.Response
		if answer, err = ask[*saslauthenticate.Response](pc, &saslauthenticate.Request{AuthBytes: token}); err != nil {
			return err
		}
		if answer.ErrorCode != 0 {
			return &AccessError{
				Broker: address, Reason: fmt.Sprintf("refuses user %s: correct kafka_user or the password, or make the user", c.SASL.User),
				Err: kafka.Error(answer.ErrorCode),
			}
		}
		finished, token, err = conversation.Next(ctx, answer.AuthBytes)
	}
	if err != nil {
		return &AccessError{Broker: address, Reason: "does not itself know the password: it may not be the broker it should be", Err: err}
	}
	return nil
}

// ask makes one request over a connection that nothing else uses. kafka-go answers each request with its own kind.
func ask[R protocol.Message](pc *protocol.Conn, request protocol.Message) (R, error) {
	answer, err := pc.RoundTrip(request)
	if err != nil {
		var none R
		return none, err
	}
	return answer.(R), nil
}

// refusal says what an error on the way in means; otherwise is what to say of one that is not known. What passes by itself
// stays as it is.
func refusal(address string, err error, otherwise string) error {
	refused := func(reason string) error { return &AccessError{Broker: address, Reason: reason, Err: err} }
	var (
		access    *AccessError
		untrusted *tls.CertificateVerificationError
		record    tls.RecordHeaderError
		op        *net.OpError
	)
	switch {
	case errors.As(err, &access):
		return access
	case errors.As(err, &untrusted):
		return refused("shows a certificate that is not trusted: give the authority that signed it (kafka_tls_ca), " +
			"and the name in it where it is not that of the address (kafka_tls_name)")
	case errors.As(err, &record):
		return refused("does not speak TLS on this port: give its port for TLS")
	case errors.As(err, &op) && op.Op == "remote error":
		return refused("refuses the TLS handshake: see that it trusts this process's certificate (kafka_tls_cert, kafka_tls_key)")
	case passing(err):
		return err
	}
	return refused(otherwise)
}

// hungUp says whether the other side ended the connection without a word.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
