package scenario_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"vigie/pkg/eventlog"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// produce writes a value into the intake of a room as somebody would who is not one of us.
func (n *Night) produce(room string, value []byte) (offset int64, err error) {
	n.t.Helper()
	log := n.open()
	defer log.Close()
	ctx, done := context.WithTimeout(n.life, patience)
	defer done()
	return log.Append(ctx, eventlog.TopicIntake, n.entry(room).Partition, [][]byte{value})
}

func TestWhatCannotBeReadOpensAnIncidentAndWhatIsTooLargeIsRefusedAndTheRoomGoesOn(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	desk, panel := night.Console("alpha", "dispatcher"), night.Panel("alpha")
	const large = 5 << 20
	text := strings.Repeat("x", large)

	// At the edge, each way in says what to do.
	got, err := night.call(http.MethodPost, "/v1/alarms", panel.key, alarm{Code: "DOOR", Site: "north", Zone: "HALL", Text: text}, "Idempotency-Key", "large")
	if err != nil || got.status != http.StatusRequestEntityTooLarge || !strings.Contains(string(got.body), "send less") {
		t.Errorf("an alarm of 5 MB: %v %d %s", err, got.status, got.body)
	}
	command := &watchv1.Command{Id: "6b8e7a56-3c70-4a4f-9e0e-0f7b5d9a1c01", Type: "incident.open", Site: "north", Category: "access", Text: text}
	if got, err = night.put("alpha", night.as("dispatcher"), command); err != nil || got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a command of 5 MB: %v %d %s", err, got.status, got.body)
	}
	// Nor does the broker take it from anybody.
	if _, err := night.produce("alpha", []byte(text)); !errors.Is(err, eventlog.ErrRefused) {
		t.Errorf("5 MB into intake: %v, want that they are refused", err)
	}

	// What is in intake has an outcome, whatever it is. Nobody can say that it was no alarm.
	for name, noise := range map[string][]byte{
		"noise": []byte("\xff\xfe this is no request"), "nothing": {}, "as much noise as a record may be": []byte(text[:900<<10]),
	} {
		offset, err := night.produce("alpha", noise)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		record := night.chronicle("alpha").answer(offset)
		opened := hear(desk.watcher, name, (*logv1.Event).GetIncidentOpened, func(e *logv1.IncidentOpened) bool {
			return len(record.Events) > 0 && e.GetIncident() == record.Events[0]["incident"]
		})
		if opened.GetCategory() != "unclassified" || opened.GetPriority() != 1 {
			t.Errorf("%s opens %v", name, opened)
		}
		desk.Incident(panel.Rings("DOOR", "north", "HALL"))
	}
}
