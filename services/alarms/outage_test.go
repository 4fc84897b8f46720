package alarms_test

import (
	"net/http"
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
