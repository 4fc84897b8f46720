// Package followtest writes the log of a room on a broker in this process: requests in intake, decisions made by the real
// rules and the real writer, void records too. It is for the tests of whatever reads logs.
package followtest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/kafkalog"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	personalv1 "vigie/pkg/gen/vigie/personal/v1"
	regionv1 "vigie/pkg/gen/vigie/region/v1"
	"vigie/pkg/wire"
)

// Name of the room.
const Name = "main"

// Begin is the domain time of the first decision, in milliseconds; every request comes a second after the one before.
const Begin int64 = 1_795_000_000_000

const second int64 = 1000

// Room writes one room. It is not safe for concurrent use.
type Room struct {
	eventlog.RoomEntry
	Log     *kafkalog.Log
	Brokers []string

	tb     testing.TB
	writer *controlroom.Writer
	now    int64
	last   wire.Stored
}

// Start opens the log of a room on a broker of its own, for the time of a test.
func Start(tb testing.TB) *Room {
	tb.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		tb.Fatalf("start broker: %v", err)
	}
	tb.Cleanup(c.Close)
	cfg := kafkalog.Default()
	cfg.Brokers = c.ListenAddrs()
	r := On(tb, cfg)
	return r
}

// On opens the log of a room on brokers that run.
func On(tb testing.TB, cfg kafkalog.Config) *Room {
	tb.Helper()
	cfg.SingleNode = true
	cfg.MetadataTTL = 100 * time.Millisecond // idle connections must not outlive the test
	log, err := kafkalog.New(cfg)
	if err != nil {
		tb.Fatalf("open log: %v", err)
	}
	tb.Cleanup(log.Close)
	r := &Room{
		Log: log, Brokers: cfg.Brokers, tb: tb, now: Begin,
		writer: es.NewWriter(Name, "tester", controlroom.Rules(), es.DefaultLimits(), wire.Encode),
	}
	table, err := log.Apply(r.context(), kafkalog.Plan{
		Rooms: []string{Name}, NewLogID: func() string { return "log-1" }, Replication: 1, IntakeRetention: kafkalog.Forever,
	})
	if err != nil {
		tb.Fatalf("make topics: %v", err)
	}
	r.RoomEntry = table[0]
	r.Decide()
	return r
}

func (r *Room) context() context.Context {
	ctx, done := context.WithTimeout(context.Background(), 30*time.Second)
	r.tb.Cleanup(done)
	return ctx
}

// Next is the offset that the next record of the log will get.
func (r *Room) Next() int64 { return r.writer.Next }

// Head is the room as its writer has folded it.
func (r *Room) Head() es.Head { return r.writer.Head }

// View is the room as its writer has folded it.
func (r *Room) View() controlroom.View { return controlroom.Show(Name, r.writer.Fold) }

// Ask appends a request to intake and has it decided, with all that is due by then.
func (r *Room) Ask(principal, id string, q *intakev1.Request) {
	r.tb.Helper()
	r.now += second
	q.Room, q.Principal, q.Id, q.ReceivedAtMs = Name, principal, id, r.now
	q.Actor = &intakev1.Actor{Id: principal, Role: "dispatcher"}
	value, err := wire.EncodeRequest(q)
	if err != nil {
		r.tb.Fatalf("encode request: %v", err)
	}
	r.Intake(value)
	r.Decide()
}

// Intake appends a value to intake as it is.
func (r *Room) Intake(value []byte) {
	r.tb.Helper()
	offset, err := r.Log.Append(r.context(), eventlog.TopicIntake, r.Partition, [][]byte{value})
	if err != nil {
		r.tb.Fatalf("append request: %v", err)
	}
	r.writer.Request(wire.DecodeRequest(offset, value))
}

// Wait lets domain time pass and has decided what falls due.
func (r *Room) Wait(d time.Duration) {
	r.tb.Helper()
	r.now += d.Milliseconds()
	r.Decide()
}

// Decide writes decisions until nothing is left to decide.
func (r *Room) Decide() {
	r.tb.Helper()
	for range 1000 {
		tick := es.Tick{Now: r.now, Mono: r.now}
		step := r.writer.Step(tick, controlroom.Facts{Room: Name, LogID: r.LogID, MinuteOfDay: 600})
		if step.AskWatermark {
			_, end, err := r.Log.Bounds(r.context(), eventlog.TopicIntake, r.Partition)
			if err != nil {
				r.tb.Fatalf("end of intake: %v", err)
			}
			r.writer.Watermark(end)
		}
		if len(step.Batch) == 0 && !step.AskWatermark {
			return
		}
		if len(step.Batch) > 0 {
			r.Append(step.Batch...)
			r.writer.Appended(es.Written, tick)
		}
	}
	r.tb.Fatal("the writer does not come to rest")
}

// Append appends values to the log as they are, and has the writer read them.
func (r *Room) Append(values ...[]byte) {
	r.tb.Helper()
	base := r.Damage(values...)
	for i, value := range values {
		s := wire.Decode(base+int64(i), value)
		if j := r.writer.Read(&s); j.Verdict == es.Halting {
			r.tb.Fatalf("the log halts: %s", j.Reason)
		} else if j.Verdict == es.Effective {
			r.last = s
		}
	}
}

// Damage appends values that nobody reads here: the writer cannot go on after it.
func (r *Room) Damage(values ...[]byte) (offset int64) {
	r.tb.Helper()
	base, err := r.Log.Append(r.context(), eventlog.TopicLog, r.Partition, values)
	if err != nil {
		r.tb.Fatalf("append: %v", err)
	}
	return base
}

// Lose appends the last effective decision as another decider would have made it, too late: a void record. It returns its
// offset.
func (r *Room) Lose() int64 {
	r.tb.Helper()
	late := r.last.Decision
	late.Decider = "loser"
	value, _ := wire.Encode(&late)
	r.Append(value)
	return r.Next() - 1
}

// Flipped gives the stored bytes of the last effective decision with a byte of its hash changed.
func (r *Room) Flipped() []byte {
	value := r.Last()
	value[len(value)-1] ^= 1
	return value
}

// Last gives the stored bytes of the last effective decision, as it would be written anew.
func (r *Room) Last() []byte {
	value, _ := wire.Encode(&r.last.Decision)
	return value
}

// The story's incident and its first mission.
const (
	Incident = "I1"
	Mission  = "M1"
	Site     = "pitie"
)

// Tell writes the story of a day: the region, a team, an alarm with a text, its mission, a refusal, a repeat and a void
// record, which lies at the offset returned.
func (r *Room) Tell(text *personalv1.SealedText) (void int64) {
	r.tb.Helper()
	r.Ask("admin", "r1", &intakev1.Request{Body: &intakev1.Request_ConfigureRegion{ConfigureRegion: &intakev1.ConfigureRegion{
		Hash: "h1", Content: region(),
	}}})
	r.Ask("T1", "d1", &intakev1.Request{Body: &intakev1.Request_StartDuty{StartDuty: &intakev1.StartDuty{
		Team: "T1", Guards: []string{"g1", "g2"}, UntilMs: Begin + 8*3600*second,
	}}})
	r.Ask("gateway", "l1", &intakev1.Request{Body: &intakev1.Request_LinkBack{LinkBack: &intakev1.LinkBack{
		Device: "dev-1", Team: "T1", Gateway: "gw-1", Session: "s1",
	}}})
	r.Ask("panel", "a1", &intakev1.Request{DeviceAtMs: Begin, Body: &intakev1.Request_RaiseAlarm{RaiseAlarm: &intakev1.RaiseAlarm{
		AlarmId: "al-1", Source: "panel", Code: "PB", Site: Site, Zone: "Z1", Text: text,
	}}})
	r.Ask("dev-1", "m1", &intakev1.Request{Body: &intakev1.Request_AcceptMission{AcceptMission: &intakev1.AcceptMission{Mission: Mission}}})
	void = r.Lose()
	r.Ask("alice", "c1", claim())
	r.Ask("bob", "c2", &intakev1.Request{Body: &intakev1.Request_CloseIncident{CloseIncident: &intakev1.CloseIncident{Incident: Incident}}})
	r.Ask("alice", "c1", claim())
	r.Ask("bob", "o1", &intakev1.Request{Body: &intakev1.Request_OpenIncident{OpenIncident: &intakev1.OpenIncident{
		Site: Site, Zone: "Z1", Category: "assistance",
	}}})
	return void
}

func claim() *intakev1.Request {
	return &intakev1.Request{Body: &intakev1.Request_ClaimIncident{ClaimIncident: &intakev1.ClaimIncident{Incident: Incident}}}
}

// More writes so many more requests, each with its decision.
func (r *Room) More(n int) {
	r.tb.Helper()
	for i := range n {
		r.Ask("alice", fmt.Sprintf("more-%d-%d", r.Next(), i), claim())
	}
}

func region() *regionv1.RoomConfiguration {
	return &regionv1.RoomConfiguration{
		Room: Name, Name: "Main", Timezone: "Europe/Paris",
		Sites: []*regionv1.Site{{
			Id: Site, Name: "Pitié", Entrances: []*regionv1.Entrance{{Id: "E1", LatE7: 488_378_000, LonE7: 23_653_000}},
			Zones: []*regionv1.Zone{{Code: "Z1", Label: "Emergency"}}, IndoorWalkS: 60, P1PerThousandDays: 100,
		}},
		Teams: []*regionv1.Team{{Id: "T1", CallSign: "Alpha", HomeSite: Site, Transport: "foot", Guards: 2}},
		Codes: []*regionv1.Code{{Code: "PB", Category: "aggression", Priority: 1, Label: "Panic button"}},
		Plans: []*regionv1.Plan{{Id: "all", GuardsWanted: 2, Mode: "automatic", JoinWindowS: 60}},
	}
}
