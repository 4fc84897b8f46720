package session

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"vigie/pkg/follow/livetest"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	personalv1 "vigie/pkg/gen/vigie/personal/v1"
)

// TestEverySealedTextIsOpenedForThoseWhoMayReadIt: of every type of event, those of fields yet to come included.
func TestEverySealedTextIsOpenedForThoseWhoMayReadIt(t *testing.T) {
	t.Parallel()
	d := livetest.Directory(t)
	key, sealed, err := d.SealForRequest(t.Context(), "account/a", "r1", time.Now(), "la porte bleue")
	if err != nil {
		t.Fatal(err)
	}
	bodies := (&logv1.Event{}).ProtoReflect().Descriptor().Oneofs().ByName("body").Fields()
	for k := range bodies.Len() {
		e := &logv1.Event{}
		for _, text := range texts(e.ProtoReflect().Mutable(bodies.Get(k)).Message()) {
			text.Key, text.Sealed = key, sealed
		}
		shown := opened(t.Context(), d, []*logv1.Event{e})[0]
		m := proto.CloneOf(shown).ProtoReflect()
		for _, text := range texts(m.Mutable(bodies.Get(k)).Message()) {
			if text.GetClear() != "la porte bleue" || text.GetSealed() != nil {
				t.Errorf("%s: %v", bodies.Get(k).Name(), text)
			}
		}
		for _, text := range sealedTexts(e) {
			if text.GetClear() != "" {
				t.Errorf("%s: the record itself was changed", bodies.Get(k).Name())
			}
		}
	}
}

// texts gives the sealed texts of a message, made where they are not there.
func texts(m protoreflect.Message) []*personalv1.SealedText {
	var all []*personalv1.SealedText
	fields := m.Descriptor().Fields()
	for k := range fields.Len() {
		f := fields.Get(k)
		if f.Kind() != protoreflect.MessageKind || f.IsList() || f.IsMap() {
			continue
		}
		if text, ok := m.Mutable(f).Message().Interface().(*personalv1.SealedText); ok {
			all = append(all, text)
		}
	}
	return all
}
