package scenario_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/timestamppb"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/pkg/projection/projectiontest"
)

// summarised asks for the summary of a room; the code says why there is none.
func (n *Night) summarised(room string) (summary map[string]any, code string) {
	n.t.Helper()
	got, err := n.call(http.MethodGet, "/v1/rooms/"+room+"/summary", n.as("supervisor"), nil)
	if err != nil {
		n.t.Fatal(err)
	}
	body := decode[map[string]any](n, got.body)
	switch got.status {
	case http.StatusOK:
		return body, ""
	case http.StatusServiceUnavailable:
		return nil, fmt.Sprint(body["code"])
	}
	n.t.Fatalf("summary of %s: status %d: %s", room, got.status, got.body)
	return nil, ""
}

// SummaryIsTheState waits until a summary has come as far as the state has, and compares it with the state as of its offset:
// what is in Redis is the log up to there, and nothing else (I22).
func (n *Night) SummaryIsTheState(room string) {
	n.t.Helper()
	reached := n.State(room).Offset
	var summary map[string]any
	var offset int64
	n.Within(missed, fmt.Sprintf("a summary as of %d", reached), func() (bool, string) {
		var code string
		if summary, code = n.summarised(room); code != "" {
			return false, code
		}
		at, _ := summary["offset"].(float64)
		offset = int64(at)
		return offset >= reached, fmt.Sprint("one as of ", offset)
	})
	var state map[string]any
	if err := json.Unmarshal(n.StateBytes(room, url.Values{"offset": {strconv.FormatInt(offset, 10)}}), &state); err != nil {
		n.t.Fatal(err)
	}
	for part, shown := range map[string]func(map[string]any) bool{
		"incidents": going, "missions": going, "teams": func(map[string]any) bool { return true },
	} {
		want := []any{}
		all, _ := state[part].([]any)
		for _, one := range all {
			if one, ok := one.(map[string]any); ok && shown(one) {
				delete(one, "text")
				want = append(want, one)
			}
		}
		if diff := cmp.Diff(want, summary[part]); diff != "" {
			n.t.Errorf("%s as of %d, state and summary (-want +got):\n%s", part, offset, diff)
		}
	}
	for _, part := range []string{"log_id", "version", "at"} {
		if diff := cmp.Diff(state[part], summary[part]); diff != "" {
			n.t.Errorf("%s as of %d, state and summary (-want +got):\n%s", part, offset, diff)
		}
	}
}

// going says of an incident or a mission that it has not ended.
func going(of map[string]any) bool { return of["ended_at"] == "" }

// Walks tells where the guard is.
func (g *Guard) Walks(lat, lon float64) {
	g.send(&watchv1.ClientFrame{Body: &watchv1.ClientFrame_Fix{Fix: &watchv1.Fix{
		Lat: lat, Lon: lon, AccuracyM: 8, At: timestamppb.New(g.n.Now()),
	}}})
}

func TestTheSummaryOfARoomIsItsStateInShort(t *testing.T) {
	t.Parallel()
	night := Begin(t)
	guard, panel := night.Guard("north-1").OnDuty(), night.Panel("alpha")
	panel.Rings("INTRUSION", "north", "PHARMACY")
	offer := guard.ExpectOffer()
	night.SummaryIsTheState("alpha")
	night.SummaryIsTheState("bravo") // where nothing has happened
	guard.Accept(offer)
	guard.Finish(offer.GetMission())
	night.SummaryIsTheState("alpha")
}

// redisAt is where services find Redis.
func redisAt(host string) option { return func(s *setting) { s.redis = "redis://" + host + "/0" } }

// sluggish is longer than anybody waits for Redis.
const sluggish = 2 * time.Second

func TestWhileRedisHangsIsSlowOrGoneAlarmsReachTheirTeamsAndWhatItHeldComesBack(t *testing.T) {
	t.Parallel()
	host := strings.TrimSuffix(strings.TrimPrefix(kafka.RedisURL(), "redis://"), "/0")
	network := projectiontest.NewRelay(t, host)
	night := Begin(t, redisAt(network.Addr()))
	guard, panel := night.Guard("north-1").OnDuty(), night.Panel("alpha")
	night.SummaryIsTheState("alpha")
	well := func() error { network.Heal(); return nil }
	for k, fault := range []struct {
		name        string
		hurts, ends func() error
		// away: it is noticed by those who ask. What was only emptied may be full again before anybody does.
		away bool
	}{
		{"hangs", kafka.PauseRedis, kafka.ResumeRedis, true},
		{"is gone", func() error { kafka.KillRedis(); return nil }, func() error { return kafka.RestartRedis(night.life) }, true},
		{"was emptied", func() error { return kafka.FlushRedis(night.life) }, well, false},
		{"is slow", func() error { network.Slow(sluggish); return nil }, well, true},
		{"is half open", func() error { network.HalfOpen(); return nil }, well, true},
	} {
		if err := fault.hurts(); err != nil {
			t.Fatal(err)
		}
		over := false
		// The night's end needs no Redis, but the nights after it do.
		t.Cleanup(func() {
			if !over {
				_ = fault.ends()
			}
		})
		guard.Walks(48.8502+float64(k)/10000, 2.3500)
		panel.Rings("INTRUSION", "north", "PHARMACY")
		offer := guard.ExpectOffer()
		guard.Accept(offer)
		if fault.away {
			night.Within(missed, "people are told that Redis "+fault.name, func() (bool, string) {
				_, code := night.summarised("alpha")
				return code == "redis_away", code
			})
		}
		guard.Finish(offer.GetMission())

		over = true
		if err := fault.ends(); err != nil {
			t.Fatal(err)
		}
		night.SummaryIsTheState("alpha")
		night.seenAt("alpha", guard.team, 48.8502+float64(k)/10000)
	}
}

// seenAt waits until the last position of a team is at a latitude.
func (n *Night) seenAt(room, team string, lat float64) {
	n.t.Helper()
	n.Within(missed, "the last position of "+team, func() (bool, string) {
		got, err := n.call(http.MethodGet, "/v1/rooms/"+room+"/positions", n.as("dispatcher"), nil)
		if err != nil {
			n.t.Fatal(err)
		}
		if got.status != http.StatusOK {
			return false, string(got.body)
		}
		known := decode[struct {
			Positions []struct {
				Team string
				Lat  float64
			}
		}](n, got.body)
		for _, p := range known.Positions {
			if p.Team == team && p.Lat > lat-1e-5 && p.Lat < lat+1e-5 {
				return true, ""
			}
		}
		return false, string(got.body)
	})
}
