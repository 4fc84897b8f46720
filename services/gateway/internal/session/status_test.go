package session_test

import (
	"testing"

	watchv1 "vigie/pkg/gen/vigie/watch/v1"
)

func status(battery int32, charging bool) *watchv1.ClientFrame {
	return &watchv1.ClientFrame{Body: &watchv1.ClientFrame_Status{Status: &watchv1.Status{BatteryPct: battery, Charging: charging}}}
}

func TestTheRoomSeesHowAHandheldIsAndTheLogDoesNot(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	room, _ := w.watch(protocolProto, w.chief("alice"), "room/north", nil)
	token := w.device("T-north-1", 0)
	hand, _ := w.watch(protocolJSON, token.Token, "team/T-north-1", nil)
	for _, said := range []struct {
		battery int32
		want    int32
	}{{17, 17}, {900, 100}, {-3, 0}} {
		hand.send(status(said.battery, true))
		d := room.until("how the handheld is", func(f *watchv1.ServerFrame) bool { return f.GetDevice() != nil }).GetDevice()
		if d.GetTeam() != "T-north-1" || d.GetDevice() != token.Device || d.GetBatteryPct() != said.want || !d.GetCharging() || d.GetAt() == nil {
			t.Errorf("%d: %v", said.battery, d)
		}
	}
	// What a desk says of itself is nobody's handheld.
	room.send(status(50, false))
	hand.send(status(51, false))
	if d := room.until("the next", func(f *watchv1.ServerFrame) bool { return f.GetDevice() != nil }).GetDevice(); d.GetBatteryPct() != 51 {
		t.Errorf("%v", d)
	}
}
