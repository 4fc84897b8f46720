package wire_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"vigie/pkg/wire"
)

// The golden files are what stands in somebody's log: for each type the stored bytes and what they say. They are never
// changed; -update adds those that are missing.
var update = flag.Bool("update", false, "write the golden files that are missing")

func TestEventsInTheLogAreReadForEver(t *testing.T) {
	t.Parallel()
	for name, event := range withGrown(events()) {
		d := decision(event)
		value, _ := wire.Encode(&d)
		stored := golden(t, "event", name, value, func(value []byte) proto.Message {
			s := wire.Decode(0, value)
			if s.Damage != "" || len(s.Events) != 1 {
				t.Fatalf("%s: %d events, %s", name, len(s.Events), s.Damage)
			}
			return s.Events[0]
		})
		if s := wire.Decode(0, stored); s.Cause != d.Cause || s.Origin != d.Origin || s.Version != d.Version || s.PrevHash != d.PrevHash {
			t.Errorf("%s: its decision is read otherwise: %+v", name, s.Decision)
		}
	}
}

func TestRequestsInIntakeAreReadForEver(t *testing.T) {
	t.Parallel()
	for name, request := range withGrown(requests()) {
		golden(t, "request", name, encoded(t, request), func(value []byte) proto.Message {
			r := wire.DecodeRequest(0, value)
			if r.Unreadable != "" {
				t.Fatalf("%s: %s", name, r.Unreadable)
			}
			return r.Body
		})
	}
}

// withGrown adds, of those that have got fields since their bytes were written, what is written today: both are read.
func withGrown[M any](all map[string]M) map[string]M {
	for _, name := range []string{
		"cancel_incident", "close_incident", "assign_mission", "cancel_mission", "decline_mission",
		"incident_cancelled", "incident_closed", "teams_chosen", "mission_offered", "mission_cancelled", "mission_declined",
	} {
		if m, ok := all[name]; ok {
			all[name+"_2"] = m
		}
	}
	return all
}

// golden compares what the stored bytes say today with what they said when they were written, and gives the bytes.
func golden(t *testing.T, kind, name string, value []byte, read func([]byte) proto.Message) []byte {
	t.Helper()
	path := filepath.Join("testdata", kind, name)
	stored, err := os.ReadFile(path + ".hex")
	if errors.Is(err, os.ErrNotExist) && *update {
		stored = []byte(hex.EncodeToString(value) + "\n")
		write(t, path+".hex", stored)
		write(t, path+".json", said(t, read(value)))
	} else if err != nil {
		t.Fatalf("%v: go test ./pkg/wire -update writes it", err)
	}
	value, err = hex.DecodeString(strings.TrimSpace(string(stored)))
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(path + ".json")
	if err != nil {
		t.Fatal(err)
	}
	if got := said(t, read(value)); !bytes.Equal(want, got) {
		t.Errorf("%s says something else today; want:\n%s\ngot:\n%s", path, want, got)
	}
	return value
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// said is a message as JSON; protojson sets its spaces by chance, so they are set anew.
func said(t *testing.T, m proto.Message) []byte {
	t.Helper()
	raw, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	return append(out.Bytes(), '\n')
}
