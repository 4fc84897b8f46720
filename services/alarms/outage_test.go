package alarms_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"vigie/pkg/edge"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow/livetest"
	"vigie/services/alarms" //nolint:depguard // its own test
)

// away makes Kafka take nothing into intake, until the fault is removed.
func (d *desk) away() *kfake.FaultHandle {
	return d.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: eventlog.TopicIntake, Err: kerr.NotEnoughReplicas, Count: -1})
}

type provisionalAck struct {
	ack
	Provisional bool
}

func (d *desk) metric(name string) string {
	d.tb.Helper()
	for line := range strings.Lines(livetest.Call(d.tb, http.MethodGet, d.url+"/metrics", nil, "").Body) {
		if value, ok := strings.CutPrefix(line, name+`{service="alarms"} `); ok {
			return strings.TrimSpace(value)
		}
	}
	d.tb.Fatalf("there is no %s", name)
	return ""
}

func TestWhileKafkaIsAwayAlarmsAreAcknowledgedFromTheJournal(t *testing.T) {
	t.Parallel()
	d := startWith(t, alarms.Config{Settings: edge.Settings{JournalDir: filepath.Join(t.TempDir(), "journal")}})
	away := d.away()
	first := d.send("k1", panic1)
	var a provisionalAck
	first.Into(t, &a)
	if first.Status != http.StatusAccepted || !a.Provisional || strings.Contains(first.Body, "offset") || a.RequestID != "k1" || a.Room != "north" {
		t.Fatalf("%d %s", first.Status, first.Body)
	}
	expect := func(when string) {
		t.Helper()
		if again := d.send("k1", panic1); again.Status != http.StatusAccepted || again.Body != first.Body {
			t.Errorf("%s: %d %s, want %s", when, again.Status, again.Body, first.Body)
		}
		if other := d.send("k1", `{"code":"ZZ","site":"north-1","zone":"Z1"}`); other.Status != http.StatusConflict || other.Code != "id_reused" {
			t.Errorf("%s, with another body: %d %s", when, other.Status, other.Body)
		}
		if got := d.metric("vigie_journal_entries"); got != "1" {
			t.Errorf("%s: %s entries", when, got)
		}
		ready := livetest.Call(t, http.MethodGet, d.url+"/readyz", nil, "")
		if ready.Status != http.StatusOK || !strings.Contains(ready.Body, `"degraded":"1 alarms and SOS wait`) {
			t.Errorf("%s: %d %s", when, ready.Status, ready.Body)
		}
	}
	expect("again")
	if got := d.metric("vigie_provisional_total"); got != "1" {
		t.Errorf("%s acknowledged", got)
	}
	d.again()
	expect("after a restart")
	restore := d.send("k2", `{"code":"PB","site":"north-1","zone":"Z1","restore":true}`)
	if restore.Status != http.StatusAccepted || !strings.Contains(restore.Body, `"provisional":true`) {
		t.Errorf("%d %s", restore.Status, restore.Body)
	}
	away.Remove()
	livetest.Await(t, "the alarm has its offset", func() bool {
		again := d.send("k1", panic1)
		a = provisionalAck{}
		again.Into(t, &a)
		return !a.Provisional
	})
	livetest.Await(t, "the journal is empty", func() bool { return d.metric("vigie_journal_entries") == "0" })
	if ready := livetest.Call(t, http.MethodGet, d.url+"/readyz", nil, ""); strings.Contains(ready.Body, "degraded") {
		t.Errorf("afterwards: %s", ready.Body)
	}
	raised := d.taken()
	at := map[string]int64{}
	for _, r := range raised {
		if _, known := at[r.Cause.ID]; !known {
			at[r.Cause.ID] = r.Offset
		}
	}
	if len(at) != 2 || at["k1"] != a.Offset || at["k2"] < at["k1"] {
		t.Errorf("stored at %v, said %+v", at, a)
	}
	if text := raised[0].Body.GetRaiseAlarm().GetText(); text.GetClear() != "" || text.GetKey() == "" {
		t.Error("the text is not sealed")
	}
}

func TestTwoProcessesCannotShareAJournal(t *testing.T) {
	t.Parallel()
	cfg := alarms.Config{Settings: edge.Settings{JournalDir: filepath.Join(t.TempDir(), "journal")}}
	d := startWith(t, cfg)
	if err := failed(t, d, cfg); err == nil || !strings.Contains(err.Error(), "directory of its own") {
		t.Errorf("a second process: %v", err)
	}
}

// gone makes Kafka say nothing of use, until the faults are removed. From here on nobody decides.
func (d *desk) gone() *kfake.FaultHandle {
	d.rest()
	return d.Cluster.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.Produce, kmsg.ListOffsets, kmsg.Fetch}, Err: kerr.LeaderNotAvailable, Count: -1,
	})
}

// remembered gives the file of what was last known, once it says where the sites of both rooms are.
func (d *desk) remembered() (path string) {
	d.tb.Helper()
	path = filepath.Join(d.cfg.JournalDir, "rooms.json")
	livetest.Await(d.tb, "the rooms are kept", func() bool {
		raw, err := os.ReadFile(path)
		return err == nil && strings.Contains(string(raw), "north-1") && strings.Contains(string(raw), "south-2")
	})
	return path
}

func TestAProcessThatStartsWhileKafkaIsAwayTakesAlarmsForTheRoomsItLastKnew(t *testing.T) {
	t.Parallel()
	d := startWith(t, alarms.Config{Settings: edge.Settings{JournalDir: filepath.Join(t.TempDir(), "journal")}})
	d.remembered()
	before := d.send("k0", panic1)
	d.stop()
	gone := d.gone()
	d.url, d.stop = process(d.World, d.dir, alarms.Module(d.cfg))

	var a provisionalAck
	d.send("k1", panic1).Into(t, &a)
	if !a.Provisional || a.Room != "north" {
		t.Errorf("%+v", a)
	}
	d.send("k2", `{"code":"PB","site":"north-1","zone":"Z1","restore":true}`).Into(t, &a)
	if unknown := d.send("k3", `{"code":"PB","site":"nowhere","zone":"Z1"}`); unknown.Status != http.StatusServiceUnavailable {
		t.Errorf("a site that was not known: %d %s", unknown.Status, unknown.Body)
	}
	ready := livetest.Call(t, http.MethodGet, d.url+"/readyz", nil, "")
	if ready.Status != http.StatusOK || !strings.Contains(ready.Body, "Kafka was away at the start") || !strings.Contains(ready.Body, "2 alarms and SOS wait") {
		t.Errorf("%d %s", ready.Status, ready.Body)
	}

	gone.Remove()
	livetest.Await(t, "the alarm has its offset", func() bool {
		a = provisionalAck{}
		d.send("k1", panic1).Into(t, &a)
		return !a.Provisional
	})
	livetest.Await(t, "the journal is empty, and nothing is said any more", func() bool {
		ready := livetest.Call(t, http.MethodGet, d.url+"/readyz", nil, "")
		return d.metric("vigie_journal_entries") == "0" && !strings.Contains(ready.Body, "degraded")
	})
	at := map[string]int64{}
	for _, r := range d.taken() {
		if _, known := at[r.Cause.ID]; !known {
			at[r.Cause.ID] = r.Offset
		}
	}
	if len(at) != 3 || at["k1"] != a.Offset || at["k2"] < at["k1"] {
		t.Errorf("stored at %v, said %+v", at, a)
	}
	if again := d.send("k0", panic1); again.Body != before.Body {
		t.Errorf("what was stored before: %s, was %s", again.Body, before.Body)
	}
}

func TestWhatIsTakenForRoomsThatAreNoMoreStaysInTheJournal(t *testing.T) {
	t.Parallel()
	d := startWith(t, alarms.Config{Settings: edge.Settings{JournalDir: filepath.Join(t.TempDir(), "journal")}})
	path := d.remembered()
	d.stop()
	raw, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, []byte(strings.Replace(string(raw), `"log-1"`, `"log-of-old"`, 1)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	gone := d.gone()
	ended, up := make(chan error, 1), make(chan string, 1)
	go func() {
		ended <- run(t.Context(), d.World, d.dir, alarms.Module(d.cfg), func(url string) { up <- url })
	}()
	select {
	case d.url = <-up:
	case err := <-ended:
		t.Fatal(err)
	}
	if a := d.send("k1", panic1); a.Status != http.StatusAccepted || !strings.Contains(a.Body, "provisional") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	gone.Remove()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "start it again") {
		t.Errorf("it ended with %v", err)
	}
	if got := d.taken(); len(got) != 0 {
		t.Errorf("stored %v", got)
	}
	d.url, d.stop = process(d.World, d.dir, alarms.Module(d.cfg))
	livetest.Await(t, "it is sent on", func() bool { return len(d.taken()) > 0 })
}
