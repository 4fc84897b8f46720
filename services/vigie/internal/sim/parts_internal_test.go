package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigie/pkg/app"
	"vigie/services/vigie/internal/sim/audit"
	"vigie/services/vigie/internal/sim/client"
	"vigie/services/vigie/internal/sim/load"
)

// intake is a server that fails the first try of each alarm.
type intake struct {
	mu    sync.Mutex // guards tries
	tries map[string]int
}

func (i *intake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("Idempotency-Key")
	i.mu.Lock()
	defer i.mu.Unlock()
	i.tries[key]++
	switch {
	case key == "run-bad":
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = w.Write([]byte(`{"code":"unknown_site","detail":"no such site"}`))
	case i.tries[key] == 1:
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"code":"not_durable"}`))
	default:
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write([]byte(`{"alarm_id":"id-` + key + `"}`))
	}
}

func newPanels(t *testing.T) (*panels, *intake) {
	t.Helper()
	in := &intake{tries: map[string]int{}}
	server := httptest.NewServer(in)
	api := client.New(server.URL)
	t.Cleanup(func() {
		api.Close()
		server.Close()
	})
	now := time.Now()
	return &panels{
		api: api, clock: client.NewClock(now, now, 1000), keys: map[string]string{"alpha": "key"}, run: "run", start: now, observer: newObserver(),
	}, in
}

func TestEachAlarmIsCountedOnceHoweverOftenItIsSent(t *testing.T) {
	t.Parallel()
	p, in := newPanels(t)
	err := p.raise(t.Context(), []load.Alarm{
		{Key: "k1", Room: "alpha", At: time.Second, Stay: time.Minute},
		{Key: "k2", Room: "alpha", At: 2 * time.Second, Again: 10 * time.Minute},
		{Key: "k3", Room: "alpha", At: 3 * time.Second, Restore: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{"run-k1": 2, "run-k2": 3, "run-k3": 2}, in.tries); diff != "" {
		t.Errorf("sent (-want +got)\n%s", diff)
	}
	if f := p.observer.figures(); f.sent != 3 || f.accepted != 3 {
		t.Errorf("%+v", f)
	}
	e, _ := p.observer.evidence("alpha")
	if diff := cmp.Diff(map[string]bool{"run-k1": false, "run-k2": false, "run-k3": true}, e.Alarms); diff != "" {
		t.Errorf("evidence (-want +got)\n%s", diff)
	}
	p.observer.Alarm("alpha", "I1", "id-run-k1")
	if got := p.observer.stay("alpha", "I1"); got != time.Minute {
		t.Errorf("stay = %v", got)
	}
}

func TestAnAlarmThatTheServerRefusesEndsTheRun(t *testing.T) {
	t.Parallel()
	p, _ := newPanels(t)
	err := p.raise(t.Context(), []load.Alarm{{Key: "bad", Room: "alpha"}, {Key: "late", Room: "alpha", At: 24 * time.Hour}})
	if err == nil || !strings.Contains(err.Error(), "no such site") {
		t.Errorf("err = %v", err)
	}
}

func TestAnInterruptionEndsTheRaisingWithoutError(t *testing.T) {
	t.Parallel()
	p, _ := newPanels(t)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := p.raise(ctx, []load.Alarm{{Key: "late", Room: "alpha", At: 24 * time.Hour}}); err != nil {
		t.Error(err)
	}
}

func TestTheLastLineIsTheObjectAndTheStatusTellsWhatWasFound(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		findings []audit.Finding
		status   int
		lost     float64
	}{
		{"nothing wrong", nil, app.OK, 0},
		{"something lost", []audit.Finding{{Kind: audit.Lost, Room: "alpha", What: "alarm k1"}}, app.CheckFailed, 1},
		{"something twice", []audit.Finding{{Kind: audit.Duplicated, Room: "alpha", What: "alarm k1"}}, app.CheckFailed, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := &Result{AlarmsIn: 3, OnSceneInTime: map[string]InTime{}, findings: tc.findings, refused: map[string]int{"mission.accept stand_down": 2}}
			r.sums.Wanted, r.sums.InTime = map[int]int{1: 3}, map[int]int{1: 2}
			r.fill()
			var table, out bytes.Buffer
			if err := r.print(&table, &out); app.Status(err) != tc.status {
				t.Errorf("status %d: %v", app.Status(err), err)
			}
			var got map[string]any
			if err := json.Unmarshal(out.Bytes(), &got); err != nil || bytes.Count(out.Bytes(), []byte("\n")) != 1 {
				t.Fatalf("not one line with an object: %v\n%s", err, &out)
			}
			for _, field := range []string{
				"alarms_in", "accepted", "incidents", "missions", "across_sites", "declined", "expired", "on_scene", "on_scene_in_time",
				"lost", "duplicated", "neglected", "checked_by", "wall_s", "domain_s",
			} {
				if _, ok := got[field]; !ok {
					t.Errorf("the object has no %s", field)
				}
			}
			p1, _ := got["on_scene_in_time"].(map[string]any)["P1"].(map[string]any)
			if got["lost"] != tc.lost || p1["n"] != 3.0 || p1["pct"] != 66.7 {
				t.Errorf("%s", &out)
			}
			if len(tc.findings) > 0 && !strings.Contains(table.String(), "alarm k1") {
				t.Errorf("the table does not say what:\n%s", &table)
			}
		})
	}
}
