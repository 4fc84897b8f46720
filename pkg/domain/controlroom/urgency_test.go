package controlroom_test

import (
	"testing"

	"vigie/pkg/domain/controlroom"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	regionv1 "vigie/pkg/gen/vigie/region/v1"
)

func TestUrgency(t *testing.T) {
	t.Parallel()
	f := controlroom.NewFold(room)
	f.State = controlroom.Rules().Evolve(f.State, 1000, &logv1.Event{Body: &logv1.Event_RegionConfigured{RegionConfigured: &logv1.RegionConfigured{
		Content: &regionv1.RoomConfiguration{Room: room, Codes: []*regionv1.Code{
			{Code: "PANIC", Category: "internal_violence"}, {Code: "MISSING", Category: "patient_missing", Priority: 1}, {Code: "DOOR", Category: "access"},
		}},
	}}})
	alarm := func(code, category string, restore bool) *intakev1.Request {
		return &intakev1.Request{Body: &intakev1.Request_RaiseAlarm{RaiseAlarm: &intakev1.RaiseAlarm{Code: code, Category: category, Restore: restore}}}
	}
	for name, c := range map[string]struct {
		asked        *intakev1.Request
		known, blind controlroom.Urgency
	}{
		"an SOS":                     {&intakev1.Request{Body: &intakev1.Request_RaiseSos{}}, controlroom.UrgencySOS, controlroom.UrgencySOS},
		"a word under duress":        {alarm("X", "duress", false), controlroom.UrgencyDanger, controlroom.UrgencyDanger},
		"a code that means violence": {alarm("PANIC", "", false), controlroom.UrgencyDanger, controlroom.UrgencyOrdinary},
		"a code that is P1 here":     {alarm("MISSING", "", false), controlroom.UrgencyDanger, controlroom.UrgencyOrdinary},
		"a door":                     {alarm("DOOR", "", false), controlroom.UrgencyOrdinary, controlroom.UrgencyOrdinary},
		"what nobody knows":          {alarm("X", "", false), controlroom.UrgencyOrdinary, controlroom.UrgencyOrdinary},
		"the end of an alarm":        {alarm("PANIC", "duress", true), controlroom.UrgencyNone, controlroom.UrgencyNone},
		"a command":                  {&intakev1.Request{Body: &intakev1.Request_EndDuty{}}, controlroom.UrgencyNone, controlroom.UrgencyNone},
		"nothing":                    {nil, controlroom.UrgencyNone, controlroom.UrgencyNone},
	} {
		if got := f.State.Region().Urgency(c.asked); got != c.known {
			t.Errorf("%s: %d, want %d", name, got, c.known)
		}
		if got := new(controlroom.Region).Urgency(c.asked); got != c.blind {
			t.Errorf("%s in a region of which nothing is known: %d, want %d", name, got, c.blind)
		}
	}
}
