package kafkalog_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	text "strings"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
)

func TestEveryWayToTheLogIsEncryptedAndSignedIn(t *testing.T) {
	t.Parallel()
	for _, mechanism := range []string{kafkalog.ScramSHA512, kafkalog.ScramSHA256, kafkalog.Plain} {
		t.Run(mechanism, func(t *testing.T) {
			t.Parallel()
			ctx := deadline(t)
			_, cfg := secured(t, mechanism)
			l := open(t, cfg)
			if err := l.Reach(ctx); err != nil {
				t.Fatal(err)
			}
			create(t, l, topic)
			if _, err := l.Append(ctx, topic, 0, [][]byte{[]byte("alarm")}); err != nil {
				t.Fatal(err)
			}
			if got := stored(ctx, t, l); len(got) != 1 || got[0] != "alarm" {
				t.Errorf("scanned %q", got)
			}
			err := l.Tail(ctx, topic, 0, 0, func(records []eventlog.Record, _ int64) error {
				if len(records) > 0 {
					return errEnough
				}
				return nil
			})
			if !errors.Is(err, errEnough) {
				t.Errorf("tail: %v", err)
			}
			group, err := l.ConsumerGroup(ctx, kafka.ConsumerGroupConfig{ID: "g", Topics: []string{topic}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := group.Next(ctx); err != nil {
				t.Errorf("group: %v", err)
			}
			if err := group.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWhoIsNotLetInIsToldAtOnceWhatToDo(t *testing.T) {
	t.Parallel()
	_, other := authority(t)
	naked, mute := broker(t).ListenAddrs(), answering(t, "")
	for name, tt := range map[string]struct {
		spoil func(*kafkalog.Config)
		says  string
	}{
		"plain text to a port for TLS": {func(c *kafkalog.Config) { c.TLS, c.SASL = kafkalog.TLS{}, kafkalog.SASL{} }, "give kafka_tls_ca"},
		"nobody":                       {func(c *kafkalog.Config) { c.SASL = kafkalog.SASL{} }, "give kafka_user"},
		"a wrong password":             {func(c *kafkalog.Config) { c.SASL.Password = "not it" }, "kafka"},
		"a user that is not known":     {func(c *kafkalog.Config) { c.SASL.User = "stranger" }, "kafka"},
		"another way to sign in":       {func(c *kafkalog.Config) { c.SASL.Mechanism = kafkalog.ScramSHA256 }, "kafka"},
		"an authority not trusted":     {func(c *kafkalog.Config) { c.TLS.CAFile = other }, "give the authority that signed it (kafka_tls_ca)"},
		"the machine's authorities":    {func(c *kafkalog.Config) { c.TLS = kafkalog.TLS{On: true} }, "give the authority that signed it (kafka_tls_ca)"},
		"another name":                 {func(c *kafkalog.Config) { c.TLS.ServerName = "elsewhere.test" }, "(kafka_tls_name)"},
		"TLS to a port without":        {func(c *kafkalog.Config) { c.Brokers = mute }, "may be without TLS"},
		"TLS to something else":        {func(c *kafkalog.Config) { c.Brokers = answering(t, "HTTP/1.1 400\r\n") }, "does not speak TLS on this port"},
		"plain text to something else": {func(c *kafkalog.Config) {
			c.Brokers, c.TLS, c.SASL = answering(t, "HTTP/1.1 400\r\n"), kafkalog.TLS{}, kafkalog.SASL{}
		}, "may be for TLS only"},
		"positions elsewhere":         {func(c *kafkalog.Config) { c.PositionsBrokers = mute }, "may be without TLS"},
		"a user to a port for nobody": {func(c *kafkalog.Config) { c.Brokers, c.TLS = naked, kafkalog.TLS{} }, "kafka"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, cfg := secured(t, kafkalog.ScramSHA512)
			tt.spoil(&cfg)
			err := open(t, cfg).Reach(deadline(t))
			var access *kafkalog.AccessError
			if !errors.As(err, &access) || !text.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want an AccessError that says %q", err, tt.says)
			}
			if err != nil && text.Contains(err.Error(), cfg.SASL.Password) && cfg.SASL.Password != "" {
				t.Errorf("the password is in %q", err)
			}
		})
	}
	t.Run("a name that is in the certificate", func(t *testing.T) {
		t.Parallel()
		_, cfg := secured(t, kafkalog.ScramSHA512)
		cfg.TLS.ServerName = "broker.test"
		if err := open(t, cfg).Reach(deadline(t)); err != nil {
			t.Error(err)
		}
	})
	t.Run("brokers that are away refuse nobody", func(t *testing.T) {
		t.Parallel()
		_, cfg := secured(t, kafkalog.ScramSHA512)
		cfg.Brokers = []string{nowhere(t)}
		if err := open(t, cfg).Reach(deadline(t)); err != nil {
			t.Error(err)
		}
	})
	t.Run("one broker that lets us in is enough", func(t *testing.T) {
		t.Parallel()
		_, cfg := secured(t, kafkalog.ScramSHA512)
		cfg.Brokers = append([]string{nowhere(t), mute[0]}, cfg.Brokers...)
		if err := open(t, cfg).Reach(deadline(t)); err != nil {
			t.Error(err)
		}
	})
}

// Apache Kafka says what the broker of these tests leaves to be guessed.
func TestWhatABrokerSaysOfASignInIsToldWithWhatToDo(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		key    kmsg.Key
		answer func(kmsg.Response)
		says   string
	}{
		"a wrong password": {
			kmsg.SASLAuthenticate, func(r kmsg.Response) {
				r.(*kmsg.SASLAuthenticateResponse).ErrorCode = kerr.SaslAuthenticationFailed.Code
			},
			"refuses user admin: correct kafka_user or the password",
		},
		"another way": {
			kmsg.SASLHandshake, func(r kmsg.Response) {
				res := r.(*kmsg.SASLHandshakeResponse)
				res.ErrorCode, res.SupportedMechanisms = kerr.UnsupportedSaslMechanism.Code, []string{"OAUTHBEARER"}
			},
			"does not offer SCRAM-SHA-512 (kafka_sasl), but OAUTHBEARER",
		},
		"no users": {
			kmsg.SASLHandshake, func(r kmsg.Response) { r.(*kmsg.SASLHandshakeResponse).ErrorCode = kerr.IllegalSaslState.Code },
			"lets nobody sign in on this port",
		},
		"a broker that does not know the password": {
			kmsg.SASLAuthenticate, func(r kmsg.Response) {
				r.(*kmsg.SASLAuthenticateResponse).SASLAuthBytes = []byte("r=mine,s=AAAA,i=4096")
			},
			"does not itself know the password",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, cfg := secured(t, kafkalog.ScramSHA512)
			c.ControlKey(int16(tt.key), func(r kmsg.Request) (kmsg.Response, error, bool) {
				c.KeepControl()
				res := r.ResponseKind()
				tt.answer(res)
				return res, nil, true
			})
			err := open(t, cfg).Reach(deadline(t))
			var access *kafkalog.AccessError
			if !errors.As(err, &access) || !text.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want an AccessError that says %q", err, tt.says)
			}
		})
	}
}

// answering is a port that answers the first bytes with others, or with none, and hangs up.
func answering(tb testing.TB, answer string) []string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // does not wait
	if err != nil {
		tb.Fatal(err)
	}
	var port sync.WaitGroup
	port.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096))
			_, _ = c.Write([]byte(answer))
			_ = c.Close()
		}
	})
	tb.Cleanup(func() {
		_ = l.Close()
		port.Wait()
	})
	return []string{l.Addr().String()}
}

// nowhere is an address that nobody listens on.
func nowhere(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // does not wait
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// What is renewed while a process runs must stop no room: readers and writers wait for it, and need no restart.
func TestAPasswordOrACertificateThatIsBeingRenewedIsWaitedFor(t *testing.T) {
	t.Parallel()
	_, other := authority(t)
	strange, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]func(cfg *kafkalog.Config) (path, right string){
		"password": func(cfg *kafkalog.Config) (path, right string) {
			cfg.SASL.Password, cfg.SASL.PasswordFile = "", file(t, "password", "the old one")
			return cfg.SASL.PasswordFile, password + "\n"
		},
		"certificate": func(cfg *kafkalog.Config) (path, right string) {
			right = read(t, cfg.TLS.CAFile)
			rewrite(t, cfg.TLS.CAFile, string(strange))
			return cfg.TLS.CAFile, right
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := deadline(t)
			_, cfg := secured(t, kafkalog.ScramSHA512)
			before := open(t, cfg)
			create(t, before, topic)
			if _, err := before.Append(ctx, topic, 0, [][]byte{[]byte("alarm")}); err != nil {
				t.Fatal(err)
			}
			path, right := tt(&cfg)
			l := open(t, cfg)
			if _, err := l.Append(ctx, topic, 0, [][]byte{[]byte("x")}); !errors.Is(err, eventlog.ErrNotWritten) {
				t.Errorf("append: %v, want ErrNotWritten", err)
			}
			ends := make(chan error, 3)
			go func() {
				ends <- l.Tail(ctx, topic, 0, 0, func(records []eventlog.Record, _ int64) error {
					if len(records) > 0 {
						return errEnough
					}
					return nil
				})
			}()
			go func() {
				ends <- l.Scan(ctx, topic, 0, 0, 1, func(eventlog.Record) error { return errEnough })
			}()
			w := writer(t, l)
			go func() {
				_, err := w.Write(ctx, topic, 0, []byte("alarm"))
				ends <- errors.Join(err, errEnough)
			}()
			// Some answers of each, at least.
			wait, done := context.WithTimeout(ctx, 500*time.Millisecond)
			select {
			case err := <-ends:
				t.Errorf("ended while it is not let in: %v", err)
				ends <- err
			case <-wait.Done():
			}
			done()
			rewrite(t, path, right)
			for range 3 {
				if err := <-ends; !errors.Is(err, errEnough) || errors.Is(err, eventlog.ErrUnknownOutcome) {
					t.Errorf("got %v", err)
				}
			}
		})
	}
}

func read(tb testing.TB, path string) string {
	tb.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return string(content)
}

func TestAPasswordIsNeverShown(t *testing.T) {
	t.Parallel()
	cfg := kafkalog.Default()
	cfg.SASL = kafkalog.SASL{User: admin, Password: password}
	marshalled, err := json.Marshal(cfg.SASL)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%v %+v %#v %s %s", cfg, cfg, cfg, cfg.SASL, marshalled); text.Contains(got, password) || !text.Contains(got, admin) {
		t.Error(got)
	}
}

func TestAnAccessThatCannotWorkIsRefused(t *testing.T) {
	t.Parallel()
	_, ca := authority(t)
	empty, junk := file(t, "empty", "\n"), file(t, "junk", "junk")
	for says, spoil := range map[string]func(*kafkalog.Config){
		"whose is it":                   func(c *kafkalog.Config) { c.SASL = kafkalog.SASL{Password: password} },
		"give its password":             func(c *kafkalog.Config) { c.SASL.Password = "" },
		"give one of them":              func(c *kafkalog.Config) { c.SASL.PasswordFile = ca },
		"kafka_password_file: open":     func(c *kafkalog.Config) { c.SASL.Password, c.SASL.PasswordFile = "", "/absent" },
		"is empty":                      func(c *kafkalog.Config) { c.SASL.Password, c.SASL.PasswordFile = "", empty },
		`kafka_sasl "GUESS"`:            func(c *kafkalog.Config) { c.SASL.Mechanism = "GUESS" },
		"shows the password":            func(c *kafkalog.Config) { c.SASL.Mechanism, c.TLS = kafkalog.Plain, kafkalog.TLS{} },
		"is reached over a network":     func(c *kafkalog.Config) { c.Brokers, c.TLS = []string{"kafka.example:9092"}, kafkalog.TLS{} },
		"10.0.0.1:9092 is reached over": func(c *kafkalog.Config) { c.PositionsBrokers, c.TLS = []string{"10.0.0.1:9092"}, kafkalog.TLS{} },
		"kafka_tls_ca: open":            func(c *kafkalog.Config) { c.TLS.CAFile = "/absent" },
		"holds no certificate":          func(c *kafkalog.Config) { c.TLS.CAFile = junk },
		"give both or neither":          func(c *kafkalog.Config) { c.TLS.CertFile = ca },
		"kafka_tls_cert and":            func(c *kafkalog.Config) { c.TLS.CertFile, c.TLS.KeyFile = ca, junk },
	} {
		cfg := kafkalog.Default()
		cfg.TLS, cfg.SASL = kafkalog.TLS{CAFile: ca}, kafkalog.SASL{User: admin, Password: password}
		if err := cfg.Validate(); err != nil {
			t.Fatal(err)
		}
		spoil(&cfg)
		if err := cfg.Validate(); err == nil || !text.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
	here := kafkalog.Default()
	here.SASL = kafkalog.SASL{User: admin, Password: password}
	if err := here.Validate(); err != nil {
		t.Errorf("a user on this machine: %v", err)
	}
}
