package wire_test

import (
	"crypto/sha256"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"vigie/pkg/es"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	"vigie/pkg/wire"
)

func TestEveryEventComesBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	for name, event := range events() {
		d := decision(event)
		stored, hash := wire.Encode(&d)
		got := wire.Decode(9, stored)
		want := wire.Stored{Decision: d, Offset: 9, Hash: hash}
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestEveryKindOfDecisionComesBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	refusal := decision()
	refusal.Refusal = &es.Refusal{Code: "team_busy", Message: "It is busy.", Incident: "I1", Mission: "M1", Team: "T1"}
	repeat := decision()
	repeat.RepeatOf = 3
	due := wire.Decision{Room: "north", Version: 2, Intake: es.NoIntake, Deadline: "choose/I1", Decider: "d1", At: 5, Level: 1, PrevHash: es.Hash{9}}
	first := wire.Decision{Room: "north", Version: 1, Intake: es.NoIntake, Deadline: "open", Decider: "d1", Level: 1}
	atZero := decision()
	atZero.Intake = 0
	for name, d := range map[string]wire.Decision{
		"a refusal": refusal, "a repeat": repeat, "a deadline": due, "the first": first, "the first request": atZero,
	} {
		stored, hash := wire.Encode(&d)
		want := wire.Stored{Decision: d, Hash: hash}
		if diff := cmp.Diff(want, wire.Decode(0, stored), protocmp.Transform()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestEveryFlippedByteIsDamage(t *testing.T) {
	t.Parallel()
	for name, event := range events() {
		d := decision(event)
		stored, _ := wire.Encode(&d)
		for i := range stored {
			for _, bit := range []byte{1, 8, 128} {
				spoilt := slices.Clone(stored)
				spoilt[i] ^= bit
				if s := wire.Decode(0, spoilt); s.Damage == "" || s.Version != 0 {
					t.Fatalf("%s, byte %d: version %d, damage %q", name, i, s.Version, s.Damage)
				}
			}
		}
	}
}

func TestTheHashCoversThePreviousOneAndTheBytesAsStored(t *testing.T) {
	t.Parallel()
	d := decision(events()["alarm_received"])
	stored, hash := wire.Encode(&d)
	var record logv1.Record
	if err := proto.Unmarshal(stored, &record); err != nil {
		t.Fatal(err)
	}
	if want := es.Hash(sha256.Sum256(append(d.PrevHash[:], record.GetDecision()...))); hash != want || !slices.Equal(record.GetHash(), want[:]) {
		t.Errorf("want %x, got %x, stored %x", want, hash, record.GetHash())
	}
}

func TestNoBitOfARecordCanBeTurnedUnnoticed(t *testing.T) {
	t.Parallel()
	d := decision(events()["mission_offered"])
	d.Refusal = &es.Refusal{Code: "x"}
	stored, _ := wire.Encode(&d)
	for bit := range len(stored) * 8 {
		bad := slices.Clone(stored)
		bad[bit/8] ^= 1 << (bit % 8)
		if wire.Decode(0, bad).Damage == "" {
			t.Errorf("bit %d of byte %d was turned and the record is trusted", bit%8, bit/8)
		}
	}
	for size := range stored {
		if wire.Decode(0, stored[:size]).Damage == "" {
			t.Errorf("a record cut at %d bytes is trusted", size)
		}
	}
}

// sealed wraps the bytes of a decision with a hash that fits.
func sealed(prev es.Hash, decision []byte) []byte {
	hash := sha256.Sum256(append(prev[:], decision...))
	value := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), decision)
	return protowire.AppendBytes(protowire.AppendTag(value, 2, protowire.BytesType), hash[:])
}

func TestWhatIsNotUnderstoodIsDamage(t *testing.T) {
	t.Parallel()
	marshal := func(m proto.Message) []byte {
		value, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	future := protowire.AppendBytes(protowire.AppendTag(nil, 999, protowire.BytesType), nil)
	answers := &logv1.Decision{Answers: &logv1.Decision_Intake{Intake: 1}}
	withEvent := proto.CloneOf(answers)
	withEvent.Events = []*logv1.Event{{}}
	unknown := &logv1.Event{}
	unknown.ProtoReflect().SetUnknown(future)
	withUnknown := proto.CloneOf(answers)
	withUnknown.Events = []*logv1.Event{events()["sos_raised"], unknown}
	shortHash := proto.CloneOf(answers)
	shortHash.PrevHash = []byte{1, 2}
	for name, c := range map[string]struct {
		value []byte
		want  string
	}{
		"nothing":                      {nil, "the hash of the record does not match its bytes"},
		"noise":                        {[]byte("noise"), "the record is not a decision"},
		"noise under a good hash":      {sealed(es.Hash{}, []byte("noise")), "the decision cannot be decoded"},
		"an answer to nothing":         {sealed(es.Hash{}, marshal(&logv1.Decision{Room: "r"})), "answers nothing that this version knows"},
		"an event without a body":      {sealed(es.Hash{}, marshal(withEvent)), "event 0 of the decision is of a type"},
		"an event of a later version":  {sealed(es.Hash{}, marshal(withUnknown)), "event 1 of the decision is of a type"},
		"a previous hash of two bytes": {sealed(es.Hash{}, marshal(shortHash)), "the hash of the record does not match its bytes"},
	} {
		if got := wire.Decode(3, c.value); !strings.Contains(got.Damage, c.want) || got.Offset != 3 {
			t.Errorf("%s: want %q, got %q", name, c.want, got.Damage)
		}
	}
}
