package logcmd

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	logv1 "vigie/pkg/gen/vigie/log/v1"
)

func TestEveryEventHasWordsForFieldsThatItHas(t *testing.T) {
	t.Parallel()
	say := phrases()
	bodies := (&logv1.Event{}).ProtoReflect().Descriptor().Oneofs().ByName("body").Fields()
	for k := range bodies.Len() {
		body := bodies.Get(k)
		template, ok := say[string(body.Name())]
		if !ok {
			t.Errorf("no words for %s", body.Name())
		}
		for _, name := range placeholder.FindAllString(template, -1) {
			if body.Message().Fields().ByName(protoreflect.Name(strings.Trim(name, "{}"))) == nil {
				t.Errorf("%s has no field %s", body.Name(), name)
			}
		}
		delete(say, string(body.Name()))
	}
	for name := range say {
		t.Errorf("words for %s, which is no event", name)
	}
}
