package beat_test

import (
	"testing"
	"time"

	"vigie/pkg/beat"
)

func TestADeciderTrustsItsClockToTakeSomethingAwayOnceItKnowsWhoIsThere(t *testing.T) {
	t.Parallel()
	const hour = 3_600_000
	type beats struct {
		process, service string
		ahead            int64
	}
	me, meAhead := beats{"me", beat.Dispatch, 0}, beats{"me", beat.Dispatch, hour}
	gateway, other := beats{"gate", beat.Gateway, 0}, beats{"other", beat.Dispatch, 0}
	second := beats{"gate-2", beat.Gateway, 0}
	for name, c := range map[string]struct {
		ahead         int64
		at            time.Duration
		heard         map[time.Duration][]beats
		write, expire bool
		wrong         bool
	}{
		"nobody is heard yet": {at: time.Second, write: true},
		"an hour ahead, and nobody is heard yet": {
			ahead: hour, at: time.Second, write: true,
		},
		"an hour ahead of a gateway, and another decider may be there": {
			ahead: hour, at: 2 * time.Second, heard: map[time.Duration][]beats{time.Second: {meAhead, gateway, second}}, wrong: true,
		},
		"an hour ahead, and another decider is there": {
			ahead: hour, at: 6 * time.Second, heard: map[time.Duration][]beats{time.Second: {meAhead, gateway, other}, 6 * time.Second: {meAhead}}, wrong: true,
		},
		"an hour ahead, alone": {
			ahead: hour, at: 6 * time.Second, heard: map[time.Duration][]beats{time.Second: {meAhead, gateway, second}, 6 * time.Second: {meAhead}},
			write: true, wrong: true,
		},
		"right, and every other has had its turn": {
			at: 6 * time.Second, heard: map[time.Duration][]beats{time.Second: {me}, 2 * time.Second: {gateway, other}, 6 * time.Second: {me}},
			write: true, expire: true,
		},
		"its beats come late, and both at once": {
			at: 6 * time.Second, heard: map[time.Duration][]beats{6 * time.Second: {me, me}}, write: true,
		},
		"no telemetry at all": {at: beat.SilentAfter + time.Second, write: true, expire: true},
	} {
		h := beat.NewHeard(1, start)
		for at := time.Duration(0); at <= c.at; at += time.Second {
			for _, b := range c.heard[at] {
				h.Take(says(b.process, b.service, at.Milliseconds()+b.ahead, 1), start.Add(at))
			}
		}
		got := beat.NewCompany(h, "me").Trust(c.at.Milliseconds()+c.ahead, start.Add(c.at))
		if got.Write != c.write || got.Expire != c.expire || got.Wrong != c.wrong {
			t.Errorf("%s: %+v, want write %v, expire %v, wrong %v", name, got, c.write, c.expire, c.wrong)
		}
	}
}
