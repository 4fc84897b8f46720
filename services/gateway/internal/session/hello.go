package session

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"time"

	"vigie/pkg/authz"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/domain/watch"
	"vigie/pkg/es"
	"vigie/pkg/follow"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// begin waits for the hello and says where the story starts: behind the client's cursor, or at a snapshot.
func (s *session) begin(ctx context.Context) (*follow.Board, follow.Position, error) {
	none := follow.Position{}
	s.conn.SetReadLimit(largestFrame)
	_ = s.conn.SetReadDeadline(time.Now().Add(s.hub.Timers.Hello))
	// The end of the gateway does not wait for those who have not said hello.
	listening := context.AfterFunc(ctx, func() { _ = s.conn.SetReadDeadline(time.Now()) })
	defer listening()
	frame, err := s.next()
	if err != nil {
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			return nil, none, errNoHello
		}
		return nil, none, err
	}
	hello := frame.GetHello()
	if hello == nil {
		return nil, none, fmt.Errorf("%w: the first frame must be hello", errBadFrame)
	}
	board, err := s.authenticate(ctx, hello)
	if err != nil {
		return nil, none, err
	}
	if now := hello.GetNow(); now != nil {
		s.clockOffset.Store(int64(s.hub.Clock.Now().Sub(now.AsTime())))
	}
	if at, ok := position(hello.GetCursor()); ok && s.recovers(board, at) {
		return board, at, s.send(welcomeFrame(s.id, at, s.hub.Clock.Now()))
	}
	at, err := s.snapshot(ctx, board)
	return board, at, err
}

// recovers says whether all that the client has missed since a position can still be told to it.
func (s *session) recovers(board *follow.Board, at follow.Position) bool {
	records, known := board.Since(at)
	target := *s.watching.Load()
	board.Look(func(f *controlroom.Fold) {
		for _, r := range records {
			known = known && target.Remembers(f.State, r.Events)
		}
	})
	return known
}

func (s *session) authenticate(ctx context.Context, hello *watchv1.Hello) (*follow.Board, error) {
	token := hello.GetToken()
	p, err := s.hub.principal(ctx, token)
	if err != nil {
		return nil, err
	}
	target, err := watch.ParseTarget(hello.GetWatch(), p.Room)
	if err != nil {
		return nil, err
	}
	board := s.hub.Rooms.Board(target.Room)
	if board == nil || !mayWatch(p, target) {
		return nil, errForbidden
	}
	s.principal.Store(&p)
	s.token.Store(&token)
	s.watching.Store(&target)
	s.beside = s.hub.room(target.Room).join(target)
	s.hub.admit(s)
	return board, nil
}

func mayWatch(p authz.Principal, t watch.Target) bool {
	if t.Team != "" {
		return authz.Allow(p, authz.ActAsTeam, authz.Object{Room: t.Room, Team: t.Team})
	}
	return authz.Allow(p, authz.ReadRoom, authz.Object{Room: t.Room})
}

func position(c *watchv1.Cursor) (follow.Position, bool) {
	hash, err := hex.DecodeString(c.GetHash())
	if c == nil || err != nil || len(hash) != len(es.Hash{}) {
		return follow.Position{}, false
	}
	return follow.Position{LogID: c.GetLogId(), Offset: c.GetOffset(), Hash: es.Hash(hash)}, true
}
