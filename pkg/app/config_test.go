package app_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	"go.uber.org/fx"

	"vigie/pkg/app"
)

type kafka struct {
	Brokers []string   `koanf:"brokers" help:"brokers, host:port"`
	Pass    app.Secret `koanf:"pass"`
}

type settings struct {
	App   app.Config    `koanf:",squash"`
	Kafka kafka         `koanf:"kafka"`
	After time.Duration `koanf:"escalate_after" help:"how long to wait"`
	Rate  int           `koanf:"rate" help:"how fast"`
}

func (s settings) Validate() error {
	if s.Rate > 100 {
		return errors.Join(s.App.Validate(), errors.New("rate: at most 100"))
	}
	return s.App.Validate()
}

func defaults() settings {
	return settings{App: app.Default(), Kafka: kafka{Brokers: []string{"a:1", "b:2"}}, After: time.Minute, Rate: 1}
}

func flags(t *testing.T, args ...string) *pflag.FlagSet {
	t.Helper()
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	app.Flags(fs, defaults())
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return fs
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "vigie.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLaterSourcesOverrideEarlierOnes(t *testing.T) {
	t.Parallel()
	got, err := app.Load(defaults(), app.Sources{
		File:  write(t, "listen: :1\nlog_level: debug\nrate: 2\nkafka: {brokers: [file:1], pass: from-file}\n"),
		Env:   []string{"VIGIE_LISTEN=:2", "VIGIE_RATE=3", "VIGIE_KAFKA_PASS=from-env", "VIGIE_OTHER=1", "RATE=9"},
		Flags: flags(t, "--listen", ":3", "--escalate-after=90s", "--json"),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := settings{
		App:   app.Config{Listen: ":3", LogLevel: "debug", JSON: true},
		Kafka: kafka{Brokers: []string{"file:1"}, Pass: "from-env"},
		After: 90 * time.Second, Rate: 3,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestListsComeFromEveryWhere(t *testing.T) {
	t.Parallel()
	for name, src := range map[string]app.Sources{
		"environment": {Env: []string{"VIGIE_KAFKA_BROKERS=x:1,y:2,z:3"}},
		"flags":       {Flags: flags(t, "--kafka-brokers", "x:1,y:2", "--kafka-brokers", "z:3")},
		"file":        {File: write(t, `kafka: {brokers: ["x:1", "y:2", "z:3"]}`)},
	} {
		got, err := app.Load(defaults(), src)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"x:1", "y:2", "z:3"}, got.Kafka.Brokers); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestLoadOfNothingIsTheDefault(t *testing.T) {
	t.Parallel()
	got, err := app.Load(defaults(), app.Sources{Flags: flags(t)})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(defaults(), got); diff != "" {
		t.Error(diff)
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		src  app.Sources
		says string
	}{
		"an unknown key":      {app.Sources{File: write(t, "lisen: :1")}, "lisen"},
		"a missing file":      {app.Sources{File: "/absent/vigie.yaml"}, "/absent/vigie.yaml"},
		"what is not YAML":    {app.Sources{File: write(t, "a: [")}, "vigie.yaml"},
		"a bad duration":      {app.Sources{Env: []string{"VIGIE_ESCALATE_AFTER=soon"}}, "escalate_after"},
		"an invalid value":    {app.Sources{Env: []string{"VIGIE_RATE=101"}}, "at most 100"},
		"an address in parts": {app.Sources{Env: []string{"VIGIE_LISTEN=8080"}}, "host:port"},
		"an unknown level":    {app.Sources{Env: []string{"VIGIE_LOG_LEVEL=loud"}}, "debug, info, warn"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := app.Load(defaults(), tt.src)
			if app.Status(err) != app.Usage || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("err = %v, want a usage error that says %q", err, tt.says)
			}
		})
	}
}

func TestWhatIsPrintedLoadsAgainWithSecretsMasked(t *testing.T) {
	t.Parallel()
	cfg := defaults()
	cfg.Kafka.Pass = "hunter2"
	var out strings.Builder
	if err := app.PrintConfig(&out, cfg); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "hunter2") {
		t.Errorf("the secret is in\n%s", &out)
	}
	got, err := app.Load(settings{}, app.Sources{File: write(t, out.String())})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Kafka.Pass = "***"
	if diff := cmp.Diff(cfg, got); diff != "" {
		t.Error(diff)
	}
}

func TestASecretIsNeverShown(t *testing.T) {
	t.Parallel()
	s := app.Secret("hunter2")
	got := fmt.Sprintf("%s %v %q %#v %+v %x", s, s, s, s, kafka{Pass: s}, s)
	if strings.Contains(got, "hunter2") || strings.Contains(got, "68756e") {
		t.Error(got)
	}
	if s.Reveal() != "hunter2" || app.Secret("").String() != "" {
		t.Error("a secret must be revealed on demand, and none shown as none")
	}
}

func TestMainReturnsTheStatus(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args   []string
		status int
	}{
		"help":                  {[]string{"--help"}, app.OK},
		"the configuration":     {[]string{"--print-config"}, app.OK},
		"an unknown flag":       {[]string{"--lisen", ":1"}, app.Usage},
		"an invalid value":      {[]string{"--rate", "101"}, app.Usage},
		"what the modules fail": {[]string{"--listen", "127.0.0.1:0"}, app.BadRegion},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := app.Main(append([]string{"/bin/test"}, tt.args...), defaults(), func(s settings) fx.Option {
				return fx.Options(app.Module(s.App), fx.Invoke(func() error { return app.Exit(app.BadRegion, errors.New("no such region")) }))
			})
			if got != tt.status {
				t.Errorf("status %d, want %d", got, tt.status)
			}
		})
	}
}
