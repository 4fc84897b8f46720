package topics_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"vigie/pkg/app"
	"vigie/services/vigie/internal/topics"
)

const password = "open sesame"

// broker starts a single node, and gives what leads to it as a user.
func broker(t *testing.T, opts ...kfake.Opt) (as func(user string) []string) {
	t.Helper()
	c, err := kfake.NewCluster(append(opts, kfake.NumBrokers(1))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(user string) []string {
		args := []string{"--brokers", c.ListenAddrs()[0], "--kafka-single-node"}
		if user != "" {
			args = append(args, "--kafka-user", user, "--kafka-password-file", file)
		}
		return args
	}
}

// guarded is one that forbids what no rule allows.
func guarded(t *testing.T) (as func(user string) []string) {
	t.Helper()
	return broker(t, kfake.EnableSASL(), kfake.EnableACLs(),
		kfake.Superuser("SCRAM-SHA-512", "admin", password), kfake.User("SCRAM-SHA-512", "dispatch", password))
}

func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	c := topics.Command()
	var out strings.Builder
	c.SetOut(&out)
	c.SetErr(&out)
	c.SilenceUsage, c.SilenceErrors = true, true
	c.SetArgs(args)
	err := c.ExecuteContext(t.Context())
	return out.String(), err
}

func apply(to []string, more ...string) []string {
	region := filepath.Join("..", "..", "..", "..", "deployments", "regions", "two-sites.yaml")
	return append(append([]string{"apply", "--region", region}, to...), more...)
}

func check(at []string, more ...string) []string {
	return append(append([]string{"check"}, at...), more...)
}

func TestTopicsAndRulesAreMadeAndThenFoundWell(t *testing.T) {
	t.Parallel()
	as := guarded(t)
	for range 2 {
		if out, err := run(t, apply(as("admin"), "--acls")...); err != nil || !strings.Contains(out, "alpha") {
			t.Fatalf("apply: %v\n%s", err, out)
		}
	}
	if out, err := run(t, check(as("admin"))...); err != nil || !strings.Contains(out, "bravo") {
		t.Errorf("check: %v\n%s", err, out)
	}
}

func TestTopicsWithoutRulesFailTheCheckWhereThereIsAnAuthorizer(t *testing.T) {
	t.Parallel()
	as := guarded(t)
	if _, err := run(t, apply(as("admin"))...); err != nil {
		t.Fatal(err)
	}
	_, err := run(t, check(as("admin"))...)
	if app.Status(err) != app.CheckFailed || !strings.Contains(err.Error(), "User:dispatch may not write vigie.log") {
		t.Errorf("got %v", err)
	}
	if _, err := run(t, apply(as("dispatch"))...); err == nil {
		t.Error("dispatch made topics")
	}
}

func TestBrokersThatForbidNothingPassTheCheckUnlessRulesAreAskedFor(t *testing.T) {
	t.Parallel()
	as := broker(t)
	if _, err := run(t, apply(as(""))...); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, check(as(""))...); err != nil {
		t.Error(err)
	}
	if _, err := run(t, check(as(""), "--principal", "dispatch=User:d")...); err == nil || !strings.Contains(err.Error(), "no authorizer") {
		t.Errorf("got %v", err)
	}
}

func TestOneNodeMustBeDeclared(t *testing.T) {
	t.Parallel()
	as := broker(t)
	if out, err := run(t, apply(as(""))...); err != nil {
		t.Fatalf("apply: %v\n%s", err, out)
	}
	undeclared := slices.DeleteFunc(as(""), func(arg string) bool { return arg == "--kafka-single-node" })
	_, err := run(t, check(undeclared)...)
	if app.Status(err) != app.CheckFailed || !strings.Contains(err.Error(), "vigie.log keeps 1 of the 3 copies") {
		t.Errorf("check: %v", err)
	}
	_, err = run(t, apply(undeclared)...) // the topics are there and their copies cannot be added
	if app.Status(err) != app.CheckFailed || !strings.Contains(err.Error(), "set kafka_single_node where one node is on purpose") {
		t.Errorf("apply: %v", err)
	}
	_, err = run(t, apply(undeclared, "--replication", "1", "--min-insync", "1")...)
	if app.Status(err) != app.Usage || !strings.Contains(err.Error(), "give at least 3 and 2, or --kafka-single-node") {
		t.Errorf("apply of fewer copies: %v", err)
	}
}

func TestApplySaysWhatOthersHaveToDo(t *testing.T) {
	t.Parallel()
	as := broker(t, kfake.BrokerConfigs(map[string]string{"log.flush.interval.messages": "9223372036854775807"}))
	for _, args := range [][]string{apply(as("")), check(as(""))} {
		if out, err := run(t, args...); err != nil || !strings.Contains(out, "advice: broker 0 is alone") || !strings.Contains(out, "alpha") {
			t.Errorf("%s: %v\n%s", args[0], err, out)
		}
	}
	as = broker(t, kfake.BrokerConfigs(map[string]string{"auto.create.topics.enable": "true"}))
	for _, args := range [][]string{apply(as("")), check(as(""))} {
		if _, err := run(t, args...); app.Status(err) != app.CheckFailed || !strings.Contains(err.Error(), "set auto.create.topics.enable to false") {
			t.Errorf("%s: %v", args[0], err)
		}
	}
}

func TestPrincipalsThatCannotBeAreUsageErrors(t *testing.T) {
	t.Parallel()
	for says, principal := range map[string]string{
		"write SERVICE=User:NAME": "dispatch",
		"is no principal":         "dispatch=dispatch",
		"no service":              "dispach=User:dispatch",
		"each needs its own":      "dispatch=User:gateway",
	} {
		_, err := run(t, check([]string{"--brokers", "127.0.0.1:1"}, "--principal", principal)...)
		if app.Status(err) != app.Usage || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want a usage error that says %q", principal, err, says)
		}
	}
}
