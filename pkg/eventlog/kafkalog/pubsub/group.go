package pubsub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"

	"vigie/pkg/eventlog"
	"vigie/pkg/wait"
)

// readGroup reads the partitions that the group gives to this member, one generation after the other.
func (s *subscription) readGroup(ctx context.Context) {
	life, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	group, err := s.log.ConsumerGroup(life, s.groupConfig())
	if err != nil {
		s.ended(ctx, fmt.Errorf("%w: %w", eventlog.ErrRefused, err))
		return
	}
	member := false
	defer func() { s.leave(life, group, member, cut) }()
	for failed := false; ; {
		gen, err := group.Next(ctx)
		member = err == nil
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			failed = false
			select {
			case <-ctx.Done():
				return
			case <-s.generation(ctx, gen):
				member = false
			}
		case forbidden(err):
			s.ended(ctx, fmt.Errorf("group %s: %w: %w", s.cfg.Group, eventlog.ErrRefused, err))
			return
		case !failed && !errors.Is(err, kafka.RebalanceInProgress):
			// The client has a pause of its own before it tries again.
			s.slog.WarnContext(ctx, "cannot join the group, trying again", "error", err)
			failed = true
		}
	}
}

func (s *subscription) groupConfig() kafka.ConsumerGroupConfig {
	start := kafka.FirstOffset
	if s.cfg.Newest {
		start = kafka.LastOffset
	}
	return kafka.ConsumerGroupConfig{
		ID:                s.cfg.Group + "." + s.topic,
		Topics:            []string{s.topic},
		HeartbeatInterval: s.cfg.Heartbeat,
		SessionTimeout:    s.cfg.Session,
		RebalanceTimeout:  s.cfg.Rebalance,
		JoinGroupBackoff:  s.cfg.Rejoin,
		StartOffset:       start,
	}
}

// leave ends the generation, waits for its messages in flight and says goodbye. The client forgets to do so when it is closed
// while it joins, and the others then wait for it: so it joins first.
func (s *subscription) leave(ctx context.Context, group *kafka.ConsumerGroup, member bool, cut context.CancelFunc) {
	ctx, done := context.WithTimeout(ctx, s.cfg.Leave)
	for !member && ctx.Err() == nil {
		_, err := group.Next(ctx)
		member = err == nil
	}
	done()
	t := time.AfterFunc(s.cfg.Drain+s.cfg.Leave, cut)
	defer t.Stop()
	_ = group.Close() // never fails
}

// generation reads its partitions until it ends, which it does when the first of them fails. The client waits for all of them
// before it joins the next.
func (s *subscription) generation(ctx context.Context, gen *kafka.Generation) (over <-chan struct{}) {
	ended := make(chan struct{})
	gen.Start(func(current context.Context) {
		defer close(ended)
		s.watch(current)
	})
	for _, a := range gen.Assignments[s.topic] {
		gen.Start(func(current context.Context) {
			err := s.readAssigned(current, ctx, gen, a)
			if current.Err() != nil || ctx.Err() != nil {
				return
			}
			s.ended(ctx, err)
			s.slog.WarnContext(ctx, "partition given back", "partition", a.ID, "error", err)
			_ = wait.About(current, s.cfg.Rejoin) // what fails each time must not make the group spin
		})
	}
	return ended
}

// watch returns when the topic has got more partitions, which ends the generation: the next one shares them out.
func (s *subscription) watch(current context.Context) {
	for wait.About(current, s.cfg.Watch) == nil {
		n, err := s.log.PartitionCount(current, s.topic)
		switch {
		case err != nil:
			s.ended(current, err)
		case n > s.partitions:
			s.partitions = n
			return
		}
	}
}

// readAssigned reads one partition from where the group has come to.
func (s *subscription) readAssigned(current, subscribed context.Context, gen *kafka.Generation, a kafka.PartitionAssignment) error {
	commit := func(offset int64) error {
		// Also when the generation is over: what was acknowledged meanwhile may still count.
		return s.log.CommitOffset(context.WithoutCancel(current), gen, s.topic, a.ID, offset)
	}
	next := a.Offset
	if next < 0 { // relative: the group has none yet
		var err error
		if next, err = s.start(current, a.ID, next == kafka.LastOffset); err != nil {
			return err
		}
		// The newest offset of the next rebalance would be another one.
		if err := commit(next); err != nil {
			return err
		}
	}
	return s.pump(current, subscribed, Position{s.topic, a.ID, next}, func(offset int64) error { return commit(offset + 1) })
}

// forbidden says whether waiting cannot mend err.
func forbidden(err error) bool {
	return errors.Is(err, kafka.GroupAuthorizationFailed) || errors.Is(err, kafka.TopicAuthorizationFailed) ||
		errors.Is(err, kafka.InvalidGroupId) || errors.Is(err, kafka.InvalidSessionTimeout)
}
