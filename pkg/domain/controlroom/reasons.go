package controlroom

import personalv1 "vigie/pkg/gen/vigie/personal/v1"

// Other is the code of a reason or disposition that is none of those that are known: its words stand beside it, sealed.
const Other = "other"

// Reasons are the codes by which a person says why: a team declines, is sent or recalled, an incident is cancelled. A code
// stands in the log for ever and in clear. It is one of a list, not of a shape: a name is a word too.
func Reasons() []string {
	return []string{
		"busy", "with_patient", "securing_scene", "short_of_guards", "injured", "too_far", "no_equipment", // a team declines
		"nearest", "on_the_spot", "knows_the_place", "asked_for", // and is sent
		"recalled", "not_needed", "wrong_team", // and recalled
		"test", "duplicate", "false_alarm", "settled", "opened_by_mistake", // an incident is cancelled
		Other,
	}
}

// Dispositions are the codes by which a person says how an incident ended (domain §2).
func Dispositions() []string {
	return []string{"genuine", "false_alarm", "duplicate", "test", "police", "fire_brigade", Other}
}

// grounds are why something ended, as its event says.
type grounds struct {
	code string
	text *personalv1.SealedText
}
