package projection

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Config says where Redis is and how long it is waited for.
type Config struct {
	// URL is redis://HOST:PORT[/DB], or rediss:// for TLS. Empty: there are no projections.
	URL string
	// CAFile holds the certificates, in PEM, that Redis' own is checked against; empty: those of the machine.
	CAFile string
	// User and Password say who comes; both may be empty.
	User, Password string
	// Connect, IO and Wait bound a connection's making, each reading and writing, and an operation as a whole.
	Connect, IO, Wait time.Duration
	// RestMin and RestMax bound how long Redis is left alone after a failure; it doubles in between.
	RestMin, RestMax time.Duration
	// Keep is how long a table lives that nobody writes to any more, such as one of an older schema.
	Keep time.Duration
}

// Default returns a configuration for requests that people wait for, without a Redis.
func Default() Config {
	return Config{
		Connect: time.Second, IO: 300 * time.Millisecond, Wait: 500 * time.Millisecond,
		RestMin: 100 * time.Millisecond, RestMax: 5 * time.Second,
		Keep: 7 * 24 * time.Hour,
	}
}

// Validate says all that is wrong with c. It never repeats the URL, which may hold what is secret.
func (c Config) Validate() error {
	var errs []error
	if _, err := c.address(); err != nil {
		errs = append(errs, err)
	}
	if c.CAFile != "" && !strings.HasPrefix(c.URL, "rediss:") {
		errs = append(errs, errors.New("redis_ca_file: is for TLS: write redis_url as rediss://host:port"))
	}
	if c.User != "" && c.Password == "" {
		errs = append(errs, errors.New("redis_password: a redis_user comes with a password"))
	}
	for _, d := range []time.Duration{c.Connect, c.IO, c.Wait, c.RestMin, c.Keep} {
		if d <= 0 {
			errs = append(errs, errors.New("redis: every duration must be above zero"))
			break
		}
	}
	if c.RestMax < c.RestMin {
		errs = append(errs, errors.New("redis: the longest rest must not be below the shortest"))
	}
	return errors.Join(errs...)
}

// address is what a URL says.
type address struct {
	host string // with its port
	db   int
	tls  bool
}

const urlForm = "redis_url: write it as redis://host:port/0, or rediss:// for TLS"

func (c Config) address() (a address, err error) {
	if c.URL == "" {
		return a, nil
	}
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Scheme != "redis" && u.Scheme != "rediss" || u.Hostname() == "" || u.RawQuery != "":
		return a, errors.New(urlForm) // without the error of parsing, which repeats the URL
	case u.User != nil:
		return a, errors.New("redis_url: leave account and password out of it, and give them as VIGIE_REDIS_USER and VIGIE_REDIS_PASSWORD, which are not shown")
	}
	port := u.Port()
	if port == "" {
		port = "6379"
	}
	a = address{host: net.JoinHostPort(u.Hostname(), port), tls: u.Scheme == "rediss"}
	if db := strings.Trim(u.Path, "/"); db != "" {
		if a.db, err = strconv.Atoi(db); err != nil || a.db < 0 {
			return a, errors.New(urlForm)
		}
	}
	return a, nil
}

func (c Config) options() (*redis.Options, error) {
	a, err := c.address()
	if err != nil {
		return nil, err
	}
	o := &redis.Options{
		Addr: a.host, DB: a.db, Username: c.User, Password: c.Password, ClientName: "vigie", DisableIdentity: true, // one right less to give
		// Without it a caller's deadline means nothing against a server that does not answer.
		ContextTimeoutEnabled: true,
		DialTimeout:           c.Connect, ReadTimeout: c.IO, WriteTimeout: c.IO, PoolTimeout: c.IO,
		// What failed may have been done all the same: whoever asked looks again. The breaker is what tries anew.
		MaxRetries: -1, DialerRetries: 1,
		PoolSize:                 16,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if a.tls {
		o.TLSConfig, err = c.trust(a.host)
	}
	return o, err
}

func (c Config) trust(host string) (*tls.Config, error) {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		return nil, fmt.Errorf("redis address: %w", err)
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: name}
	if c.CAFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("redis_ca_file: %w", err)
	}
	t.RootCAs = x509.NewCertPool()
	if !t.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("redis_ca_file %s: there is no certificate in it: give a PEM file", c.CAFile)
	}
	return t, nil
}
