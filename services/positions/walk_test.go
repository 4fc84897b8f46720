package positions_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vigie/pkg/authz"
	"vigie/pkg/domain/controlroom"
	"vigie/pkg/eventlog"
	"vigie/pkg/follow/livetest"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	"vigie/pkg/wire"
)

// from is the entrance of north-1; that of north-2 is 1112 m to the north of it.
const fromLat, fromLon = 48.8378, 2.3653

// walks sends a position so many metres to the north of the first site's entrance.
func (f *field) walks(metres float64) {
	f.tb.Helper()
	f.must(http.StatusOK, f.osmAnd(fmt.Sprintf("lat=%.7f&lon=%.7f&accuracy=15&timestamp=%d", fromLat+metres/111_195, fromLon, f.Clock.Now().UnixMilli())))
}

// stands sends positions at a place until the room has said of the team what is expected.
func (f *field) stands(metres float64, expect ...string) {
	f.tb.Helper()
	livetest.Await(f.tb, fmt.Sprint("the crossings ", expect), func() bool {
		f.walks(metres)
		return slices.Equal(f.crossings(), expect)
	})
}

// crossings are the events of north's log about places.
func (f *field) crossings() (list []string) {
	f.tb.Helper()
	fold := controlroom.NewFold("north")
	for k, value := range f.Read(eventlog.TopicLog, "north") {
		s := wire.Decode(int64(k), value)
		fold.Read(&s)
		for _, e := range s.Events {
			if in := e.GetPlaceEntered(); in != nil {
				list = append(list, in.GetTeam()+" entered "+in.GetSite())
			}
			if out := e.GetPlaceLeft(); out != nil {
				list = append(list, out.GetTeam()+" left "+out.GetSite())
			}
		}
	}
	return list
}

func TestAWalkFromSiteToSiteIsThreeFactsHoweverManyProcessesFollowIt(t *testing.T) {
	t.Parallel()
	f := start(t)
	_, stop := f.process("two")
	story := []string{team + " entered north-1", team + " left north-1", team + " entered north-2"}
	f.stands(10, story[:1]...)
	for metres := 50.0; metres < 500; metres += 50 {
		f.walks(metres)
	}
	f.stands(600, story[:2]...)
	// Whichever of them asks for this room: the other goes on with positions that it has followed all along.
	f.stop()
	stop()
	f.url, f.stop = f.process("three")
	f.stands(1100, story...)
	for _, q := range f.asked((*intakev1.Request).GetReportCrossing) {
		if q.Cause.Principal != "service/positions" || q.Actor != f.device || q.DeviceAt == 0 {
			t.Errorf("asked by %+v", q)
		}
	}
	if got := f.crossings(); len(got) != len(story) {
		t.Errorf("told %v", got)
	}
}

func TestASimulatedWalkIsNoWalk(t *testing.T) {
	t.Parallel()
	f := start(t)
	for range 6 {
		body := fmt.Sprintf(`{"device_id":%q,"location":{"timestamp":%d,"mock":true,"coords":{"latitude":%f,"longitude":%f,"accuracy":5}}}`,
			f.token, f.Clock.Now().UnixMilli(), fromLat, fromLon)
		f.must(http.StatusOK, livetest.Call(t, http.MethodPost, f.url+"/v1/positions/osmand", nil, body))
	}
	f.stands(1110, team+" entered north-2")
}

// answer of GET /v1/rooms/{room}/positions.
type answer struct {
	Room      string
	Positions []struct {
		Team      string
		CallSign  string `json:"call_sign"`
		Lat, Lon  float64
		AccuracyM int   `json:"accuracy_m"`
		AgeMS     int64 `json:"age_ms"`
		Source    string
		Mock      bool
		DistanceM *float64 `json:"distance_m"`
	}
}

func (f *field) lastKnown(token, query string) livetest.Answer {
	f.tb.Helper()
	return livetest.Call(f.tb, http.MethodGet, f.url+"/v1/rooms/north/positions"+query, map[string]string{"Authorization": "Bearer " + token}, "")
}

func TestWhoMayLookSeesWhereTeamsOnDutyAre(t *testing.T) {
	t.Parallel()
	f := start(t)
	f.walks(20)
	desk := livetest.Token(t, f.dir, "desk", authz.Grant{Role: authz.Dispatcher, Scope: authz.RoomScope("north")})
	var got answer
	livetest.Await(t, "the last position", func() bool {
		a := f.lastKnown(desk, "")
		if a.Status == http.StatusServiceUnavailable && a.Code == "cold" {
			return false
		}
		got = answer{}
		return json.Unmarshal([]byte(a.Body), &got) == nil && len(got.Positions) == 1 && got.Positions[0].AccuracyM == 15
	})
	p := got.Positions[0]
	if p.Team != team || p.CallSign != "Alpha 1" || p.Source != "osmand" || p.Mock || p.DistanceM != nil || p.AgeMS < 0 || p.AgeMS > 60_000 {
		t.Errorf("got %+v", p)
	}
	for query, want := range map[string]int{
		"?near=48.8378,2.3653&radius_m=100": 1, "?near=48.8378,2.3653&radius_m=5": 0, "?near=48.8378,2.3653": 1, "?near=1,1": 0,
	} {
		var near answer
		f.must(http.StatusOK, f.lastKnown(desk, query)).Into(t, &near)
		if len(near.Positions) != want || want > 0 && *near.Positions[0].DistanceM > 25 {
			t.Errorf("%s: %+v", query, near)
		}
	}
	for _, query := range []string{"?near=48.8", "?near=a,b", "?near=91,2", "?near=NaN,2", "?near=1,2&radius_m=0"} {
		f.must(http.StatusUnprocessableEntity, f.lastKnown(desk, query))
	}
	south := livetest.Token(t, f.dir, "south", authz.Grant{Role: authz.Dispatcher, Scope: authz.RoomScope("south")})
	watcher := livetest.Token(t, f.dir, "watcher", authz.Grant{Role: authz.Region, Scope: authz.RegionScope})
	f.must(http.StatusForbidden, f.lastKnown(south, ""))
	f.must(http.StatusForbidden, f.lastKnown(watcher, ""))
	f.must(http.StatusForbidden, f.lastKnown(f.token, ""))
	f.must(http.StatusUnauthorized, f.lastKnown("", ""))

	said := f.said.String()
	if !strings.Contains(said, `"msg":"positions read"`) || !strings.Contains(said, `"principal":"account/desk"`) {
		t.Errorf("a look was not noted: %s", said)
	}
	said = regexp.MustCompile(`"time":"[^"]*"`).ReplaceAllString(said, "") // whose seconds may be 48.83
	for _, secret := range []string{"48.83", "2.365", f.token, desk} {
		if strings.Contains(said, secret) {
			t.Errorf("the log holds %s", secret)
		}
	}

	// Off duty, nothing that was known of the team is shown any more.
	f.Ask("north", "account/chief", "off-duty", &intakev1.Request{Body: &intakev1.Request_EndDuty{EndDuty: &intakev1.EndDuty{Team: team}}})
	livetest.Await(t, "nobody is shown", func() bool {
		var none answer
		f.must(http.StatusOK, f.lastKnown(desk, "")).Into(t, &none)
		return len(none.Positions) == 0
	})
}

// BenchmarkPositionsByOsmAnd is the receiver from end to end: HTTP, directory, board, broker; eight trackers at once.
func BenchmarkPositionsByOsmAnd(b *testing.B) {
	f := start(b)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	defer client.CloseIdleConnections()
	next := make(chan struct{})
	var senders sync.WaitGroup
	for range 8 {
		senders.Go(func() {
			for range next {
				req, err := http.NewRequestWithContext(b.Context(), http.MethodGet,
					fmt.Sprintf("%s/v1/positions/osmand?id=%s&lat=%f&lon=%f&accuracy=15&timestamp=%d", f.url, f.token, fromLat, fromLon, time.Now().UnixMilli()), nil)
				if err != nil {
					b.Error(err)
					continue
				}
				res, err := client.Do(req)
				if err != nil {
					b.Error(err)
					continue
				}
				_ = res.Body.Close()
				if diff := cmp.Diff(http.StatusOK, res.StatusCode); diff != "" {
					b.Error(diff)
				}
			}
		})
	}
	b.ReportAllocs()
	for b.Loop() {
		next <- struct{}{}
	}
	close(next)
	senders.Wait()
}
