package kafkalog_test

import (
	"context"
	"errors"
	"slices"
	text "strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
)

// written says what became of a write in the end: on a busy machine a single try may come to nothing.
func written(ctx context.Context, l *kafkalog.Log, topic, value string) error {
	for {
		_, err := l.Append(ctx, topic, 0, [][]byte{[]byte(value)})
		if err == nil || errors.Is(err, eventlog.ErrRefused) || ctx.Err() != nil {
			return err
		}
	}
}

// services are those with users of their own.
func services() []string { return []string{"dispatch", "alarms", "gateway", "positions", "replay"} }

// ruled starts a broker that forbids everything that no rule allows, and connects as the admin and as each service.
func ruled(tb testing.TB, more ...kfake.Opt) map[string]*kafkalog.Log {
	tb.Helper()
	more = append(more, kfake.EnableACLs())
	for _, service := range services() {
		more = append(more, kfake.User(kafkalog.ScramSHA512, service, password))
	}
	_, cfg := secured(tb, kafkalog.ScramSHA512, more...)
	logs := map[string]*kafkalog.Log{admin: open(tb, cfg)}
	for _, service := range services() {
		cfg.SASL.User = service
		logs[service] = open(tb, cfg)
	}
	return logs
}

func TestOnlyDispatchMayWriteTheLog(t *testing.T) {
	t.Parallel()
	ctx := deadline(t)
	logs := ruled(t)
	table, err := logs[admin].Apply(ctx, plan(ids("log"), "alpha"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // it may be repeated
		if err := logs[admin].Allow(ctx, kafkalog.DefaultPrincipals()); err != nil {
			t.Fatal(err)
		}
	}
	if err := logs[admin].CheckRules(ctx, kafkalog.DefaultPrincipals()); err != nil {
		t.Error(err)
	}
	writers := map[string][]string{
		eventlog.TopicRooms:     nil,
		eventlog.TopicIntake:    {"dispatch", "alarms", "gateway", "positions"},
		eventlog.TopicLog:       {"dispatch"},
		eventlog.TopicPositions: {"dispatch", "alarms", "gateway", "positions", "replay"},
		eventlog.TopicParked:    {"positions", "replay"},
	}
	readers := map[string][]string{
		eventlog.TopicRooms: services(), eventlog.TopicIntake: services(), eventlog.TopicLog: services(),
		eventlog.TopicPositions: {"dispatch", "gateway", "positions"},
		eventlog.TopicParked:    {"replay"},
	}
	for _, service := range services() {
		l := logs[service]
		if err := l.CheckTopics(ctx, table); err != nil {
			t.Errorf("%s checks the topics when it starts: %v", service, err)
		}
		for topic, may := range writers {
			err := written(ctx, l, topic, "by "+service)
			if slices.Contains(may, service) != (err == nil) || err != nil && !errors.Is(err, eventlog.ErrRefused) {
				t.Errorf("%s writes %s: %v", service, topic, err)
			}
		}
		for topic, may := range readers {
			err := l.Tail(ctx, topic, 0, 0, func([]eventlog.Record, int64) error { return errEnough })
			if slices.Contains(may, service) != errors.Is(err, errEnough) || !errors.Is(err, errEnough) && !errors.Is(err, eventlog.ErrRefused) {
				t.Errorf("%s reads %s: %v", service, topic, err)
			}
		}
		made := kafkalog.TopicSettings{Name: service + ".own", Partitions: 1, Replication: 1, Retention: kafkalog.Forever}
		if err := l.CreateTopic(ctx, made); err == nil {
			t.Errorf("%s made a topic", service)
		}
		if err := l.Allow(ctx, kafkalog.DefaultPrincipals()); err == nil || !text.Contains(err.Error(), "sign in as one") {
			t.Errorf("%s made rules: %v", service, err)
		}
	}
}

func TestRulesThatLackSomethingOrAllowTooMuchAreNamed(t *testing.T) {
	t.Parallel()
	rule := func(name string, pattern kmsg.ACLResourcePatternType, operation kmsg.ACLOperation, allow bool) kfake.ACL {
		return kfake.ACL{Resource: kmsg.ACLResourceTypeTopic, Name: name, Pattern: pattern, Operation: operation, Allow: allow}
	}
	literal, prefixed := kmsg.ACLResourcePatternTypeLiteral, kmsg.ACLResourcePatternTypePrefixed
	cluster := kfake.ACL{
		Resource: kmsg.ACLResourceTypeCluster, Name: "kafka-cluster", Pattern: literal, Operation: kmsg.ACLOperationCreate, Allow: true,
	}
	for name, tt := range map[string]struct {
		user string
		rule kfake.ACL
		says string
	}{
		"another writer":           {"siem", rule(eventlog.TopicLog, literal, kmsg.ACLOperationWrite, true), "User:siem may write vigie.log, and only dispatch may write there"},
		"a writer of all topics":   {"siem", rule("*", literal, kmsg.ACLOperationAll, true), "User:siem may do anything to vigie.log"},
		"a writer by prefix":       {"gateway", rule("vigie.", prefixed, kmsg.ACLOperationWrite, true), "User:gateway may write vigie.log"},
		"who may shorten the log":  {"dispatch", rule(eventlog.TopicLog, literal, kmsg.ACLOperationAlterConfigs, true), "User:dispatch may alterconfigs vigie.log"},
		"who may make topics":      {"siem", cluster, "User:siem may create the cluster"},
		"a service that is denied": {"dispatch", rule(eventlog.TopicLog, literal, kmsg.ACLOperationWrite, false), "User:dispatch may not write vigie.log"},
		"another reader":           {"siem", rule(eventlog.TopicLog, literal, kmsg.ACLOperationRead, true), ""},
		"other topics":             {"siem", rule("else", prefixed, kmsg.ACLOperationAll, true), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := deadline(t)
			l := ruled(t, kfake.User(kafkalog.ScramSHA512, tt.user, password, tt.rule))[admin]
			if err := l.Allow(ctx, kafkalog.DefaultPrincipals()); err != nil {
				t.Fatal(err)
			}
			err := l.CheckRules(ctx, kafkalog.DefaultPrincipals())
			var wrong *kafkalog.RulesError
			switch {
			case tt.says == "" && err != nil:
				t.Error(err)
			case tt.says != "" && (!errors.As(err, &wrong) || !text.Contains(err.Error(), tt.says)):
				t.Errorf("got %v, want %q", err, tt.says)
			}
		})
	}
	t.Run("nothing is there", func(t *testing.T) {
		t.Parallel()
		var wrong *kafkalog.RulesError
		err := ruled(t)[admin].CheckRules(deadline(t), kafkalog.DefaultPrincipals())
		if !errors.As(err, &wrong) || !slices.Contains(wrong.Problems, "User:dispatch may not write vigie.log") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no authorizer", func(t *testing.T) {
		t.Parallel()
		l := connect(t, broker(t).ListenAddrs()...)
		if err := l.CheckRules(context.Background(), kafkalog.DefaultPrincipals()); !errors.Is(err, kafkalog.ErrNoAuthorizer) {
			t.Errorf("got %v", err)
		}
	})
}

func TestPrincipalsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	for says, p := range map[string]kafkalog.Principals{
		`no service "dispach"`:              {"dispach": {"User:dispatch"}},
		`"dispatch" is no principal`:        {"dispatch": {"dispatch"}},
		`"User:*" is no principal`:          {"dispatch": {"User:*"}},
		"stands for dispatch and gateway":   {"dispatch": {"User:vigie"}, "gateway": {"User:vigie"}},
		"stands for dispatch and dispatch:": {"dispatch": {"User:a", "User:a"}},
	} {
		if err := p.Validate(); err == nil || !text.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
	if err := kafkalog.DefaultPrincipals().Validate(); err != nil {
		t.Error(err)
	}
}
