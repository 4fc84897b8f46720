package wire_test

import (
	"crypto/sha256"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"vigie/pkg/es"
	logv1 "vigie/pkg/gen/vigie/log/v1"
	"vigie/pkg/wire"
)

// FuzzDecode: nothing that is trusted has another hash than that of its bytes.
func FuzzDecode(f *testing.F) {
	all := events()
	for _, name := range names(all) {
		d := decision(all[name])
		value, _ := wire.Encode(&d)
		f.Add(value)
	}
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, value []byte) {
		s := wire.Decode(1, value)
		if s.Damage != "" {
			return
		}
		var record logv1.Record
		if err := proto.Unmarshal(value, &record); err != nil {
			t.Fatal(err)
		}
		if want := sha256.Sum256(append(s.PrevHash[:], record.GetDecision()...)); s.Hash != es.Hash(want) {
			t.Errorf("want hash %x, got %x", want, s.Hash)
		}
		for _, e := range s.Events {
			if e.GetBody() == nil {
				t.Error("an event without a body is trusted")
			}
		}
	})
}

// FuzzDecodeRequest: whatever comes, it is either understood or kept with a reason.
func FuzzDecodeRequest(f *testing.F) {
	all := requests()
	for _, name := range names(all) {
		f.Add(encoded(f, all[name]))
	}
	f.Add([]byte("noise"))
	f.Fuzz(func(t *testing.T, value []byte) {
		r := wire.DecodeRequest(1, value)
		if !slices.Equal(r.Raw, value) || r.ValueHash != es.Hash(sha256.Sum256(value)) || r.Body == nil {
			t.Error("the bytes are lost")
		}
		if r.Unreadable == "" && (r.Body.GetBody() == nil || r.Cause.Principal == "" || r.Cause.ID == "") {
			t.Errorf("it was understood: %v", r.Body)
		}
	})
}
