package kafkalog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/segmentio/kafka-go"

	"vigie/pkg/eventlog"
	"vigie/pkg/wait"
)

// Admin is the name in [Principals] of those who make topics and rules. They are given no rights here: they have them.
const Admin = "admin"

// Principals says as whom each service is known to the brokers: "dispatch" as "User:dispatch", say. A service may be known by
// several names, two services never by one.
type Principals map[string][]string

// right is what a service may do with a topic. All of them also see the topics and their settings, which they check when they start.
type right struct {
	service, topic string
	read, write    bool
}

// rights is the whole table. Only dispatch decides: what anybody else wrote to vigie.log would be judged void or, by chance,
// effective. Fixes of guards are read only by those who need them.
func rights() []right {
	const (
		dispatch, alarms, gateway, positions, replay = "dispatch", "alarms", "gateway", "positions", "replay"
		read, write                                  = true, true
	)
	return []right{
		{dispatch, eventlog.TopicRooms, read, false},
		{dispatch, eventlog.TopicIntake, read, write},
		{dispatch, eventlog.TopicLog, read, write},
		{dispatch, eventlog.TopicPositions, read, write},
		{alarms, eventlog.TopicRooms, read, false},
		{alarms, eventlog.TopicIntake, read, write},
		{alarms, eventlog.TopicLog, read, false},
		{alarms, eventlog.TopicPositions, false, write},
		{gateway, eventlog.TopicRooms, read, false},
		{gateway, eventlog.TopicIntake, read, write},
		{gateway, eventlog.TopicLog, read, false},
		{gateway, eventlog.TopicPositions, read, write},
		{positions, eventlog.TopicRooms, read, false},
		{positions, eventlog.TopicIntake, read, write},
		{positions, eventlog.TopicLog, read, false},
		{positions, eventlog.TopicPositions, read, write},
		{replay, eventlog.TopicRooms, read, false},
		{replay, eventlog.TopicIntake, read, false},
		{replay, eventlog.TopicLog, read, false},
		{replay, eventlog.TopicPositions, false, write},
		// Those with handlers of messages park what they refuse for good. The others check it with the rest.
		{dispatch, eventlog.TopicParked, false, false},
		{alarms, eventlog.TopicParked, false, false},
		{gateway, eventlog.TopicParked, false, false},
		{positions, eventlog.TopicParked, false, write},
		{replay, eventlog.TopicParked, read, write},
	}
}

func (r right) operations() []kafka.ACLOperationType {
	operations := []kafka.ACLOperationType{kafka.ACLOperationTypeDescribe, kafka.ACLOperationTypeDescribeConfigs}
	if r.read {
		operations = append(operations, kafka.ACLOperationTypeRead)
	}
	if r.write {
		operations = append(operations, kafka.ACLOperationTypeWrite)
	}
	return operations
}

// DefaultPrincipals knows each service, and the admin, by its own name.
func DefaultPrincipals() Principals {
	p := Principals{Admin: {"User:" + Admin}}
	for _, r := range rights() {
		p[r.service] = []string{"User:" + r.service}
	}
	return p
}

// Validate says what is wrong with p.
func (p Principals) Validate() error {
	known := DefaultPrincipals()
	services := map[string]string{}
	var errs []error
	for _, service := range slices.Sorted(maps.Keys(p)) {
		if _, ok := known[service]; !ok {
			errs = append(errs, fmt.Errorf("there is no service %q, only %s", service, strings.Join(slices.Sorted(maps.Keys(known)), ", ")))
		}
		for _, name := range p[service] {
			other, taken := services[name]
			switch {
			case !strings.HasPrefix(name, "User:") || name == everybody:
				errs = append(errs, fmt.Errorf("%s: %q is no principal, write User:NAME", service, name))
			case taken:
				errs = append(errs, fmt.Errorf("%s stands for %s and %s: each needs its own", name, other, service))
			}
			services[name] = service
		}
	}
	return errors.Join(errs...)
}

// ErrNoAuthorizer says that the brokers let everybody do everything.
var ErrNoAuthorizer = errors.New("the brokers have no authorizer: set authorizer.class.name on them, " +
	"org.apache.kafka.metadata.authorizer.StandardAuthorizer")

// Allow makes the rules by which each service may do what it needs. Rules that are there stay.
func (l *Log) Allow(ctx context.Context, p Principals) error {
	if err := p.Validate(); err != nil {
		return err
	}
	for _, c := range l.clusters() {
		have, err := rules(ctx, c.client)
		if err != nil {
			return fmt.Errorf("rules: %w", err)
		}
		var missing []kafka.ACLEntry
		for _, want := range p.entries(c.topics) {
			if !slices.Contains(have, want) {
				missing = append(missing, want)
			}
		}
		if len(missing) == 0 {
			continue
		}
		if err := makeRules(ctx, c.client, missing); err != nil {
			return fmt.Errorf("make rules: %w", err)
		}
	}
	return nil
}

// cluster is one set of brokers and the topics that are there.
type cluster struct {
	client *kafka.Client
	topics []string
}

func (l *Log) clusters() []cluster {
	all := []cluster{{client: l.main}}
	if l.positions != l.main {
		all = append(all, cluster{client: l.positions})
	}
	for _, s := range Topics(1, 0, 0) {
		for k := range all {
			if all[k].client == l.client(s.Name) {
				all[k].topics = append(all[k].topics, s.Name)
			}
		}
	}
	return all
}

func (p Principals) entries(topics []string) []kafka.ACLEntry {
	var entries []kafka.ACLEntry
	for _, r := range rights() {
		if !slices.Contains(topics, r.topic) {
			continue
		}
		for _, principal := range p[r.service] {
			for _, operation := range r.operations() {
				entries = append(entries, kafka.ACLEntry{
					ResourceType: kafka.ResourceTypeTopic, ResourceName: r.topic, ResourcePatternType: kafka.PatternTypeLiteral,
					Principal: principal, Host: "*", Operation: operation, PermissionType: kafka.ACLPermissionTypeAllow,
				})
			}
		}
	}
	return entries
}

func makeRules(ctx context.Context, client *kafka.Client, entries []kafka.ACLEntry) error {
	err := controlled(ctx, func() error {
		res, err := client.CreateACLs(ctx, &kafka.CreateACLsRequest{ACLs: entries})
		if err != nil {
			return err
		}
		return errors.Join(res.Errors...)
	})
	if err != nil {
		return denied(err)
	}
	// The controller has them; a broker learns of them a moment later.
	for {
		have, err := rules(ctx, client)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(entries, func(e kafka.ACLEntry) bool { return !slices.Contains(have, e) }) {
			return nil
		}
		if err := wait.About(ctx, 2*backoffMin); err != nil {
			return err
		}
	}
}

// rules reads all rules about topics and about the cluster.
func rules(ctx context.Context, client *kafka.Client) ([]kafka.ACLEntry, error) {
	var found []kafka.ACLEntry
	for _, kind := range []kafka.ResourceType{kafka.ResourceTypeTopic, kafka.ResourceTypeCluster} {
		var res *kafka.DescribeACLsResponse
		err := controlled(ctx, func() (err error) {
			res, err = client.DescribeACLs(ctx, &kafka.DescribeACLsRequest{Filter: kafka.ACLFilter{
				ResourceTypeFilter: kind, ResourcePatternTypeFilter: kafka.PatternTypeAny,
				Operation: kafka.ACLOperationTypeAny, PermissionType: kafka.ACLPermissionTypeAny,
			}})
			if err != nil {
				return err
			}
			return res.Error
		})
		if err != nil {
			return nil, denied(err)
		}
		for _, r := range res.Resources {
			for _, a := range r.ACLs {
				found = append(found, kafka.ACLEntry{
					ResourceType: r.ResourceType, ResourceName: r.ResourceName, ResourcePatternType: r.PatternType,
					Principal: a.Principal, Host: a.Host, Operation: a.Operation, PermissionType: a.PermissionType,
				})
			}
		}
	}
	return found, nil
}

func denied(err error) error {
	switch {
	case errors.Is(err, kafka.SecurityDisabled):
		return ErrNoAuthorizer
	case errors.Is(err, kafka.ClusterAuthorizationFailed):
		return fmt.Errorf("%w: only an administrator of the brokers may do this: sign in as one (kafka_user)", err)
	}
	return err
}
