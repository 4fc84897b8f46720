package projector_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.uber.org/goleak"

	"vigie/pkg/eventlog"
	"vigie/pkg/follow/livetest"
	"vigie/pkg/projection"
	"vigie/pkg/projection/projectiontest"
	"vigie/pkg/projection/projector"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tally counts the records of a room.
type tally struct{ n int }

func (c *tally) Restore(entries map[string][]byte) error {
	c.n = 0
	_, err := fmt.Sscan(string(entries["n"])+" 0", &c.n)
	return err
}

func (c *tally) Take(_ eventlog.Record, changes projection.Changes) {
	c.n++
	changes.Put(projection.Entry{Name: "n", Value: fmt.Append(nil, c.n)})
}

// begin has a projector of two rooms with three records each.
func begin(t *testing.T, cfg projection.Config) *projector.Projector {
	t.Helper()
	w := livetest.Start(t, "north", "south")
	for _, room := range []string{"north", "south"} {
		w.Append(eventlog.TopicPositions, room, []byte("a"), []byte("b"), []byte("c"))
	}
	c := projector.Default()
	c.Client, c.Log, c.Topic, c.Schema = projectiontest.Open(t, cfg), w.Log, eventlog.TopicPositions, "tally"
	c.NewFold = func(eventlog.RoomEntry) projector.Fold { return &tally{} }
	c.Linger, c.RetryMin, c.RetryMax, c.Drain = time.Millisecond, time.Millisecond, 5*time.Millisecond, time.Millisecond
	return projector.New(c)
}

func subscribe(t *testing.T, p *projector.Projector) <-chan *message.Message {
	t.Helper()
	out, err := p.Subscribe(t.Context(), eventlog.TopicPositions)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// drained reads a subscription to its end.
func drained(out <-chan *message.Message) {
	for msg := range out {
		msg.Nack()
	}
}

func TestAProjectorFoldsEachRoomIntoItsTable(t *testing.T) {
	t.Parallel()
	p := begin(t, projectiontest.Config(projectiontest.StartMiniredis(t).Addr()))
	out := subscribe(t, p)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for msg := range out {
			if err := p.Handle(msg); err != nil {
				msg.Nack()
				continue
			}
			msg.Ack()
		}
	}()
	for _, room := range []string{"north", "south"} {
		projectiontest.Await(t, "the three records of "+room, func() bool {
			s, err := p.Table(room).All(projectiontest.Bound(t))
			return err == nil && string(s.Entries["n"]) == "3"
		})
	}
	if p.Table("east") != nil {
		t.Error("a table of no room")
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	<-done
}

// Wherever it is in its work, a projector that is closed leaves nothing running, which TestMain sees to.
func TestAProjectorThatIsClosedLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	here := func(t *testing.T) projection.Config {
		t.Helper()
		return projectiontest.Config(projectiontest.StartMiniredis(t).Addr())
	}
	closes := func(t *testing.T, p *projector.Projector) {
		t.Helper()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Run("before it is subscribed to", func(t *testing.T) {
		t.Parallel()
		closes(t, begin(t, here(t)))
	})
	t.Run("with a message that nobody takes", func(t *testing.T) {
		t.Parallel()
		p := begin(t, here(t))
		out := subscribe(t, p)
		closes(t, p)
		drained(out)
	})
	t.Run("with a message that nobody answers", func(t *testing.T) {
		t.Parallel()
		p := begin(t, here(t))
		out := subscribe(t, p)
		<-out
		closes(t, p)
		drained(out)
	})
	t.Run("while Redis is away", func(t *testing.T) {
		t.Parallel()
		redis := projectiontest.StartMiniredis(t)
		relay := projectiontest.NewRelay(t, redis.Addr())
		relay.Cut()
		p := begin(t, projectiontest.Config(relay.Addr()))
		out := subscribe(t, p)
		closes(t, p)
		drained(out)
	})
	t.Run("where there is no Redis", func(t *testing.T) {
		t.Parallel()
		p := begin(t, projection.Default())
		out := subscribe(t, p)
		closes(t, p)
		drained(out)
	})
}
