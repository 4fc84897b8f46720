package wire_test

import (
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"vigie/pkg/es"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	personalv1 "vigie/pkg/gen/vigie/personal/v1"
	"vigie/pkg/wire"
)

func TestEveryRequestComesBackAsItWasAsked(t *testing.T) {
	t.Parallel()
	for name, want := range requests() {
		stored := encoded(t, want)
		got := wire.DecodeRequest(5, stored)
		content, err := wire.ContentHash(want)
		if err != nil {
			t.Fatal(err)
		}
		want.ContentHash = content
		if diff := cmp.Diff(want, got.Body, protocmp.Transform()); diff != "" || got.Unreadable != "" {
			t.Errorf("%s: %s (-want +got):\n%s", name, got.Unreadable, diff)
		}
		if got.Offset != 5 || got.ValueHash != es.Hash(sha256.Sum256(stored)) || !slices.Equal(got.Raw, stored) {
			t.Errorf("%s does not say where it came from", name)
		}
		origin := es.Origin{
			Cause: es.Cause{Principal: want.GetPrincipal(), ID: want.GetId()},
			Actor: want.GetActor().GetId(), Role: want.GetActor().GetRole(), Traceparent: want.GetTraceparent(),
			ContentHash: es.Hash(content), DeviceAt: want.GetDeviceAtMs(), ReceivedAt: want.GetReceivedAtMs(),
		}
		if diff := cmp.Diff(origin, got.Origin); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestTheContentIsWhatTheClientSaidAndNotHowItCame(t *testing.T) {
	t.Parallel()
	base := requests()["raise_alarm"]
	hash := func(change func(*intakev1.Request)) es.Hash {
		r := proto.CloneOf(base)
		change(r)
		return wire.DecodeRequest(0, encoded(t, r)).ContentHash
	}
	same := hash(func(*intakev1.Request) {})
	for name, change := range map[string]func(*intakev1.Request){
		"the time of receipt":   func(r *intakev1.Request) { r.ReceivedAtMs++ },
		"a clock measured anew": func(r *intakev1.Request) { r.DeviceAtMs++ },
		"the trace":             func(r *intakev1.Request) { r.Traceparent = "another" },
		"the actor's session":   func(r *intakev1.Request) { r.Actor = nil },
		"a hash made before":    func(r *intakev1.Request) { r.ContentHash = []byte("x") },
		"how long it is good":   func(r *intakev1.Request) { r.ValidUntilMs++ },
	} {
		if hash(change) != same {
			t.Errorf("%s makes another request of it", name)
		}
	}
	for name, change := range map[string]func(*intakev1.Request){
		"the code": func(r *intakev1.Request) { r.GetRaiseAlarm().Code = "another" },
		"the room": func(r *intakev1.Request) { r.Room = "another" },
		"the body": func(r *intakev1.Request) { r.Body = requests()["link_lost"].GetBody() },
	} {
		if hash(change) == same {
			t.Errorf("%s does not count", name)
		}
	}
}

func TestARequestWithAPersonalFieldInClearIsNotWritten(t *testing.T) {
	t.Parallel()
	inClear := &personalv1.SealedText{Clear: "M. Dupont, room 12"}
	for name, r := range map[string]*intakev1.Request{
		"the text of an alarm": {Body: &intakev1.Request_RaiseAlarm{RaiseAlarm: &intakev1.RaiseAlarm{Text: inClear}}},
		"where an SOS is":      {Body: &intakev1.Request_RaiseSos{RaiseSos: &intakev1.RaiseSos{Position: inClear}}},
		"the note at closing":  {Body: &intakev1.Request_CloseIncident{CloseIncident: &intakev1.CloseIncident{Note: inClear}}},
	} {
		if _, err := wire.EncodeRequest(r); !errors.Is(err, wire.ErrClearText) {
			t.Errorf("%s: want it refused, got %v", name, err)
		}
	}
}

func TestWhatCannotBeReadKeepsItsBytesAndSaysWhy(t *testing.T) {
	t.Parallel()
	marshal := func(change func(*intakev1.Request)) []byte {
		r := &intakev1.Request{Principal: "p", Id: "1", Body: &intakev1.Request_EndDuty{EndDuty: &intakev1.EndDuty{Team: "T1"}}}
		change(r)
		value, err := proto.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	future := marshal(func(r *intakev1.Request) {
		r.Body = nil
		r.ProtoReflect().SetUnknown(protowire.AppendBytes(protowire.AppendTag(nil, 999, protowire.BytesType), nil))
	})
	for name, c := range map[string]struct {
		value []byte
		want  string
	}{
		"noise":                          {[]byte("noise"), "it cannot be decoded"},
		"text that is not UTF-8":         {protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), []byte{0xff}), "it cannot be decoded"},
		"nothing":                        {nil, "it asks for something that this version does not know"},
		"what a later version asks":      {future, "it asks for something that this version does not know"},
		"a content hash of two bytes":    {marshal(func(r *intakev1.Request) { r.ContentHash = []byte{1, 2} }), "its content hash has the wrong length"},
		"a request of nobody":            {marshal(func(r *intakev1.Request) { r.Principal = "" }), "it does not say who asked"},
		"a request without an id":        {marshal(func(r *intakev1.Request) { r.Id = "" }), "it does not say who asked"},
		"a request that is just as good": {marshal(func(*intakev1.Request) {}), ""},
	} {
		got := wire.DecodeRequest(2, c.value)
		if !strings.Contains(got.Unreadable, c.want) || c.want == "" && got.Unreadable != "" {
			t.Errorf("%s: want %q, got %q", name, c.want, got.Unreadable)
		}
		if !slices.Equal(got.Raw, c.value) || got.ValueHash != es.Hash(sha256.Sum256(c.value)) || got.Body == nil {
			t.Errorf("%s: the bytes or their hash are lost", name)
		}
	}
}
