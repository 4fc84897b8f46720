package session

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"vigie/pkg/authz"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/domain/watch"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow"
	positionsv1 "vigie/pkg/gen/vigie/positions/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/pkg/geo"
	"vigie/services/gateway/internal/command"
)

// next reads one frame.
func (s *session) next() (*watchv1.ClientFrame, error) {
	kind, data, err := s.conn.ReadMessage()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errGone, err)
	}
	return s.decode(kind, data)
}

// read takes the client's frames until the socket fails.
func (s *session) read(ctx context.Context, goroutines *sync.WaitGroup) error {
	alive := func() { _ = s.conn.SetReadDeadline(time.Now().Add(s.hub.Timers.Dead)) }
	s.conn.SetPongHandler(func(string) error {
		alive()
		return nil
	})
	alive()
	for {
		frame, err := s.next()
		if err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				return errNoPong
			}
			return err
		}
		alive()
		switch b := frame.GetBody().(type) {
		case *watchv1.ClientFrame_Hello:
			return fmt.Errorf("%w: hello comes once", errBadFrame)
		case *watchv1.ClientFrame_Command:
			s.take(ctx, b.Command, goroutines)
		case *watchv1.ClientFrame_Fix:
			s.lastFix.Store(b.Fix)
			s.telemetry(ctx, goroutines)
		case *watchv1.ClientFrame_Status:
			s.lastStatus.Store(b.Status)
			s.telemetry(ctx, goroutines)
		case *watchv1.ClientFrame_Ack:
			s.acked.Store(max(s.acked.Load(), b.Ack.GetOffset()))
		case *watchv1.ClientFrame_Renew:
			if err := s.renew(ctx, b.Renew.GetToken()); err != nil {
				return err
			}
		case *watchv1.ClientFrame_Ping:
			s.answer(ctx, s.pong())
		}
	}
}

func (s *session) pong() *watchv1.ServerFrame {
	now, board := s.hub.Clock.Now(), s.hub.Rooms.Board(s.watching.Load().Room)
	return pongFrame(now, now.Add(-s.hub.Clock.Domain(time.Since(board.Heard()))))
}

// take queues a command. The commands of one socket are carried out one after the other, in the order in which they came:
// a guard who was offline sends "accepted, on my way, on scene" at once, and means it in that order. When too many wait the
// reading waits, and with it the client.
func (s *session) take(ctx context.Context, c *watchv1.Command, goroutines *sync.WaitGroup) {
	if c.GetType() == "sos" && s.takeAlarm(ctx, c, goroutines) {
		return
	}
	select {
	case s.commands <- c:
	case <-ctx.Done():
		return
	}
	if s.working.CompareAndSwap(false, true) {
		goroutines.Go(func() { s.work(ctx) })
	}
}

// takeAlarm carries out an SOS beside all else: it does not wait for the outcome of what its guard said before.
func (s *session) takeAlarm(ctx context.Context, c *watchv1.Command, goroutines *sync.WaitGroup) bool {
	select {
	case s.alarms <- struct{}{}:
	default:
		return false // that many are under way: this one waits its turn
	}
	goroutines.Go(func() {
		defer func() { <-s.alarms }()
		s.answer(ctx, s.do(ctx, c))
	})
	return true
}

// answer queues an outcome. It waits for the writer, or for the end.
func (s *session) answer(ctx context.Context, frame *watchv1.ServerFrame) {
	if frame == nil {
		return
	}
	select {
	case s.answers <- frame:
	case <-s.over:
	case <-ctx.Done():
	}
}

// work carries out what is queued and ends: an idle socket should not cost a goroutine more.
func (s *session) work(ctx context.Context) {
	for {
		select {
		case c := <-s.commands:
			s.answer(ctx, s.do(ctx, c))
		default:
			s.working.Store(false)
			// One may have been queued between the look and the mark.
			if len(s.commands) == 0 || !s.working.CompareAndSwap(false, true) {
				return
			}
		}
	}
}

func (s *session) do(ctx context.Context, c *watchv1.Command) *watchv1.ServerFrame {
	from := command.Sender{Principal: s.principalNow(), ClockOffset: time.Duration(s.clockOffset.Load())}
	target := *s.watching.Load()
	if c.GetTeam() == "" && target.Team != "" {
		c.Team = target.Team // a handheld speaks for its team
	}
	o, err := s.hub.Desk.Do(ctx, from, target.Room, c)
	if err == nil {
		return outcomeFrame(c.GetId(), o, s.takenBy(target, o))
	}
	if ctx.Err() != nil {
		return nil // the session is over; the client asks again with the same id
	}
	code := command.Code(err)
	if code == command.CodeInternal {
		s.hub.Logger.ErrorContext(ctx, "command failed", "err", err)
	}
	return failedFrame(c.GetId(), code, command.Sentence(err))
}

// takenBy tells a team what the radio calls the team that a refusal names.
func (s *session) takenBy(target watch.Target, o command.Outcome) (sign string) {
	if target.Team == "" || o.Refusal == nil || o.Refusal.TakenBy == "" {
		return ""
	}
	s.hub.Rooms.Board(target.Room).Look(func(f *controlroom.Fold) { sign = f.State.CallSign(o.Refusal.TakenBy) })
	return sign
}

// telemetry stores where the team's device is and how it is. Nobody waits for that: while one fix is being stored the latest
// of those that came meanwhile is kept for after it.
func (s *session) telemetry(ctx context.Context, goroutines *sync.WaitGroup) {
	if !s.fixing.CompareAndSwap(false, true) {
		return
	}
	goroutines.Go(func() {
		for {
			for s.waiting() {
				if f := s.lastFix.Swap(nil); f != nil {
					s.fix(ctx, f)
				}
				if status := s.lastStatus.Swap(nil); status != nil {
					s.status(ctx, status)
				}
			}
			s.fixing.Store(false)
			// One may have come between the look and the mark.
			if !s.waiting() || !s.fixing.CompareAndSwap(false, true) {
				return
			}
		}
	})
}

// waiting says that telemetry has come and is not stored yet.
func (s *session) waiting() bool { return s.lastFix.Load() != nil || s.lastStatus.Load() != nil }

// fix stores one position; what cannot be stored is followed by the next.
func (s *session) fix(ctx context.Context, f *watchv1.Fix) {
	p, target := s.principalNow(), *s.watching.Load()
	if p.Kind != authz.KindDevice || target.Team == "" || !plausible(f) {
		return
	}
	board := s.hub.Rooms.Board(target.Room)
	onDuty := false
	board.Look(func(f *controlroom.Fold) {
		t := f.State.Teams[target.Team]
		onDuty = t != nil && t.OnDuty
	})
	if !onDuty {
		return // a position is shared on shift only (domain §1)
	}
	now, at := s.hub.Clock.Now(), s.hub.Clock.Now()
	if f.GetAt() != nil {
		at = f.GetAt().AsTime().Add(time.Duration(s.clockOffset.Load()))
	}
	point := geo.FromDegrees(f.GetLat(), f.GetLon())
	s.store(ctx, board, &positionsv1.Telemetry{Room: target.Room, Body: &positionsv1.Telemetry_Fix{Fix: &positionsv1.Fix{
		Team: target.Team, Device: p.ID, LatE7: point.LatE7, LonE7: point.LonE7,
		AccuracyM: int32(min(max(f.GetAccuracyM(), 0), 100_000)),
		AtMs:      min(at.UnixMilli(), now.UnixMilli()), ReceivedAtMs: now.UnixMilli(), Source: "handheld",
	}}})
}

// status stores how the team's handheld is.
func (s *session) status(ctx context.Context, status *watchv1.Status) {
	p, target := s.principalNow(), *s.watching.Load()
	if p.Kind != authz.KindDevice || target.Team == "" {
		return
	}
	s.store(ctx, s.hub.Rooms.Board(target.Room), &positionsv1.Telemetry{Room: target.Room, Body: &positionsv1.Telemetry_DeviceStatus{
		DeviceStatus: &positionsv1.DeviceStatus{
			Team: target.Team, Device: p.ID, ReceivedAtMs: s.hub.Clock.Now().UnixMilli(),
			BatteryPct: min(max(status.GetBatteryPct(), 0), 100), Charging: status.GetCharging(),
		},
	}})
}

// store writes telemetry; what cannot be written is followed by the next.
func (s *session) store(ctx context.Context, board *follow.Board, m *positionsv1.Telemetry) {
	value, err := proto.Marshal(m)
	if err != nil {
		return
	}
	bounded, done := context.WithTimeout(ctx, s.hub.Timers.Write)
	defer done()
	if _, err := s.hub.Positions.Write(bounded, eventlog.TopicPositions, board.Room.Partition, value); err != nil && ctx.Err() == nil {
		s.hub.Logger.DebugContext(ctx, "telemetry not stored", "err", err)
	}
}

// plausible refuses what is no place on Earth; whatever is compared with what is not a number is false.
func plausible(f *watchv1.Fix) bool {
	return math.Abs(f.GetLat()) <= 90 && math.Abs(f.GetLon()) <= 180 && !math.IsNaN(f.GetAccuracyM())
}

// renew goes on under a new token of the same principal.
func (s *session) renew(ctx context.Context, token string) error {
	p, err := s.hub.principal(ctx, token)
	if err != nil {
		return err
	}
	if p.Kind != s.principalNow().Kind || p.ID != s.principalNow().ID {
		return errForbidden
	}
	s.token.Store(&token)
	s.principal.Store(&p)
	return nil
}
