package session

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/gorilla/websocket"

	"vigie/pkg/directory"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/domain/watch"
	"vigie/pkg/follow"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/pkg/wire"
)

func (s *session) snapshot(ctx context.Context, board *follow.Board) (follow.Position, error) {
	var at follow.Position
	var frame *watchv1.ServerFrame
	board.LookAt(func(f *controlroom.Fold, head follow.Position) {
		at = head
		frame = s.hub.views.snapshotFrame(s.id, head, s.hub.Clock.Now(), *s.watching.Load(), board.Room.Room, f)
	})
	openTexts(ctx, s.hub.Directory, frame.GetSnapshot().GetState())
	return at, s.send(frame)
}

// send writes frames, all at once; only begin and write call it, one after the other.
func (s *session) send(frames ...*watchv1.ServerFrame) error {
	encoded := make([][]byte, len(frames))
	for k, f := range frames {
		var err error
		if encoded[k], err = s.encode(f); err != nil {
			return err
		}
	}
	return s.sendBytes(encoded)
}

func (s *session) encode(f *watchv1.ServerFrame) ([]byte, error) {
	data, err := s.marshal(f)
	if err != nil {
		return nil, fmt.Errorf("encode frame: %w", err)
	}
	return data, nil
}

func (s *session) sendBytes(frames [][]byte) error {
	if len(frames) == 0 {
		return nil
	}
	_ = s.conn.SetWriteDeadline(time.Now().Add(s.hub.Timers.Write))
	err := s.below.together(func() error {
		for _, data := range frames {
			if err := s.conn.WriteMessage(s.message, data); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			return errSlow
		}
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return nil
}

// write tells the story until the session ends.
func (s *session) write(ctx context.Context, board *follow.Board, at follow.Position) error {
	ping, recheck := time.NewTicker(s.hub.Timers.Ping), time.NewTicker(s.hub.Timers.Recheck)
	defer ping.Stop()
	defer recheck.Stop()
	flow := flow{}
	for {
		changed := board.Changed()
		noticed, moved := s.beside.changed()
		records, ok := board.Since(at)
		if !ok {
			return errStateLost
		}
		if len(records) > stretch {
			records, changed = records[:stretch], s.hub.always // and on at once
		}
		if len(records) > 0 {
			if err := s.tell(ctx, board, records, &flow); err != nil {
				return err
			}
			last := records[len(records)-1]
			at.Offset, at.Hash = last.Offset, last.Hash
		}
		if more, err := s.tellBeside(board); err != nil {
			return err
		} else if more {
			changed = s.hub.always
		}
		select {
		case <-changed:
		case <-noticed:
		case <-moved:
		case f := <-s.answers:
			if err := s.send(f); err != nil {
				return err
			}
		case <-ping.C:
			if err := s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(s.hub.Timers.Write)); err != nil {
				return fmt.Errorf("%w: %w", errGone, err)
			}
		case <-recheck.C:
			if err := s.recheck(ctx); err != nil {
				return err
			}
		case <-s.over:
			return s.reason
		case <-ctx.Done():
			return errRestart
		}
	}
}

// tell writes what the session may see of some decisions. The right to see them is asked for each time.
func (s *session) tell(ctx context.Context, board *follow.Board, records []*wire.Stored, flow *flow) error {
	target := *s.watching.Load()
	if !mayWatch(s.principalNow(), target) {
		return errForbidden
	}
	seen, signs := make([][]*logv1.Event, len(records)), make([]map[string]string, len(records))
	var all []*logv1.Event
	var shown *watchv1.ServerFrame
	var err error
	board.Look(func(f *controlroom.Fold) {
		for k, r := range records {
			if !target.Remembers(f.State, r.Events) {
				err = errStateLost // it stood still for a day
				return
			}
			seen[k] = target.Events(f.State, r.Events)
			if target.Team != "" {
				signs[k] = watch.CallSigns(f.State, seen[k])
			}
			all = append(all, seen[k]...)
		}
		if len(all) > 0 {
			shown = s.hub.views.boardFrame(target, f, all)
		}
	})
	if err != nil {
		return err
	}
	var frames [][]byte
	// The board goes first: a client that has a cursor, which comes with events, has what they changed.
	if shown != nil {
		openTexts(ctx, s.hub.Directory, shown.GetBoard().GetChanges())
		openTexts(ctx, s.hub.Directory, shown.GetBoard().GetState())
		data, err := s.encode(shown)
		if err != nil {
			return err
		}
		frames = append(frames, data)
	}
	for k, r := range records {
		frame := decidedFrame(target, r, opened(ctx, s.hub.Directory, seen[k]), signs[k])
		if frame == nil {
			continue
		}
		data, err := s.encode(frame)
		if err != nil {
			return err
		}
		if err := flow.sending(r.Offset, len(data), s.acked.Load()); err != nil {
			return err
		}
		frames = append(frames, data)
	}
	return s.sendBytes(frames)
}

// recheck asks again who holds the token: a revocation takes effect within 5 s on a live socket. A directory that cannot
// be asked says nothing about the client.
func (s *session) recheck(ctx context.Context) error {
	p, err := s.hub.principal(ctx, *s.token.Load())
	switch {
	case errors.Is(err, directory.ErrUnauthenticated), errors.Is(err, directory.ErrExpired), errors.Is(err, directory.ErrRevoked):
		return err
	case err != nil:
		return nil //nolint:nilerr // could not be asked: see above
	}
	s.principal.Store(&p)
	if !mayWatch(p, *s.watching.Load()) {
		return errForbidden
	}
	return nil
}
