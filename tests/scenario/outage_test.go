package scenario_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/pkg/journal"
	"vigie/pkg/wire"
)

// outage is how long Kafka is away; VIGIE_OUTAGE=10m for the long one.
func outage(t *testing.T) time.Duration {
	t.Helper()
	given := os.Getenv("VIGIE_OUTAGE")
	if given == "" {
		return time.Minute
	}
	d, err := time.ParseDuration(given)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// recovery is how long brokers that hung together may take to agree again, and everybody to find them.
const recovery = 2 * time.Minute

func TestWhileKafkaIsAwayAlarmsAndSOSAreTakenAndShownAndAfterwardsDecidedInOrder(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	desk, panel := night.Console("alpha", "dispatcher"), night.Panel("alpha")
	near, far := night.Guard("north-1").OnDuty(), night.Guard("south-2").OnDuty()
	settled := panel.Rings("DOOR", "south", "HALL")
	desk.Incident(settled)

	night.KafkaHangs()
	over := time.After(outage(t))
	first := alarm{Code: "INTRUSION", Site: "north", Zone: "PHARMACY"}
	alarms := map[string]taken{"first": panel.Provisionally("first", first)}
	for _, w := range []*watcher{desk.watcher, near.watcher} {
		w.notice(patience, "provisional", alarms["first"].AlarmID, false)
	}
	if again := panel.Tries("first", first); again != alarms["first"] {
		t.Errorf("again %+v, was %+v", again, alarms["first"])
	}
	night.must(http.StatusConflict, http.MethodPost, "/v1/alarms", panel.key, alarm{Code: "DOOR", Site: "north"}, "Idempotency-Key", "first")
	sos := &watchv1.Command{Id: uuid.NewString(), Type: "sos"}
	if o := near.ask(sos); o.GetOutcome() != "provisional" || o.GetCode() != "provisional" || o.GetVersion() != 0 {
		t.Errorf("an SOS while Kafka is away: %v", o)
	}
	desk.notice(patience, "provisional", sos.GetId(), false)
	spoken := &watchv1.Command{Id: uuid.NewString(), Type: "sos", Team: "south-2"}
	if got, err := night.put("alpha", night.as("dispatcher"), spoken); err != nil || got.status != http.StatusAccepted {
		t.Errorf("an SOS over HTTP: %v, %d %s", err, got.status, got.body)
	}
	far.notice(patience, "provisional", spoken.GetId(), false)
	pressed := night.Phone("south-2").pressed(desk)
	// A process that dies meanwhile is back without Kafka, with what it had acknowledged.
	night.Loses("alarms")
	night.GetsBack("alarms")
	if again := panel.Tries("first", first); again != alarms["first"] {
		t.Errorf("after a crash %+v, was %+v", again, alarms["first"])
	}
	first.Restore = true
	panel.Provisionally("restored", first)
	// Whatever else is asked is answered as unknown in time, and not carried out when it is stale.
	stale := &watchv1.Command{Id: uuid.NewString(), Type: "incident.open", Site: "north", Zone: "HALL", Category: "access"}
	if o := desk.ask(stale); o.GetOutcome() != "unknown" {
		t.Errorf("a command while Kafka is away: %v", o)
	}
	late := night.Console("alpha", "chief")
	late.notice(patience, "provisional", alarms["first"].AlarmID, false)
	for k, away := 0, true; away; k++ {
		key := fmt.Sprint("more-", k)
		alarms[key] = panel.Provisionally(key, alarm{Code: "DOOR", Site: "south", Zone: "HALL"})
		select {
		case <-over:
			away = false
		case <-time.After(2 * time.Second):
		}
	}
	if near.noticed(alarms["more-0"].AlarmID) {
		t.Error("the handheld of another site is told")
	}

	night.KafkaGoesOn()
	for _, w := range []*watcher{desk.watcher, late.watcher} {
		for _, a := range alarms {
			w.notice(recovery, "provisional", a.AlarmID, true)
		}
	}
	near.notice(recovery, "provisional", alarms["first"].AlarmID, true)
	desk.notice(recovery, "provisional", sos.GetId(), true)
	desk.notice(recovery, "provisional", pressed, true)
	night.Within(recovery, "the first alarm has its offset", func() (bool, string) {
		got := panel.Tries("first", alarm{Code: "INTRUSION", Site: "north", Zone: "PHARMACY"})
		return !got.Provisional && got.Offset > settled.Offset, fmt.Sprintf("%+v", got)
	})
	for w, c := range map[*watcher]*watchv1.Command{near.watcher: sos, desk.watcher: spoken} {
		if o := w.do(c); o.GetVersion() == 0 {
			t.Errorf("the SOS has the outcome %v", o)
		}
	}
	far.awaitWithin(recovery, "an offer", func() bool {
		_, ok := about(far.watcher, (*logv1.Event).GetMissionOffered, func(*logv1.MissionOffered) bool { return true })
		return ok
	})
	night.checkOutage("alpha", stale.GetId(), alarms)
}

// checkOutage reads from the log that all came in its order, and that nothing stale was carried out.
func (n *Night) checkOutage(room, stale string, alarms map[string]taken) {
	n.t.Helper()
	log, _ := n.Log(room)
	first := map[string]record{}
	for _, r := range log {
		if _, known := first[r.Cause.ID]; r.Effective && !known {
			first[r.Cause.ID] = r
		}
	}
	if a, b := first["first"], first["restored"]; a.Version == 0 || b.Version <= a.Version {
		n.t.Errorf("the alarm has version %d, its restore %d", a.Version, b.Version)
	}
	for key := range alarms {
		if !slices.Contains(first[key].types(), "alarm_received") {
			n.t.Errorf("%s: %+v", key, first[key])
		}
	}
	for k := 1; ; k++ {
		before, after := first[fmt.Sprint("more-", k-1)], first[fmt.Sprint("more-", k)]
		if after.Version == 0 {
			break
		}
		if after.Version < before.Version {
			n.t.Errorf("alarm %d was decided before the one before it", k)
		}
	}
	// A minute is longer than a command that directs others is good for.
	if r := first[stale]; outage(n.t) >= time.Minute && r.Version != 0 && r.Refusal == nil {
		n.t.Errorf("a stale command was carried out: %+v", r)
	}
}

func TestWhatADeadProcessHasLeftInItsJournalIsDecidedAfterTheStart(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	night.Kill9()
	write := func(service string, requests ...*intakev1.Request) {
		t.Helper()
		j, _, err := journal.Open(journal.Default(night.journal(service)))
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range requests {
			q.Room, q.ReceivedAtMs = "alpha", night.Now().UnixMilli()
			value, err := wire.EncodeRequest(q)
			if err != nil {
				t.Fatal(err)
			}
			e, err := j.Add(value)
			if err == nil {
				err = e.Wait(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
			night.claims.add(promise{alarm: true, provisional: true, room: "alpha", id: q.GetId()})
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	door := &intakev1.RaiseAlarm{AlarmId: "a-1", Source: "alpha-panel", Protocol: "http", Code: "DOOR", Site: "north", Zone: "HALL"}
	end := proto.CloneOf(door)
	end.AlarmId, end.Restore = "a-2", true
	raise := func(id string, a *intakev1.RaiseAlarm) *intakev1.Request {
		return &intakev1.Request{Principal: "source/alpha-panel", Id: id, Body: &intakev1.Request_RaiseAlarm{RaiseAlarm: a}}
	}
	write("alarms-1", raise("left-alarm", door), raise("left-restore", end))
	write("gateway-1", &intakev1.Request{
		Principal: "device/gone", Id: uuid.NewString(), Body: &intakev1.Request_RaiseSos{RaiseSos: &intakev1.RaiseSos{Team: "south-2"}},
	})
	// The crash has cut a write short.
	files, err := filepath.Glob(filepath.Join(night.journal("alarms-1"), "*.journal"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files of the journal: %v, %v", files, err)
	}
	content, err := os.ReadFile(files[0])
	if err == nil {
		err = os.WriteFile(files[0], append(content, content[:30]...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}

	night.Start()
	night.Eventually("all are decided, in order", func() (bool, string) {
		log, _ := night.Log("alpha")
		var causes []string
		for _, r := range log {
			if r.Effective && slices.ContainsFunc(r.types(), func(t string) bool {
				return t == "alarm_received" || t == "alarm_restored" || t == "sos_raised"
			}) {
				causes = append(causes, r.Cause.Principal)
			}
		}
		return len(causes) == 3 && slices.Contains(causes, "device/gone"), fmt.Sprint(causes)
	})
	log, _ := night.Log("alpha")
	at := func(id string) int { return slices.IndexFunc(log, func(r record) bool { return r.Cause.ID == id }) }
	if a, b := at("left-alarm"), at("left-restore"); a < 0 || b < a {
		t.Errorf("the alarm is record %d, its restore %d", a, b)
	}
	night.Eventually("the journals are empty", func() (bool, string) {
		left, err := filepath.Glob(filepath.Join(night.data, "journal", "*", "*.journal"))
		return err == nil && len(left) == 0, fmt.Sprint(left)
	})
}
