package kafkalog

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/segmentio/kafka-go"

	"vigie/pkg/eventlog"
)

// RulesError lists what is wrong with who may do what.
type RulesError struct{ Problems []string }

func (e *RulesError) Error() string {
	return "the brokers' rules are not what Vigie needs; make those that are missing with vigie topics apply --acls, take away what should not be:\n  " +
		strings.Join(e.Problems, "\n  ")
}

// everybody is the principal of rules about all of them.
const everybody = "User:*"

// CheckRules compares the brokers' rules with what each service needs, and with who else may change anything. It returns a
// *[RulesError], [ErrNoAuthorizer] where nothing is forbidden to anybody, or nil. What brokers name in super.users they do not tell.
func (l *Log) CheckRules(ctx context.Context, p Principals) error {
	if err := p.Validate(); err != nil {
		return err
	}
	var problems []string
	for _, c := range l.clusters() {
		have, err := rules(ctx, c.client)
		if err != nil {
			return fmt.Errorf("rules: %w", err)
		}
		if len(have) == 0 && l.cfg.SASL.User == "" && l.cfg.TLS.CertFile == "" {
			return ErrNoAuthorizer // an authorizer would not have told a stranger
		}
		problems = append(problems, p.lacking(have, c.topics)...)
		problems = append(problems, p.excess(have, c.topics)...)
	}
	if len(problems) > 0 {
		return &RulesError{Problems: problems}
	}
	return nil
}

// lacking lists what services need and may not do.
func (p Principals) lacking(have []kafka.ACLEntry, topics []string) []string {
	var problems []string
	for _, want := range p.entries(topics) {
		allowed, denied := false, false
		for _, rule := range have {
			switch {
			case !covers(rule, want.Principal, want.ResourceName):
			case rule.PermissionType == kafka.ACLPermissionTypeDeny:
				denied = denied || rule.Operation == want.Operation || rule.Operation == kafka.ACLOperationTypeAll
			default:
				allowed = allowed || grants(rule.Operation, want.Operation)
			}
		}
		if !allowed || denied {
			problems = append(problems, fmt.Sprintf("%s may not %s %s", want.Principal, word(want.Operation), want.ResourceName))
		}
	}
	return problems
}

func word(operation kafka.ACLOperationType) string {
	if operation == kafka.ACLOperationTypeAll {
		return "do anything to"
	}
	return strings.ToLower(operation.String())
}

// excess lists who may change what they should not.
func (p Principals) excess(have []kafka.ACLEntry, topics []string) []string {
	var problems []string
	add := func(format string, args ...any) {
		if problem := fmt.Sprintf(format, args...); !slices.Contains(problems, problem) {
			problems = append(problems, problem)
		}
	}
	needed := p.entries(topics)
	for _, rule := range have {
		if rule.PermissionType != kafka.ACLPermissionTypeAllow || !changes(rule.Operation) || slices.Contains(p[Admin], rule.Principal) {
			continue
		}
		if rule.ResourceType == kafka.ResourceTypeCluster {
			add("%s may %s the cluster", rule.Principal, word(rule.Operation))
			continue
		}
		for _, topic := range topics {
			if !covers(rule, rule.Principal, topic) {
				continue
			}
			fits := func(e kafka.ACLEntry) bool {
				return e.Principal == rule.Principal && e.ResourceName == topic && e.Operation == rule.Operation
			}
			if !slices.ContainsFunc(needed, fits) {
				add("%s may %s %s%s", rule.Principal, word(rule.Operation), topic, whose(topic))
			}
		}
	}
	return problems
}

func whose(topic string) string {
	if topic == eventlog.TopicLog {
		return ", and only dispatch may write there"
	}
	return ""
}

// covers says whether a rule is about a principal and a topic. Hosts are the site's own matter.
func covers(rule kafka.ACLEntry, principal, topic string) bool {
	if rule.ResourceType != kafka.ResourceTypeTopic || rule.Principal != principal && rule.Principal != everybody {
		return false
	}
	if rule.ResourcePatternType == kafka.PatternTypePrefixed {
		return strings.HasPrefix(topic, rule.ResourceName)
	}
	return rule.ResourceName == topic || rule.ResourceName == "*"
}

// grants says whether a rule about an operation is one about another, too.
func grants(rule, want kafka.ACLOperationType) bool {
	switch {
	case rule == want, rule == kafka.ACLOperationTypeAll:
		return true
	case want == kafka.ACLOperationTypeDescribe:
		return rule == kafka.ACLOperationTypeRead || rule == kafka.ACLOperationTypeWrite ||
			rule == kafka.ACLOperationTypeDelete || rule == kafka.ACLOperationTypeAlter
	case want == kafka.ACLOperationTypeDescribeConfigs:
		return rule == kafka.ACLOperationTypeAlterConfigs
	}
	return false
}

// changes says whether who may do this can change records, topics or rules.
func changes(operation kafka.ACLOperationType) bool {
	return !slices.Contains([]kafka.ACLOperationType{
		kafka.ACLOperationTypeRead, kafka.ACLOperationTypeDescribe, kafka.ACLOperationTypeDescribeConfigs,
		kafka.ACLOperationTypeIdempotentWrite, // alone it allows nothing
	}, operation)
}
