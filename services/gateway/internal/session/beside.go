package session

import (
	"google.golang.org/protobuf/proto"

	"vigie/pkg/authz"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/domain/watch"
	"vigie/pkg/follow"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/services/gateway/internal/newest"
	"vigie/services/gateway/internal/notice"
)

// room is what those who watch one are told beside its story. Its sessions pull it as they do the story: whoever tells
// waits for no session and looks at none.
type room struct {
	// notices are told one and all: whoever has missed one is closed as slow, and begins again with those that are open.
	notices *newest.Each[announced]
	// moves are the positions of teams and how their handhelds are. The newest will do.
	moves *newest.Each[*watchv1.ServerFrame]
}

// announced is a notice, and who is told of it.
type announced struct {
	to    notice.Audience
	frame *watchv1.ServerFrame
}

// room gives one that a board is of.
func (h *Hub) room(name string) *room {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.rooms[name]
	if r == nil {
		r = &room{notices: newest.New[announced](), moves: newest.New[*watchv1.ServerFrame]()}
		h.rooms[name] = r
	}
	return r
}

// Tell tells an audience of a notice, those of it included that come later, until the notice is over.
func (h *Hub) Tell(to notice.Audience, n *watchv1.Notice) {
	notices, key := h.room(n.GetRoom()).notices, n.GetKind()+"/"+n.GetKey()
	if a := (announced{to, noticeFrame(n)}); n.GetOver() {
		notices.End(key, a)
	} else {
		notices.Put(key, a)
	}
}

// beside is how far a session has been told of what is beside the story.
type beside struct {
	*room
	console        bool // handhelds are not told of moves
	noticed, moved uint64
	// pulled and fixes are not written yet.
	pulled []announced
	fixes  []*watchv1.ServerFrame
	halted string
}

// join begins with all notices that are open, and with none of the positions known so far.
func (r *room) join(target watch.Target) beside {
	return beside{room: r, console: target.Team == "", moved: r.moves.Last()}
}

// changed gives what is closed when there is more to pull, one or the other.
func (b *beside) changed() (noticed, moved <-chan struct{}) {
	if b.console {
		moved = b.moves.Changed()
	}
	return b.notices.Changed(), moved
}

// tellBeside writes a stretch of what is beside the story, and says whether there may be more. The right to see it is asked
// for each time.
func (s *session) tellBeside(board *follow.Board) (more bool, err error) {
	target := *s.watching.Load()
	if !mayWatch(s.principalNow(), target) {
		return false, errForbidden
	}
	if reason := board.Halted(); reason != s.beside.halted {
		s.beside.halted = reason
		if err := s.send(haltedFrame(target.Room, reason)); err != nil {
			return false, err
		}
	}
	more, err = s.tellNotices(board, target)
	if err == nil && s.beside.console {
		var moved bool
		moved, err = s.tellMoves(target)
		more = more || moved
	}
	return more, err
}

func (s *session) tellNotices(board *follow.Board, target watch.Target) (more bool, err error) {
	b := &s.beside
	if len(b.pulled) == 0 {
		var ok bool
		if b.pulled, b.noticed, ok = b.notices.Since(b.noticed); !ok {
			return false, errSlow
		}
	}
	now := b.pulled[:min(len(b.pulled), stretch)]
	b.pulled = b.pulled[len(now):]
	var region *controlroom.Region
	board.Look(func(f *controlroom.Fold) { region = f.State.Region() })
	frames := make([]*watchv1.ServerFrame, 0, len(now))
	for _, a := range now {
		frame := a.frame
		if target.Team != "" {
			if !a.to.Reaches(target.Team, region.Team(target.Team).GetHomeSite()) {
				continue
			}
			frame = noticeFrame(inWords(region, frame.GetNotice()))
		}
		frames = append(frames, frame)
	}
	return len(now) > 0, s.send(frames...)
}

// inWords says of a notice what people call the team and the place, for those who know no more of the room than their own.
func inWords(region *controlroom.Region, n *watchv1.Notice) *watchv1.Notice {
	n = proto.CloneOf(n)
	n.CallSign = region.Team(n.GetTeam()).GetCallSign()
	n.SiteName, n.ZoneLabel = region.Site(n.GetSite()).GetName(), region.Zone(n.GetSite(), n.GetZone()).GetLabel()
	return n
}

func (s *session) tellMoves(target watch.Target) (more bool, err error) {
	b := &s.beside
	if len(b.fixes) == 0 {
		b.fixes, b.moved, _ = b.moves.Since(b.moved)
	}
	now := b.fixes[:min(len(b.fixes), stretch)]
	b.fixes = b.fixes[len(now):]
	frames := make([]*watchv1.ServerFrame, 0, len(now))
	positions := authz.Allow(s.principalNow(), authz.ReadPositions, authz.Object{Room: target.Room})
	for _, f := range now {
		if f.GetPosition() != nil && !positions {
			continue
		}
		frames = append(frames, f)
	}
	return len(now) > 0, s.send(frames...)
}
