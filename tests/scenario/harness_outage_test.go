package scenario_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// internal is what services that talk to one another directly are given: certificates of one authority, a journal each, and
// where the gateways are.
func (p *processes) internal(name string) []string {
	p.t.Helper()
	program, number, _ := strings.Cut(name, "-")
	if !slices.Contains([]string{"alarms", "positions", "gateway"}, program) {
		return nil
	}
	dir := filepath.Join(p.home, "internal")
	if _, err := os.Stat(filepath.Join(dir, program+".crt")); err != nil {
		if got := vigie(p.t, "certs", "issue", "--dir", dir, "--name", program, "--host", "127.0.0.1"); got.status != 0 {
			p.t.Fatalf("certs issue: %v", got)
		}
	}
	prefix := "VIGIE_" + strings.ToUpper(program) + "_"
	env := []string{
		prefix + "INTERNAL_CA=" + filepath.Join(dir, "ca.crt"), prefix + "INTERNAL_CERT=" + filepath.Join(dir, program+".crt"),
		prefix + "INTERNAL_KEY=" + filepath.Join(dir, program+".key"), prefix + "JOURNAL_DIR=" + filepath.Join(p.data, "journal", name),
		prefix + "GATEWAYS=" + internalAddress("1") + "," + internalAddress("2"),
	}
	if program == "gateway" {
		env = append(env, prefix+"INTERNAL_LISTEN="+internalAddress(number))
	}
	return env
}

// internalAddress of a gateway is known before it runs, and stays its own while it does not: connections elsewhere take
// no port of this address.
func internalAddress(number string) string {
	pid := os.Getpid()
	return fmt.Sprintf("127.%d.%d.%s:7443", 64+pid>>8&63, pid&255, number)
}

// journal is the directory in which a service keeps what waits for Kafka.
func (n *Night) journal(service string) string {
	if _, one := n.top.(*allInOne); one {
		service, _, _ = strings.Cut(service, "-")
	}
	return filepath.Join(n.data, "journal", service)
}

// KafkaHangs stops all brokers as machines that hang do: connections stay, and nobody answers.
func (n *Night) KafkaHangs() {
	n.t.Helper()
	n.apart()
	for k := range kafka.Kafka() {
		if err := kafka.PauseBroker(k); err != nil {
			n.t.Fatal(err)
		}
	}
	n.t.Cleanup(n.KafkaGoesOn) // the next night wants it, too
}

// KafkaGoesOn lets them run again.
func (n *Night) KafkaGoesOn() {
	n.t.Helper()
	for k := range kafka.Kafka() {
		if err := kafka.ResumeBroker(k); err != nil {
			n.t.Error(err)
		}
	}
}

// Tries sends an alarm and takes any 202.
func (p *Panel) Tries(key string, a alarm) taken {
	p.n.t.Helper()
	p.n.claims.asks(key)
	return decode[taken](p.n, p.n.must(http.StatusAccepted, http.MethodPost, "/v1/alarms", p.key, a, "Idempotency-Key", key))
}

// Provisionally sends an alarm that has to be acknowledged without Kafka.
func (p *Panel) Provisionally(key string, a alarm) taken {
	p.n.t.Helper()
	got := p.Sends(key, a)
	if !got.Provisional || got.Offset != 0 {
		p.n.t.Fatalf("alarm %s while Kafka is away: %+v", key, got)
	}
	return got
}

// pressed has a phone's tracker say that its button was pressed, for which Kafka is not needed, and gives what the SOS is
// known by.
func (p *phone) pressed(desk *Console) (key string) {
	p.n.t.Helper()
	p.n.must(http.StatusOK, http.MethodGet, fmt.Sprintf("/v1/positions/osmand?alarm=sos&timestamp=%d", p.n.Now().Unix()), p.token, nil)
	desk.awaitWithin(patience, "the provisional notice of a tracker's SOS", func() bool {
		n, ok := find(desk.notices, func(n *watchv1.Notice) bool {
			return n.GetKind() == "provisional" && strings.HasPrefix(n.GetKey(), "osmand-sos/")
		})
		key = n.GetKey()
		return ok
	})
	p.n.claims.add(promise{alarm: true, provisional: true, room: "alpha", id: key})
	return key
}

// notice waits for a notice about something, or for its end.
func (w *watcher) notice(within time.Duration, kind, key string, over bool) {
	w.n.t.Helper()
	w.awaitWithin(within, fmt.Sprintf("the %s notice of %s, over: %v", kind, key, over), func() bool {
		_, ok := find(w.notices, func(n *watchv1.Notice) bool {
			return n.GetKind() == kind && n.GetKey() == key && n.GetOver() == over
		})
		return ok
	})
}

// noticed says whether one has come.
func (w *watcher) noticed(key string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, ok := find(w.notices, func(n *watchv1.Notice) bool { return n.GetKey() == key })
	return ok
}
