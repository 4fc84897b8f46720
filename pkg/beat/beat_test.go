package beat_test

import (
	"context"
	"log/slog"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"vigie/pkg/beat"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow/livetest"
	positionsv1 "vigie/pkg/gen/vigie/positions/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func beating(ctx context.Context, w *livetest.World) *beat.Beater {
	return beat.Start(ctx, beat.Config{
		Writer: w.Writer(), Rooms: w.Table, Process: "me/1", Service: beat.Gateway, Clock: w.Clock, Level: 7, Logger: slog.New(slog.DiscardHandler),
	})
}

func TestAProcessBeatsInEveryRoomUntilItIsStopped(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north", "south")
	starting, started := context.WithCancel(t.Context())
	b := beating(starting, w)
	started() // the end of the start is not the end of the beats
	for _, room := range []string{"north", "south"} {
		var values [][]byte
		livetest.Await(t, "a beat in "+room, func() bool {
			values = w.Read(eventlog.TopicPositions, room)
			return len(values) > 0
		})
		said := &positionsv1.Telemetry{}
		if err := proto.Unmarshal(values[0], said); err != nil {
			t.Fatal(err)
		}
		if got := said.GetBeat(); said.GetRoom() != room || got.GetProcess() != "me/1" || got.GetService() != beat.Gateway || got.GetLevel() != 7 || got.GetClockMs() == 0 {
			t.Errorf("%s: %v", room, said)
		}
	}
	b.Stop()
	b.Stop() // and again does nothing
}

// What cannot be stored does not hold up the end: nothing is left running, which TestMain sees to.
func TestABeatThatKafkaDoesNotTakeDoesNotHoldUpTheEnd(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	w.Cluster.Close()
	beating(t.Context(), w).Stop()
}
