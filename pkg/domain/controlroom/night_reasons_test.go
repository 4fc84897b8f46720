package controlroom_test

import (
	"testing"

	"vigie/pkg/domain/controlroom"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	personalv1 "vigie/pkg/gen/vigie/personal/v1"
)

// typed gives a request its reason in a person's own words, which are sealed.
func typed(q *intakev1.Request, key string) *intakev1.Request {
	text := &personalv1.SealedText{Key: key}
	switch b := q.GetBody().(type) {
	case *intakev1.Request_DeclineMission:
		b.DeclineMission.ReasonText = text
	case *intakev1.Request_AssignMission:
		b.AssignMission.ReasonText = text
	case *intakev1.Request_CancelMission:
		b.CancelMission.ReasonText = text
	case *intakev1.Request_CancelIncident:
		b.CancelIncident.ReasonText = text
	case *intakev1.Request_CloseIncident:
		b.CloseIncident.DispositionText = text
	}
	return q
}

func TestWhatAPersonTypedAsAReasonIsShownWithIt(t *testing.T) {
	t.Parallel()
	n := proposed(t, 3, "N1", "N2", "S1")
	n.ask(typed(assign("I1", "L1", controlroom.Other), "sent"))
	n.ask(typed(recall("M1", controlroom.Other), "recalled"))
	n.ask(assign("I1", "N1", "nearest"))
	n.said(typed(decline("M2", controlroom.Other), "declined"))
	first, second := controlroom.ShowMission(n.state.Missions["M1"]), controlroom.ShowMission(n.state.Missions["M2"])
	if first.Reason != "other" || first.ReasonText.GetKey() != "sent" || first.EndReason != "other" || first.EndReasonText.GetKey() != "recalled" {
		t.Errorf("the first mission: %+v", first)
	}
	if second.Reason != "nearest" || second.ReasonText != nil || second.EndReasonText.GetKey() != "declined" {
		t.Errorf("the second: %+v", second)
	}
	for key, end := range map[string]*intakev1.Request{
		"closed": typed(closing("I1", controlroom.Other), "closed"), "cancelled": typed(cancelling("I1", controlroom.Other), "cancelled"),
	} {
		n := proposed(t, 3, "N1")
		n.ask(end)
		if v := n.state.ShowIncident(n.incident("I1")); v.Disposition != "other" || v.DispositionText.GetKey() != key {
			t.Errorf("%s: %+v", key, v)
		}
	}
}
