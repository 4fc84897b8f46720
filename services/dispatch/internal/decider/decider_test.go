package decider_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"vigie/pkg/clock"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/eventlog"
	"vigie/pkg/eventlog/witness"
	"vigie/pkg/follow/livetest"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	"vigie/pkg/wire"
	"vigie/services/dispatch/internal/decider"
	"vigie/services/dispatch/internal/fixes"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run is a decider that runs until the test ends or it is stopped.
type run struct {
	*decider.Decider
	stop  context.CancelFunc
	ended chan error
}

// decide runs a decider for a room of the world, with a connection of its own; adjust may change its configuration.
func decide(t *testing.T, w *livetest.World, room, name string, adjust func(*decider.Config)) *run {
	t.Helper()
	none := fixes.NewTable()
	none.CaughtUp(room)
	cfg := decider.Config{
		Limits: es.DefaultLimits(),
		Room:   w.Entry(room), Name: name, Log: w.Connect(), Clock: w.Clock, Positions: none,
		Logger: slog.New(slog.DiscardHandler),
	}
	if adjust != nil {
		adjust(&cfg)
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &run{Decider: decider.New(cfg), stop: stop, ended: make(chan error, 1)}
	go func() { r.ended <- r.Run(ctx) }()
	t.Cleanup(func() { _ = r.end() })
	return r
}

// end stops the decider and gives what it returned.
func (r *run) end() error {
	r.stop()
	err := <-r.ended
	r.ended <- err
	return err
}

// told is a log as folded, with the effective outcomes of each request.
type told struct {
	*controlroom.Fold
	outcomes map[int64][]wire.Stored
	events   []string
}

func tell(t *testing.T, w *livetest.World, room string) told {
	t.Helper()
	out := told{Fold: controlroom.NewFold(room), outcomes: map[int64][]wire.Stored{}}
	for k, value := range w.Read(eventlog.TopicLog, room) {
		s := wire.Decode(int64(k), value)
		switch j := out.Read(&s); j.Verdict {
		case es.Halting:
			t.Fatalf("record %d: %s", k, j.Reason)
		case es.Void:
		case es.Effective:
			if s.Intake != es.NoIntake {
				out.outcomes[s.Intake] = append(out.outcomes[s.Intake], s)
			}
			for _, e := range s.Events {
				m := e.ProtoReflect()
				out.events = append(out.events, string(m.WhichOneof(m.Descriptor().Oneofs().Get(0)).Name()))
			}
		}
	}
	return out
}

// answered waits until the log has answered all requests below an offset, each once.
func answered(t *testing.T, w *livetest.World, room string, below int64) told {
	t.Helper()
	var log told
	livetest.Await(t, fmt.Sprintf("%d requests of %s answered", below, room), func() bool {
		log = tell(t, w, room)
		return log.IntakeNext >= below
	})
	for k := range below {
		if len(log.outcomes[k]) != 1 {
			t.Errorf("request %d has %d effective outcomes", k, len(log.outcomes[k]))
		}
	}
	return log
}

func open(site string) *intakev1.Request {
	return &intakev1.Request{Body: &intakev1.Request_OpenIncident{OpenIncident: &intakev1.OpenIncident{Site: site, Category: "assistance"}}}
}

func alarm(room, id string) *intakev1.Request {
	return &intakev1.Request{Body: &intakev1.Request_RaiseAlarm{RaiseAlarm: &intakev1.RaiseAlarm{
		AlarmId: id, Source: "panel", Code: "PB", Site: room + "-1", Zone: "Z1",
	}}}
}

func TestEveryRequestOfTwoDecidersHasOneOutcomeAndBothFoldTheSame(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	a, b := decide(t, w, "north", "a", nil), decide(t, w, "north", "b", nil)
	w.Configure("north")
	last := int64(0)
	for k := range 60 {
		last = w.Ask("north", "account/dora", fmt.Sprint(k), open("north-1"))
	}
	log := answered(t, w, "north", last+1)
	if got := len(log.State.Incidents); got != 60 {
		t.Errorf("%d incidents of 60 requests", got)
	}
	livetest.Await(t, "both deciders have read the same decisions", func() bool {
		x, y := a.Figures(), b.Figures()
		return x.Decided == y.Decided && x.Backlog == 0 && y.Backlog == 0 && x.Decided >= int64(log.Version)
	})
	if a.Ready() != nil || b.Ready() != nil {
		t.Errorf("not ready: %v, %v", a.Ready(), b.Ready())
	}
}

func TestARestartInTheMiddleLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	w.Configure("north")
	last := int64(0)
	for k := range 30 {
		last = w.Ask("north", "account/dora", fmt.Sprint(k), open("north-1"))
	}
	for k := range 5 {
		d := decide(t, w, "north", fmt.Sprint("run-", k), nil)
		// Each run is stopped as soon as it has decided anything: mostly with an append under way.
		livetest.Await(t, "some progress", func() bool { return d.Figures().Decided > 0 })
		for n := range 10 {
			last = w.Ask("north", "account/dora", fmt.Sprint("more-", k, "-", n), open("north-2"))
		}
		if err := d.end(); err != nil {
			t.Fatalf("run %d ended with %v", k, err)
		}
	}
	decide(t, w, "north", "last", nil)
	if got := len(answered(t, w, "north", last+1).State.Incidents); got != 80 {
		t.Errorf("%d incidents of 80 requests", got)
	}
}

// story is a short log with its intake, as bytes.
func story(t *testing.T) (intake, log [][]byte) {
	t.Helper()
	w := livetest.Start(t, "north")
	d := decide(t, w, "north", "author", nil)
	w.Configure("north")
	answered(t, w, "north", w.Ask("north", "account/dora", "1", open("north-1"))+1)
	if err := d.end(); err != nil {
		t.Fatal(err)
	}
	return w.Read(eventlog.TopicIntake, "north"), w.Read(eventlog.TopicLog, "north")
}

func TestARoomWhosePastIsNotWhatItWasHaltsAndAnotherGoesOn(t *testing.T) {
	t.Parallel()
	intake, log := story(t)
	head := func(offset int64, value []byte) witness.Head {
		s := wire.Decode(offset, value)
		return witness.Head{Room: "north", LogID: "log-1", Offset: offset, Version: s.Version, Hash: s.Hash[:]}
	}
	end := int64(len(log) - 1)
	flipped := append([]byte(nil), log[1]...)
	flipped[len(flipped)-1] ^= 1
	other := append([]byte(nil), intake[1]...)
	other[len(other)-1] ^= 1
	for name, c := range map[string]struct {
		intake, log [][]byte
		witnessed   witness.Head
		want        string
	}{
		"intake cut":           {intake[:1], log, witness.Head{}, "intake ends at 1 and request 1 was answered: intake was cut"},
		"intake rewritten":     {[][]byte{intake[0], other}, log, witness.Head{}, "request 1 of intake is not the one that was answered"},
		"log cut":              {intake, log[:end], head(end, log[end]), fmt.Sprintf("vigie.log ends at %d, this node had seen record %d", end, end)},
		"log written on":       {intake, log, head(end, log[end-1]), "is not the one this node had seen there"},
		"log damaged":          {intake, [][]byte{log[0], flipped}, witness.Head{}, "the hash of the record does not match its bytes; run vigie log verify"},
		"log without a record": {intake, append([][]byte{log[0]}, log[2:]...), witness.Head{}, "the log was cut or rewritten"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := livetest.Start(t, "north", "south")
			w.Append(eventlog.TopicIntake, "north", c.intake...)
			w.Append(eventlog.TopicLog, "north", c.log...)
			north := decide(t, w, "north", "n", func(cfg *decider.Config) { cfg.Witnessed = c.witnessed })
			decide(t, w, "south", "s", nil)
			livetest.Await(t, "the room halted", north.Halted)
			if err := north.end(); !errors.Is(err, decider.ErrHalted) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("halted with %v, want %q", err, c.want)
			}
			if err := north.Ready(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("ready says %v", err)
			}
			w.Configure("south")
			answered(t, w, "south", w.Ask("south", "account/dora", "1", open("south-1"))+1)
			if got := len(w.Read(eventlog.TopicLog, "north")); got != len(c.log) {
				t.Errorf("the halted room was written to: %d records, had %d", got, len(c.log))
			}
		})
	}
}

func TestAWitnessThatFitsDoesNotHaltALongLog(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	path := filepath.Join(t.TempDir(), "witness.json")
	keep := func() *witness.Keeper {
		k, err := witness.Keep(path, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	keeper := keep()
	d := decide(t, w, "north", "first", func(c *decider.Config) { c.Witness = keeper })
	w.Configure("north")
	values := make([][]byte, 2500) // many more than one batch of the reader
	for k := range values {
		q := open("nowhere")
		q.Room, q.Principal, q.Id = "north", "account/dora", fmt.Sprint(k)
		values[k], _ = wire.EncodeRequest(q)
	}
	w.Append(eventlog.TopicIntake, "north", values...)
	livetest.Await(t, "all decided", func() bool { return d.Figures().Decided >= 2500 && d.Figures().Backlog == 0 })
	if err := errors.Join(d.end(), keeper.Close()); err != nil {
		t.Fatal(err)
	}
	for k := range 5 {
		heads, err := witness.Load(path)
		if err != nil || len(heads) != 1 || heads[0].Offset < 2500 {
			t.Fatalf("witness %+v, %v", heads, err)
		}
		again := decide(t, w, "north", fmt.Sprint("again-", k), func(c *decider.Config) { c.Witnessed = heads[0] })
		livetest.Await(t, "ready again", func() bool { return again.Ready() == nil || again.Halted() })
		if err := again.end(); err != nil {
			t.Fatal(err)
		}
	}
}

// holdFetches keeps the answers to fetches of a topic back, from when held says so until release.
func holdFetches(c *kfake.Cluster, topic string) (held func() bool, release func()) {
	var holding atomic.Bool
	released := make(chan struct{})
	c.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		for _, rt := range r.(*kmsg.FetchRequest).Topics {
			if rt.Topic == topic {
				holding.Store(true)
				c.SleepControl(func() { <-released })
			}
		}
		return nil, nil, false
	})
	return holding.Load, func() { close(released) }
}

func TestWhatIsInIntakeInTimeIsNeverOvertakenByTheClock(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	var err error
	if w.Clock, err = clock.Open(filepath.Join(t.TempDir(), "clock.json"), 20); err != nil {
		t.Fatal(err)
	}
	decide(t, w, "north", "a", nil)
	w.Configure("north")
	w.StartDuty("north", "T-north-1")
	w.Ask("north", "gateway/g", "link", &intakev1.Request{Body: &intakev1.Request_LinkBack{LinkBack: &intakev1.LinkBack{
		Device: "dev-1", Team: "T-north-1", Gateway: "g/1", Session: "s1",
	}}})
	w.Ask("north", "source/panel", "a1", alarm("north", "al-1"))
	var mission *controlroom.Mission
	livetest.Await(t, "a mission offered", func() bool {
		mission = tell(t, w, "north").State.Missions["M1"]
		return mission != nil
	})
	held, release := holdFetches(w.Cluster, eventlog.TopicIntake)
	livetest.Await(t, "the decider reads no intake", held)
	asked := w.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: eventlog.TopicIntake, Observe: true, Count: -1})
	accept := w.Ask("north", "device/dev-1", "accept", &intakev1.Request{Body: &intakev1.Request_AcceptMission{
		AcceptMission: &intakev1.AcceptMission{Mission: "M1"},
	}})
	if w.Clock.Now().UnixMilli() > mission.AnswerBy {
		t.Fatalf("it took %d s of domain time to hold a fetch", (w.Clock.Now().UnixMilli()-mission.OfferedAt)/1000)
	}
	livetest.Await(t, "the answer long due", func() bool { return w.Clock.Now().UnixMilli() > mission.AnswerBy+5_000 })
	if err := asked.Wait(t.Context(), 1); err != nil { // the deadline asks for the end of intake
		t.Fatal(err)
	}
	if log := tell(t, w, "north"); !log.State.Missions["M1"].Active() {
		t.Fatalf("overtaken: %v", log.events)
	}
	release()
	log := answered(t, w, "north", accept+1)
	if m := log.State.Missions["M1"]; m.State != controlroom.MissionAccepted {
		t.Errorf("M1 is %s: %v", m.State, log.events)
	}
}

func TestLostAnswersToAppendsDecideNothingTwice(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	// The broker stores the batch and says that it does not know: every second time.
	var n atomic.Int64
	lost := w.Cluster.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.Produce}, Topic: eventlog.TopicLog, Err: kerr.RequestTimedOut, Count: -1,
		When: func(kmsg.Request) bool { return n.Add(1)%2 == 0 },
	})
	decide(t, w, "north", "a", nil)
	w.Configure("north")
	last := int64(0)
	for k := range 40 {
		last = w.Ask("north", "account/dora", fmt.Sprint(k), open("north-1"))
	}
	log := answered(t, w, "north", last+1)
	if len(log.State.Incidents) != 40 || lost.Hits() == 0 {
		t.Errorf("%d incidents of 40 requests, %d answers lost", len(log.State.Incidents), lost.Hits())
	}
}

func TestABrokerThatRefusesForAWhileIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	w.Cluster.Fault(
		kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: eventlog.TopicIntake, Err: kerr.LeaderNotAvailable, Count: 5},
		kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: eventlog.TopicLog, Err: kerr.NotEnoughReplicas, Count: 5},
	)
	d := decide(t, w, "north", "a", nil)
	w.Configure("north")
	answered(t, w, "north", w.Ask("north", "account/dora", "1", open("north-1"))+1)
	if d.Halted() {
		t.Error("it halted")
	}
}

func TestNoiseInIntakeOpensAnUnclassifiedIncidentAndTheRoomGoesOn(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	decide(t, w, "north", "a", nil)
	w.Configure("north")
	w.Append(eventlog.TopicIntake, "north", []byte("\xff\xfe this is no request"), nil)
	w.Ask("north", "account/dora", "nothing", &intakev1.Request{})
	log := answered(t, w, "north", w.Ask("north", "account/dora", "1", open("north-1"))+1)
	for id, want := range map[string]string{"I1": "unclassified", "I2": "unclassified", "I3": "unclassified", "I4": "assistance"} {
		i := log.State.Incidents[id]
		if i == nil || i.Category != want || want == "unclassified" && i.Priority != 1 {
			t.Errorf("%s is %+v, want %s", id, i, want)
		}
	}
}

func TestStoppingWithinADeadBrokerIsPrompt(t *testing.T) {
	t.Parallel()
	w := livetest.Start(t, "north")
	d := decide(t, w, "north", "a", nil)
	livetest.Await(t, "ready", func() bool { return d.Ready() == nil })
	w.Cluster.Close()
	begun := time.Now()
	if err := d.end(); err != nil || time.Since(begun) > 7*time.Second {
		t.Errorf("ended with %v after %v", err, time.Since(begun))
	}
}
