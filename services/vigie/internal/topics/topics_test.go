package topics_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"vigie/pkg/app"
	"vigie/services/vigie/internal/topics"
)

const password = "open sesame"

// broker starts one that forbids what no rule allows, and gives what leads to it as a user.
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
		args := []string{"--brokers", c.ListenAddrs()[0]}
		if user != "" {
			args = append(args, "--kafka-user", user, "--kafka-password-file", file)
		}
		return args
	}
}

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
	return append(append([]string{"apply", "--region", region, "--replication", "1", "--min-insync", "1"}, to...), more...)
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
