package logcmd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"vigie/pkg/app"
	"vigie/pkg/authz"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/embedded"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow/followtest"
	"vigie/pkg/follow/verify"
	"vigie/pkg/wire/line"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestReplayGivesTheBytesOfTheStateEndpoint(t *testing.T) {
	t.Parallel()
	room := followtest.Start(t)
	room.Tell(nil)
	url, remote := serve(t, room, authz.Auditor)
	for _, when := range [][]string{
		{"--offset", "0"},
		{"--offset", "7"},
		{"--offset", fmt.Sprint(room.Next() - 1)},
		{"--at", controlroom.Instant(followtest.Begin + 4500)},
		{"--at", "2020-01-01T00:00:00Z"},
		{"--at", "2099-01-01T00:00:00+01:00"},
	} {
		_, want := fetch(t, url+"/v1/rooms/main/state?"+strings.TrimPrefix(when[0], "--")+"="+strings.ReplaceAll(when[1], "+", "%2B"), remote[3])
		if !strings.HasPrefix(want, `{"room":"main"`) || !strings.HasSuffix(want, "}\n") {
			t.Fatalf("%v: the node says %q", when, want)
		}
		for name, where := range map[string][]string{"brokers": brokers(room), "url": remote} {
			args := append(append([]string{"replay", "--room", "main"}, when...), where...)
			if diff := cmp.Diff(want, ok(t, args...)); diff != "" {
				t.Errorf("%s, %v (-endpoint +replay):\n%s", name, when, diff)
			}
		}
	}
}

func TestAStoppedNodeIsReadInItsDirectory(t *testing.T) {
	t.Parallel()
	data, want := node(t)
	encoded, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got := ok(t, "replay", "--room", "main", "--data", data, "--offset", fmt.Sprint(want.Offset))
	if diff := cmp.Diff(string(encoded)+"\n", got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if lines := strings.Count(ok(t, "log", "tail", "--room", "main", "--data", data), "\n"); int64(lines) != want.Offset+1 {
		t.Errorf("%d lines, want %d", lines, want.Offset+1)
	}
	var report verify.Report
	if err := json.Unmarshal([]byte(ok(t, "log", "verify", "--data", data, "--json")), &report); err != nil {
		t.Fatal(err)
	}
	if !report.OK || len(report.Rooms) != 1 || report.Rooms[0].Records != want.Offset+1 || report.Rooms[0].RequestsChecked == 0 {
		t.Errorf("%+v", report)
	}
}

func TestARunningNodesDirectoryIsLeftAlone(t *testing.T) {
	t.Parallel()
	data, _ := node(t)
	cfg := embedded.Default()
	cfg.Dir, cfg.WitnessFile = filepath.Join(data, "broker"), filepath.Join(data, "witness.json")
	broker, err := embedded.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := broker.Stop(); err != nil {
			t.Error(err)
		}
	}()
	for _, args := range [][]string{
		{"log", "verify"}, {"log", "tail", "--room", "main"}, {"replay", "--room", "main", "--offset", "1"},
	} {
		_, status, err := vigie(t, append(args, "--data", data)...)
		if status != app.DataInUse || !strings.Contains(err.Error(), "--url") {
			t.Errorf("%v: status %d: %v", args, status, err)
		}
	}
}

func TestVerifyPointsAtDamagedFiles(t *testing.T) {
	t.Parallel()
	data, _ := node(t)
	path := filepath.Join(data, "broker", "main", "partitions", eventlog.TopicLog+"-0", "0.dat")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	if err := os.WriteFile(path, flipped, 0o600); err != nil {
		t.Fatal(err)
	}
	out, status, err := vigie(t, "log", "verify", "--data", data, "--json")
	var result struct {
		OK     bool
		Rooms  []verify.Room
		Damage struct {
			File   string
			Byte   int64
			Reason string
		}
	}
	if json.Unmarshal([]byte(out), &result) != nil || result.OK || result.Rooms == nil || result.Damage.File != path || result.Damage.Byte <= 0 {
		t.Errorf("%s", out)
	}
	if status != app.LogDamaged || !strings.Contains(err.Error(), path) {
		t.Errorf("status %d: %v", status, err)
	}
	if left, err := os.ReadFile(path); err != nil || !bytes.Equal(left, flipped) {
		t.Errorf("the damaged file was touched: %v", err)
	}
}

func TestVerifyFindsABadRecord(t *testing.T) {
	t.Parallel()
	room := followtest.Start(t)
	room.Tell(nil)
	_, remote := serve(t, room, authz.Auditor)
	for name, where := range map[string][]string{"brokers": brokers(room), "url": remote} {
		if out := ok(t, append([]string{"log", "verify"}, where...)...); !strings.Contains(out, "room main: whole") {
			t.Errorf("%s: %s", name, out)
		}
	}
	bad := room.Damage(room.Flipped())
	if status, body := fetch(t, fmt.Sprintf("%s/v1/rooms/main/state?min_offset=%d", remote[1], bad), remote[3]); status != http.StatusServiceUnavailable {
		t.Fatalf("%d %s", status, body)
	}
	for name, where := range map[string][]string{"brokers": brokers(room), "url": remote} {
		out, status, err := vigie(t, append([]string{"log", "verify", "--json"}, where...)...)
		var report verify.Report
		if json.Unmarshal([]byte(out), &report) != nil || report.OK || len(report.Rooms) != 1 || report.Rooms[0].FirstBad == nil ||
			report.Rooms[0].FirstBad.Offset != bad || report.Rooms[0].Records != bad+1 {
			t.Errorf("%s: %s", name, out)
		}
		if status != app.LogDamaged || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: status %d: %v", name, status, err)
		}
		out, status, err = vigie(t, append([]string{"log", "tail", "--room", "main"}, where...)...)
		if status != app.LogDamaged || !strings.Contains(out, "CANNOT BE TRUSTED") || err == nil {
			t.Errorf("%s: tail: status %d: %v\n%s", name, status, err, out)
		}
	}
}

func TestTailSaysTheSameWhereverItReads(t *testing.T) {
	t.Parallel()
	room := followtest.Start(t)
	void := room.Tell(nil)
	_, remote := serve(t, room, authz.Chief)
	for _, extra := range [][]string{{"--json"}, {"--from", "1"}, {"--json", "--from", "4", "--limit", "3"}, {"--from", fmt.Sprint(room.Next())}} {
		args := append([]string{"log", "tail", "--room", "main"}, extra...)
		if diff := cmp.Diff(ok(t, append(args, brokers(room)...)...), ok(t, append(args, remote...)...)); diff != "" {
			t.Errorf("%v (-brokers +url):\n%s", extra, diff)
		}
	}
	lines := strings.Split(strings.TrimSpace(ok(t, append([]string{"log", "tail", "--room", "main", "--json"}, brokers(room)...)...)), "\n")
	for offset, text := range lines {
		var r line.Record
		if err := json.Unmarshal([]byte(text), &r); err != nil || r.Offset != int64(offset) || r.Effective == (r.Offset == void) {
			t.Errorf("line %d: %s", offset, text)
		}
	}
	people := ok(t, append([]string{"log", "tail", "--room", "main"}, brokers(room)...)...)
	for _, words := range []string{
		"CET", "incident I1 opened: aggression, P1, at pitie/Z1", "for incident I1 chosen: T1", "mission M1 of incident I1 offered to team T1",
		"void (stale_version), never applied: ", "refused ", "the same request from alice again: answered by version ",
	} {
		if !strings.Contains(people, words) {
			t.Errorf("%q is missing in\n%s", words, people)
		}
	}
}

// lines is a writer that tells of each line.
type lines chan string

func (l lines) Write(b []byte) (int, error) {
	for text := range strings.Lines(string(b)) {
		l <- text
	}
	return len(b), nil
}

func TestTailFollowsTheLog(t *testing.T) {
	t.Parallel()
	room := followtest.Start(t)
	room.Tell(nil)
	_, remote := serve(t, room, authz.Chief)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	from := room.Next()
	outs, ended := map[string]lines{}, make(chan error, 2)
	for name, where := range map[string][]string{"brokers": brokers(room), "url": remote} {
		out := make(lines, 100)
		outs[name] = out
		args := append([]string{"log", "tail", "--room", "main", "--json", "--follow", "--from", fmt.Sprint(from)}, where...)
		go func() {
			_, err := run(ctx, out, args...)
			ended <- err
		}()
	}
	room.More(2)
	for name, out := range outs {
		for offset := from; offset < from+2; offset++ {
			select {
			case text := <-out:
				if !strings.Contains(text, fmt.Sprintf(`"offset":%d,`, offset)) {
					t.Errorf("%s: %s, want offset %d", name, text, offset)
				}
			case <-time.After(20 * time.Second):
				t.Fatalf("%s: record %d did not come", name, offset)
			}
		}
	}
	cancel()
	for range outs {
		if err := <-ended; err != nil {
			t.Errorf("stopped with %v", err)
		}
	}
}

func TestMistakesAreAnsweredWithWhatToDo(t *testing.T) {
	t.Parallel()
	room := followtest.Start(t)
	room.Tell(nil)
	_, remote := serve(t, room, authz.Chief)
	at := brokers(room)
	for name, tt := range map[string]struct {
		args   []string
		status int
		says   string
	}{
		"no log":               {[]string{"log", "verify"}, app.Usage, "--data DIR"},
		"two logs":             {append([]string{"log", "verify", "--data", "x"}, at...), app.Usage, "--data DIR"},
		"no directory":         {[]string{"log", "verify", "--data", "/nowhere"}, app.Usage, "data directory of a node"},
		"no room":              {append([]string{"log", "tail"}, at...), app.Usage, "--room"},
		"an unknown room":      {append([]string{"log", "tail", "--room", "x"}, at...), app.Usage, "main"},
		"an unknown room, url": {append([]string{"log", "tail", "--room", "x"}, remote...), app.Failure, "GET /v1/rooms"},
		"no moment":            {append([]string{"replay", "--room", "main"}, at...), app.Usage, "--offset N or --at T"},
		"two moments":          {append([]string{"replay", "--room", "main", "--offset", "1", "--at", "2026-01-01T00:00:00Z"}, at...), app.Usage, "one of them"},
		"a bad instant":        {append([]string{"replay", "--room", "main", "--at", "noon"}, at...), app.Usage, "2026-11-22T21:30:00Z"},
		"beyond the end":       {append([]string{"replay", "--room", "main", "--offset", "9999"}, at...), app.Failure, "ends before offset"},
		"beyond the end, url":  {append([]string{"replay", "--room", "main", "--offset", "9999"}, remote...), app.Failure, "ends before offset"},
		"tail beyond the end":  {append([]string{"log", "tail", "--room", "main", "--from", "9999"}, at...), app.Failure, "ends before offset"},
		"no token":             {[]string{"log", "verify", "--url", "http://127.0.0.1:1"}, app.Usage, "--token"},
		"no address":           {[]string{"log", "verify", "--url", "127.0.0.1:1", "--token", "x"}, app.Usage, "http://127.0.0.1:8080"},
		"nobody there":         {[]string{"log", "verify", "--url", "http://127.0.0.1:1", "--token", "x"}, app.Failure, "is it running"},
		"not allowed":          {append([]string{"log", "verify"}, remote...), app.Failure, "your role does not allow"},
		"a wrong token":        {[]string{"replay", "--room", "main", "--offset", "1", "--url", remote[1], "--token", "x"}, app.Failure, "sign in"},
		"follow a stopped one": {[]string{"log", "tail", "--room", "main", "--follow", "--data", "x"}, app.Usage, "--url or --brokers"},
	} {
		_, status, err := vigie(t, tt.args...)
		if status != tt.status || err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: status %d: %v; want %d saying %q", name, status, err, tt.status, tt.says)
		}
	}
}
