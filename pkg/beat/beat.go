// Package beat is how processes know of one another: each says every 5 s, in the telemetry of every room, that it lives,
// what its clock shows and which level of the log it reads. Nothing is decided by a beat: it says when a clock is not to be
// trusted, whose links are gone, and when a level may be raised (protocol §3–§5).
package beat

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"vigie/pkg/clock"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	positionsv1 "vigie/pkg/gen/vigie/positions/v1"
)

const (
	// Every is how often a process beats, in real time.
	Every = 5 * time.Second
	// SilentAfter is when a process that was heard counts as gone.
	SilentAfter = 15 * time.Second
)

// Config of one process's beats.
type Config struct {
	Writer *kafkalog.Writer
	Rooms  []eventlog.RoomEntry
	// Process is one run of a service; Service what it runs.
	Process, Service string
	Clock            *clock.Clock
	// Level is the highest level of the log that this program reads.
	Level  uint32
	Logger *slog.Logger
}

// Beater beats until Stop.
type Beater struct {
	Config
	stop context.CancelFunc
	wait sync.WaitGroup
}

// Instance names one run of a process: by the name given, or else by its host's, and by what no other run has.
func Instance(name string) string {
	if name == "" {
		name = "node"
		if host, err := os.Hostname(); err == nil {
			name = host
		}
	}
	return name + "/" + uuid.NewString()[:8]
}

// Start beats at once and then every 5 s.
func Start(ctx context.Context, c Config) *Beater {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	b := &Beater{Config: c, stop: stop}
	b.wait.Go(func() { b.run(run) })
	return b
}

// Stop ends the beats and waits for it. A process that stops is not heard any more; nobody is told.
func (b *Beater) Stop() {
	b.stop()
	b.wait.Wait()
}

func (b *Beater) run(ctx context.Context) {
	ticker := time.NewTicker(Every)
	defer ticker.Stop()
	for {
		b.beat(ctx)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// beat tells every room. What cannot be stored now is followed by the next; a beat that is late is worth nothing.
func (b *Beater) beat(ctx context.Context) {
	ctx, done := context.WithTimeout(ctx, Every)
	defer done()
	var rooms sync.WaitGroup
	for _, room := range b.Rooms {
		rooms.Go(func() {
			value, err := proto.Marshal(&positionsv1.Telemetry{Room: room.Room, Body: &positionsv1.Telemetry_Beat{Beat: &positionsv1.Beat{
				Process: b.Process, Service: b.Service, ClockMs: b.Clock.Now().UnixMilli(), Level: b.Level,
			}}})
			if err == nil {
				_, err = b.Writer.Write(ctx, eventlog.TopicPositions, room.Partition, value)
			}
			if err != nil && ctx.Err() == nil {
				b.Logger.WarnContext(ctx, "beat not stored", "room", room.Room, "err", err)
			}
		})
	}
	rooms.Wait()
}
