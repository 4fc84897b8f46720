package controlroom_test

import (
	"testing"

	intakev1 "vigie/pkg/gen/vigie/intake/v1"
)

// A second without a network, or a gateway that starts again, costs no team its turn and sends no farther one.
func TestALinkThatFlipsCostsNoTurn(t *testing.T) {
	t.Parallel()
	gone := func(n *night) {
		n.ask(&intakev1.Request{Body: &intakev1.Request_GatewayLost{GatewayLost: &intakev1.GatewayLost{Gateway: "gw"}}})
	}
	for name, lost := range map[string]func(*night){
		"the handheld's":      func(n *night) { n.loses("N1", "hand-N1") },
		"the whole gateway's": gone,
	} {
		t.Run(name+" and is back in a second: the offer stands", func(t *testing.T) {
			t.Parallel()
			n := offered(t, "S1")
			lost(n)
			n.advance(1)
			n.links("N1", "hand-N1")
			n.skip().said(delivered("M1"))
			n.advance(10)
			n.said(accept("M1"))
			n.expect("M1 delivered", "M1 seen (implied)", "M1 accepted")
		})
		t.Run(name+" and is back after the offer has gone to the next: it is asked again when that one declines", func(t *testing.T) {
			t.Parallel()
			n := offered(t, "S1")
			lost(n)
			n.links("S1", "hand-S1")
			n.skip().advance(5)
			n.expect("M1 undelivered", "M1 expired", "I1: chosen S1", "M2 offered to S1 for I1")
			n.links("N1", "hand-N1")
			n.skip().said(decline("M2", "busy"))
			n.expect("M2 declined: busy", "I1: chosen N1", "M3 offered to N1 for I1")
		})
		t.Run(name+" and is back after nobody was found: the nearest goes at once", func(t *testing.T) {
			t.Parallel()
			n := offered(t)
			lost(n)
			n.advance(7)
			n.skip().links("N1", "hand-N1")
			n.expect("hand-N1 device_linked", "I1: chosen N1", "M2 offered to N1 for I1")
		})
	}
	t.Run("a session that was replaced before it was lost changes nothing", func(t *testing.T) {
		t.Parallel()
		n := offered(t, "S1")
		n.ask(&intakev1.Request{Body: &intakev1.Request_LinkBack{LinkBack: &intakev1.LinkBack{Team: "N1", Device: "hand-N1", Gateway: "gw2", Session: "next"}}})
		n.skip().loses("N1", "hand-N1")
		gone(n)
		n.said(delivered("M1"))
		n.expect("gw gateway_disappeared", "M1 delivered")
	})
}

// A handheld that is linked and confirms nothing is as good as one that does not answer: others are asked first.
func TestWhoDoesNotAnswerHasHadItsTurnWhateverBecomesOfItsLink(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(*night){
		"never confirmed":                  func(*night) {},
		"never confirmed, back from a gap": func(n *night) { n.loses("N1", "hand-N1"); n.links("N1", "hand-N1") },
		"delivered, and then lost":         func(n *night) { n.said(delivered("M1")); n.loses("N1", "hand-N1") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := offered(t, "S1")
			before(n)
			n.advance(91)
			n.links("N1", "hand-N1")
			n.skip().said(decline("M2", "busy"))
			n.expect("M2 declined: busy", "I1: nobody (L1 off_duty, N1 already_tried, N2 off_duty, S1 already_tried)")
		})
	}
}
