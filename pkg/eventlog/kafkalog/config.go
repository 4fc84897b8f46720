package kafkalog

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"
)

// Config says where Kafka is and how long to wait for it.
type Config struct {
	// Brokers are host:port addresses to start from.
	Brokers []string `koanf:"brokers"`
	// PositionsBrokers hold the positions topic; empty means Brokers.
	PositionsBrokers []string `koanf:"positions_brokers"`
	// TLS and SASL are the same for all brokers, those for positions included.
	TLS  TLS  `koanf:"-"`
	SASL SASL `koanf:"-"`
	// SingleNode declares that Kafka is one node on purpose: a single copy of every record is enough then.
	SingleNode bool `koanf:"single_node"`
	// ClientID is what the brokers' own logs call this process.
	ClientID string `koanf:"client_id"`
	// DialTimeout bounds making a connection.
	DialTimeout time.Duration `koanf:"dial_timeout"`
	// RequestTimeout bounds one request and its answer.
	RequestTimeout time.Duration `koanf:"request_timeout"`
	// MetadataTTL is how long a moved leader can go unnoticed.
	MetadataTTL time.Duration `koanf:"metadata_ttl"`
	// Logger hears of outages, once each; nil means nobody does.
	Logger *slog.Logger `koanf:"-"`
}

// Default returns the configuration for a broker on this machine.
func Default() Config {
	return Config{
		Brokers:        []string{"127.0.0.1:9092"},
		ClientID:       "vigie",
		DialTimeout:    3 * time.Second,
		RequestTimeout: 5 * time.Second,
		// kafka-go asks for metadata only by this clock, also after "not leader", and on average at half of it: with half a second
		// the next leader was written to 1.6 to 3.1 s after a kill. Not less: it is also the time that an answer with metadata may
		// take, and a connection on which one is late is made anew.
		MetadataTTL: 500 * time.Millisecond,
	}
}

// Validate says all that is wrong with c.
func (c Config) Validate() error {
	var errs []error
	if len(c.Brokers) == 0 {
		errs = append(errs, errors.New("brokers: give at least one host:port"))
	}
	for _, addr := range c.all() {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			errs = append(errs, fmt.Errorf("broker %q: write it as host:port: %w", addr, err))
		}
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"dial_timeout", c.DialTimeout},
		{"request_timeout", c.RequestTimeout},
		{"metadata_ttl", c.MetadataTTL},
	} {
		if d.value <= 0 {
			errs = append(errs, fmt.Errorf("%s: must be above zero", d.name))
		}
	}
	// A fetch waits up to fetchWait by itself and kafka-go gives it half of the timeout.
	if c.RequestTimeout > 0 && c.RequestTimeout < 4*fetchWait {
		errs = append(errs, fmt.Errorf("request_timeout: must be at least %v", 4*fetchWait))
	}
	return errors.Join(append(errs, c.validateAccess()...)...)
}

// all gives the addresses of both kinds of brokers.
func (c Config) all() []string { return slices.Concat(c.Brokers, c.PositionsBrokers) }
