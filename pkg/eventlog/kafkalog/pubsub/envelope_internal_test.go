package pubsub

import (
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	"pgregory.net/rapid"
)

func TestAMessageSurvivesItsRecord(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		msg := message.NewMessage(rapid.String().Draw(t, "uuid"), rapid.SliceOf(rapid.Byte()).Draw(t, "payload"))
		msg.Metadata = rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "metadata")
		if got := decode(encode(msg), Position{"t", 0, 1}); !got.Equals(msg) {
			t.Fatalf("got %v, want %v", got, msg)
		}
	})
}

func TestARecordOfSomebodyElseIsHandedOutAsItIs(t *testing.T) {
	t.Parallel()
	at := Position{"vigie.log", 3, 42}
	whole := encode(message.NewMessage("uuid", []byte("x")))
	for name, value := range map[string][]byte{
		"empty":     nil,
		"protobuf":  {0x0a, 3, 'a', 'b', 'c'},
		"cut short": whole[:len(magic)+2],
		"too many":  append(append([]byte{}, magic...), 0, 0xff, 0xff, 0xff, 0xff, 0x0f),
	} {
		got := decode(value, at)
		if got.UUID != "vigie.log/3/42" || string(got.Payload) != string(value) || len(got.Metadata) != 0 {
			t.Errorf("%s: got %q with %q", name, got.UUID, got.Payload)
		}
	}
}

func FuzzDecode(f *testing.F) {
	msg := message.NewMessage("uuid", []byte("payload"))
	msg.Metadata.Set("key", "value")
	f.Add(encode(msg))
	f.Add(append(append([]byte{}, magic...), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1))
	f.Fuzz(func(t *testing.T, value []byte) {
		first := decode(value, Position{"t", 0, 1})
		if again := decode(encode(first), Position{}); !again.Equals(first) {
			t.Fatalf("got %v, want %v", again, first)
		}
	})
}
