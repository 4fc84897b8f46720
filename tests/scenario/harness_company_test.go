package scenario_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// What nights about several deciders have in common: the log as it grows, rooms that are never quiet, and processes that
// come, go and stand still.

// Joins starts one more service beside those of its kind.
func (n *Night) Joins(name string, env ...string) *process {
	n.t.Helper()
	s := n.apart().add(name, env...)
	if err := begin(s); err != nil {
		n.t.Fatal(err)
	}
	return s
}

// Retires kills services for good.
func (n *Night) Retires(name string) {
	n.t.Helper()
	n.Loses(name)
	p, gone := n.apart(), n.apart().named(name)
	p.services = slices.DeleteFunc(p.services, func(s *process) bool { return slices.Contains(gone, s) })
}

// Suspends stops the threads of a service without ending it, as a host does that hangs; Resumes lets it go on.
func (n *Night) Suspends(name string) { n.signals(name, syscall.SIGSTOP) }

// Resumes what was suspended.
func (n *Night) Resumes(name string) { n.signals(name, syscall.SIGCONT) }

func (n *Night) signals(name string, signal syscall.Signal) {
	n.t.Helper()
	for _, s := range n.apart().named(name) {
		if err := s.cmd.Process.Signal(signal); err != nil {
			n.t.Fatalf("signal %s: %v", s.name, err)
		}
	}
}

// chronicle is the log of a room, read on from where it was left.
type chronicle struct {
	n       *Night
	room    string
	records []record
	// intakeEnd is where intake ended at the last look.
	intakeEnd int64
}

func (n *Night) chronicle(room string) *chronicle { return &chronicle{n: n, room: room} }

// read gives the log up to its present end.
func (c *chronicle) read() []record {
	c.n.t.Helper()
	for {
		query := url.Values{"raw": {"true"}, "limit": {"1000"}, "from": {strconv.Itoa(len(c.records))}}
		raw := c.n.must(http.StatusOK, http.MethodGet, "/v1/rooms/"+c.room+"/log?"+query.Encode(), c.n.as("auditor"), nil)
		page := decode[struct {
			Records   []record
			End       int64
			IntakeEnd int64 `json:"intake_end"`
		}](c.n, raw)
		c.records, c.intakeEnd = append(c.records, page.Records...), page.IntakeEnd
		if int64(len(c.records)) >= page.End || len(page.Records) == 0 {
			return c.records
		}
	}
}

// effective gives the effective records from an offset on.
func (c *chronicle) effective(from int) (list []record) {
	c.n.t.Helper()
	for _, r := range c.read()[from:] {
		if r.Effective {
			list = append(list, r)
		}
	}
	return list
}

// author of the last effective record.
func (c *chronicle) author() string {
	c.n.t.Helper()
	list := c.effective(0)
	return list[len(list)-1].Decider
}

// answer gives the effective record that answers a request, as soon as it is there.
func (c *chronicle) answer(intake int64) (found record) {
	c.n.t.Helper()
	c.n.Eventually(fmt.Sprintf("the outcome of request %d", intake), func() (ok bool, _ string) {
		found, ok = find(c.effective(0), func(r record) bool { return r.Intake != nil && *r.Intake == intake })
		return ok, fmt.Sprintf("%d records", len(c.records))
	})
	return found
}

// answered says whether every request has its outcome.
func (c *chronicle) answered() (bool, string) {
	c.n.t.Helper()
	answers := int64(0)
	for _, r := range c.effective(0) {
		if r.Intake != nil {
			answers++
		}
	}
	return answers == c.intakeEnd, fmt.Sprintf("%d of %d requests are answered", answers, c.intakeEnd)
}

// voids counts the void records of a decider, or of all.
func (c *chronicle) voids(decider string) (count int) {
	for _, r := range c.records {
		if !r.Effective && (decider == "" || r.Decider == decider) {
			count++
		}
	}
	return count
}

// hasFewVoids: below 5 % of the records (F3), or in a short log one for each decider: whoever comes in may guess wrong once.
func (c *chronicle) hasFewVoids() {
	c.n.t.Helper()
	c.read()
	by := map[string]int{}
	for _, r := range c.records {
		by[r.Decider]++
	}
	voids := c.voids("")
	if 20*voids >= len(c.records) && voids > len(by) {
		c.n.t.Errorf("room %s: %d of %d records are void", c.room, voids, len(c.records))
	}
	c.n.t.Logf("room %s: records by decider %v, %d of them void", c.room, by, voids)
}

// Busy keeps the rooms busy until the returned function is called, or the test ends: panels that ring all the time, and
// guards who take every mission to its end.
func (n *Night) Busy() (over func()) {
	n.t.Helper()
	end := make(chan struct{})
	var busy sync.WaitGroup
	over = sync.OnceFunc(func() {
		close(end)
		busy.Wait()
	})
	n.t.Cleanup(over)
	for _, team := range []string{"north-1", "south-1", "east-1"} {
		g := n.Guard(team).OnDuty()
		busy.Go(func() { g.works(end) })
	}
	for site, room := range map[string]string{"north": "alpha", "south": "alpha", "east": "bravo"} {
		panel := n.Panel(room)
		busy.Go(func() { panel.keepsRinging(site, end) })
	}
	return over
}

// keepsRinging sends alarms, some of which join others, and notes what was promised.
func (p *Panel) keepsRinging(site string, end <-chan struct{}) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for k := 0; ; k++ {
		select {
		case <-tick.C:
		case <-end:
			return
		}
		p.tries(fmt.Sprintf("%s-%d", site, k), alarm{Code: "DOOR", Site: site, Zone: fmt.Sprint(k / 8)})
	}
}

// tries to send an alarm; what is not acknowledged was not promised.
func (p *Panel) tries(key string, a alarm) {
	p.n.claims.asks(key)
	got, err := p.n.call(http.MethodPost, "/v1/alarms", p.key, a, "Idempotency-Key", key)
	if err == nil && got.status == http.StatusAccepted {
		p.n.claims.add(promiseOf(got.body, key))
	}
}

// spread tells some durations in short.
func spread(t *testing.T, what string, took []time.Duration) {
	t.Helper()
	sorted := slices.Sorted(slices.Values(took))
	at := func(p int) time.Duration { return sorted[(len(sorted)-1)*p/100].Round(time.Millisecond) }
	t.Logf("%s, %d times: median %v, 90 %% %v, longest %v", what, len(took), at(50), at(90), at(100))
}
