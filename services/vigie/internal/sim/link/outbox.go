package link

import (
	"fmt"
	"slices"
	"time"

	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// sending is a command without an outcome.
type sending struct {
	command *watchv1.Command
	frame   *watchv1.ClientFrame
	// again is when, in real time, it is sent once more if nothing has been heard; zero: not sent on this socket yet.
	again time.Time
}

const (
	// resendAfter is longer than the server takes to say that it does not know.
	resendAfter = 16 * time.Second
	// longestQueue bounds what piles up without a link: a mission has seven acts, a shift two.
	longestQueue = 512
)

// queue keeps commands until they have an outcome, and sends what can be sent.
func (l *Link) queue(frames []*watchv1.ClientFrame) error {
	l.flush(frames)
	if len(l.outbox) > longestQueue {
		return fmt.Errorf("more than %d commands without an outcome: the room does not answer", longestQueue)
	}
	return nil
}

// flush sends, in order, what has not been sent on this socket, and what was long ago.
func (l *Link) flush(frames []*watchv1.ClientFrame) {
	for _, f := range frames {
		switch c := f.GetCommand(); {
		case c != nil:
			l.outbox = append(l.outbox, &sending{command: c, frame: f})
		case l.linked:
			l.send(f)
		}
	}
	for _, s := range l.outbox {
		if !l.linked {
			return
		}
		if now := time.Now(); !now.Before(s.again) && l.send(s.frame) {
			s.again = now.Add(resendAfter)
		}
	}
}

// send writes a frame; a socket that cannot be written to is given up.
func (l *Link) send(f *watchv1.ClientFrame) bool {
	if err := l.socket.Send(f); err != nil {
		l.hangUp(false)
		l.retryLater()
		return false
	}
	return true
}

// unknown: no outcome; the same id has to be sent again to learn it.
func unknown(code string) bool {
	switch code {
	case "outcome_unknown", "not_durable", "unavailable", "internal", "provisional":
		return true
	}
	return false
}

// outcome takes a command off the queue, unless its outcome is unknown.
func (l *Link) outcome(now time.Time, o *watchv1.Outcome) {
	k := slices.IndexFunc(l.outbox, func(s *sending) bool { return s.command.GetId() == o.GetId() })
	if k < 0 {
		return // of a command that was sent twice
	}
	code := ""
	if o.GetOutcome() != "done" {
		code = o.GetCode()
	}
	if unknown(code) {
		l.outbox[k].again = time.Now().Add(time.Second)
		return
	}
	c := l.outbox[k].command
	l.outbox = slices.Delete(l.outbox, k, k+1)
	l.client.Answered(now, c, code)
}

func (l *Link) ack(offset int64) {
	if offset < l.acked+ackEvery || !l.linked {
		return
	}
	l.acked = offset
	l.send(&watchv1.ClientFrame{Body: &watchv1.ClientFrame_Ack{Ack: &watchv1.Ack{Offset: offset}}})
}
