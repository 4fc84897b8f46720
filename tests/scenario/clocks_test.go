package scenario_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	logv1 "vigie/pkg/gen/vigie/log/v1"
)

// clockAhead makes a clock of domain time that is ahead of the night's, in a file of its own.
func (n *Night) clockAhead(ahead time.Duration) (path string) {
	n.t.Helper()
	var c struct {
		Origin time.Time `json:"origin"`
		Rate   int64     `json:"rate"`
	}
	raw, err := os.ReadFile(filepath.Join(n.data, "clock.json"))
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil || c.Rate < 2 {
		n.t.Fatalf("clock.json: %v, rate %d; a clock of rate 1 is the machine's", err, c.Rate)
	}
	// Domain time runs from the origin at its rate: an earlier origin is ahead by what it has run more.
	c.Origin = c.Origin.Add(-ahead / time.Duration(c.Rate-1))
	path = filepath.Join(n.t.TempDir(), "clock.json")
	if raw, err = json.Marshal(c); err == nil {
		err = os.WriteFile(path, raw, 0o600)
	}
	if err != nil {
		n.t.Fatal(err)
	}
	return path
}

func TestADeciderWhoseClockIsAnHourAheadStandsBackAndAloneDecidesButLetsNothingExpire(t *testing.T) {
	t.Parallel()
	const rate = 20
	night := Begin(t, atRate(rate))
	desk, panel := night.Console("alpha", "dispatcher"), night.Panel("alpha")
	guard := night.Guard("north-1").OnDuty()
	alpha := night.chronicle("alpha")
	wrong := night.Joins("dispatch-3", "VIGIE_CLOCK_PATH="+night.clockAhead(time.Hour))
	alpha.answer(panel.Rings("DOOR", "south", "HALL").Offset)

	// It says so, loudly, and leaves the deciding to the others, whichever of them is there.
	night.Within(missed, "it pages", func() (bool, string) {
		off := night.metric(wrong.at(), `vigie_dispatch_clock_off_seconds{room="alpha"}`)
		return off > time.Hour.Seconds()/rate-2 && strings.Contains(wrong.story(), "this clock differs"), fmt.Sprintf("%v s; %s", off, wrong.story())
	})
	for _, dead := range []string{"dispatch-1", "dispatch-2"} {
		night.Loses(dead)
		for range 5 {
			if by := alpha.answer(panel.Rings("DOOR", "south", "HALL").Offset).Decider; by == wrong.name {
				t.Errorf("%s has decided while another is there", by)
			}
		}
		night.GetsBack(dead)
	}

	// Alone it does not let an alarm wait for a clock, and takes nothing away from anybody.
	for _, right := range []string{"dispatch-1", "dispatch-2"} {
		night.Loses(right)
	}
	before := len(alpha.read())
	rung := panel.Rings("INTRUSION", "north", "HALL")
	desk.awaitWithin(missed, "an outcome by the only decider left", func() bool {
		_, ok := about(desk.watcher, (*logv1.Event).GetAlarmReceived, func(e *logv1.AlarmReceived) bool { return e.GetAlarm() == rung.AlarmID })
		return ok
	})
	offer := guard.Rings()
	said := night.Now()
	night.Within(startBound, "the answer is long due by any clock", func() (bool, string) {
		since := night.Now().Sub(said)
		return since > 5*time.Minute, since.String()
	})
	panel.Rings("DOOR", "south", "HALL")
	night.Eventually("every request has its outcome", alpha.answered)
	for _, r := range alpha.effective(before) {
		if r.Decider != wrong.name {
			t.Errorf("record %d is by %s, which is dead", r.Offset, r.Decider)
		}
		if kinds := r.types(); slices.Contains(kinds, "mission_expired") || slices.Contains(kinds, "mission_undelivered") || slices.Contains(kinds, "incident_neglected") {
			t.Errorf("record %d by a wrong clock: %v", r.Offset, kinds)
		}
	}

	// With the right clocks back the room's time is set right, and what has really run out expires.
	night.GetsBack("dispatch-1")
	night.GetsBack("dispatch-2")
	desk.awaitWithin(missed, "that the room's clock is set right", func() bool {
		_, ok := about(desk.watcher, (*logv1.Event).GetClockStepped, func(*logv1.ClockStepped) bool { return true })
		return ok
	})
	desk.Hears("expired", offer.GetMission())
	if at := night.State("alpha").At; at.After(night.Now().Add(rate * time.Second)) {
		t.Errorf("the room lives at %v, and it is %v", at, night.Now())
	}
}
