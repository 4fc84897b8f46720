package wire_test

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"vigie/pkg/es"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	"vigie/pkg/wire"
)

// fill sets every field of a message: texts to their name, numbers to their number, lists to two elements. Clear text stays
// empty, as it must.
func fill(m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for k := range fields.Len() {
		f := fields.Get(k)
		switch {
		case f.FullName() == "vigie.personal.v1.SealedText.clear", f.ContainingOneof() != nil:
		case f.IsList():
			list := m.Mutable(f).List()
			for range 2 {
				if f.Kind() == protoreflect.MessageKind {
					fill(list.AppendMutable().Message())
				} else {
					list.Append(value(f))
				}
			}
		case f.Kind() == protoreflect.MessageKind:
			fill(m.Mutable(f).Message())
		default:
			m.Set(f, value(f))
		}
	}
}

func value(f protoreflect.FieldDescriptor) protoreflect.Value {
	switch f.Kind() { //nolint:exhaustive // those that our messages have; another one panics here
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(string(f.Name()))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(f.Name()))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(f.Number()))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(1_700_000_000_000 + int64(f.Number()))
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(uint32(f.Number()))
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(uint64(f.Number()))
	}
	panic("no example for a field of kind " + f.Kind().String())
}

// bodies gives the fields of the oneof "body" of a message.
func bodies(m proto.Message) []protoreflect.FieldDescriptor {
	fields := m.ProtoReflect().Descriptor().Oneofs().ByName("body").Fields()
	var all []protoreflect.FieldDescriptor
	for k := range fields.Len() {
		all = append(all, fields.Get(k))
	}
	return all
}

// events has one example of every type, by name.
func events() map[string]*logv1.Event {
	all := map[string]*logv1.Event{}
	for _, f := range bodies(&logv1.Event{}) {
		e := &logv1.Event{}
		fill(e.ProtoReflect().Mutable(f).Message())
		all[string(f.Name())] = e
	}
	return all
}

// requests has one example of every type, by name.
func requests() map[string]*intakev1.Request {
	all := map[string]*intakev1.Request{}
	for _, f := range bodies(&intakev1.Request{}) {
		r := &intakev1.Request{}
		fill(r.ProtoReflect())
		fill(r.ProtoReflect().Mutable(f).Message())
		all[string(f.Name())] = r
	}
	return all
}

func decision(events ...*logv1.Event) wire.Decision {
	d := wire.Decision{
		Room: "north", Version: 7, Intake: 41, Decider: "d1", At: 1_700_000_000_007, Level: 1,
		PrevHash: es.Hash{1, 2, 3}, RequestHash: es.Hash{4, 5}, Outcome: es.Outcome[*logv1.Event]{Events: events},
	}
	d.Cause = es.Cause{Principal: "panel", ID: "a-1"}
	d.Actor, d.Role, d.Traceparent = "g7", "guard", "00-1-2-01"
	d.ContentHash, d.DeviceAt, d.ReceivedAt = es.Hash{6}, 1_700_000_000_001, 1_700_000_000_002
	return d
}

func encoded(tb testing.TB, r *intakev1.Request) []byte {
	tb.Helper()
	value, err := wire.EncodeRequest(proto.CloneOf(r))
	if err != nil {
		tb.Fatal(err)
	}
	return value
}

func names[V any](m map[string]V) []string {
	var all []string
	for name := range m {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}
