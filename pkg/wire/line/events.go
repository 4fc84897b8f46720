package line

import (
	"encoding/hex"
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	logv1 "vigie/pkg/gen/vigie/log/v1"
	personalv1 "vigie/pkg/gen/vigie/personal/v1"
)

// Text is a personal field as its reader sees it: sealed, in clear, or gone.
type Text struct {
	Key    string  `json:"key"`
	Sealed string  `json:"sealed,omitempty"`
	Clear  *string `json:"clear,omitempty"`
	// Destroyed texts are past their retention.
	Destroyed bool `json:"destroyed,omitempty"`
	// Unreadable says why a text that should be readable is not.
	Unreadable string `json:"unreadable,omitempty"`
}

// Sealed shows a personal field as it is stored.
func Sealed(t *personalv1.SealedText) Text {
	return Text{Key: t.GetKey(), Sealed: hex.EncodeToString(t.GetSealed())}
}

// Unknown is the type of an event that this version does not know.
const Unknown = "unknown"

// Events gives events as JSON: {"type":…} and the fields of that event; show says what becomes of personal fields.
func Events(events []*logv1.Event, show func(*personalv1.SealedText) Text) []json.RawMessage {
	out := make([]json.RawMessage, len(events))
	for k, event := range events {
		w := writer{show: show}
		m := event.ProtoReflect()
		body := m.WhichOneof(m.Descriptor().Oneofs().ByName("body"))
		if body == nil {
			w.object(Unknown, nil)
		} else {
			w.object(string(body.Name()), m.Get(body).Message())
		}
		out[k] = w.out
	}
	return out
}

// writer writes messages as JSON.
type writer struct {
	out  []byte
	show func(*personalv1.SealedText) Text
}

func (w *writer) put(s string) { w.out = append(w.out, s...) }

// object writes a message, led by its type where it has one.
func (w *writer) object(kind string, m protoreflect.Message) {
	w.put("{")
	separator := ""
	name := func(s string) {
		w.put(separator)
		w.json(s)
		w.put(":")
		separator = ","
	}
	if kind != "" {
		name("type")
		w.json(kind)
	}
	if m != nil {
		fields := m.Descriptor().Fields()
		for k := range fields.Len() {
			f := fields.Get(k)
			// What is unset and has a presence of its own says nothing; a scalar says its zero.
			if f.HasPresence() && !m.Has(f) {
				continue
			}
			name(string(f.Name()))
			w.field(f, m.Get(f))
		}
	}
	w.put("}")
}

func (w *writer) field(f protoreflect.FieldDescriptor, v protoreflect.Value) {
	if !f.IsList() {
		w.value(f, v)
		return
	}
	w.put("[")
	for k := range v.List().Len() {
		if k > 0 {
			w.put(",")
		}
		w.value(f, v.List().Get(k))
	}
	w.put("]")
}

func (w *writer) value(f protoreflect.FieldDescriptor, v protoreflect.Value) {
	switch f.Kind() { //nolint:exhaustive // numbers, booleans and strings are themselves
	case protoreflect.MessageKind, protoreflect.GroupKind:
		if t, ok := v.Message().Interface().(*personalv1.SealedText); ok {
			w.json(w.show(t))
			return
		}
		w.object("", v.Message())
	case protoreflect.BytesKind:
		w.json(hex.EncodeToString(v.Bytes()))
	case protoreflect.EnumKind:
		w.json(v.Enum())
	default:
		w.json(v.Interface())
	}
}

func (w *writer) json(v any) {
	encoded, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("a %T of an event cannot fail to encode: %v", v, err))
	}
	w.out = append(w.out, encoded...)
}
