// Package secure_test checks what Kafka refuses when it is set up as it should
// be: no plaintext, nobody without an account, and the log for dispatch alone.
package secure_test

import (
	"context"
	"crypto/tls"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/scram"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"

	"vigie/tests/stack"
)

const (
	dispatch = "dispatch"
	gateway  = "gateway"
)

var shared *stack.Stack

func TestMain(m *testing.M) {
	o := stack.Options{Brokers: 1, Secure: true, Users: []string{dispatch, gateway}}
	os.Exit(stack.Main(m, o, func(s *stack.Stack) { shared = s }))
}

func deadline(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func client(t *testing.T, user string, more ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := shared.Client(user, more...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestPlaintextIsRefused(t *testing.T) {
	cfg := kafkalog.Default()
	cfg.Brokers = shared.Kafka()
	l, err := kafkalog.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, _, err = l.Bounds(deadline(t, 20*time.Second), eventlog.TopicLog, 0)
	var answer kafka.Error
	if err == nil || errors.As(err, &answer) {
		t.Errorf("a client without TLS was answered: %v", err)
	}
}

func TestTLSWithoutAnAccountIsRefused(t *testing.T) {
	c, err := kgo.NewClient(kgo.SeedBrokers(shared.Kafka()...), kgo.DialTLSConfig(shared.TLS()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	req := kmsg.NewPtrMetadataRequest()
	if _, err := c.SeedBrokers()[0].Request(deadline(t, 20*time.Second), req); err == nil {
		t.Error("a client without an account was told about the cluster")
	}
}

func TestAWrongPasswordIsRefused(t *testing.T) {
	c, err := kgo.NewClient(kgo.SeedBrokers(shared.Kafka()...), kgo.DialTLSConfig(shared.TLS()),
		kgo.SASL(scram.Auth{User: dispatch, Pass: "not it"}.AsSha512Mechanism()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Ping(deadline(t, 20*time.Second)); !errors.Is(err, kerr.SaslAuthenticationFailed) {
		t.Errorf("got %v, want SASL_AUTHENTICATION_FAILED", err)
	}
}

func TestAStrangersCertificateIsNotTrusted(t *testing.T) {
	d := &tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS13}} // the machine's own roots
	conn, err := d.DialContext(deadline(t, 20*time.Second), "tcp", shared.Kafka()[0])
	if err == nil {
		_ = conn.Close()
	}
	var unknown *tls.CertificateVerificationError
	if !errors.As(err, &unknown) {
		t.Errorf("got %v, want a certificate that is not trusted", err)
	}
}

func TestOnlyDispatchMayWriteTheLog(t *testing.T) {
	ctx := deadline(t, time.Minute)
	admin := client(t, stack.Admin)
	createTopic(ctx, t, admin, eventlog.TopicLog)
	createTopic(ctx, t, admin, eventlog.TopicIntake)
	allow(ctx, t, admin, dispatch, eventlog.TopicLog, kmsg.ACLOperationRead, kmsg.ACLOperationWrite)
	allow(ctx, t, admin, gateway, eventlog.TopicLog, kmsg.ACLOperationRead)
	allow(ctx, t, admin, gateway, eventlog.TopicIntake, kmsg.ACLOperationWrite)

	for _, c := range []struct {
		name, user, topic string
		want              error
	}{
		{"dispatch decides", dispatch, eventlog.TopicLog, nil},
		{"the gateway asks", gateway, eventlog.TopicIntake, nil},
		{"the gateway does not decide", gateway, eventlog.TopicLog, kerr.TopicAuthorizationFailed},
		{"dispatch does not ask", dispatch, eventlog.TopicIntake, kerr.TopicAuthorizationFailed},
	} {
		t.Run(c.name, func(t *testing.T) {
			record := &kgo.Record{Topic: c.topic, Value: []byte("by " + c.user)}
			if err := client(t, c.user, kgo.DisableIdempotentWrite()).ProduceSync(ctx, record).FirstErr(); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	t.Run("the gateway reads what dispatch decided, and nothing else is there", func(t *testing.T) {
		reader := client(t, gateway, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
			eventlog.TopicLog: {0: kgo.NewOffset().AtStart()},
		}))
		fetched := reader.PollFetches(ctx)
		if err := fetched.Err(); err != nil {
			t.Fatal(err)
		}
		records := fetched.Records()
		if len(records) != 1 || string(records[0].Value) != "by "+dispatch {
			t.Errorf("read %d records: %v", len(records), records)
		}
	})
}

func createTopic(ctx context.Context, t *testing.T, admin *kgo.Client, name string) {
	t.Helper()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, 1, -1
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Topics = append(req.Topics, topic)
	res, err := req.RequestWith(ctx, admin)
	if err == nil {
		err = kerr.ErrorForCode(res.Topics[0].ErrorCode)
	}
	if err != nil {
		t.Fatalf("create topic %s: %v", name, err)
	}
}

// allow lets user do operations on a topic.
func allow(ctx context.Context, t *testing.T, admin *kgo.Client, user, topic string, operations ...kmsg.ACLOperation) {
	t.Helper()
	req := kmsg.NewPtrCreateACLsRequest()
	for _, operation := range operations {
		rule := kmsg.NewCreateACLsRequestCreation()
		rule.ResourceType, rule.ResourceName, rule.ResourcePatternType = kmsg.ACLResourceTypeTopic, topic, kmsg.ACLResourcePatternTypeLiteral
		rule.Principal, rule.Host = "User:"+user, "*"
		rule.Operation, rule.PermissionType = operation, kmsg.ACLPermissionTypeAllow
		req.Creations = append(req.Creations, rule)
	}
	res, err := req.RequestWith(ctx, admin)
	if err != nil {
		t.Fatalf("allow %s: %v", user, err)
	}
	for _, r := range res.Results {
		if err := kerr.ErrorForCode(r.ErrorCode); err != nil {
			t.Fatalf("allow %s: %v", user, err)
		}
	}
}
