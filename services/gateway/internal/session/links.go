package session

import (
	"context"
	"errors"
	"sync"
	"time"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/domain/watch"
	"vigie/pkg/eventlog"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	"vigie/pkg/wait"
	"vigie/pkg/wire"
)

// links writes down which device is linked: reachability is facts in the log (protocol §4). The facts of one session go
// in order, and each is tried until it is stored or the gateway ends; what an end leaves unsaid the next run of the
// gateway says by asking for GatewayLost.
type links struct {
	Config
	stop context.CancelFunc
	run  context.Context //nolint:containedctx // the life of the writer, not of a call
	wait sync.WaitGroup
}

// lastWords is how long the facts of sessions that end with the gateway may take.
const lastWords = 3 * time.Second

func newLinks(c Config) *links {
	run, stop := context.WithCancel(context.Background())
	return &links{Config: c, run: run, stop: stop}
}

// keep says that a device is linked, and when the session is over that it was lost.
func (l *links) keep(s *session, over <-chan struct{}) {
	l.wait.Go(func() {
		target := *s.watching.Load()
		device := s.principalNow().ID
		for missing := true; ; missing = l.missing(target, device) {
			if missing {
				l.store(target.Room, &intakev1.Request{Body: &intakev1.Request_LinkBack{LinkBack: &intakev1.LinkBack{
					Device: device, Team: target.Team, Gateway: l.Instance, Session: s.id,
				}}})
			}
			if ended(over) {
				break
			}
		}
		l.store(target.Room, &intakev1.Request{Body: &intakev1.Request_LinkLost{LinkLost: &intakev1.LinkLost{
			Device: device, Team: target.Team, Gateway: l.Instance, Session: s.id,
		}}})
	})
}

// lookEvery is how often a live session looks whether the room still knows of its link: a gateway that was taken for gone,
// and was not, has its devices known again by this.
const lookEvery = 5 * time.Second

// ended waits for a session to end, for a while.
func ended(over <-chan struct{}) bool {
	timer := time.NewTimer(lookEvery)
	defer timer.Stop()
	select {
	case <-over:
		return true
	case <-timer.C:
		return false
	}
}

// missing says that the room knows of no link of the device; one by another session is newer.
func (l *links) missing(t watch.Target, device string) (missing bool) {
	l.Rooms.Board(t.Room).Look(func(f *controlroom.Fold) {
		team := f.State.Teams[t.Team]
		if team == nil {
			return
		}
		_, known := team.Links[device]
		missing = !known
	})
	return missing
}

func (l *links) store(room string, q *intakev1.Request) {
	board := l.Rooms.Board(room)
	q.Room, q.Principal, q.Id, q.ReceivedAtMs = room, "gateway/"+l.Instance, newID(), l.Clock.Now().UnixMilli()
	value, err := wire.EncodeRequest(q)
	if err != nil {
		l.Logger.ErrorContext(l.run, "link fact cannot be encoded", "err", err)
		return
	}
	for l.run.Err() == nil {
		bounded, done := context.WithTimeout(l.run, lastWords)
		_, err := l.Desk.Intake.Write(bounded, eventlog.TopicIntake, board.Room.Partition, value)
		done()
		if err == nil || errors.Is(err, eventlog.ErrRefused) {
			return
		}
		l.Logger.WarnContext(l.run, "link fact not stored yet", "room", room, "err", err)
		_ = wait.For(l.run, retryEvery) // the loop looks whether it goes on
	}
}

func (l *links) close() {
	timer := time.AfterFunc(lastWords, l.stop)
	defer timer.Stop()
	l.wait.Wait()
	l.stop()
}
