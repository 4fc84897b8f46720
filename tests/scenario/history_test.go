package scenario_test

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

func TestTheNightReplaysToTheSameBytesFromEverywhere(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	desk, panel := night.Console("alpha", "dispatcher"), night.Panel("alpha")
	guard := night.Guard("north-1").OnDuty()
	incident := desk.Incident(panel.Sends("the-alarm", alarm{Code: "INTRUSION", Site: "north", Zone: "PHARMACY", Text: "Glass broken."}))
	offer := guard.ExpectOffer()
	guard.Accept(offer)
	middle := night.State("alpha")
	guard.Finish(offer.GetMission())
	desk.ask(tooEarly(incident)) // a refusal is history too
	desk.Closes(incident, "genuine")
	guard.OffDuty()
	guard.GoOffline()
	end := desk.closing()
	records, _ := night.Log("alpha")

	live := map[string][]byte{}
	for _, offset := range []int64{0, middle.Offset, end} {
		live[strconv.FormatInt(offset, 10)] = night.StateBytes("alpha", url.Values{"offset": {strconv.FormatInt(offset, 10)}})
	}
	now := night.StateBytes("alpha", url.Values{"min_offset": {strconv.FormatInt(end, 10)}})
	if diff := cmp.Diff(string(live[strconv.FormatInt(end, 10)]), string(now)); diff != "" {
		t.Errorf("the end, told and live (-told +live):\n%s", diff)
	}
	at := middle.At.UTC().Format("2006-01-02T15:04:05.000Z07:00")
	byInstant := night.StateBytes("alpha", url.Values{"at": {at}})
	token := night.as("auditor")
	overHTTP := vigie(t, "log", "tail", "--room", "alpha", "--json", "--url", night.at.URL, "--token", token)
	if verify := vigie(t, "log", "verify", "--json", "--url", night.at.URL, "--token", token); verify.status != 0 || !strings.Contains(verify.stdout, `"ok":true`) {
		t.Errorf("verify over HTTP: %v", verify)
	}
	night.Stop()

	for offset, want := range live {
		got := night.afterwards("replay", "--room", "alpha", "--offset", offset)
		if diff := cmp.Diff(string(want), got.stdout); got.status != 0 || diff != "" {
			t.Errorf("offset %s, live and replayed: %s (-live +replayed):\n%s", offset, got.stderr, diff)
		}
	}
	got := night.afterwards("replay", "--room", "alpha", "--at", at)
	if diff := cmp.Diff(string(byInstant), got.stdout); got.status != 0 || diff != "" {
		t.Errorf("at %s, live and replayed: %s (-live +replayed):\n%s", at, got.stderr, diff)
	}
	tail := night.afterwards("log", "tail", "--room", "alpha", "--json")
	listed := lines[record](t, tail)
	for k, r := range records {
		r.Raw = nil
		if k >= len(listed) || !cmp.Equal(r, listed[k]) {
			t.Fatalf("vigie log tail leaves out or changes record %d of %d:\n%v", k, len(records), tail)
		}
	}
	if overHTTP.status != 0 || !strings.HasPrefix(tail.stdout, overHTTP.stdout) || overHTTP.stdout == "" {
		t.Errorf("over HTTP the tail is another: %v", overHTTP)
	}
	words := night.afterwards("log", "tail", "--room", "alpha")
	if !strings.Contains(words.stdout, "mission "+offer.GetMission()+" accepted") || strings.Contains(words.stdout, "Glass broken") {
		t.Errorf("for people, and without personal texts: %v", words)
	}
}

// afterwards reads the log with the command line, when nothing runs any more.
func (n *Night) afterwards(command ...string) ran {
	n.t.Helper()
	return vigie(n.t, append(command, n.top.log()...)...)
}

func lines[T any](t *testing.T, out ran) (list []T) {
	t.Helper()
	if out.status != 0 {
		t.Fatal(out)
	}
	for line := range strings.Lines(out.stdout) {
		var v T
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		list = append(list, v)
	}
	return list
}

// tooEarly is closing without saying how it ended.
func tooEarly(incident string) *watchv1.Command {
	return &watchv1.Command{Type: "incident.close", Incident: incident}
}

// closing waits for the lost link of the handheld, the last thing that happens, and gives its place.
func (c *Console) closing() (offset int64) {
	c.n.t.Helper()
	c.await("the end of the night", func() bool {
		last := c.events[len(c.events)-1]
		for _, e := range last.GetEvents() {
			if e.GetDeviceUnlinked() != nil {
				offset = last.GetOffset()
			}
		}
		return offset != 0
	})
	return offset
}
