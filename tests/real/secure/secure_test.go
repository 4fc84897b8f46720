// Package secure_test runs Vigie's own clients and services on a Kafka and a Redis that are set up as they should be: no plaintext,
// nobody without an account, and the log for dispatch alone.
package secure_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"

	"vigie/tests/stack"
)

var (
	shared   *stack.Stack
	programs binaries
)

// users are the services with accounts of their own, and one whom no rule knows.
func users() []string { return append(services(), stranger) }

const stranger = "stranger"

func services() []string { return []string{"dispatch", "alarms", "gateway", "positions", "replay"} }

func TestMain(m *testing.M) {
	o := stack.Options{Brokers: 1, Redis: true, Secure: true, Users: users()}
	status := stack.Main(m, o, func(s *stack.Stack) { shared = s })
	programs.clean()
	os.Exit(status)
}

// patience bounds every wait; a slow machine is not a failure.
const patience = 2 * time.Minute

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// access is that of an account.
func access(user string) kafkalog.Config {
	cfg := kafkalog.Default()
	cfg.Brokers, cfg.SingleNode = shared.Kafka(), true
	cfg.TLS = kafkalog.TLS{CAFile: shared.CAFile()}
	cfg.SASL = kafkalog.SASL{User: user, Password: shared.Password(user)}
	return cfg
}

func open(t *testing.T, cfg kafkalog.Config) *kafkalog.Log {
	t.Helper()
	l, err := kafkalog.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func TestWhoIsNotLetInIsToldAtOnceWhatToDo(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		spoil func(*kafkalog.Config)
		says  string
	}{
		"plaintext":           {func(c *kafkalog.Config) { c.TLS, c.SASL = kafkalog.TLS{}, kafkalog.SASL{} }, "this port may be for TLS only (give kafka_tls_ca)"},
		"a user in plaintext": {func(c *kafkalog.Config) { c.TLS = kafkalog.TLS{} }, "this port may be for TLS only (give kafka_tls_ca)"},
		"nobody":              {func(c *kafkalog.Config) { c.SASL = kafkalog.SASL{} }, "or for users only (give kafka_user)"},
		"a wrong password":    {func(c *kafkalog.Config) { c.SASL.Password = "not it" }, "refuses user dispatch: correct kafka_user or the password"},
		"an unknown user":     {func(c *kafkalog.Config) { c.SASL.User = "nobody" }, "refuses user nobody"},
		"another mechanism":   {func(c *kafkalog.Config) { c.SASL.Mechanism = kafkalog.ScramSHA256 }, "does not offer SCRAM-SHA-256 (kafka_sasl), but SCRAM-SHA-512"},
		"other authorities":   {func(c *kafkalog.Config) { c.TLS = kafkalog.TLS{On: true} }, "give the authority that signed it (kafka_tls_ca)"},
		"another name":        {func(c *kafkalog.Config) { c.TLS.ServerName = "kafka.example" }, "(kafka_tls_name)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := access("dispatch")
			tt.spoil(&cfg)
			l := open(t, cfg)
			err := l.Reach(deadline(t))
			var refused *kafkalog.AccessError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want an AccessError that says %q", err, tt.says)
			}
			bounded, done := context.WithTimeout(deadline(t), 5*time.Second)
			defer done()
			if _, _, err := l.Bounds(bounded, eventlog.TopicLog, 0); err == nil {
				t.Error("it was answered all the same")
			}
		})
	}
	t.Run("who comes as they should", func(t *testing.T) {
		t.Parallel()
		if err := open(t, access("dispatch")).Reach(deadline(t)); err != nil {
			t.Error(err)
		}
	})
}

func TestOnlyDispatchMayWriteTheLog(t *testing.T) {
	t.Parallel()
	applied(t)
	ctx := deadline(t)
	writers := map[string][]string{
		eventlog.TopicRooms:     nil,
		eventlog.TopicIntake:    {"dispatch", "alarms", "gateway", "positions"},
		eventlog.TopicLog:       {"dispatch"},
		eventlog.TopicPositions: {"dispatch", "alarms", "gateway", "positions", "replay"},
		eventlog.TopicParked:    {"positions", "replay"},
	}
	for _, user := range users() {
		l := open(t, access(user))
		for topic, may := range writers {
			partition := spare
			if topic == eventlog.TopicRooms || topic == eventlog.TopicParked {
				partition = 0
			}
			_, err := l.Append(ctx, topic, partition, [][]byte{[]byte("by " + user)})
			for user != stranger && err != nil && !errors.Is(err, eventlog.ErrRefused) && ctx.Err() == nil { // a busy machine
				_, err = l.Append(ctx, topic, partition, [][]byte{[]byte("by " + user)})
			}
			switch {
			case slices.Contains(may, user):
				if err != nil {
					t.Errorf("%s writes %s: %v", user, topic, err)
				}
			case user == stranger: // does not even see that there is such a topic
				if err == nil {
					t.Errorf("a stranger writes %s", topic)
				}
			case !errors.Is(err, eventlog.ErrRefused):
				t.Errorf("%s writes %s: got %v, want a refusal", user, topic, err)
			}
		}
		made := kafkalog.TopicSettings{Name: user + ".own", Partitions: 1, Retention: kafkalog.Forever}
		if err := l.CreateTopic(ctx, made); err == nil {
			t.Errorf("%s made a topic", user)
		}
		var wrong *kafkalog.RulesError
		if err := l.Allow(ctx, kafkalog.DefaultPrincipals()); err == nil || errors.As(err, &wrong) {
			t.Errorf("%s made rules: %v", user, err)
		}
	}
	replay := open(t, access("replay"))
	_, end, err := replay.AwaitBounds(ctx, eventlog.TopicLog, spare)
	if err != nil || end == 0 {
		t.Fatalf("replay sees that the log ends at %d; %v", end, err)
	}
	err = replay.Scan(ctx, eventlog.TopicLog, spare, 0, end, func(r eventlog.Record) error {
		if string(r.Value) != "by dispatch" {
			t.Errorf("record %d was written %s", r.Offset, r.Value)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestTheRulesAreCheckedAndWhatIsTooMuchIsNamed(t *testing.T) {
	t.Parallel()
	applied(t)
	if got := vigie(t, stack.Admin, "topics", "check", "--brokers", shared.Kafka()[0]); got.status != 0 {
		t.Errorf("as they were made: %v", got)
	}
	got := vigie(t, stack.Admin, "topics", "check", "--brokers", shared.Kafka()[0], "--principal", "dispatch=User:CN=dispatch,O=Vigie")
	for _, says := range []string{"User:CN=dispatch,O=Vigie may not write vigie.log", "User:dispatch may write vigie.log, and only dispatch may write there"} {
		if got.status != 7 || !strings.Contains(got.stderr, says) {
			t.Errorf("with another dispatch: want %q and status 7: %v", says, got)
		}
	}
	ctx, parker := deadline(t), open(t, access("positions"))
	_, err := parker.Append(ctx, eventlog.TopicParked, 0, [][]byte{[]byte("parked")})
	for err != nil && !errors.Is(err, eventlog.ErrRefused) && ctx.Err() == nil { // a busy machine
		_, err = parker.Append(ctx, eventlog.TopicParked, 0, [][]byte{[]byte("parked")})
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := vigie(t, "replay", "parked", "--brokers", shared.Kafka()[0]); got.status != 0 || !strings.Contains(got.stdout, "offset 0") {
		t.Errorf("what is parked, by replay: %v", got)
	}
	if got := vigie(t, "alarms", "parked", "--brokers", shared.Kafka()[0]); got.status == 0 {
		t.Errorf("what is parked, by alarms: %v", got)
	}
	if got := vigie(t, "replay", "topics", "check", "--brokers", shared.Kafka()[0]); got.status != 1 || !strings.Contains(got.stderr, "sign in as one") {
		t.Errorf("by a service: %v", got)
	}
}

func region() string {
	return filepath.Join("..", "..", "..", "deployments", "regions", "two-sites.yaml")
}
