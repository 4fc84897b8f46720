package alarms_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"vigie/pkg/clock"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow/livetest"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	"vigie/pkg/wire"
	"vigie/services/alarms" //nolint:depguard // its own test
)

// later is a clock that is ahead by so much; it runs at twice the speed, as one at rate 1 cannot be set.
func later(t *testing.T, by time.Duration) *clock.Clock {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clock.json")
	raw, err := json.Marshal(map[string]any{"origin": time.Now().Add(-by), "rate": 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := clock.Open(path, 2)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// decided gives the decisions on what the panel has asked under an id.
func (d *desk) decided(id string) (all []wire.Stored) {
	d.tb.Helper()
	for k, value := range d.Read(eventlog.TopicLog, "north") {
		if s := wire.Decode(int64(k), value); s.Cause.Principal == "source/panel" && s.Cause.ID == id {
			all = append(all, s)
		}
	}
	return all
}

// TestAPanelThatCountsAnewAfterADayIsNotToldThatItsAlarmIsTaken: the room remembers a key for longer than the alarms of a day
// are known here. An alarm that nobody would act on is refused to whoever sends it, and never acknowledged.
func TestAPanelThatCountsAnewAfterADayIsNotToldThatItsAlarmIsTaken(t *testing.T) {
	t.Parallel()
	d := start(t)
	first := d.send("k1", panic1)
	if first.Status != http.StatusAccepted {
		t.Fatalf("%d %s", first.Status, first.Body)
	}
	livetest.Await(t, "the room has decided", func() bool { return len(d.decided("k1")) == 1 })
	d.stop()
	tomorrow := *d.World // its decider goes on by the clock of today
	tomorrow.Clock = later(t, 25*time.Hour)
	d.url, d.stop = process(&tomorrow, d.dir, alarms.Module(d.cfg))
	if again := d.send("k1", panic1); again.Status != http.StatusAccepted || again.Body != first.Body {
		t.Errorf("the same alarm: %d %s, want %s", again.Status, again.Body, first.Body)
	}
	if other := d.send("k1", `{"code":"ZZ","site":"north-1","zone":"Z1"}`); other.Status != http.StatusConflict || other.Code != "id_reused" {
		t.Errorf("another alarm: %d %s", other.Status, other.Body)
	}
	if got := len(d.taken()); got != 1 {
		t.Errorf("%d records", got)
	}
	if fresh := d.send("k2", `{"code":"ZZ","site":"north-1","zone":"Z1"}`); fresh.Status != http.StatusAccepted {
		t.Errorf("under a key of its own: %d %s", fresh.Status, fresh.Body)
	}
}

// TestAnAlarmThatSlippedPastIsHeard: two processes that take different alarms under one key at once have acknowledged both.
func TestAnAlarmThatSlippedPastIsHeard(t *testing.T) {
	t.Parallel()
	d := start(t)
	if a := d.send("k1", panic1); a.Status != http.StatusAccepted {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	offset := d.Ask("north", "source/panel", "k1", &intakev1.Request{Body: &intakev1.Request_RaiseAlarm{RaiseAlarm: &intakev1.RaiseAlarm{
		AlarmId: d.taken()[0].Body.GetRaiseAlarm().GetAlarmId(), Source: "panel", Code: "PB", Site: "north-2",
	}}})
	livetest.Await(t, "the room has decided on both", func() bool { return len(d.decided("k1")) == 2 })
	ids, incidents := map[string]bool{}, map[string]bool{}
	for _, s := range d.decided("k1") {
		for _, e := range s.Events {
			if a := e.GetAlarmReceived(); a != nil {
				ids[a.GetAlarm()], incidents[a.GetIncident()] = true, true
			}
		}
	}
	if len(ids) != 2 || len(incidents) != 2 {
		t.Errorf("alarms %v in incidents %v; the second is request %d", ids, incidents, offset)
	}
}
