package scenario_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	"vigie/pkg/snapshot"
)

// saved is a room as a decider has it on its disk, whether or not that decider runs; nil when it has none yet.
func (n *Night) saved(decider, room string) *controlroom.Fold {
	n.t.Helper()
	for _, generation := range []string{"", ".old"} {
		content, err := os.ReadFile(filepath.Join(n.apart().snapshots(decider), "room-"+room+".snapshot"+generation))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			n.t.Fatal(err)
		}
		saved, err := snapshot.Decode(room, content)
		if err != nil {
			n.t.Fatalf("snapshot of %s: %v", decider, err)
		}
		f, err := es.Restore(room, controlroom.Rules(), saved)
		if err != nil {
			n.t.Fatalf("snapshot of %s: %v", decider, err)
		}
		return f
	}
	return nil
}

// tookFromSnapshot gives the version that a decider says it has begun a room with, last; 0: it never has.
func (n *Night) tookFromSnapshot(decider, room string) (version uint64) {
	n.t.Helper()
	log, err := os.ReadFile(n.apart().named(decider)[0].logPath)
	if err != nil {
		n.t.Fatal(err)
	}
	for l := range strings.Lines(string(log)) {
		var said struct {
			Msg, Room string
			Version   uint64
		}
		if json.Unmarshal([]byte(l), &said) == nil && said.Room == room && said.Msg == "room taken from its snapshot" {
			version = said.Version
		}
	}
	return version
}

func TestADeciderThatIsKilledGoesOnFromItsSnapshotAndKnowsWhatTheLogSays(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	desk, panel := night.Console("alpha", "dispatcher"), night.Panel("alpha")
	quiet := night.Busy()
	night.Within(recovery, "snapshots while it decides", func() (bool, string) {
		f := night.saved("dispatch-1", "alpha")
		if f == nil {
			return false, "none"
		}
		return f.Version >= 40, fmt.Sprintf("one of version %d", f.Version)
	})
	night.Loses("dispatch-1")
	left := night.saved("dispatch-1", "alpha")
	desk.Incident(panel.Rings("INTRUSION", "north", "PHARMACY")) // the other goes on
	night.GetsBack("dispatch-1")
	if began := night.tookFromSnapshot("dispatch-1", "alpha"); began != left.Version {
		t.Errorf("it has begun with version %d, and had left one of %d", began, left.Version)
	}
	night.Loses("dispatch-2")
	alpha := night.chronicle("alpha")
	if by := alpha.answer(panel.Rings("INTRUSION", "south", "HALL").Offset).Decider; by != "dispatch-1" {
		t.Errorf("dispatch-1 is alone, and %s has decided", by)
	}
	quiet()
	night.Within(recovery, "every request has its outcome", alpha.answered)

	// An orderly stop saves all that it knows: the bytes of it are those of the log, read from the first record.
	if err := each(night.apart().named("dispatch-1"), (*process).stop); err != nil {
		t.Fatal(err)
	}
	f := night.saved("dispatch-1", "alpha")
	if f == nil || f.Version <= left.Version {
		t.Fatalf("the stop has saved %v", f)
	}
	hash, at := controlroom.StateHash(f), strconv.FormatInt(f.Next-1, 10)
	if got := decode[state](night, night.StateBytes("alpha", url.Values{"offset": {at}})); got.StateHash != hash || got.Version != f.Version {
		t.Errorf("from a snapshot it is %s at version %d; replay says %s at %d", hash, f.Version, got.StateHash, got.Version)
	}
	told := vigie(t, "replay", "--room", "alpha", "--offset", at, "--brokers", night.at.Kafka)
	if got := decode[state](night, []byte(told.stdout)); got.StateHash != hash {
		t.Errorf("from the first record it is %s, from a snapshot %s: %v", got.StateHash, hash, told)
	}
	night.GetsBack("dispatch")
}
