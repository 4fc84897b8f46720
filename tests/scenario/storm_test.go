package scenario_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"

	"vigie/pkg/authz"
	"vigie/pkg/directory"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

const (
	// screens is how many sockets come back at once, and perPerson how many of them one person has: a gateway takes twice
	// as many, and may not know yet that the old ones are gone.
	screens   = 200
	perPerson = 4
	// storm is how many alarms ring at once, and flaps how often a broken sensor does meanwhile.
	storm = 400
	flaps = 300
)

// F16: what cut them off is over for all of them at the same moment.
func TestWhenEverybodyComesBackAtOnceEachGetsWhatItMissedAndNoMore(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	open := func(zone string) (offset int64) {
		t.Helper()
		o := night.Put("alpha", "dispatcher", &watchv1.Command{Type: "incident.open", Site: "south", Zone: zone, Category: "access"})
		if o.Outcome != "done" {
			t.Fatalf("open an incident: %+v", o)
		}
		return o.Offset
	}
	open("HALL")
	people := night.dispatchers(screens / perPerson)
	crowd := make([]*watcher, screens)
	for k := range crowd {
		crowd[k] = night.watcher(fmt.Sprint("screen-", k), "room/alpha", people[k/perPerson], []string{inJSON, inProto}[k%2])
	}
	night.together(crowd)
	before := open("ED")
	for _, w := range crowd {
		w.reaches(before)
	}

	for _, w := range crowd {
		w.cut()
	}
	unseen := open("PARKING")
	night.together(crowd)
	// Nobody waits for them: an alarm has its team meanwhile.
	guard := night.Guard("north-1").OnDuty()
	night.Panel("alpha").Rings("INTRUSION", "north", "PHARMACY")
	guard.Accept(guard.ExpectOffer())
	for _, w := range crowd {
		w.reaches(unseen)
		if got := w.since(before); w.snapshot() || len(got) == 0 || got[0].GetOffset() > unseen {
			t.Errorf("%s came back with a snapshot (%v), and was told of %d: %v", w.name, w.snapshot(), unseen, got)
		}
	}
}

// dispatchers are so many people more, signed in.
func (n *Night) dispatchers(count int) (tokens []string) {
	n.t.Helper()
	d, err := directory.Open(n.life, directory.Config{Path: n.directory()})
	if err != nil {
		n.t.Fatal(err)
	}
	for k := range count {
		name := fmt.Sprint("dispatcher-", k)
		_, err := d.CreateAccount(n.life, name, authz.Grant{Role: authz.Dispatcher, Scope: authz.RegionScope})
		if err != nil {
			n.t.Fatal(err)
		}
		session, err := d.NewSession(n.life, name)
		if err != nil {
			n.t.Fatal(err)
		}
		tokens = append(tokens, session.Token)
	}
	if err := d.Close(); err != nil {
		n.t.Fatal(err)
	}
	return tokens
}

// reaches waits until all up to a record was told. A server that is busy with others may end a connection: then there is
// another, as there would be from a device.
func (w *watcher) reaches(offset int64) {
	w.n.t.Helper()
	for there := false; !there; {
		w.awaitWithin(recovery, fmt.Sprint("all up to ", offset), func() bool {
			there = w.cursor.GetOffset() >= offset
			return there || w.ended != nil
		})
		if !there {
			w.n.t.Logf("%s was cut off: %v", w.name, w.ended)
			w.connect()
		}
	}
}

// together connects many, all at the same time.
func (n *Night) together(crowd []*watcher) {
	n.t.Helper()
	errs, before := make([]error, len(crowd)), make([]int, len(crowd))
	var coming sync.WaitGroup
	for k, w := range crowd {
		before[k] = len(w.begun)
		coming.Go(func() { errs[k] = w.hello() })
	}
	coming.Wait()
	for k, w := range crowd {
		if errs[k] != nil {
			n.t.Fatalf("%s: %v", w.name, errs[k])
		}
		w.awaitWithin(recovery, "the first frame of the server", func() bool { return len(w.begun) > before[k] || w.ended != nil })
	}
}

// F20: hundreds of doors at once and a sensor that cannot stop, and in the midst of it somebody who is in danger.
func TestAStormOfAlarmsHidesNobodyAndNoneOfItIsLost(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	desk, panel := night.Console("alpha", "dispatcher"), night.Panel("alpha")
	var ringing sync.WaitGroup
	half := make(chan struct{})
	for source := range 4 {
		ringing.Go(func() {
			for k := range storm / 4 {
				panel.insists(fmt.Sprintf("storm-%d-%d", source, k), alarm{Code: "DOOR", Site: "south", Zone: fmt.Sprintf("D-%d-%d", source, k)})
				if source == 0 && k == storm/8 {
					close(half)
				}
			}
		})
	}
	ringing.Go(func() {
		for k := range flaps {
			panel.insists(fmt.Sprint("flap-", k), alarm{Code: "TECH", Site: "south", Zone: "PARKING"})
		}
	})
	<-half
	danger := desk.Incident(panel.Rings("DURESS", "north", "ED"))
	// Whoever comes on duty now is sent there, and not to one of the doors that rang before.
	guard := night.Guard("north-1").OnDuty()
	offer := guard.ExpectOffer()
	if offer.GetIncident() != danger {
		t.Errorf("sent to %s, and somebody is in danger in %s", offer.GetIncident(), danger)
	}
	guard.Accept(offer)
	ringing.Wait()
	alpha := night.chronicle("alpha")
	night.Within(recovery, "every request has its outcome", alpha.answered)

	doors := map[string]bool{}
	for _, i := range night.State("alpha").Incidents {
		count := 0
		for _, a := range i.Alarms {
			count += a.Count
		}
		if i.Zone == "PARKING" && count != flaps {
			t.Errorf("the sensor has rung %d times, its incident says %d", flaps, count)
		}
		if len(i.Zone) > 0 && i.Zone[0] == 'D' {
			doors[i.Zone] = true
		}
	}
	if len(doors) != storm {
		t.Errorf("%d doors have rung, and %d have an incident", storm, len(doors))
	}
	told := slices.IndexFunc(desk.since(-1), func(d *watchv1.Decided) bool {
		return slices.ContainsFunc(d.GetEvents(), func(e *logv1.Event) bool { return e.GetAlarmReceived().GetCode() == "DURESS" })
	})
	if told < 0 {
		t.Error("the desk was never told of it")
	}
}

// insists on an alarm until it is taken.
func (p *Panel) insists(key string, a alarm) {
	for taken := false; !taken && pause(p.n.life) == nil; {
		p.n.claims.asks(key)
		got, err := p.n.call(http.MethodPost, "/v1/alarms", p.key, a, "Idempotency-Key", key)
		if taken = err == nil && got.status == http.StatusAccepted; taken {
			p.n.claims.add(promiseOf(got.body, key))
		}
	}
}
