package scenario_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vigie/pkg/eventlog"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

// spoil writes something that is no decision straight into the log of a room.
func (n *Night) spoil(room string) (offset int64) {
	n.t.Helper()
	log, entry := n.open(), n.entry(room)
	defer log.Close()
	ctx, done := context.WithTimeout(n.life, recovery)
	defer done()
	var err error
	if offset, err = log.Append(ctx, eventlog.TopicLog, entry.Partition, [][]byte{[]byte("this is no decision")}); err != nil {
		n.t.Fatal(err)
	}
	return offset
}

// halted is what the list of rooms says of one.
func (n *Night) halted(room string) string {
	n.t.Helper()
	type listed struct{ Room, Halted string }
	raw := n.must(http.StatusOK, http.MethodGet, "/v1/rooms", n.as("supervisor"), nil)
	r, ok := find(decode[struct{ Rooms []listed }](n, raw).Rooms, func(r listed) bool { return r.Room == room })
	if !ok {
		n.t.Fatalf("no room %s in %s", room, raw)
	}
	return r.Halted
}

// secondAdmin is made by an operator: a first start makes one. The passwords of both are then in a file.
func (n *Night) secondAdmin() {
	n.t.Helper()
	got := vigie(n.t, "account", "add", "bob", "--role", "admin", "--data", n.data, "--json")
	if got.status != 0 {
		n.t.Fatalf("account add: %v", got)
	}
	var lines strings.Builder
	lines.WriteString("bob:" + decode[struct{ Password string }](n, []byte(got.stdout)).Password + "\n")
	for _, a := range n.first.Accounts {
		if a.Role == "admin" {
			lines.WriteString(a.Account + ":" + a.Password + "\n")
		}
	}
	if err := os.WriteFile(n.passwords(), []byte(lines.String()), 0o600); err != nil {
		n.t.Fatal(err)
	}
}

// passwords is the file of the two admins'.
func (n *Night) passwords() string { return filepath.Join(n.data, "admins") }

// directory is the file that knows everybody.
func (n *Night) directory() string { return filepath.Join(n.data, "directory.db") }

// reopens has two admins reopen the log of a room, where it is.
func (n *Night) reopens(room string, good int64, where ...string) (offset int64, aside string) {
	n.t.Helper()
	got := vigie(n.t, append([]string{
		"log", "reopen", "--room", room, "--good-offset", fmt.Sprint(good), "--by", "admin", "--by", "bob", "--why", "a test of the night",
		"--password-file", n.passwords(), "--yes", "--json",
	}, where...)...)
	var said struct {
		Offset   int64
		SetAside string `json:"set_aside"`
		Remains  string
	}
	if err := json.Unmarshal([]byte(got.stdout), &said); got.status != 0 || err != nil || said.Remains != "" {
		n.t.Fatalf("log reopen: %v", got)
	}
	return said.Offset, said.SetAside
}

// verified is what vigie log verify says of a room.
type verified struct {
	Room       string
	OK         bool
	HeadOffset int64 `json:"head_offset"`
	IntakeNext int64 `json:"intake_next"`
	IntakeEnd  int64 `json:"intake_end"`
	Reopened   int
	FirstBad   *struct {
		Offset int64
		Reason string
	} `json:"first_bad"`
}

// verify is what log verify says of one room, and its exit status has to be this one.
func (n *Night) verify(status int, room string, where ...string) verified {
	n.t.Helper()
	rooms, got := n.verdicts(where...)
	v, ok := rooms[room]
	if got != status || !ok {
		n.t.Fatalf("log verify: status %d, want %d; room %s: %+v, first bad %+v", got, status, room, v, v.FirstBad)
	}
	return v
}

// verdicts is what log verify says of every room, and its exit status.
func (n *Night) verdicts(where ...string) (rooms map[string]verified, status int) {
	n.t.Helper()
	got := vigie(n.t, append([]string{"log", "verify", "--json"}, where...)...)
	var said struct{ Rooms []verified }
	if err := json.Unmarshal([]byte(got.stdout), &said); err != nil {
		n.t.Fatalf("log verify: %v", got)
	}
	rooms = make(map[string]verified)
	for _, v := range said.Rooms {
		rooms[v.Room] = v
	}
	return rooms, got.status
}

// TestABadRecordHaltsItsRoomUntilTwoAdminsReopenIt is F19 and the way out of it, while everything runs.
func TestABadRecordHaltsItsRoomUntilTwoAdminsReopenIt(t *testing.T) {
	t.Parallel()
	night := Begin(t, unchecked()) // what is dead is not what the ordinary checks expect
	desk, other := night.Console("alpha", "dispatcher"), night.Console("bravo", "chief")
	first := desk.Opens("north", "HALL", "access", 3)
	second := desk.Opens("north", "PHARMACY", "access", 3)
	night.secondAdmin()
	brokers := []string{"--brokers", night.at.Kafka}
	bad := night.spoil("alpha")

	var why string
	desk.await("that the room is halted", func() bool {
		for _, n := range desk.notices {
			if n.GetKind() == "halted" {
				why = n.GetMessage()
				return true
			}
		}
		return false
	})
	if !strings.Contains(why, "not a decision") || !strings.Contains(why, fmt.Sprint(bad)) {
		t.Errorf("the console is told %q", why)
	}
	night.Eventually("the list of rooms says so", func() (bool, string) {
		halted := night.halted("alpha")
		return halted != "", halted
	})
	if halted := night.halted("bravo"); halted != "" {
		t.Errorf("the other room is halted: %s", halted)
	}
	other.Opens("east", "HALL", "access", 2)
	panel := night.Panel("alpha")
	rung := panel.Rings("INTRUSION", "north", "HALL") // it is taken, and waits
	if v := night.verify(6, "alpha", brokers...); v.OK || v.FirstBad == nil || v.FirstBad.Offset != bad {
		t.Errorf("verify says %+v, want record %d", v, bad)
	}
	if v := night.verify(6, "bravo", brokers...); !v.OK {
		t.Errorf("verify says of the other room %+v", v)
	}

	// After the first incident: the second is undone and decided again, under another name.
	good := night.offsetOf(desk, first)
	reopened, _ := night.reopens("alpha", good, append(brokers, "--url", night.at.URL)...)
	if reopened <= bad {
		t.Errorf("reopened at %d, want after %d", reopened, bad)
	}
	if code := desk.closed(patience); code != 4003 {
		t.Errorf("closed with %d, want that the state is lost", code)
	}
	night.Eventually("the room goes on, for those who look back, too", func() (bool, string) {
		halted := night.halted("alpha")
		past, err := night.call(http.MethodGet, "/v1/rooms/alpha/state", night.as("supervisor"), nil)
		return halted == "" && err == nil && past.status == http.StatusOK, fmt.Sprintf("%s; %d %s", halted, past.status, past.body)
	})
	fresh := night.Console("alpha", "dispatcher")
	night.Eventually("what was undone and what has come meanwhile is decided", func() (bool, string) {
		s := night.State("alpha")
		_, dead := find(s.Incidents, func(i incidentView) bool { return i.ID == second })
		_, kept := find(s.Incidents, func(i incidentView) bool { return i.ID == first })
		_, again := find(s.Incidents, func(i incidentView) bool { return i.OpenedBy == "person" && i.Zone == "PHARMACY" && i.ID != second })
		_, alarm := find(s.Incidents, func(i incidentView) bool { return i.OpenedBy == "alarm" && i.Zone == "HALL" })
		return kept && again && alarm && !dead, fmt.Sprintf("%+v", s.Incidents)
	})
	if rung.AlarmID == "" {
		t.Error("the alarm had no name")
	}
	fresh.Opens("north", "HALL", "access", 2)
	other.Opens("east", "HALL", "access", 2)
	if v := night.verify(0, "alpha", brokers...); !v.OK || v.Reopened != 1 {
		t.Errorf("verify says %+v", v)
	}

	// And once more, a little later: whatever runs has gone on without a restart.
	fresh.cut()
	bad = night.spoil("alpha")
	night.Eventually("it is halted again", func() (bool, string) { return night.halted("alpha") != "", "" })
	head := night.verify(6, "alpha", brokers...).HeadOffset
	night.reopens("alpha", head, append(brokers, "--directory", night.directory())...)
	night.Eventually("it goes on again", func() (bool, string) { h := night.halted("alpha"); return h == "", h })
	night.Console("alpha", "dispatcher").Opens("north", "HALL", "access", 2)
	if v := night.verify(0, "alpha", brokers...); !v.OK || v.Reopened != 2 || v.HeadOffset <= bad {
		t.Errorf("verify says %+v", v)
	}
}

// offsetOf is where an incident was opened, as its console was told.
func (n *Night) offsetOf(c *Console, incident string) (offset int64) {
	n.t.Helper()
	c.await("the record of "+incident, func() bool {
		for _, d := range c.events {
			if opens(d, incident) {
				offset = d.GetOffset()
				return true
			}
		}
		return false
	})
	return offset
}

func opens(d *watchv1.Decided, incident string) bool {
	for _, e := range d.GetEvents() {
		if e.GetIncidentOpened().GetIncident() == incident {
			return true
		}
	}
	return false
}

// TestAFlippedByteOfTheLogIsReopenedAndTheNightGoesOn is I8 and F10 on the disk of the embedded node.
func TestAFlippedByteOfTheLogIsReopenedAndTheNightGoesOn(t *testing.T) {
	t.Parallel()
	address := freePort(t)
	night := Begin(t, unchecked(), onAddress(address))
	desk, guard := night.Console("alpha", "dispatcher"), night.Guard("north-1").OnDuty()
	first := desk.Opens("north", "HALL", "access", 3)
	good := night.offsetOf(desk, first)
	for range 5 {
		desk.Opens("north", "PHARMACY", "access", 3)
	}
	night.secondAdmin()
	guard.GoOffline()
	desk.cut()
	night.Stop()

	where := []string{"--data", night.data}
	file := filepath.Join(night.data, "broker", "main", "partitions", "vigie.log-0", "0.dat")
	spoilt, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	spoilt[len(spoilt)*9/10] ^= 0x10
	if err := os.WriteFile(file, spoilt, 0o600); err != nil {
		t.Fatal(err)
	}
	start := vigie(t, "up", "--data", night.data, "--region", regionFile("two-sites.yaml"), "--listen", "127.0.0.1:0", "--json")
	if start.status != 6 || !strings.Contains(start.stderr, file+", byte ") || !strings.Contains(start.stderr, "vigie log reopen") {
		t.Errorf("start on a damaged log: %v", start)
	}
	v := night.verify(6, "alpha", where...)
	if v.OK || v.FirstBad == nil || v.HeadOffset < good || v.FirstBad.Offset <= v.HeadOffset {
		t.Fatalf("verify says %+v", v)
	}
	if o := night.verify(6, "bravo", where...); !o.OK {
		t.Errorf("verify says of the other room %+v", o)
	}
	reopened, aside := night.reopens("alpha", v.HeadOffset, where...)
	if reopened != v.HeadOffset+1 {
		t.Errorf("reopened at %d behind record %d", reopened, v.HeadOffset)
	}
	if left, err := os.ReadFile(filepath.Join(aside, "vigie.log-0", "0.dat")); err != nil || string(left) != string(spoilt) {
		t.Errorf("the damaged file is not set aside: %v", err)
	}

	night.Start()
	night.Session("dispatcher")
	night.Eventually("all that was asked is decided, some of it again", func() (bool, string) {
		s := night.State("alpha")
		return len(s.Incidents) == 6, fmt.Sprintf("%d incidents", len(s.Incidents))
	})
	guard.ComeBack()
	again := night.Console("alpha", "dispatcher")
	again.Opens("north", "HALL", "access", 2)
	night.Stop()
	if v := night.verify(0, "alpha", where...); !v.OK || v.Reopened != 1 {
		t.Errorf("verify says %+v", v)
	}
}
