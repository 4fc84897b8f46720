package scenario_test

import (
	"fmt"
	"testing"

	"vigie/pkg/eventlog"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// F9 and F10 where Kafka keeps one copy: what a disk has lost no other broker can give back. After a crash Kafka cuts the log
// at the first batch that is damaged, silently; after an orderly stop it says nothing and serves what is there. Both are for
// Vigie's readers to notice. (The damage that Kafka serves comes second: it stays on the disk, and the next crash of that
// broker would cut the log there, with all that came later.)
func TestABrokersDiskThatRotsHaltsItsRoomUntilTwoAdminsReopenIt(t *testing.T) {
	t.Parallel()
	night := Begin(t, unchecked()) // what is dead is not what the ordinary checks expect
	night.KeepsOneCopy(eventlog.TopicLog, "alpha")
	night.secondAdmin()
	other, partition := night.Console("bravo", "chief"), night.entry("alpha").Partition
	brokers := []string{"--brokers", night.at.Kafka}
	for round, fault := range []struct {
		name string
		ends func(broker int)
		// cut: what is left behind the damage is gone, and what is before it is a whole log that ends too early: until a
		// decider writes on it that has read what is gone.
		cut bool
	}{
		{"rots and its broker crashes", night.BrokerDies, true},
		{"rots while its broker is stopped", night.BrokerEnds, false},
	} {
		desk := night.Console("alpha", "dispatcher")
		kept := desk.Opens("north", "HALL", "access", 3)
		lost := desk.Opens("north", "PHARMACY", "access", 3)
		for _, incident := range []string{kept, lost} {
			desk.Closes(incident, "genuine")
		}
		before := night.State("alpha") // replay has read it all
		broker := night.leader(eventlog.TopicLog, "alpha", 1)
		fault.ends(broker)
		bad := night.rots(broker, partition)
		night.BrokerComesBack(broker)

		why := desk.told("halted")
		t.Logf("the log %s, at record %d of %d; consoles are told: %s", fault.name, bad, before.Offset+1, why)
		night.Within(recovery, "the list of rooms says so", func() (bool, string) {
			halted := night.halted("alpha")
			return halted != "", halted
		})
		other.Opens("east", "HALL", "access", 2)
		if halted := night.halted("bravo"); halted != "" {
			t.Errorf("the log %s: the other room is halted: %s", fault.name, halted)
		}
		rung := night.Panel("alpha").Rings("INTRUSION", "north", fmt.Sprint("Z", round)) // it is taken, and waits
		// A log without its end is a whole log: only who has seen more of it can tell, or what such a one has written on it.
		rooms, status := night.verdicts(brokers...)
		v := rooms["alpha"]
		if v.HeadOffset != bad-1 || v.OK != (status == 0) || v.OK && !fault.cut || !v.OK && (v.FirstBad == nil || v.FirstBad.Offset != bad) {
			t.Errorf("the log %s at record %d; verify says %+v, %+v, status %d", fault.name, bad, v, v.FirstBad, status)
		}
		if v := rooms["bravo"]; !v.OK {
			t.Errorf("the log %s; verify says of the other room %+v", fault.name, v)
		}

		night.reopens("alpha", v.HeadOffset, append(brokers, "--directory", night.directory())...)
		night.Within(recovery, "the room goes on", func() (bool, string) {
			halted := night.halted("alpha")
			return halted == "", halted
		})
		desk.cut()
		night.Within(recovery, "all that was asked is decided, some of it again", func() (bool, string) {
			v := night.verify(0, "alpha", brokers...)
			return v.IntakeNext == v.IntakeEnd && v.OK, fmt.Sprintf("%+v", v)
		})
		fresh := night.Console("alpha", "dispatcher")
		after := night.State("alpha")
		// Closing them may have to be decided again, and be refused for being stale by then; that they are is older.
		for _, incident := range []string{kept, lost} {
			night.Incident(after, incident)
		}
		if _, ok := find(after.Incidents, func(i incidentView) bool { return i.OpenedBy == "alarm" && i.Zone == fmt.Sprint("Z", round) }); !ok {
			t.Errorf("the log %s; alarm %s, taken meanwhile, has opened nothing: %+v", fault.name, rung.AlarmID, after.Incidents)
		}
		if v := night.verify(0, "alpha", brokers...); !v.OK || v.Reopened != round+1 {
			t.Errorf("the log %s and was reopened; verify says %+v", fault.name, v)
		}
		fresh.cut()
	}
}

// told waits for a notice of a kind and gives its words.
func (c *Console) told(kind string) (message string) {
	c.n.t.Helper()
	c.awaitWithin(recovery, "a notice: "+kind, func() bool {
		n, ok := find(c.notices, func(n *watchv1.Notice) bool { return n.GetKind() == kind && !n.GetOver() })
		message = n.GetMessage()
		return ok
	})
	return message
}
