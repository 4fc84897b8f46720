package positions_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/fx"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"vigie/pkg/app"
	"vigie/pkg/directory"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow"
	"vigie/pkg/follow/livetest"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	positionsv1 "vigie/pkg/gen/vigie/positions/v1"
	"vigie/pkg/projection"
	"vigie/pkg/projection/projectiontest"
	"vigie/pkg/wire"
	"vigie/services/positions" //nolint:depguard // its own test
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// field is the running service before two rooms; T-north-1 is on duty with a handheld, T-north-2 has one and is off duty.
type field struct {
	*livetest.World
	tb            testing.TB
	dir           *directory.Directory
	redis         *projection.Client
	url           string
	stop          func()
	token, device string
	off           string
	said          words
}

// words is what the processes have logged.
type words struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (w *words) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

const team = "T-north-1"

func start(tb testing.TB) *field {
	tb.Helper()
	return startWith(tb, positions.Default())
}

func startWith(tb testing.TB, cfg positions.Config) *field {
	tb.Helper()
	cfg.Name = "one"
	f := &field{World: livetest.Start(tb, "north", "south"), tb: tb, dir: livetest.Directory(tb)}
	f.redis = projectiontest.Open(tb, projectiontest.Config(projectiontest.StartMiniredis(tb).Addr()))
	f.Decide("north", "south")
	f.url, f.stop = f.processWith(cfg)
	f.StartDuty("north", team)
	f.token, f.device = f.handheld(team)
	f.off, _ = f.handheld("T-north-2")
	// Once a position is kept, the service knows of the duty.
	livetest.Await(tb, "the team is on duty", func() bool {
		f.must(http.StatusOK, f.osmAnd("lat=10&lon=10"))
		return len(f.fixes()) > 0
	})
	// Of two positions of one millisecond the first counts.
	livetest.Await(tb, "the next millisecond", func() bool { return f.Clock.Now().UnixMilli() > f.last().GetAtMs() })
	return f
}

func (f *field) handheld(team string) (token, device string) {
	f.tb.Helper()
	t, err := f.dir.NewDeviceToken(f.tb.Context(), "north", team, "g-"+team, 0)
	if err != nil {
		f.tb.Fatal(err)
	}
	return t.Token, t.Device
}

// process runs the service with what the world has.
func (f *field) process(name string) (url string, stop func()) {
	f.tb.Helper()
	cfg := positions.Default()
	cfg.Name = name
	return f.processWith(cfg)
}

func (f *field) processWith(own positions.Config) (url string, stop func()) {
	f.tb.Helper()
	return f.Serve(func(ctx context.Context, up func(string)) error {
		cfg := app.Default()
		cfg.Listen, cfg.LogLevel = "127.0.0.1:0", "error"
		return app.Run(ctx, app.Module(cfg), fx.Supply(f.Log.Unhurried(), f.dir, f.Clock, f.redis), fx.Provide(follow.NewRooms), positions.Module(own),
			fx.Decorate(func() *slog.Logger { return app.NewLogger(&f.said, true, slog.LevelInfo) }),
			fx.Invoke(func(lc fx.Lifecycle, a *app.Address) { lc.Append(fx.StartHook(func() { up(a.URL()) })) }))
	})
}

func (f *field) must(status int, a livetest.Answer) livetest.Answer {
	f.tb.Helper()
	if a.Status != status {
		f.tb.Fatalf("status %d, want %d: %s", a.Status, status, a.Body)
	}
	return a
}

// osmAnd sends parameters, with the token as the id.
func (f *field) osmAnd(query string) livetest.Answer {
	f.tb.Helper()
	return livetest.Call(f.tb, http.MethodGet, f.url+"/v1/positions/osmand?id="+f.token+"&"+query, nil, "")
}

func (f *field) ownTracks(token, body string) livetest.Answer {
	f.tb.Helper()
	basic := base64.StdEncoding.EncodeToString([]byte("phone:" + token))
	return livetest.Call(f.tb, http.MethodPost, f.url+"/v1/positions/owntracks",
		map[string]string{"Authorization": "Basic " + basic, "Content-Type": "application/json", "X-Limit-D": "phone"}, body)
}

// fixes gives what is stored of north's positions, past the one that [start] has sent until it was kept.
func (f *field) fixes() (list []*positionsv1.Fix) {
	f.tb.Helper()
	for _, value := range f.Read(eventlog.TopicPositions, "north") {
		var m positionsv1.Telemetry
		if err := proto.Unmarshal(value, &m); err != nil {
			f.tb.Fatal(err)
		}
		if m.GetFix() != nil {
			list = append(list, m.GetFix())
		}
	}
	return list
}

func (f *field) last() *positionsv1.Fix {
	f.tb.Helper()
	list := f.fixes()
	return list[len(list)-1]
}

func TestPositionsAreStoredInOurUnitsWhateverTheirProtocol(t *testing.T) {
	t.Parallel()
	f := start(t)
	now := f.Clock.Now().Truncate(time.Second).Add(time.Second) // not before the shift, and in whole seconds
	livetest.Await(t, "a second has begun", func() bool { return f.Clock.Now().After(now) })
	measured, iso := now.Unix(), now.Format("2006-01-02T15:04:05.000Z")
	query := func(path, body, kind string) livetest.Answer {
		return livetest.Call(t, http.MethodPost, f.url+path, map[string]string{"Content-Type": kind}, body)
	}
	const path = "/v1/positions/osmand"
	want := func(source string, change func(*positionsv1.Fix)) *positionsv1.Fix {
		fix := &positionsv1.Fix{
			Team: team, Device: f.device, LatE7: 488_394_000, LonE7: 23_626_000, AccuracyM: 12, AtMs: now.UnixMilli(),
			Source: source, SpeedMmS: 5144,
		}
		change(fix)
		return fix
	}
	same := func(*positionsv1.Fix) {}
	for _, c := range []struct {
		name string
		send func() livetest.Answer
		want *positionsv1.Fix
	}{
		{"OwnTracks, in km/h", func() livetest.Answer {
			return f.ownTracks(f.token, fmt.Sprintf(`{"_type":"location","tid":"G7","tst":%d,"lat":48.8394,"lon":2.3626,"acc":12,"vel":18,"batt":67,"t":"u","new":[1]}`, measured))
		}, want("owntracks", func(x *positionsv1.Fix) { x.SpeedMmS = 5000 })},
		{"OwnTracks, several", func() livetest.Answer {
			return f.ownTracks(f.token, fmt.Sprintf(`[{"_type":"location","tst":%d,"lat":1,"lon":1},{"_type":"lwt","tst":1},{"_type":"location","tst":%d,"lat":48.8394,"lon":2.3626}]`, measured-5, measured))
		}, want("owntracks", func(x *positionsv1.Fix) { x.SpeedMmS, x.AccuracyM = 0, 0 })},
		{"parameters, in knots", func() livetest.Answer {
			return f.osmAnd(fmt.Sprintf("timestamp=%d&lat=48.8394&lon=2.3626&speed=10&accuracy=12&bearing=90&batt=87", measured))
		}, want("osmand", same)},
		{"a location and milliseconds", func() livetest.Answer {
			return f.osmAnd(fmt.Sprintf("timestamp=%d&location=48.8394,2.3626&speed=10&accuracy=12", now.UnixMilli()))
		}, want("osmand", same)},
		{"ISO 8601", func() livetest.Answer {
			return f.osmAnd("timestamp=" + iso + "&lat=48.8394&lon=2.3626&speed=10&accuracy=12")
		}, want("osmand", same)},
		{"a form", func() livetest.Answer {
			return query(path, fmt.Sprintf("id=%s&timestamp=%d&lat=48.8394&lon=2.3626&speed=10&accuracy=12", f.token, measured), "application/x-www-form-urlencoded")
		}, want("osmand", same)},
		{"a token beside an id", func() livetest.Answer {
			return livetest.Call(t, http.MethodPost, f.url+path+fmt.Sprintf("?id=42&token=%s&timestamp=%d&lat=48.8394&lon=2.3626&speed=10&accuracy=12", f.token, measured), nil, "")
		}, want("osmand", same)},
		{"Traccar's JSON, in m/s", func() livetest.Answer {
			return query(path, fmt.Sprintf(`{"device_id":%q,"location":{"timestamp":%q,"coords":{"latitude":48.8394,"longitude":2.3626,"accuracy":12,"speed":5.144,"heading":-1},"extras":[],"battery":{"level":1}}}`, f.token, iso), "application/json; charset=utf-8")
		}, want("osmand", same)},
		{"Traccar's JSON, simulated and of unknown speed", func() livetest.Answer {
			return query(path, fmt.Sprintf(`{"device_id":%q,"location":[{"timestamp":%q,"coords":{"latitude":48.8394,"longitude":2.3626,"accuracy":12,"speed":-1},"mock":true}]}`, f.token, iso), "application/json")
		}, want("osmand", func(x *positionsv1.Fix) { x.SpeedMmS, x.Mock = 0, true })},
		{"a clock that is a little ahead", func() livetest.Answer {
			return f.osmAnd(fmt.Sprintf("timestamp=%d&lat=48.8394&lon=2.3626&speed=10&accuracy=12", f.Clock.Now().Add(time.Minute).UnixMilli()))
		}, want("osmand", func(x *positionsv1.Fix) { x.AtMs = 0 })},
	} {
		a := f.must(http.StatusOK, c.send())
		if c.want.GetSource() == "owntracks" && (a.Body != "[]" || a.Header.Get("Content-Type") != "application/json") {
			t.Errorf("%s: answered %q", c.name, a.Body)
		}
		got := f.last()
		if got.GetReceivedAtMs() < now.UnixMilli() || got.GetAtMs() > got.GetReceivedAtMs() {
			t.Errorf("%s: measured %d, received %d", c.name, got.GetAtMs(), got.GetReceivedAtMs())
		}
		got.ReceivedAtMs = 0
		if c.want.GetAtMs() == 0 {
			got.AtMs = 0
		}
		if diff := cmp.Diff(c.want, got, protocmp.Transform()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestStrangersAreRefusedAndNothingOfTheirsIsStored(t *testing.T) {
	t.Parallel()
	f := start(t)
	before := len(f.fixes())
	lost, device := f.handheld(team)
	if err := f.dir.RevokeDevice(t.Context(), device); err != nil {
		t.Fatal(err)
	}
	location := fmt.Sprintf(`{"_type":"location","tst":%d,"lat":48.8394,"lon":2.3626}`, f.Clock.Now().Unix())
	for name, a := range map[string]livetest.Answer{
		"OwnTracks without a token": f.ownTracks("", location),
		"with another's name":       f.ownTracks("phone", location),
		"with one that was revoked": f.ownTracks(lost, location),
		"no id":                     livetest.Call(t, http.MethodGet, f.url+"/v1/positions/osmand?lat=1&lon=1", nil, ""),
		"an unknown id":             livetest.Call(t, http.MethodGet, f.url+"/v1/positions/osmand?id=123456&lat=1&lon=1", nil, ""),
		"an unknown id, in JSON":    livetest.Call(t, http.MethodPost, f.url+"/v1/positions/osmand", map[string]string{"Content-Type": "application/json"}, `{"device_id":"1","location":{"coords":{"latitude":1,"longitude":1}}}`),
		"a stranger's nonsense":     livetest.Call(t, http.MethodGet, f.url+"/v1/positions/osmand?id=123456&lat=x", nil, ""),
		"a stranger's button":       livetest.Call(t, http.MethodGet, f.url+"/v1/positions/osmand?id=123456&lat=1&lon=1&alarm=sos", nil, ""),
	} {
		if a.Status != http.StatusUnauthorized || a.Code != "unauthenticated" {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	if got := len(f.fixes()); got != before {
		t.Errorf("%d positions were stored", got-before)
	}
	if asked := f.asked((*intakev1.Request).GetRaiseSos); len(asked) != 0 {
		t.Errorf("an SOS of a stranger: %v", asked)
	}
}

// TestTheFirstPositionOfAShiftIsKept: a guard signs on, and the telephone says where that is, once. The service reads its rooms in
// no hurry.
func TestTheFirstPositionOfAShiftIsKept(t *testing.T) {
	t.Parallel()
	f := start(t)
	const second = "T-north-2"
	f.StartDuty("north", second)
	livetest.Await(t, "the room has decided that the shift has begun", func() bool {
		for k, value := range f.Read(eventlog.TopicLog, "north") {
			for _, e := range wire.Decode(int64(k), value).Events {
				if e.GetDutyStarted().GetTeam() == second {
					return true
				}
			}
		}
		return false
	})
	f.must(http.StatusOK, livetest.Call(t, http.MethodGet, f.url+"/v1/positions/osmand?id="+f.off+"&lat=20&lon=20", nil, ""))
	if last := f.last(); last.GetTeam() != second {
		t.Errorf("the last position is of %s", last.GetTeam())
	}
}

func TestWhatIsNotKeptIsAnsweredAsIfItWere(t *testing.T) {
	t.Parallel()
	f := start(t)
	before := len(f.fixes())
	// Those that the start has sent before the duty was known are counted, too.
	offDuty := `{outcome="off_duty",source="osmand"}`
	counted := map[string]int{offDuty: f.counted(offDuty)}
	now := f.Clock.Now()
	f.must(http.StatusOK, livetest.Call(t, http.MethodGet, f.url+"/v1/positions/osmand?id="+f.off+"&lat=48.8&lon=2.3", nil, ""))
	f.must(http.StatusOK, f.ownTracks(f.off, fmt.Sprintf(`{"_type":"location","tst":%d,"lat":48.8394,"lon":2.3626}`, now.Unix())))
	for _, query := range []string{
		"lat=0&lon=0", "timestamp=1", "lat=48.8&lon=2.3&valid=0",
		fmt.Sprintf("lat=48.8&lon=2.3&timestamp=%d", now.Add(time.Hour).Unix()),
		fmt.Sprintf("lat=48.8&lon=2.3&timestamp=%d", now.Add(-25*time.Hour).Unix()),
		fmt.Sprintf("lat=48.8&lon=2.3&timestamp=%d", now.Add(-time.Hour).Unix()), // before the shift
	} {
		f.must(http.StatusOK, f.osmAnd(query))
	}
	for _, body := range []string{
		``, `{`, `null`, `7`, `[]`, `{"_type":"encrypted","data":"x"}`, `{"_type":"lwt","tst":1}`, `{"_type":"location"}`,
		`{"_type":"location","tst":1700000000,"lat":91,"lon":2}`, `{"_type":"location","tst":-1,"lat":48,"lon":2}`, `{"_type":"location","tst":1e300,"lat":48,"lon":2}`,
	} {
		if a := f.must(http.StatusOK, f.ownTracks(f.token, body)); a.Body != "[]" {
			t.Errorf("%s: answered %s", body, a.Body)
		}
	}
	for _, query := range []string{"lat=91&lon=2", "lat=NaN&lon=2", "lat=48.8", "lat=x&lon=y", "location=48.8", "lat=48.8&lon=2.3&timestamp=yesterday", "lat=1&lon=1&timestamp=1e300"} {
		if a := f.osmAnd(query); a.Status != http.StatusBadRequest || a.Code != "invalid_position" {
			t.Errorf("%s: %d %s", query, a.Status, a.Body)
		}
	}
	if got := len(f.fixes()); got != before {
		t.Errorf("%d of them were stored", got-before)
	}
	for of, want := range map[string]int{
		offDuty: 2, `{outcome="off_duty",source="owntracks"}`: 1, `{outcome="future",source="osmand"}`: 1,
		`{outcome="old",source="osmand"}`: 1, `{outcome="null_island",source="osmand"}`: 1, `{outcome="no_place",source="osmand"}`: 2,
		`{outcome="unreadable",source="osmand"}`: 7,
	} {
		if got := f.counted(of) - counted[of]; got != want {
			t.Errorf("%s: counted %d, want %d", of, got, want)
		}
	}
}

// counted is what the metrics say of positions that were received.
func (f *field) counted(of string) (n int) {
	f.tb.Helper()
	_, rest, ok := strings.Cut(livetest.Call(f.tb, http.MethodGet, f.url+"/metrics", nil, "").Body, "vigie_positions_received_total"+of+" ")
	if line, _, _ := strings.Cut(rest, "\n"); ok {
		var err error
		if n, err = strconv.Atoi(line); err != nil {
			f.tb.Fatal(err)
		}
	}
	return n
}

// asked gives the requests of north's intake that are of a type.
func (f *field) asked(of any) (list []wire.Request) {
	f.tb.Helper()
	for _, q := range f.Requests("north") {
		switch of := of.(type) {
		case func(*intakev1.Request) *intakev1.RaiseSos:
			if of(q.Body) != nil {
				list = append(list, q)
			}
		case func(*intakev1.Request) *intakev1.ReportCrossing:
			if of(q.Body) != nil {
				list = append(list, q)
			}
		}
	}
	return list
}

func TestAButtonRaisesAnSOSOnDutyOrOffAtThePlaceItWasPressedAt(t *testing.T) {
	t.Parallel()
	f := start(t)
	at := f.Clock.Now().Unix()
	pressed := fmt.Sprintf("&lat=48.8378&lon=2.3653&timestamp=%d&alarm=sos", at)
	f.must(http.StatusOK, f.osmAnd(pressed[1:]))
	f.must(http.StatusOK, f.osmAnd(pressed[1:])) // the answer was lost
	f.must(http.StatusOK, livetest.Call(t, http.MethodPost, f.url+"/v1/positions/osmand", map[string]string{"Content-Type": "application/json"},
		fmt.Sprintf(`{"device_id":%q,"location":{"timestamp":%d,"mock":true,"coords":{"latitude":48.8378,"longitude":2.3653},"extras":{"alarm":"sos"}}}`, f.off, at*1000)))
	raised := f.asked((*intakev1.Request).GetRaiseSos)
	if len(raised) != 3 || raised[0].Cause != raised[1].Cause || raised[0].ContentHash != raised[1].ContentHash || raised[0].ContentHash == raised[2].ContentHash {
		t.Fatalf("%d requests: %v", len(raised), raised)
	}
	first, off := raised[0].Body.GetRaiseSos(), raised[2].Body.GetRaiseSos()
	if first.GetTeam() != team || first.GetGuard() != "g-"+team || first.GetSite() != "north-1" || first.GetPosition().GetKey() == "" {
		t.Errorf("on duty: %v", first)
	}
	if off.GetTeam() != "T-north-2" || off.GetSite() != "" || off.GetPosition().GetKey() == "" {
		t.Errorf("off duty, simulated: %v", off)
	}
	if raised[0].DeviceAt != at*1000 || raised[0].Role != "guard" {
		t.Errorf("envelope: %+v", raised[0])
	}
}
