package alarms_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/fx"
	"go.uber.org/goleak"

	"vigie/pkg/app"
	"vigie/pkg/directory"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow"
	"vigie/pkg/follow/livetest"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	regionv1 "vigie/pkg/gen/vigie/region/v1"
	"vigie/pkg/wire"
	"vigie/services/alarms" //nolint:depguard // its own test
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk is the running service before two rooms, with a source of room north.
type desk struct {
	*livetest.World
	tb   testing.TB
	dir  *directory.Directory
	url  string
	key  string
	cfg  alarms.Config
	stop func()
	// rest ends the deciding.
	rest func()
}

func start(tb testing.TB) *desk {
	tb.Helper()
	return startWith(tb, alarms.Default())
}

func startWith(tb testing.TB, cfg alarms.Config) *desk {
	tb.Helper()
	d := &desk{cfg: cfg, World: livetest.Start(tb, "north", "south"), tb: tb, dir: livetest.Directory(tb)}
	d.rest = d.Decide("north", "south")
	livetest.Await(tb, "both rooms configured", func() bool {
		return len(d.Read(eventlog.TopicLog, "north")) > 1 && len(d.Read(eventlog.TopicLog, "south")) > 1
	})
	var err error
	if d.key, err = d.dir.AddSource(tb.Context(), "panel", "north"); err != nil {
		tb.Fatal(err)
	}
	d.url, d.stop = process(d.World, d.dir, alarms.Module(d.cfg))
	return d
}

// process runs the service with what the world has.
func process(w *livetest.World, d *directory.Directory, module fx.Option) (url string, stop func()) {
	return w.Serve(func(ctx context.Context, up func(string)) error { return run(ctx, w, d, module, up) })
}

func run(ctx context.Context, w *livetest.World, d *directory.Directory, module fx.Option, up func(url string)) error {
	cfg := app.Default()
	cfg.Listen, cfg.LogLevel = "127.0.0.1:0", "error"
	return app.Run(ctx, app.Module(cfg), fx.Supply(w.Log, d, w.Clock), fx.Provide(follow.NewRooms), module,
		fx.Invoke(func(lc fx.Lifecycle, a *app.Address) { lc.Append(fx.StartHook(func() { up(a.URL()) })) }))
}

// failed runs the service where it cannot start.
func failed(t *testing.T, d *desk, cfg alarms.Config) error {
	t.Helper()
	common := app.Default()
	common.Listen, common.LogLevel = "127.0.0.1:0", "error"
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return app.Run(ctx, app.Module(common), fx.Supply(d.Log, d.dir, d.Clock), fx.Provide(follow.NewRooms), alarms.Module(cfg))
}

// again is the same service after a restart.
func (d *desk) again() {
	d.tb.Helper()
	d.stop()
	d.url, d.stop = process(d.World, d.dir, alarms.Module(d.cfg))
}

func (d *desk) send(id, body string) livetest.Answer {
	d.tb.Helper()
	return d.sendIn(d.tb, id, body)
}

func (d *desk) sendIn(tb testing.TB, id, body string) livetest.Answer {
	tb.Helper()
	header := map[string]string{"Authorization": "Bearer " + d.key, "Content-Type": "application/json"}
	if id != "" {
		header["Idempotency-Key"] = id
	}
	return livetest.Call(tb, http.MethodPost, d.url+"/v1/alarms", header, body)
}

const panic1 = `{"code":"PB","site":"north-1","zone":"Z1","text":"un homme armé"}`

// taken gives the requests of north's intake that are alarms.
func (d *desk) taken() []wire.Request {
	d.tb.Helper()
	var raised []wire.Request
	for _, r := range d.Requests("north") {
		if r.Body.GetRaiseAlarm() != nil {
			raised = append(raised, r)
		}
	}
	return raised
}

type ack struct {
	AlarmID   string `json:"alarm_id"`
	RequestID string `json:"request_id"`
	Room      string
	Offset    int64
}

// TestASiteIsKnownFromTheMomentTheRoomHasIt, though a process of its own reads its rooms in no hurry.
func TestASiteIsKnownFromTheMomentTheRoomHasIt(t *testing.T) {
	t.Parallel()
	d := start(t)
	log := d.Log
	d.Log = log.Unhurried()
	d.again()
	d.Log = log
	for k := range 3 {
		conf := livetest.Configuration("north")
		site := fmt.Sprintf("north-new-%d", k)
		conf.Sites = append(conf.Sites, &regionv1.Site{Id: site})
		known := len(d.Read(eventlog.TopicLog, "north"))
		d.Ask("north", "admin", site, &intakev1.Request{Body: &intakev1.Request_ConfigureRegion{
			ConfigureRegion: &intakev1.ConfigureRegion{Content: conf, Hash: site},
		}})
		livetest.Await(t, "the room has the site", func() bool { return len(d.Read(eventlog.TopicLog, "north")) > known })
		if got := d.send(site, `{"code":"PB","site":"`+site+`"}`); got.Status != http.StatusAccepted {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	}
}

func TestAnAlarmIsAnsweredAlikeHoweverOftenItIsSent(t *testing.T) {
	t.Parallel()
	d := start(t)
	first := d.send("k1", panic1)
	var a ack
	first.Into(t, &a)
	raised := d.taken()
	if first.Status != http.StatusAccepted || len(raised) != 1 || a.Offset != raised[0].Offset || a.Room != "north" || a.RequestID != "k1" {
		t.Fatalf("%d %s, intake %+v", first.Status, first.Body, raised)
	}
	if got := raised[0].Body.GetRaiseAlarm(); got.GetAlarmId() != a.AlarmID || got.GetSource() != "panel" || got.GetCode() != "PB" {
		t.Errorf("stored %v", got)
	}
	expect := func(when string) {
		t.Helper()
		if again := d.send("k1", panic1); again.Status != http.StatusAccepted || again.Body != first.Body {
			t.Errorf("%s: %d %s, want %s", when, again.Status, again.Body, first.Body)
		}
		if other := d.send("k1", `{"code":"ZZ","site":"north-1","zone":"Z1"}`); other.Status != http.StatusConflict || other.Code != "id_reused" {
			t.Errorf("%s, with another body: %d %s", when, other.Status, other.Body)
		}
		if got := len(d.taken()); got != 1 {
			t.Errorf("%s: %d records", when, got)
		}
	}
	expect("again")
	// What cannot be read, and what is old, must not hide the alarms of the last day from the search for them.
	for range 9 {
		d.Append(eventlog.TopicIntake, "north", []byte("\xffnoise"))
	}
	d.again()
	expect("after a restart")
}

func TestTheSameKeyAtOnceIsOneRecord(t *testing.T) {
	t.Parallel()
	d := start(t)
	var wait sync.WaitGroup
	answers := make([]livetest.Answer, 16)
	for k := range answers {
		wait.Go(func() { answers[k] = d.send("k1", panic1) })
	}
	wait.Wait()
	for _, a := range answers {
		if a.Status != http.StatusAccepted || a.Body != answers[0].Body {
			t.Errorf("%d %s", a.Status, a.Body)
		}
	}
	if got := len(d.taken()); got != 1 {
		t.Errorf("%d records", got)
	}
}

func TestNothingIsAcknowledgedThatIsNotDurable(t *testing.T) {
	t.Parallel()
	d := start(t)
	away := d.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: eventlog.TopicIntake, Err: kerr.NotEnoughReplicas, Count: -1})
	if a := d.send("k1", panic1); a.Status != http.StatusServiceUnavailable || a.Code != "not_durable" {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	if got := len(d.taken()); got != 0 {
		t.Fatalf("%d records", got)
	}
	away.Remove()
	if a := d.send("k1", panic1); a.Status != http.StatusAccepted || len(d.taken()) != 1 {
		t.Errorf("%d %s, %d records", a.Status, a.Body, len(d.taken()))
	}
}

func TestWhatIsRefusedSaysWhy(t *testing.T) {
	t.Parallel()
	d := start(t)
	stranger := *d
	stranger.key = "vgk_" + strings.Repeat("A", 43)
	for name, c := range map[string]struct {
		by     *desk
		id     string
		body   string
		status int
		code   string
	}{
		"an unknown site":       {d, "k", `{"code":"PB","site":"nowhere","zone":""}`, 422, "unknown_site"},
		"another room's site":   {d, "k", `{"code":"PB","site":"south-1","zone":""}`, 403, "forbidden"},
		"an unknown key":        {&stranger, "k", panic1, 401, "unauthenticated"},
		"no Idempotency-Key":    {d, "", panic1, 422, "invalid_request"},
		"no code":               {d, "k", `{"site":"north-1","zone":""}`, 422, "invalid_request"},
		"a key that is no text": {d, "k\xff", panic1, 422, "invalid_request"},
	} {
		if a := c.by.send(c.id, c.body); a.Status != c.status || a.Code != c.code {
			t.Errorf("%s: %d %s, want %d %s", name, a.Status, a.Body, c.status, c.code)
		}
	}
	if got := len(d.taken()); got != 0 {
		t.Errorf("%d records of refused alarms", got)
	}
}

func TestAnOddAlarmIsHeard(t *testing.T) {
	t.Parallel()
	d := start(t)
	a := d.send("k1", `{"code":"?","site":"north-1","zone":"no such zone","category":"no such category","restore":false,"firmware":7,
		"device_time":"2026-11-22T21:00:00+01:00"}`)
	raised := d.taken()
	if a.Status != http.StatusAccepted || len(raised) != 1 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	got := raised[0].Body.GetRaiseAlarm()
	if got.GetCategory() != "" || got.GetCode() != "?" || raised[0].DeviceAt != time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC).UnixMilli() {
		t.Errorf("stored %v at %d", got, raised[0].DeviceAt)
	}
}

func TestNoTextLeavesTheServiceInClear(t *testing.T) {
	t.Parallel()
	d := start(t)
	if a := d.send("k1", panic1); a.Status != http.StatusAccepted {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	for _, value := range d.Read(eventlog.TopicIntake, "north") {
		if bytes.Contains(value, []byte("homme")) {
			t.Error("the text is in intake")
		}
	}
	text := d.taken()[0].Body.GetRaiseAlarm().GetText()
	if plain, err := d.dir.OpenSealed(t.Context(), text.GetKey(), text.GetSealed()); err != nil || plain != "un homme armé" {
		t.Errorf("%q, %v", plain, err)
	}
}

func FuzzAnAlarmNeverBreaksTheService(f *testing.F) {
	for _, seed := range []string{
		panic1, `{}`, `[]`, `{"code":null,"site":"north-1"}`, "{\"code\":\"\xff\",\"site\":\"north-1\",\"zone\":\"\\u0000\"}",
		`{"code":"PB","site":"north-1","zone":"Z1","device_time":"0000-01-01T00:00:00Z"}`,
		`{"code":"PB","site":"north-1","zone":"Z1","device_time":"9999-12-31T23:59:59Z","clip_url":"http://[::1"}`,
		`{"code":"PB","site":"north-1","zone":"Z1","text":"` + strings.Repeat("é", 2048) + `","restore":true}`, `{"code":"PB"`,
	} {
		f.Add("k1", seed)
	}
	d := start(f)
	f.Fuzz(func(t *testing.T, id, body string) {
		if strings.ContainsAny(id, "\r\n\x00") || strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return // no client can send it as a header
		}
		a := d.sendIn(t, id, body)
		if a.Status >= http.StatusInternalServerError {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		if a.Status != http.StatusAccepted && (a.Code == "" || !json.Valid([]byte(a.Body))) {
			t.Errorf("a refusal without a code: %d %s", a.Status, a.Body)
		}
	})
}
