package command_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"vigie/pkg/eventlog"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	personalv1 "vigie/pkg/gen/vigie/personal/v1"
	watchv1 "vigie/pkg/gen/vigie/watch/v1"
	"vigie/services/gateway/internal/command"
)

func TestNothingPersonalReachesIntakeInClear(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	const text = "Monsieur Martin"
	for typ, c := range every() {
		from := chief
		if ofATeam(typ) {
			from = handheld("T-north-1")
		}
		c.c.Type, c.c.Team = typ, "T-north-1"
		for field := range strings.FieldsSeq("incident mission team site zone category id type guards") {
			misused := proto.CloneOf(c.c)
			if field == "guards" {
				misused.Guards = []string{text}
			} else {
				misused.ProtoReflect().Set(misused.ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(field)), protoreflect.ValueOfString(text))
			}
			// Where a name of the system belongs it is refused, or left out of what is not to be refused.
			o, _, err := w.do(from, misused)
			if err != nil && !errors.Is(err, command.ErrInvalid) && !errors.Is(err, command.ErrForbidden) {
				t.Errorf("%s with it as %s: %+v, %v", typ, field, o, err)
			}
		}
		c.c.Text, c.c.Reason, c.c.Disposition, c.c.Lat, c.c.Lon = text, text, text, 48.123456, 2.654321
		if o, _, err := w.do(from, c.c); err != nil {
			t.Errorf("%s: %+v, %v", typ, o, err)
		}
	}
	for _, topic := range []string{eventlog.TopicIntake, eventlog.TopicLog} {
		for k, value := range w.Read(topic, "north") {
			if bytes.Contains(value, []byte("Martin")) || bytes.Contains(value, []byte("48.123")) {
				t.Errorf("record %d of %s holds it", k, topic)
			}
		}
	}
	opened := map[string]string{}
	for _, r := range w.Requests("north") {
		for what, sealed := range sealedOf(r.Body) {
			if sealed == nil {
				continue
			}
			plain, err := w.dir.OpenSealed(t.Context(), sealed.GetKey(), sealed.GetSealed())
			if err != nil {
				t.Error(err)
			}
			opened[what] = plain
		}
	}
	want := map[string]string{"sos": `{"lat":48.123456,"lon":2.654321}`}
	for what := range sealedOf(nil) {
		if what != "sos" {
			want[what] = text
		}
	}
	if diff := cmp.Diff(want, opened); diff != "" {
		t.Error(diff)
	}
}

// TestEveryWordOfACommandIsLookedAtForPersonalData: a new field of text belongs into the test above.
func TestEveryWordOfACommandIsLookedAtForPersonalData(t *testing.T) {
	t.Parallel()
	known := strings.Fields("id type incident mission team site zone category text reason disposition guards")
	fields := (&watchv1.Command{}).ProtoReflect().Descriptor().Fields()
	for k := range fields.Len() {
		if f := fields.Get(k); f.Kind() == protoreflect.StringKind && !slices.Contains(known, string(f.Name())) {
			t.Errorf("nobody looks whether %s is free text", f.Name())
		}
	}
}

// sealedOf gives what is sealed in a request, by what it is.
func sealedOf(q *intakev1.Request) map[string]*personalv1.SealedText {
	return map[string]*personalv1.SealedText{
		"open": q.GetOpenIncident().GetText(), "close": q.GetCloseIncident().GetNote(), "sos": q.GetRaiseSos().GetPosition(),
		"note": q.GetAddNote().GetText(), "backup": q.GetRequestBackup().GetText(),
		"disposition": q.GetCloseIncident().GetDispositionText(), "cancel": q.GetCancelIncident().GetReasonText(),
		"assign": q.GetAssignMission().GetReasonText(), "recall": q.GetCancelMission().GetReasonText(), "decline": q.GetDeclineMission().GetReasonText(),
	}
}

func TestAReasonIsACodeOrSealed(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	for said, want := range map[string]string{
		"too_far": "too_far", " too_far ": "too_far", "": "", " ": "", "other": "other",
		"Dr Martin says no": "other", "martin": "other", "dr_martin": "other", "genuine": "other",
	} {
		_, q, err := w.do(chief, &watchv1.Command{Type: "mission.cancel", Mission: "M9", Reason: said})
		if err != nil {
			t.Errorf("%q: %v", said, err)
			continue
		}
		c := q.GetCancelMission()
		if sealed := c.GetReasonText() != nil; c.GetReason() != want || sealed != (want == "other" && said != "other") {
			t.Errorf("%q becomes %q, sealed: %v", said, c.GetReason(), sealed)
		}
	}
	_, q, err := w.do(chief, &watchv1.Command{Type: "incident.close", Incident: "I9", Disposition: "police"})
	if c := q.GetCloseIncident(); err != nil || c.GetDisposition() != "police" || c.GetDispositionText() != nil {
		t.Errorf("%v, %v", c, err)
	}
}
