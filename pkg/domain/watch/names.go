package watch

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	"vigie/pkg/domain/controlroom"
	logv1 "vigie/pkg/gen/vigie/log/v1"
)

// CallSigns are what the radio calls the teams that some events name, by id.
func CallSigns(s controlroom.State, events []*logv1.Event) map[string]string {
	signs := map[string]string{}
	for _, e := range events {
		id := named(e)
		for _, field := range []protoreflect.Name{"team", "taken_by"} {
			if team, _ := id(field); team != "" {
				signs[team] = s.CallSign(team)
			}
		}
	}
	return signs
}
