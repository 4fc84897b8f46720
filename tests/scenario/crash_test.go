package scenario_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	logv1 "vigie/pkg/gen/vigie/log/v1"
)

// freePort is one that nobody has at the moment.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return address
}

// onAddress listens where the test says.
func onAddress(address string) option { return func(s *setting) { s.listen = address } }

func TestAfterAKillInMidMissionNothingIsLostAndTheMissionGoesOnToItsEnd(t *testing.T) {
	t.Parallel()
	address := freePort(t)
	night := Begin(t, onAddress(address), atRate(5))
	desk, panel := night.Console("alpha", "dispatcher"), night.Panel("alpha")
	guard := night.Guard("north-1").OnDuty()
	panel.Rings("INTRUSION", "north", "PHARMACY")
	offer := guard.ExpectOffer()
	guard.Accept(offer)
	guard.Reports("en_route", offer.GetMission())
	before, expected := night.State("alpha"), night.clock

	last := panel.Rings("INTRUSION", "north", "HALL")
	night.Kill9()
	guard.GoOffline()
	desk.cut()
	night.Start()

	if night.at.URL != "http://"+address {
		t.Errorf("it listens on %s, and did on %s", night.at.URL, address)
	}
	if off := night.Now().Sub(expected.now()).Abs(); off > 2*time.Second*5 {
		t.Errorf("domain time is %v away from where it should have gone on", off)
	}
	night.must(http.StatusOK, http.MethodPost, "/v1/sessions/renew", night.as("dispatcher"), nil)
	night.Session("dispatcher")
	after := night.State("alpha")
	if after.LogID != before.LogID || after.Version < before.Version {
		t.Errorf("the log is %s at version %d, and was %s at %d", after.LogID, after.Version, before.LogID, before.Version)
	}
	night.Eventually("the links of the dead run are gone", func() (bool, string) {
		team := night.Team(night.State("alpha"), "north-1")
		return !team.Reachable, fmt.Sprintf("%+v", team)
	})

	desk.connect()
	guard.ComeBack()
	if guard.snapshot() || desk.snapshot() {
		t.Error("a cursor from before the crash is as good as any")
	}
	hear(desk.watcher, "that the dead gateway's links are gone", (*logv1.Event).GetGatewayDisappeared, func(*logv1.GatewayDisappeared) bool { return true })
	if team := night.Team(night.State("alpha"), "north-1"); !team.Reachable || team.Mission != offer.GetMission() || team.Status != "en_route" {
		t.Errorf("the team that came back: %+v", team)
	}
	guard.Reports("on_scene", offer.GetMission())
	guard.Reports("clear", offer.GetMission())
	next := guard.ExpectOffer()
	if incident := desk.Incident(last); next.GetIncident() != incident {
		t.Errorf("offered %s, want the alarm acknowledged just before the kill, %s", next.GetIncident(), incident)
	}
	guard.Accept(next)
	guard.Finish(next.GetMission())
}

func TestAlarmsAcknowledgedUntilTheVeryEndOfAProcessAreAllThere(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	panel := night.Panel("alpha")
	for round, end := range []func(){night.Kill9, night.Stop, night.Kill9} {
		var sending sync.WaitGroup
		sending.Go(func() {
			for k := 0; ; k++ {
				// What gets no answer is not promised, and the log may hold it all the same.
				key := fmt.Sprintf("round-%d-%d", round, k)
				got, err := night.call(http.MethodPost, "/v1/alarms", panel.key, alarm{Code: "DOOR", Site: "south", Zone: "HALL"}, "Idempotency-Key", key)
				if err != nil || got.status != http.StatusAccepted {
					return
				}
				night.claims.add(promiseOf(got.body, key))
			}
		})
		night.Eventually("some alarms", func() (bool, string) {
			n := night.claims.count()
			return n >= 20*(round+1), fmt.Sprint(n)
		})
		end()
		sending.Wait()
		night.Start()
	}
}

func TestAFlippedByteIsRefusedAtTheStartWithItsPlaceAndTheFilesAreLeftAlone(t *testing.T) {
	t.Parallel()
	night := Begin(t, unchecked())
	night.Console("alpha", "dispatcher").Opens("north", "HALL", "access", 1)
	night.Panel("alpha").Rings("DOOR", "north", "HALL")
	night.Stop()
	partitions := filepath.Join(night.data, "broker", "main", "partitions")
	for _, topic := range []string{"vigie.log", "vigie.intake", "vigie.rooms"} {
		file := filepath.Join(partitions, topic+"-0", "0.dat")
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		spoilt := append([]byte{}, content...)
		spoilt[len(spoilt)/3] ^= 0x10
		if err := os.WriteFile(file, spoilt, 0o600); err != nil {
			t.Fatal(err)
		}
		before := hashes(t, night.data)
		start := vigie(t, "up", "--data", night.data, "--region", regionFile("two-sites.yaml"), "--listen", "127.0.0.1:0", "--json")
		if start.status != 6 || !strings.Contains(start.stderr, file+", byte ") || start.stdout != "" {
			t.Errorf("%s: start on a damaged log: %v", topic, start)
		}
		if verify := vigie(t, "log", "verify", "--data", night.data, "--json"); verify.status != 6 || !strings.Contains(verify.stdout, `"ok":false`) {
			t.Errorf("%s: verify of a damaged log: %v", topic, verify)
		}
		if diff := cmp.Diff(before, hashes(t, night.data)); diff != "" {
			t.Errorf("%s: files were touched (-before +after):\n%s", topic, diff)
		}
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	night.Start() // and with the right bytes back it starts
	night.State("alpha")
}

// hashes of what a directory holds of the log: all but what belongs to the directory of accounts, which opens for itself.
func hashes(t *testing.T, dir string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), "directory.db-") {
			return err
		}
		content, err := os.ReadFile(path)
		sums[path] = fmt.Sprintf("%x", sha256.Sum256(content))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sums
}
