package scenario_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

func TestACommandSentTwiceIsCarriedOutOnceAndAnsweredAlikeEverywhere(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	desk := night.Console("alpha", "dispatcher")
	command := func() *watchv1.Command {
		return &watchv1.Command{Id: "0b1f4c6e-5a52-4d0c-9d6c-0a3f5f6f7a01", Type: "incident.open", Site: "north", Zone: "HALL", Category: "access", Text: "Door held open."}
	}
	first := desk.do(command())
	want := outcome{Outcome: "done", Room: "alpha", Offset: first.GetOffset(), Version: first.GetVersion()}
	if again := desk.do(command()); again.GetOffset() != first.GetOffset() || again.GetVersion() != first.GetVersion() {
		t.Errorf("again on the socket: %v, want %v", again, first)
	}
	if diff := cmp.Diff(want, night.Put("alpha", "dispatcher", command())); diff != "" {
		t.Errorf("again over HTTP (-want +got):\n%s", diff)
	}
	other := command()
	other.Zone = "ED"
	if o := desk.ask(other); o.GetOutcome() != "refused" || o.GetCode() != "id_reused" {
		t.Errorf("the id for something else on the socket: %v", o)
	}
	if o := night.Put("alpha", "dispatcher", other); o.Outcome != "refused" || o.Code != "id_reused" {
		t.Errorf("the id for something else over HTTP: %+v", o)
	}
	// The same id of somebody else is another command.
	if o := night.Put("alpha", "chief", command()); o.Outcome != "done" || o.Version == want.Version {
		t.Errorf("the id of somebody else: %+v", o)
	}

	id, answers := uuid.NewString(), make([]answer, 10)
	var together sync.WaitGroup
	token := night.as("dispatcher")
	for k := range answers {
		together.Go(func() {
			answers[k], _ = night.put("alpha", token, &watchv1.Command{Id: id, Type: "incident.open", Site: "south", Category: "access"})
		})
	}
	together.Wait()
	for _, a := range answers {
		if a.status != http.StatusOK || string(a.body) != string(answers[0].body) {
			t.Errorf("ten at once are not answered alike: %d %s and %s", a.status, a.body, answers[0].body)
		}
	}
	night.Eventually("ten at once open one incident", func() (bool, string) {
		south := 0
		s := night.State("alpha")
		for _, i := range s.Incidents {
			if i.Site == "south" {
				south++
			}
		}
		return south == 1 && len(s.Incidents) == 3, fmt.Sprintf("%+v", s.Incidents)
	})
	night.Stop()
	if code := desk.closed(patience); code != websocket.CloseServiceRestart {
		t.Errorf("an orderly stop closes sockets with %d, want 1012: come back", code)
	}
	night.Start()
	if diff := cmp.Diff(want, night.Put("alpha", "dispatcher", command())); diff != "" {
		t.Errorf("again after a restart (-want +got):\n%s", diff)
	}
}

func TestASlowReaderDelaysNobodyAndIsCutOffWhenTooMuchIsUnderWay(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	desk := night.Console("alpha", "dispatcher")
	never := night.watcher("never reads", "room/alpha", night.as("chief"), inJSON)
	never.connect()
	never.freeze()
	slow := night.watcher("acknowledges no more", "room/alpha", night.as("supervisor"), inProto)
	slow.connect()
	slow.send(&watchv1.ClientFrame{Body: &watchv1.ClientFrame_Ack{Ack: &watchv1.Ack{Offset: slow.cursor.GetOffset()}}})
	slow.freeze()

	panel, text := night.Panel("alpha"), strings.Repeat("x", 4000)
	worst := time.Duration(0)
	for k := range 400 {
		sent := time.Now()
		a := panel.Sends(fmt.Sprintf("alarm-%d", k), alarm{Code: "DOOR", Site: "north", Zone: "HALL", Text: text})
		if k%20 == 0 {
			hear(desk.watcher, "an alarm", (*logv1.Event).GetAlarmReceived, func(e *logv1.AlarmReceived) bool { return e.GetAlarm() == a.AlarmID })
			worst = max(worst, time.Since(sent))
		}
	}
	if worst > 3*time.Second {
		t.Errorf("beside slow readers an alarm took %v to the desk", worst)
	}
	slow.thaw()
	if code := slow.closed(patience); code != 4001 {
		t.Errorf("with a megabyte under way: closed with %d, want 4001", code)
	}
	slow.connect() // and goes on from what it has applied
	if slow.snapshot() {
		t.Error("a slow client that reconnects should go on where it was")
	}
	never.thaw()
	last := desk.last("alpha")
	for _, w := range []*watcher{never, slow} {
		w.await("the rest", func() bool { return w.cursor.GetOffset() >= last })
	}
}
