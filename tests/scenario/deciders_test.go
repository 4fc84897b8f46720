package scenario_test

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	logv1 "vigie/pkg/gen/vigie/log/v1"
)

// dispatchBeside runs one more decider for all rooms, in a process of its own on the same Kafka, where there is only one.
func (n *Night) dispatchBeside() {
	n.t.Helper()
	if onKafka() {
		return
	}
	home := n.t.TempDir()
	c := exec.CommandContext(n.life, programs.path(n.t, "dispatch"))
	c.Env = []string{
		"VIGIE_KAFKA_BROKERS=" + n.at.Kafka, "VIGIE_POSITIONS_BROKERS=" + n.at.PositionsKafka, "VIGIE_LISTEN=127.0.0.1:0",
		"VIGIE_KAFKA_SINGLE_NODE=true", // the embedded broker
		"VIGIE_DISPATCH_WITNESS_PATH=" + filepath.Join(home, "witness.json"), "VIGIE_DIRECTORY_URL=" + filepath.Join(home, "directory.db"),
	}
	if err := c.Start(); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM) // it may have ended
		if err := c.Wait(); err != nil && !n.t.Failed() {
			n.t.Errorf("dispatch, asked to stop: %v", err)
		}
	})
}

// stutter stops one decider, or the whole program, for a moment again and again, as a busy host does, until it is told to end: both deciders
// then have the same requests before them.
func (n *Night) stutter(end <-chan struct{}) {
	const free = 300 * time.Millisecond
	for k := 0; ; k++ {
		held := time.Duration(400+400*(k%3)) * time.Millisecond // shorter and longer than any decider waits for another
		for _, phase := range []struct {
			signal syscall.Signal
			length time.Duration
		}{{syscall.SIGSTOP, held}, {syscall.SIGCONT, free}} {
			_ = syscall.Kill(n.at.PID, phase.signal) // it is ours and runs
			select {
			case <-time.After(phase.length):
			case <-end:
				_ = syscall.Kill(n.at.PID, syscall.SIGCONT)
				return
			}
		}
	}
}

// works takes whatever is offered to a guard through to its end, until the end.
func (g *Guard) works(end <-chan struct{}) {
	for {
		g.mu.Lock()
		changed := g.changed
		offer, ok := about(g.watcher, (*logv1.Event).GetMissionOffered, func(o *logv1.MissionOffered) bool { return !g.answered[o.GetMission()] })
		g.mu.Unlock()
		if !ok {
			select {
			case <-changed:
				continue
			case <-end:
				return
			}
		}
		g.answered[offer.GetMission()] = true
		for _, leg := range []string{"accept", "on_scene", "clear"} {
			// An offer that was not answered in time, or was recalled: its refusal is an outcome too.
			g.says(leg, offer.GetMission())
		}
	}
}

func TestTwoDecidersAtOnceGiveEveryRequestOneOutcomeAndNoTeamTwice(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	night.dispatchBeside()
	end := make(chan struct{})
	var busy sync.WaitGroup
	over := sync.OnceFunc(func() {
		close(end)
		busy.Wait()
	})
	t.Cleanup(over)
	for _, team := range []string{"north-1", "north-2", "south-1", "south-2"} {
		g := night.Guard(team).OnDuty()
		busy.Go(func() { g.works(end) })
	}
	panel := night.Panel("alpha")
	for source := range 4 {
		busy.Go(func() {
			for k := 0; ; k++ {
				select {
				case <-time.After(20 * time.Millisecond):
				case <-end:
					return
				}
				key := fmt.Sprintf("panel-%d-%d", source, k)
				site := []string{"north", "south"}[source%2]
				got, err := night.call(http.MethodPost, "/v1/alarms", panel.key, alarm{Code: "DOOR", Site: site, Zone: fmt.Sprint(k)}, "Idempotency-Key", key)
				if err == nil && got.status == http.StatusAccepted {
					night.claims.add(promiseOf(got.body, key))
				}
			}
		})
	}
	busy.Go(func() { night.stutter(end) })

	var writers map[string]int
	var voids int
	night.Within(30*time.Second, "both deciders write, and void records show that they raced", func() (bool, string) {
		records, _ := night.Log("alpha")
		writers, voids = map[string]int{}, 0
		for _, r := range records {
			writers[r.Decider]++
			if !r.Effective {
				voids++
			}
		}
		return len(writers) > 1 && voids > 0 && len(records)-voids > 300, fmt.Sprintf("%v, %d void of %d", writers, voids, len(records))
	})
	over()
	records, _ := night.Log("alpha")
	for _, r := range records {
		if !r.Effective && r.VoidReason == "" {
			t.Errorf("record %d is void for no reason", r.Offset)
		}
	}
	t.Logf("records by decider %v, %d of them void", writers, voids)
}
