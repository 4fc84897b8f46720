package line_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"vigie/pkg/es"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	personalv1 "vigie/pkg/gen/vigie/personal/v1"
	"vigie/pkg/wire"
	"vigie/pkg/wire/line"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s: programs rely on these bytes; only additions are allowed (-want +got):\n%s", path, diff)
	}
}

// fill sets every field of a message, lists to one element.
func fill(m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for k := range fields.Len() {
		f := fields.Get(k)
		if f.IsList() {
			m.Mutable(f).List().Append(sample(f, m.Mutable(f).List().NewElement))
			continue
		}
		m.Set(f, sample(f, func() protoreflect.Value { return m.NewField(f) }))
	}
}

func sample(f protoreflect.FieldDescriptor, fresh func() protoreflect.Value) protoreflect.Value {
	switch f.Kind() { //nolint:exhaustive // the kinds that events have
	case protoreflect.MessageKind:
		v := fresh()
		fill(v.Message())
		return v
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(uint32(f.Number()))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte{0, 0xff, byte(f.Number())})
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(-int32(f.Number()))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(1<<53 + int64(f.Number()))
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(uint64(f.Number()))
	default:
		return protoreflect.ValueOfString(`<"` + string(f.Name()) + `" é>`)
	}
}

// each gives an event of every type, made by do.
func each(do func(protoreflect.Message)) []*logv1.Event {
	var events []*logv1.Event
	bodies := (&logv1.Event{}).ProtoReflect().Descriptor().Oneofs().ByName("body").Fields()
	for k := range bodies.Len() {
		e := &logv1.Event{}
		do(e.ProtoReflect().Mutable(bodies.Get(k)).Message())
		events = append(events, e)
	}
	return events
}

func lines(events []json.RawMessage) []byte {
	var out bytes.Buffer
	for _, e := range events {
		out.Write(e)
		out.WriteByte('\n')
	}
	return out.Bytes()
}

func TestEveryEventIsWrittenWithAllItsFields(t *testing.T) {
	t.Parallel()
	golden(t, "events.golden", lines(line.Events(each(fill), line.Sealed)))
	golden(t, "empty.golden", lines(line.Events(each(func(protoreflect.Message) {}), line.Sealed)))
}

func TestEventsAreJSONWithTheirType(t *testing.T) {
	t.Parallel()
	bodies := (&logv1.Event{}).ProtoReflect().Descriptor().Oneofs().ByName("body").Fields()
	for k, event := range line.Events(each(fill), line.Sealed) {
		var fields map[string]any
		if err := json.Unmarshal(event, &fields); err != nil {
			t.Fatalf("%s: %v", event, err)
		}
		body := bodies.Get(k)
		if fields["type"] != string(body.Name()) || len(fields) != body.Message().Fields().Len()+1 {
			t.Errorf("%s: want type %s and %d fields", event, body.Name(), body.Message().Fields().Len())
		}
	}
}

func TestAnUnknownEventSaysSo(t *testing.T) {
	t.Parallel()
	if got := string(lines(line.Events([]*logv1.Event{{}}, line.Sealed))); got != "{\"type\":\"unknown\"}\n" {
		t.Error(got)
	}
}

func TestPersonalTextsAreShownAsTheReaderMay(t *testing.T) {
	t.Parallel()
	event := &logv1.Event{Body: &logv1.Event_IncidentClosed{IncidentClosed: &logv1.IncidentClosed{
		Note: &personalv1.SealedText{Key: "request/x/2026-11", Sealed: []byte{1, 2}, Clear: "never from the log"},
	}}}
	none := ""
	for want, show := range map[string]func(*personalv1.SealedText) line.Text{
		`{"key":"request/x/2026-11","sealed":"0102"}`: line.Sealed,
		`{"key":"k","clear":""}`:                      func(*personalv1.SealedText) line.Text { return line.Text{Key: "k", Clear: &none} },
		`{"key":"k","destroyed":true}`:                func(*personalv1.SealedText) line.Text { return line.Text{Key: "k", Destroyed: true} },
	} {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(line.Events([]*logv1.Event{event}, show)[0], &fields); err != nil {
			t.Fatal(err)
		}
		if got := string(fields["note"]); got != want {
			t.Errorf("note %s, want %s", got, want)
		}
	}
}

func TestRecordsAreWrittenAsTheInterfaceSays(t *testing.T) {
	t.Parallel()
	offset := func(version uint64, d wire.Decision) *wire.Stored {
		d.Room, d.Version, d.Decider, d.At, d.Level = "main", version, "host/1", 1_795_000_000_123, 1
		value, _ := wire.Encode(&d)
		s := wire.Decode(int64(version)+6, value)
		return &s
	}
	effective, void := es.Judgement{Verdict: es.Effective}, es.Judgement{Verdict: es.Void, Reason: "stale_version"}
	asked := es.Origin{Cause: es.Cause{Principal: "alice", ID: "c1"}, Actor: "alice", Role: "dispatcher"}
	claimed := []*logv1.Event{{Body: &logv1.Event_IncidentClaimed{IncidentClaimed: &logv1.IncidentClaimed{Incident: "I1", By: "alice"}}}}
	damaged := wire.Decode(12, []byte("\xff"))
	var out bytes.Buffer
	for _, r := range []line.Record{
		line.Of("main", offset(1, wire.Decision{Intake: es.NoIntake, Deadline: "open", Outcome: es.Outcome[*logv1.Event]{Events: []*logv1.Event{
			{Body: &logv1.Event_LogOpened{LogOpened: &logv1.LogOpened{LogId: "log-1"}}},
		}}}), effective),
		line.Of("main", offset(2, wire.Decision{Origin: asked, Intake: 0, Outcome: es.Outcome[*logv1.Event]{Events: claimed}}), effective),
		line.Of("main", offset(2, wire.Decision{Origin: asked, Intake: 0, Outcome: es.Outcome[*logv1.Event]{Events: claimed}}), void),
		line.Of("main", offset(3, wire.Decision{Origin: asked, Intake: 1, Outcome: es.Outcome[*logv1.Event]{
			Refusal: &es.Refusal{Code: "claimed", Message: "It is <hers>.", Incident: "I1"},
		}}), effective),
		line.Of("main", offset(4, wire.Decision{Origin: asked, Intake: 2, RepeatOf: 2}), effective),
		line.Of("main", &damaged, es.Judgement{Verdict: es.Halting, Reason: "the record is not a decision"}),
	} {
		encoded, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(append(encoded, '\n'))
	}
	golden(t, "records.golden", out.Bytes())
}

func FuzzAnyStoredValueHasALine(f *testing.F) {
	value, _ := wire.Encode(&wire.Decision{Room: "main", Version: 1, Intake: es.NoIntake, Deadline: "open", Outcome: es.Outcome[*logv1.Event]{
		Events: each(fill),
	}})
	f.Add(value)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, value []byte) {
		s := wire.Decode(0, value)
		if _, err := json.Marshal(line.Of("main", &s, es.Judgement{Verdict: es.Effective})); err != nil {
			t.Error(err)
		}
		var e logv1.Event
		if proto.Unmarshal(value, &e) == nil && !json.Valid(line.Events([]*logv1.Event{&e}, line.Sealed)[0]) {
			t.Errorf("%x is no JSON", value)
		}
	})
}
