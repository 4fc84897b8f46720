// Package livetest is a Kafka in this process with rooms that are decided, by the real rules and the real writer, for as
// long as a test runs. It is for the tests of whatever asks a room and waits for its answer.
package livetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"vigie/pkg/clock"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	"vigie/pkg/follow"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	regionv1 "vigie/pkg/gen/vigie/region/v1"
	"vigie/pkg/wire"
)

// World is a Kafka with rooms.
type World struct {
	Cluster *kfake.Cluster
	Log     *kafkalog.Log
	Table   []eventlog.RoomEntry
	Clock   *clock.Clock

	tb testing.TB
}

// Start makes a Kafka with these rooms, for the time of a test. Nothing decides yet.
func Start(tb testing.TB, rooms ...string) *World {
	tb.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		tb.Fatalf("start broker: %v", err)
	}
	tb.Cleanup(c.Close)
	w := &World{Cluster: c, Clock: clock.Real(), tb: tb}
	w.Log = w.Connect()
	named := 0
	plan := kafkalog.Plan{
		Rooms: rooms, NewLogID: func() string { named++; return fmt.Sprint("log-", named) }, Replication: 1, IntakeRetention: kafkalog.Forever,
	}
	Await(tb, "the topics are made", func() bool { // a broker that has just begun may not know itself yet
		w.Table, err = w.Log.Apply(w.context(), plan)
		return err == nil
	})
	return w
}

// Connect gives a connection of its own.
func (w *World) Connect() *kafkalog.Log {
	w.tb.Helper()
	cfg := kafkalog.Default()
	cfg.Brokers = w.Cluster.ListenAddrs()
	cfg.SingleNode = true
	cfg.MetadataTTL = 100 * time.Millisecond // idle connections must not outlive the test
	l, err := kafkalog.New(cfg)
	if err != nil {
		w.tb.Fatalf("open log: %v", err)
	}
	w.tb.Cleanup(l.Close)
	return l
}

func (w *World) context() context.Context {
	ctx, done := context.WithTimeout(context.Background(), 30*time.Second)
	w.tb.Cleanup(done)
	return ctx
}

// Entry is a room's line of the room table.
func (w *World) Entry(room string) eventlog.RoomEntry {
	w.tb.Helper()
	for _, e := range w.Table {
		if e.Room == room {
			return e
		}
	}
	w.tb.Fatalf("there is no room %s", room)
	return eventlog.RoomEntry{}
}

// Writer writes to this Kafka until the test ends.
func (w *World) Writer() *kafkalog.Writer {
	w.tb.Helper()
	writer, err := kafkalog.NewWriter(w.Log, kafkalog.DefaultWriter())
	if err != nil {
		w.tb.Fatalf("new writer: %v", err)
	}
	w.tb.Cleanup(writer.Close)
	return writer
}

// Append appends values to a partition of a room as they are, and gives the offset of the first.
func (w *World) Append(topic, room string, values ...[]byte) int64 {
	w.tb.Helper()
	base, err := w.Log.Append(w.context(), topic, w.Entry(room).Partition, values)
	if err != nil {
		w.tb.Fatalf("append to %s: %v", topic, err)
	}
	return base
}

// Ask appends a request to the intake of a room.
func (w *World) Ask(room, principal, id string, q *intakev1.Request) int64 {
	w.tb.Helper()
	q.Room, q.Principal, q.Id = room, principal, id
	if q.GetReceivedAtMs() == 0 {
		q.ReceivedAtMs = w.Clock.Now().UnixMilli()
	}
	value, err := wire.EncodeRequest(q)
	if err != nil {
		w.tb.Fatalf("encode request: %v", err)
	}
	return w.Append(eventlog.TopicIntake, room, value)
}

// Configure asks for [Configuration].
func (w *World) Configure(room string) {
	w.tb.Helper()
	w.Ask(room, "admin", "configure-"+room, &intakev1.Request{Body: &intakev1.Request_ConfigureRegion{
		ConfigureRegion: &intakev1.ConfigureRegion{Hash: "h-" + room, Content: Configuration(room)},
	}})
}

// StartDuty asks for a team's duty, for a day.
func (w *World) StartDuty(room, team string) {
	w.tb.Helper()
	w.Ask(room, "account/chief", "duty-"+team, &intakev1.Request{Body: &intakev1.Request_StartDuty{StartDuty: &intakev1.StartDuty{
		Team: team, Guards: []string{"g-" + team}, UntilMs: w.Clock.Now().Add(24 * time.Hour).UnixMilli(),
	}}})
}

// Read gives the values of a room's partition of a topic.
func (w *World) Read(topic, room string) [][]byte {
	w.tb.Helper()
	e := w.Entry(room)
	start, end, err := w.Log.Bounds(w.context(), topic, e.Partition)
	if err != nil {
		w.tb.Fatalf("bounds: %v", err)
	}
	var values [][]byte
	err = w.Log.Scan(w.context(), topic, e.Partition, start, end, func(r eventlog.Record) error {
		values = append(values, r.Value)
		return nil
	})
	if err != nil {
		w.tb.Fatalf("scan: %v", err)
	}
	return values
}

// Requests gives the intake of a room.
func (w *World) Requests(room string) []wire.Request {
	w.tb.Helper()
	var requests []wire.Request
	for k, v := range w.Read(eventlog.TopicIntake, room) {
		requests = append(requests, wire.DecodeRequest(int64(k), v))
	}
	return requests
}

// Ready waits for all rooms to have been read.
func (w *World) Ready(rooms *follow.Rooms) {
	w.tb.Helper()
	for _, b := range rooms.All() {
		if err := b.AwaitReady(w.context()); err != nil {
			w.tb.Fatal(err)
		}
	}
}

// Await waits until a condition holds, and fails the test when it does not come to.
func Await(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(20 * time.Second)
	defer late.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-late.C:
			tb.Fatalf("waited in vain: %s", what)
		}
	}
}

// Configuration is a region of a room named R with the sites, the teams T-R-1 and T-R-2 at home there, and the
// codes PB (P1 aggression) and ZZ (P3 technical). Whatever is dispatched is dispatched automatically.
func Configuration(room string) *regionv1.RoomConfiguration {
	c := &regionv1.RoomConfiguration{
		Room: room, Name: "Room " + room, Timezone: "Europe/Paris",
		Codes: []*regionv1.Code{
			{Code: "PB", Category: "aggression", Priority: 1, Label: "Panic button"},
			{Code: "ZZ", Category: "technical", Priority: 3, Label: "Fault"},
		},
		Plans: []*regionv1.Plan{{Id: "all", GuardsWanted: 1, Mode: "automatic", JoinWindowS: 60}},
		Parameters: &regionv1.Parameters{
			DeliveryS: 5, AnswerS: []int32{30, 90, 90}, NeglectS: []int32{30, 90, 90}, ChooseAgainS: 30, TargetS: []int32{480, 900, 1800},
			CrossingCapS: []int32{1200, 1200, 1800}, TurnoutS: 60,
		},
	}
	for k, n := range []string{"1", "2"} {
		c.Sites = append(c.Sites, &regionv1.Site{
			Id: room + "-" + n, Name: "Site " + n, IndoorWalkS: 60, P1PerThousandDays: 100,
			Entrances: []*regionv1.Entrance{{Id: "E1", Label: "Main", LatE7: 488_378_000 + int32(k)*100_000, LonE7: 23_653_000}},
			Zones:     []*regionv1.Zone{{Code: "Z1", Label: "Emergency"}},
		})
		c.Teams = append(c.Teams, &regionv1.Team{
			Id: "T-" + room + "-" + n, CallSign: "Alpha " + n, HomeSite: room + "-" + n, Transport: "foot", Guards: 2,
		})
	}
	return c
}
