package app_test

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	"go.uber.org/fx"

	"vigie/pkg/app"
	"vigie/pkg/eventlog/kafkalog"
)

func TestTheWayToKafkaComesFromTheEnvironmentAndIsPrintedWithoutThePassword(t *testing.T) {
	t.Parallel()
	got, err := app.Load(app.DefaultBackbone(), app.Sources{Env: []string{
		"VIGIE_KAFKA_BROKERS=kafka.example:9093", "VIGIE_KAFKA_TLS=true", "VIGIE_KAFKA_TLS_NAME=broker.example",
		"VIGIE_KAFKA_USER=dispatch", "VIGIE_KAFKA_PASSWORD=open sesame", "VIGIE_KAFKA_SASL=PLAIN", "VIGIE_KAFKA_SINGLE_NODE=true",
	}})
	if err != nil {
		t.Fatal(err)
	}
	cfg := got.Kafka.Config(got.KafkaBrokers, got.PositionsBrokers)
	if diff := cmp.Diff(kafkalog.TLS{On: true, ServerName: "broker.example"}, cfg.TLS); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(kafkalog.SASL{Mechanism: "PLAIN", User: "dispatch", Password: "open sesame"}, cfg.SASL); diff != "" {
		t.Error(diff)
	}
	if !cfg.SingleNode {
		t.Error("it is declared a single node")
	}
	var out strings.Builder
	if err := app.PrintConfig(&out, got); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "sesame") || !strings.Contains(out.String(), "kafka_user: dispatch") {
		t.Error(out.String())
	}
}

func TestAWayToKafkaThatCannotBeIsAUsageError(t *testing.T) {
	t.Parallel()
	for says, env := range map[string][]string{
		"Give kafka_user":                {"VIGIE_KAFKA_PASSWORD=x"},
		"shows the password":             {"VIGIE_KAFKA_USER=u", "VIGIE_KAFKA_PASSWORD=x", "VIGIE_KAFKA_SASL=PLAIN"},
		"is reached over a network":      {"VIGIE_KAFKA_USER=u", "VIGIE_KAFKA_PASSWORD=x", "VIGIE_KAFKA_BROKERS=kafka.example:9092"},
		"kafka_tls_ca: open /absent.pem": {"VIGIE_KAFKA_TLS_CA=/absent.pem"},
	} {
		if _, err := app.Load(app.DefaultBackbone(), app.Sources{Env: env}); app.Status(err) != app.Usage || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want a usage error that says %q", err, says)
		}
	}
}

// hangsUp is a port that ends every connection at its first bytes, as one for TLS does.
func hangsUp(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // does not wait
	if err != nil {
		t.Fatal(err)
	}
	var port sync.WaitGroup
	port.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096))
			_ = c.Close()
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		port.Wait()
	})
	return l.Addr().String()
}

func TestAProcessThatKafkaDoesNotLetInDoesNotStart(t *testing.T) {
	t.Parallel()
	cfg := kafkalog.Default()
	cfg.Brokers = []string{hangsUp(t)}
	err := app.Run(t.Context(), fx.Supply(cfg, slog.New(slog.DiscardHandler)), fx.Provide(app.NewLog), fx.Invoke(func(*kafkalog.Log) {}))
	var refused *kafkalog.AccessError
	if !errors.As(err, &refused) || app.Status(err) != app.Failure {
		t.Errorf("got %v, want an AccessError and status %d", err, app.Failure)
	}
}

func TestACommandThatKafkaDoesNotLetInSaysSo(t *testing.T) {
	t.Parallel()
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	app.KafkaFlags(fs)
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("open sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := fs.Parse([]string{"--kafka-user", "admin", "--kafka-password-file", password}); err != nil {
		t.Fatal(err)
	}
	_, err := app.OpenKafka(t.Context(), nil, fs, []string{hangsUp(t)}, nil)
	var refused *kafkalog.AccessError
	if !errors.As(err, &refused) {
		t.Errorf("got %v, want an AccessError", err)
	}
	if _, err := app.OpenKafka(t.Context(), nil, fs, []string{"kafka.example:9092"}, nil); app.Status(err) != app.Usage {
		t.Errorf("got %v, want a usage error", err)
	}
}
